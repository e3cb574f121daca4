/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames in memory: bare OpenSSL, which all else is a multiple of, and the crypto core. And which
// ways of working on a frame are measured side by side.
#include <openssl/evp.h>

#include <algorithm>

#include "bench.h"
#include "core/iv.h"

namespace bench {

namespace {

constexpr std::size_t kClear = 1;              // of an Opus frame; goes in as AAD
constexpr std::size_t kLongestPacket = 60000;  // that libsrtp takes

// The least that encrypting a frame can cost with OpenSSL: nothing is fetched, allocated or keyed.
class RawGcm {
 public:
  explicit RawGcm(bool seal) : ctx_(EVP_CIPHER_CTX_new()) {
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
    EVP_CipherInit_ex2(ctx_, cipher, kRawKey.data(), nullptr, seal, nullptr);
    EVP_CIPHER_free(cipher);
  }
  ~RawGcm() { EVP_CIPHER_CTX_free(ctx_); }
  RawGcm(const RawGcm &) = delete;
  RawGcm &operator=(const RawGcm &) = delete;

  bool seal(const e2ee::Iv &iv, e2ee::ByteSpan frame, std::uint8_t *tag) {
    return crypt(iv, frame) &&
           EVP_CIPHER_CTX_ctrl(ctx_, EVP_CTRL_AEAD_GET_TAG, e2ee::kTagSize, tag) == 1;
  }

  bool open(const e2ee::Iv &iv, e2ee::ByteSpan frame, std::uint8_t *tag) {
    return EVP_CIPHER_CTX_ctrl(ctx_, EVP_CTRL_AEAD_SET_TAG, e2ee::kTagSize, tag) == 1 &&
           crypt(iv, frame);
  }

 private:
  bool crypt(const e2ee::Iv &iv, e2ee::ByteSpan frame) {
    int size = 0;
    std::uint8_t none[e2ee::kBlockSize];
    std::uint8_t *body = frame.data() + kClear;
    return EVP_CipherInit_ex2(ctx_, nullptr, nullptr, iv.data(), -1, nullptr) == 1 &&
           EVP_CipherUpdate(ctx_, nullptr, &size, frame.data(), kClear) == 1 &&
           EVP_CipherUpdate(ctx_, body, &size, body, static_cast<int>(frame.size() - kClear)) ==
               1 &&
           EVP_CipherFinal_ex(ctx_, none, &size) == 1;
  }

  EVP_CIPHER_CTX *ctx_;
};

}  // namespace

Work raw_encrypt(std::size_t size) {
  return [gcm = std::make_shared<RawGcm>(true), frame = make_frame(size),
          iv = e2ee::Iv{}](unsigned frames) mutable {
    std::uint8_t tag[e2ee::kTagSize];
    bool good = true;
    while (frames-- > 0) {
      e2ee::IvSource::advance(iv, 1);
      good &= gcm->seal(iv, frame, tag);
    }
    return good;
  };
}

// Counter mode with one IV turns the plaintext into the ciphertext and the ciphertext into the
// plaintext. Opening in place can therefore go on for ever without a copy, with the tags of both
// by turns.
Work raw_decrypt(std::size_t size) {
  using Tags = std::array<std::array<std::uint8_t, e2ee::kTagSize>, 2>;
  const e2ee::Iv iv{};
  std::vector<std::uint8_t> frame = make_frame(size);
  Tags tags;
  RawGcm sealer(true);
  const bool sealed = sealer.seal(iv, frame, tags[0].data()) &&
                      sealer.seal(iv, frame, tags[1].data()) &&
                      sealer.seal(iv, frame, tags[0].data());
  return [sealed, iv, tags, frame = std::move(frame), gcm = std::make_shared<RawGcm>(false),
          turn = 0u](unsigned frames) mutable {
    bool good = sealed;
    for (; frames-- > 0; turn ^= 1)
      good &= gcm->open(iv, frame, tags[turn].data());
    return good;
  };
}

Work aead_encrypt(std::size_t size) {
  return [aead = std::shared_ptr<e2ee::Aead>(e2ee::make_aead(kRawKey, e2ee::Direction::seal)),
          frame = make_frame(size), iv = e2ee::Iv{}](unsigned frames) mutable {
    std::uint8_t tag[e2ee::kTagSize];
    const e2ee::ByteSpan body = e2ee::ByteSpan(frame).subspan(kClear);
    bool good = true;
    while (frames-- > 0) {
      e2ee::IvSource::advance(iv, 1);
      good &= aead->seal(iv, e2ee::ByteView(frame).first(kClear), body, body.data(), tag);
    }
    return good;
  };
}

// By turns, as raw_decrypt().
Work aead_decrypt(std::size_t size) {
  std::array<std::array<std::uint8_t, e2ee::kTagSize>, 2> tags;
  std::vector<std::uint8_t> frame = make_frame(size);
  const e2ee::ByteSpan body = e2ee::ByteSpan(frame).subspan(kClear);
  const auto sealer = e2ee::make_aead(kRawKey, e2ee::Direction::seal);
  bool sealed = true;
  for (const unsigned turn : {0, 1, 0})
    sealed &=
        sealer->seal({}, e2ee::ByteView(frame).first(kClear), body, body.data(), tags[turn].data());
  return [aead = std::shared_ptr<e2ee::Aead>(e2ee::make_aead(kRawKey, e2ee::Direction::open)),
          sealed, tags, frame = std::move(frame), turn = 0u](unsigned frames) mutable {
    const e2ee::ByteSpan opened = e2ee::ByteSpan(frame).subspan(kClear);
    bool good = sealed;
    for (; frames-- > 0; turn ^= 1)
      good &= aead->open({}, e2ee::ByteView(frame).first(kClear), opened, opened.data(),
                         tags[turn].data()) == e2ee::Reason::ok;
    return good;
  };
}

Work core_encrypt(const e2ee::CodecRule &codec, std::size_t size) {
  std::vector<std::uint8_t> frame = make_frame(size);
  frame.resize(size + livekit().overhead);
  return [&codec, size, frame = std::move(frame), key = derive(kRawKey),
          sealer = std::make_shared<e2ee::Sealer>(livekit())](unsigned frames) mutable {
    const e2ee::ByteView plain = e2ee::ByteView(frame).first(size);
    bool good = true;
    while (frames-- > 0)
      good &= bool(sealer->seal(key, codec, codec.frame_type(plain), plain, frame));
    return good;
  };
}

namespace {

// Opus under one of SFrame's suites.
Work suite_encrypt(unsigned suite, std::size_t size) {
  const e2ee::Scheme &scheme = *e2ee::scheme_for(GST_E2EE_SCHEME_SFRAME, {.sframe_suite = suite});
  return [&codec = codec_of("audio/x-opus"), plain = make_frame(size),
          out = std::vector<std::uint8_t>(size + scheme.overhead), key = derive(kRawKey, scheme),
          sealer = std::make_shared<e2ee::Sealer>(scheme)](unsigned frames) mutable {
    bool good = true;
    while (frames-- > 0)
      good &= bool(sealer->seal(key, codec, codec.frame_type(plain), plain, out));
    return good;
  };
}

}  // namespace

// In place and by turns, as raw_decrypt().
Work core_decrypt(std::size_t size) {
  struct State {
    e2ee::Opener opener{livekit()};
    e2ee::KeyRing ring;
    std::vector<std::uint8_t> frame;
    std::array<std::array<std::uint8_t, e2ee::kTagSize>, 2> tags;
    unsigned turn = 0;
  };
  const e2ee::CodecRule &codec = codec_of("audio/x-opus");
  const e2ee::KeyRef key = derive(kRawKey);
  auto state = std::make_shared<State>();
  state->ring = ring_of(key);
  state->frame = seal_frame(key, codec, make_frame(size));
  std::uint8_t *tag = state->frame.data() + size;
  std::copy_n(tag, e2ee::kTagSize, state->tags[0].begin());
  e2ee::Iv iv;
  std::copy_n(tag + e2ee::kTagSize, iv.size(), iv.begin());
  std::vector<std::uint8_t> body(state->frame.data() + kClear, tag);
  auto aead = e2ee::make_aead(key->secret.view(), e2ee::Direction::seal);
  const bool sealed = aead->seal(iv, e2ee::ByteView(state->frame).first(kClear), body, body.data(),
                                 state->tags[1].data());
  return [&codec, state, tag, sealed](unsigned frames) {
    bool good = sealed;
    for (; frames-- > 0; state->turn ^= 1) {
      std::copy_n(state->tags[state->turn].begin(), e2ee::kTagSize, tag);
      good &= bool(state->opener.open(state->ring, codec, state->frame, state->frame));
    }
    return good;
  };
}

namespace {

void encrypt_ways(Rounds &rounds, std::size_t size) {
  const std::size_t sealed = size + livekit().overhead;
  rounds.add("raw-encrypt", raw_encrypt(size));
  rounds.add("aead-encrypt", aead_encrypt(size));
  rounds.add("core-encrypt", core_encrypt(codec_of("audio/x-opus"), size));
  rounds.add("core-encrypt-vp8", core_encrypt(codec_of("video/x-vp8"), size));
  rounds.add("direct-push", push_straight(Buffers::copied, make_frame(size)));
  rounds.add("element-encrypt",
             push_through("e2eeencrypt", Buffers::copied, make_frame(size), sealed), "direct-push");
  rounds.add("floor-encrypt", push_through_floor(size), "direct-push");
  if (size <= kLongestPacket) {
    if (Work srtp = push_through_srtpenc(size))
      rounds.add("peer-srtpenc", std::move(srtp), "direct-push");
  }
  if (size >= 4000)  // longer than any packet of Opus
    return;
  rounds.add("direct-push-slack", push_straight(Buffers::cut, make_frame(size)));
  rounds.add("element-encrypt-slack",
             push_through("e2eeencrypt", Buffers::cut, make_frame(size), sealed),
             "direct-push-slack");
}

void decrypt_ways(Rounds &rounds, std::size_t size) {
  const auto sealed = seal_frame(derive(kRawKey), codec_of("audio/x-opus"), make_frame(size));
  rounds.add("raw-decrypt", raw_decrypt(size));
  rounds.add("aead-decrypt", aead_decrypt(size));
  rounds.add("core-decrypt", core_decrypt(size));
  rounds.add("direct-push-sealed", push_straight(Buffers::copied, sealed));
  rounds.add("element-decrypt", push_through("e2eedecrypt", Buffers::copied, sealed, size),
             "direct-push-sealed");
}

void suite_ways(Rounds &rounds, std::size_t size) {
  rounds.add("raw-encrypt", raw_encrypt(size));
  for (const unsigned suite : {4, 6, 8})
    rounds.add("core-encrypt-sframe-" + std::to_string(suite), suite_encrypt(suite, size));
}

using AddWays = void (*)(Rounds &rounds, std::size_t size);

void register_rounds(const std::string &name, const Pace &pace, AddWays ways, std::size_t size) {
  benchmark::RegisterBenchmark(("frame/" + name + "/" + std::to_string(size)).c_str(),
                               [ways, size](benchmark::State &state) {
                                 Rounds rounds;
                                 ways(rounds, size);
                                 rounds.measure(state);
                               })
      ->UseManualTime()
      ->MinTime(pace.seconds)
      ->Repetitions(pace.repetitions);
}

}  // namespace

void register_frame_rows(const Pace &pace) {
  for (const std::size_t size : kSizes) {
    register_rounds("encrypt", pace, encrypt_ways, size);
    register_rounds("decrypt", pace, decrypt_ways, size);
    register_rounds("suites", pace, suite_ways, size);
  }
}

}  // namespace bench

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "helpers.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>

namespace e2ee::test {

const Scheme &livekit() {
  return scheme_named("livekit");
}

const Scheme &sframe(unsigned suite, bool plain_kids, bool clear_header) {
  return *scheme_for(kSframeId, {suite, plain_kids, clear_header});
}

const Scheme &scheme_named(const std::string &name) {
  for (std::size_t id = 0; id < kSframeId; ++id) {
    if (name == scheme_for(id)->name)
      return *scheme_for(id);
  }
  ADD_FAILURE() << "no scheme " << name;
  return *scheme_for(0);
}

std::vector<const CodecRule *> codecs_of(const Scheme &scheme) {
  std::vector<const CodecRule *> carried(codecs().begin(), codecs().end());
  std::erase_if(carried,
                [&](const CodecRule *codec) { return scheme.rule_for(*codec) == nullptr; });
  return carried;
}

const CodecRule *codec_named(const std::string &name) {
  const std::string kind = name == "opus" ? "audio/x-" : "video/x-";
  return codec_for_media_type(kind + name);
}

const CodecRule &vp8() {
  return *codec_named("vp8");
}
const CodecRule &vp9() {
  return *codec_named("vp9");
}
const CodecRule &opus() {
  return *codec_named("opus");
}

const CodecRule &h264() {
  return *codec_named("h264");
}
const CodecRule &h265() {
  return *codec_named("h265");
}

// 2.21 takes H.264's access unit delimiter for a slice of H.265.
const CodecRule *codec_of(const std::string &name, const std::string &id) {
  if (name == "unknown")
    return id.ends_with("-old") ? &h265() : &h264();
  return codec_named(name);
}

std::string why_not(const std::string &codec, const Scheme &scheme) {
  if (codec == "unknown" && &scheme != &livekit())
    return "the peer was told no codec; elements always know one from their caps";
  const CodecRule *rule = codec_of(codec, "");
  if (rule == nullptr)
    return "this build has no rule for " + codec;
  return scheme.rule_for(*rule) == nullptr
             ? std::string("scheme ") + scheme.name + " refuses " + codec
             : "";
}

std::size_t clear_bytes_of(const CodecRule &codec, const Bytes &frame, const Scheme &scheme) {
  if (frame.empty())
    return 0;
  const auto slice = codec.nal != nullptr ? first_slice(frame, *codec.nal) : std::nullopt;
  return slice ? clear_of(*slice) : scheme.rule_for(codec)->length(codec.frame_type(frame));
}

Material material_of(const vectors::KeySpec &spec) {
  Material material;
  material.bytes = Secret(spec.bytes);
  material.passphrase = spec.passphrase();
  material.salt = spec.salt;
  material.key_bits = spec.key_size;
  material.key_id = spec.slot();
  return material;
}

KeyRef key_of(const vectors::KeySpec &spec, unsigned ratchets, const Scheme &scheme) {
  const Material material = material_of(spec);
  KeyRef key = derive_key(scheme, material, "");
  for (unsigned i = 0; key && i < ratchets; ++i)
    key = ratchet_key(scheme, material, *key, "");
  return key;
}

KeyRef raw_key(std::uint8_t fill, std::uint64_t id, unsigned bits, const Scheme &scheme) {
  Material material;
  material.bytes = Secret(Bytes(32, fill));
  material.key_id = id;
  material.key_bits = bits;
  return derive_key(scheme, material, "");
}

KeyRef key_from(const Scheme &scheme, const Bytes &base, std::uint64_t id,
                std::uint64_t generation) {
  Material material;
  material.bytes = Secret(base);
  material.key_id = id;
  KeyRef key = derive_key(scheme, material, "");
  while (key && key->generation < generation)
    key = ratchet_key(scheme, material, *key, "");
  return key;
}

SframeHeader header_of(const Bytes &frame, std::size_t clear) {
  const auto header = parse_sframe_header(ByteView(frame).subspan(clear));
  EXPECT_TRUE(header);
  return header.value_or(SframeHeader{});
}

KeyRing ring_of(std::initializer_list<KeyRef> keys) {
  KeyRing ring;
  for (const KeyRef &key : keys) {
    if (key)
      ring.slot(key->id).keys.push_back(key);
  }
  return ring;
}

Sealed seal(Sealer &sealer, const KeyRef &key, const CodecRule &codec, FrameType type,
            const Bytes &frame, const Scheme &scheme) {
  Sealed sealed;
  sealed.frame.resize(frame.size() + scheme.overhead + codec.extra_room(frame));
  const Result<Written> written = sealer.seal(key, codec, type, frame, sealed.frame);
  if (!written)
    return {written.refusal(), {}};
  const auto from = sealed.frame.begin() + static_cast<std::ptrdiff_t>(written->offset);
  sealed.frame.erase(sealed.frame.begin(), from);
  sealed.frame.resize(written->size);
  return sealed;
}

Bytes sealed_by(Sealer &sealer, const KeyRef &key, const Scheme &scheme) {
  return seal(sealer, key, opus(), FrameType::delta, noise(20), scheme).frame;
}

Outcome open(Opener &opener, const KeyRing &ring, const CodecRule &codec, const Bytes &frame,
             Place place) {
  Outcome outcome;
  outcome.memory = place == Place::in_place ? frame : Bytes(frame.size(), kFill);
  const ByteView input = place == Place::in_place ? ByteView(outcome.memory) : ByteView(frame);
  const Result<Opened, Unopened> opened = opener.open(ring, codec, input, outcome.memory);
  if (opened) {
    outcome.opened = {opened->offset, opened->size, opened->key != nullptr ? *opened->key : nullptr,
                      opened->slot != nullptr ? opened->slot->id : 0};
  } else {
    outcome.reason = opened.refusal().reason;
    outcome.opened.key_id = opened.refusal().key_id;
  }
  return outcome;
}

namespace {

// Each byte is as it was before the call, or zero. With the tag failing for every key, everything
// between clear bytes and tag must be zero.
void expect_clean(const Outcome &outcome, const CodecRule &codec, const Bytes &frame,
                  const Bytes &plaintext, Place place, const Scheme &scheme) {
  const ClearRule &rule = *scheme.rule_for(codec);
  std::size_t clear = clear_bytes_of(codec, frame, scheme);
  if (rule.try_both && codec.nal == nullptr)
    clear = std::min(rule.key, rule.delta);
  std::size_t behind = scheme.overhead;
  if (scheme.suite != nullptr) {
    behind = scheme.suite->tag_size;
    if (frame.size() > clear) {
      if (auto header = parse_sframe_header(ByteView(frame).subspan(clear)))
        clear += header->size;
    }
  }
  // Where bytes are after escapes were taken out is for nal_test.cpp to say.
  for (std::size_t i = 0; codec.nal == nullptr && i < outcome.memory.size(); ++i) {
    const std::uint8_t before = place == Place::in_place ? frame[i] : kFill;
    const bool body = i >= clear && i + behind < frame.size();
    const bool wiped = outcome.reason == Reason::auth_failed && body;
    ASSERT_EQ(outcome.memory[i], wiped ? 0 : before) << "byte " << i;
  }
  // A frame in the clear that is fed in place is of course still there.
  const bool may_show = outcome.reason != Reason::auth_failed && place == Place::in_place;
  const Bytes secret = part(plaintext, std::min(clear, plaintext.size()), plaintext.size());
  EXPECT_FALSE(!may_show && holds_any_of(outcome.memory, secret)) << "plaintext is left";
}

}  // namespace

Reason expect_refused(const KeyRing &ring, const CodecRule &codec, const Bytes &frame,
                      const Bytes &plaintext, const Scheme &scheme) {
  Reason reasons[2];
  std::size_t at = 0;
  for (Place place : {Place::apart, Place::in_place}) {
    Opener opener(scheme);
    const Outcome outcome = open(opener, ring, codec, frame, place);
    EXPECT_NE(outcome.reason, Reason::ok);
    EXPECT_EQ(outcome.opened.size, 0U);
    expect_clean(outcome, codec, frame, plaintext, place, scheme);
    reasons[at++] = outcome.reason;
  }
  EXPECT_EQ(reasons[0], reasons[1]);
  return reasons[0];
}

void expect_opens(const KeyRing &ring, const CodecRule &codec, const Bytes &frame,
                  const Bytes &plaintext, const Scheme &scheme) {
  for (Place place : {Place::apart, Place::in_place}) {
    Opener opener(scheme);
    const Outcome outcome = open(opener, ring, codec, frame, place);
    ASSERT_EQ(outcome.reason, Reason::ok);
    ASSERT_LE(outcome.opened.offset + outcome.opened.size, outcome.memory.size());
    EXPECT_EQ(to_hex(outcome.plaintext()), to_hex(plaintext));
  }
}

Bytes vp8_frame(FrameType type, std::size_t beyond_header, unsigned seed) {
  return type == FrameType::delta ? vp8_delta(kVp8DeltaHeader + beyond_header, seed)
                                  : vp8_key(kVp8KeyHeader + beyond_header, seed);
}

Bytes zero_heavy(std::size_t size, std::mt19937 &random) {
  Bytes bytes(size);
  for (std::uint8_t &byte : bytes) {
    const unsigned draw = random() % 16;
    byte = draw < 10 ? 0 : static_cast<std::uint8_t>(draw - 9);
  }
  return bytes;
}

namespace {
thread_local Bytes t_random;
}

RandomFn fixed_random(const Bytes &iv) {
  t_random = iv;
  return [](ByteSpan out) {
    if (out.size() != t_random.size())
      return false;
    std::copy(t_random.begin(), t_random.end(), out.begin());
    return true;
  };
}

bool broken_random(ByteSpan) {
  return false;
}

std::vector<const AeadBackend *> usable_backends() {
  std::vector<const AeadBackend *> usable;
  for (const AeadBackend &backend : aead_backends()) {
    if (backend.why_not() == nullptr)
      usable.push_back(&backend);
  }
  return usable;
}

Iv iv_from(const Bytes &bytes) {
  Iv iv{};
  EXPECT_EQ(bytes.size(), iv.size());
  std::copy_n(bytes.begin(), std::min(bytes.size(), iv.size()), iv.begin());
  return iv;
}

bool in_child(const std::function<bool()> &body) {
  const pid_t child = fork();
  if (child == 0)
    _exit(body() ? 0 : 1);
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

}  // namespace e2ee::test

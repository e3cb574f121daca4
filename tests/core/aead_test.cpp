/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What every AEAD back end has to do, and that they all do the same.
#include <openssl/evp.h>

#include <random>
#include <thread>

#include "helpers.h"
#include "support/waiting.h"

namespace e2ee::test {

namespace {

const AeadBackend *backend_named(std::string_view name) {
  for (const AeadBackend *backend : usable_backends()) {
    if (name == backend->name)
      return backend;
  }
  return nullptr;
}

class EachAead : public testing::TestWithParam<const AeadBackend *> {
 protected:
  std::unique_ptr<Aead> keyed(Direction direction, std::size_t key_size = 16) const {
    return GetParam()->create(noise(key_size, 3), direction);
  }
};

// A frame that was sealed, with its tag.
struct SealedBytes {
  Bytes aad = noise(10, 5);
  Bytes plain;
  Bytes cipher;
  Bytes tag = Bytes(kTagSize);
};

SealedBytes sealed_by(Aead &aead, std::size_t size) {
  SealedBytes sealed;
  sealed.plain = noise(size, 4);
  sealed.cipher.resize(size);
  EXPECT_TRUE(aead.seal(Iv{}, sealed.aad, sealed.plain, sealed.cipher.data(), sealed.tag.data()));
  return sealed;
}

INSTANTIATE_TEST_SUITE_P(Backend, EachAead, testing::ValuesIn(usable_backends()),
                         [](const auto &test) { return vectors::test_name(test.param->name); });

}  // namespace

TEST_P(EachAead, KeysOfOtherSizesAreRefused) {
  for (std::size_t size = 0; size <= 64; ++size) {
    for (Direction direction : {Direction::seal, Direction::open})
      EXPECT_EQ(keyed(direction, size) != nullptr, size == 16 || size == 32) << size;
  }
}

// R17: a tag that is wrong in any one bit is wrong.
TEST_P(EachAead, R2_EveryBitOfTheTagCountsAndNothingIsLeft) {
  const SealedBytes sealed = sealed_by(*keyed(Direction::seal), 100);
  const auto opener = keyed(Direction::open);
  for (std::size_t bit = 0; bit < kTagSize * 8; ++bit) {
    Bytes tag = sealed.tag;
    tag[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    Bytes memory = sealed.cipher;
    ASSERT_EQ(opener->open(Iv{}, sealed.aad, memory, memory.data(), tag.data()),
              Reason::auth_failed)
        << bit;
    ASSERT_EQ(memory, Bytes(memory.size(), 0)) << "in place";
    Bytes apart(memory.size(), kFill);
    ASSERT_EQ(opener->open(Iv{}, sealed.aad, sealed.cipher, apart.data(), tag.data()),
              Reason::auth_failed);
    ASSERT_EQ(apart, Bytes(memory.size(), 0)) << "apart";
  }
  Bytes memory = sealed.cipher;
  EXPECT_EQ(opener->open(Iv{}, sealed.aad, memory, memory.data(), sealed.tag.data()), Reason::ok);
  EXPECT_EQ(memory, sealed.plain);
}

TEST_P(EachAead, R2_TheCiphertextComesBackForTheNextKey) {
  const auto sealer = keyed(Direction::seal);
  const auto opener = keyed(Direction::open);
  const Bytes wrong(kTagSize, 0);
  for (std::size_t size : {0, 1, 15, 16, 17, 100, 5000}) {
    const SealedBytes sealed = sealed_by(*sealer, size);
    Bytes memory = sealed.cipher;
    EXPECT_EQ(
        opener->open(Iv{}, sealed.aad, memory, memory.data(), wrong.data(), OnMismatch::restore),
        Reason::auth_failed);
    EXPECT_EQ(memory, sealed.cipher) << size;
    Bytes apart(size, kFill);
    EXPECT_EQ(opener->open(Iv{}, sealed.aad, sealed.cipher, apart.data(), wrong.data(),
                           OnMismatch::restore),
              Reason::auth_failed);
    EXPECT_EQ(apart, Bytes(size, 0)) << size;
  }
}

// The lengths are not those of the memory: what is refused is not looked at.
TEST_P(EachAead, WhatIsTooLongOrNowhereFails) {
  constexpr std::size_t kTooLong = (std::size_t{1} << 31) + 16;
  Bytes memory(64, kFill);
  Bytes tag(kTagSize, kFill);
  const ByteView too_long(memory.data(), kTooLong);
  const ByteView nowhere(static_cast<const std::uint8_t *>(nullptr), 5);
  const auto sealer = keyed(Direction::seal);
  const auto opener = keyed(Direction::open);
  const struct {
    ByteView aad, in;
    std::uint8_t *out;
  } kCalls[] = {{{}, too_long, memory.data()},
                {too_long, memory, memory.data()},
                {{}, nowhere, memory.data()},
                {nowhere, memory, memory.data()},
                {{}, memory, nullptr}};
  for (const auto &call : kCalls) {
    EXPECT_FALSE(sealer->seal(Iv{}, call.aad, call.in, call.out, tag.data()));
    EXPECT_EQ(opener->open(Iv{}, call.aad, call.in, call.out, tag.data()), Reason::internal);
  }
  EXPECT_EQ(memory, Bytes(64, kFill));
  EXPECT_EQ(tag, Bytes(kTagSize, kFill));
}

TEST_P(EachAead, NothingAtAllIsSealedToo) {
  std::uint8_t tag[kTagSize] = {};
  ASSERT_TRUE(keyed(Direction::seal)->seal(Iv{}, {}, {}, nullptr, tag));
  EXPECT_EQ(keyed(Direction::open)->open(Iv{}, {}, {}, nullptr, tag), Reason::ok);
}

TEST_P(EachAead, OneForEachOfManyThreads) {
  constexpr std::size_t kThreads = 4;
  std::vector<Bytes> ends(kThreads);
  std::vector<std::thread> threads;
  for (Bytes &end : ends) {
    threads.emplace_back([&end, this] {
      const auto sealer = keyed(Direction::seal);
      Bytes frame = noise(1200 + kTagSize, 8);
      Iv iv{};
      for (unsigned i = 0; i < 2000; ++i) {
        IvSource::advance(iv, 1);
        const ByteView plain = ByteView(frame).first(1200);
        if (!sealer->seal(iv, {}, plain, frame.data(), frame.data() + plain.size()))
          return;
      }
      end = frame;
    });
  }
  for (std::thread &thread : threads)
    thread.join();
  for (const Bytes &end : ends)
    EXPECT_TRUE(!end.empty() && end == ends.front());
}

// R3: a schedule of zeros, which is what a child has, would encrypt under a key that everyone
// knows.
TEST_P(EachAead, R3_AForkedChildDoesNotEncryptUnderZeros) {
  const auto sealer = keyed(Direction::seal);
  const auto opener = keyed(Direction::open);
  const SealedBytes sealed = sealed_by(*sealer, 64);
  EXPECT_TRUE(in_child([&] {
    Bytes out(64);
    Bytes tag(kTagSize);
    Bytes blocks(64);
    if (!sealer->seal(Iv{}, sealed.aad, sealed.plain, out.data(), tag.data()))
      return !sealer->encrypt_blocks(blocks) &&
             opener->open(Iv{}, sealed.aad, sealed.cipher, out.data(), sealed.tag.data()) ==
                 Reason::internal;
    return out == sealed.cipher && tag == sealed.tag;
  }));
}

namespace {

// Chance decides sizes, keys and places, the seed decides chance.
class RandomFrames {
 public:
  explicit RandomFrames(std::uint32_t seed) : random_(seed) {}

  // Seals with one back end, opens with the other: what comes out must be the same whichever way.
  void one_frame(const AeadBackend &seals, const AeadBackend &opens) {
    if (frames_++ % 64 == 0)
      key_ = noise(frames_ % 128 == 1 ? 16 : 32, random_());
    const std::size_t size = random_() % 256 == 0 ? random_() % 100000 : random_() % 2001;
    const ByteView plain = some_bytes(size);
    const ByteView aad = some_bytes(random_() % 21);
    Iv iv;
    std::copy_n(some_bytes(kIvSize).begin(), kIvSize, iv.begin());
    std::uint8_t tag[kTagSize] = {};
    memory_.assign(plain.begin(), plain.end());
    cipher_.resize(size);
    const bool in_place = random_() % 2 == 0;
    Bytes &sealed = in_place ? memory_ : cipher_;
    ASSERT_TRUE(keyed(seals, Direction::seal).seal(iv, aad, memory_, sealed.data(), tag));
    ASSERT_EQ(keyed(opens, Direction::open).open(iv, aad, sealed, memory_.data(), tag), Reason::ok)
        << "frame " << frames_ << " of " << size << " bytes";
    ASSERT_TRUE(std::equal(plain.begin(), plain.end(), memory_.begin(), memory_.end()))
        << "frame " << frames_ << " of " << size << " bytes";
  }

 private:
  ByteView some_bytes(std::size_t size) {
    return ByteView(pool_).subspan(random_() % (pool_.size() - size), size);
  }

  // Keyed once for each key, as the cryptors do.
  Aead &keyed(const AeadBackend &backend, Direction direction) {
    for (auto &held : held_) {
      if (held.backend == &backend && held.direction == direction && held.key == key_)
        return *held.aead;
    }
    std::erase_if(held_, [&](const Held &held) { return held.key != key_; });
    held_.push_back({&backend, direction, key_, backend.create(key_, direction)});
    return *held_.back().aead;
  }

  struct Held {
    const AeadBackend *backend;
    Direction direction;
    Bytes key;
    std::unique_ptr<Aead> aead;
  };

  std::mt19937 random_;
  Bytes pool_ = noise(300000, 12);
  Bytes key_, memory_, cipher_;
  std::vector<Held> held_;
  unsigned frames_ = 0;
};

}  // namespace

TEST(Aead, WhatOneSealsTheOtherOpens) {
  const auto backends = usable_backends();
  if (backends.size() < 2)
    GTEST_SKIP() << "one back end alone";
  const unsigned frames = is_quick() ? 20000 : 1000000;
  RandomFrames random(1);
  for (unsigned i = 0; i < frames && !HasFatalFailure(); ++i)
    random.one_frame(*backends[i % 2], *backends[1 - i % 2]);
}

// The same for what an IV is chosen by.
TEST(Aead, BlocksAreTheSameWithEach) {
  for (std::size_t key_size : {16, 32}) {
    std::vector<Bytes> results;
    for (const AeadBackend *backend : usable_backends()) {
      results.push_back(noise(256, 9));
      ASSERT_TRUE(
          backend->create(noise(key_size), Direction::seal)->encrypt_blocks(results.back()));
      EXPECT_EQ(results.back(), results.front());
    }
  }
}

TEST(AeadChoice, ByName) {
  for (const AeadBackend *backend : usable_backends()) {
    const AeadChoice choice = choose_aead(backend->name);
    EXPECT_EQ(choice.backend, backend);
    EXPECT_EQ(choice.complaint, "");
  }
}

TEST(AeadChoice, AnUnknownNameIsNotReplaced) {
  const AeadChoice none = choose_aead("");
  ASSERT_NE(none.backend, nullptr);
  EXPECT_EQ(none.complaint, "");
  const AeadChoice unknown = choose_aead("boringssl");
  EXPECT_EQ(unknown.backend, nullptr);
  EXPECT_NE(unknown.complaint.find("boringssl"), std::string::npos);
  EXPECT_NE(unknown.complaint.find("openssl or ipsec-mb"), std::string::npos);
}

TEST(AeadChoice, OneThatIsNotThereIsNotReplaced) {
  if (backend_named("ipsec-mb") != nullptr)
    GTEST_SKIP() << "it is there";
  const AeadChoice choice = choose_aead("ipsec-mb");
  EXPECT_EQ(choice.backend, nullptr);
  EXPECT_NE(choice.complaint.find("GST_E2EE_AEAD=ipsec-mb"), std::string::npos);
}

TEST(AeadChoice, InFipsModeOpensslAlone) {
  if (backend_named("ipsec-mb") == nullptr)
    GTEST_SKIP() << "there is no other";
  EXPECT_TRUE(in_child([] {
    if (EVP_default_properties_enable_fips(nullptr, 1) != 1)
      return false;
    const AeadChoice forced = choose_aead("ipsec-mb");
    return choose_aead("").backend == backend_named("openssl") && forced.backend == nullptr &&
           forced.complaint.find("FIPS") != std::string::npos &&
           aead_backends()[0].create(noise(16), Direction::seal) == nullptr;
  }));
}

}  // namespace e2ee::test

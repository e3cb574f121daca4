/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What becomes of a libipsec-mb that is not as it should be. Opened once in a process: each test is
// a child of its own.
#include "fake_ipsecmb.h"
#include "helpers.h"

namespace e2ee::test {

namespace {

struct Unusable {
  const char *name;
  void (*spoil)(FakeIpsecMb &library);
  const char *says;
};

constexpr Unusable kUnusable[] = {
    {"OtherVersion", [](FakeIpsecMb &library) { library.version += 0x100; }, "another version"},
    {"NoMemory", [](FakeIpsecMb &library) { library.has_memory = false; }, "no memory"},
    {"NoAes", [](FakeIpsecMb &library) { library.features &= ~IMB_FEATURE_AESNI; }, "processor"},
    {"NoAvx", [](FakeIpsecMb &library) { library.features &= ~IMB_FEATURE_AVX; }, "processor"},
    {"KeepsSecrets", [](FakeIpsecMb &library) { library.features &= ~IMB_FEATURE_SAFE_DATA; },
     "SAFE_DATA"},
    {"ChecksNothing", [](FakeIpsecMb &library) { library.features &= ~IMB_FEATURE_SAFE_PARAM; },
     "SAFE_PARAM"},
    {"SelfTestFailed",
     [](FakeIpsecMb &library) { library.features &= ~IMB_FEATURE_SELF_TEST_PASS; }, "self-test"},
    {"NoSelfTest", [](FakeIpsecMb &library) { library.features &= ~IMB_FEATURE_SELF_TEST; },
     "self-test"},
    {"ErrorAtStart", [](FakeIpsecMb &library) { library.error_at_start = IMB_ERR_SELFTEST; },
     "self-test"},
};

class UnusableIpsecMb : public testing::TestWithParam<Unusable> {};

INSTANTIATE_TEST_SUITE_P(Because, UnusableIpsecMb, testing::ValuesIn(kUnusable),
                         [](const auto &test) { return std::string(test.param.name); });

const AeadBackend &ipsec_mb() {
  return aead_backends()[0];
}

// A key of either size, for a library that works when it is keyed.
struct Pair {
  std::unique_ptr<Aead> seal;
  std::unique_ptr<Aead> open;
};
Pair keyed(std::size_t key_size) {
  const Bytes key = noise(key_size);
  return {ipsec_mb().create(key, Direction::seal), ipsec_mb().create(key, Direction::open)};
}

// Sealing and opening fail, and no byte of plaintext or ciphertext is left where the result was to
// be.
bool fails_to_work(const Pair &pair) {
  const Bytes plain = noise(40, 2);
  Bytes out = plain;
  Bytes tag(kTagSize, kFill);
  return !pair.seal->seal(Iv{}, {}, out, out.data(), tag.data()) &&
         pair.open->open(Iv{}, {}, out, out.data(), tag.data()) == Reason::internal &&
         out == Bytes(out.size(), 0);
}

}  // namespace

TEST_P(UnusableIpsecMb, IsNotTakenAndForcingItFails) {
  EXPECT_TRUE(in_child([] {
    GetParam().spoil(fake_ipsec_mb);
    const AeadChoice forced = choose_aead("ipsec-mb");
    return choose_aead("").backend == &aead_backends()[1] && forced.backend == nullptr &&
           forced.complaint.find(GetParam().says) != std::string::npos &&
           ipsec_mb().create(noise(16), Direction::seal) == nullptr;
  }));
}

// Without AVX2 nothing says that it is faster. Who wants it gets it.
TEST(IpsecMb, IsTakenWhereItIsFaster) {
  EXPECT_TRUE(in_child([] { return choose_aead("").backend == &ipsec_mb(); }));
  EXPECT_TRUE(in_child([] {
    fake_ipsec_mb.features &= ~IMB_FEATURE_AVX2;
    return choose_aead("").backend == &aead_backends()[1] &&
           choose_aead("ipsec-mb").backend == &ipsec_mb();
  }));
}

namespace {

struct Fault {
  const char *name;
  bool refuses;
  int error;
};

constexpr Fault kFaults[] = {{"RefusedAndTold", true, IMB_ERR_NULL_SRC},
                             {"RefusedAndClearedByAnotherThread", true, 0}};

class FaultyCall : public testing::TestWithParam<Fault> {
 protected:
  static void spoil() {
    fake_ipsec_mb.refuses = GetParam().refuses;
    fake_ipsec_mb.error = GetParam().error;
  }
};

INSTANTIATE_TEST_SUITE_P(Call, FaultyCall, testing::ValuesIn(kFaults),
                         [](const auto &test) { return std::string(test.param.name); });

}  // namespace

TEST_P(FaultyCall, IsNoFrame) {
  for (std::size_t key_size : {16, 32}) {
    EXPECT_TRUE(in_child([&] {
      const Pair pair = keyed(key_size);
      spoil();
      return fails_to_work(pair);
    }));
  }
}

TEST_P(FaultyCall, IsNoKey) {
  EXPECT_TRUE(in_child([] {
    spoil();
    return ipsec_mb().why_not() == nullptr &&
           ipsec_mb().create(noise(16), Direction::seal) == nullptr;
  }));
}

TEST(IpsecMb, ErrorsOfOtherThreadsDropNoFrame) {
  EXPECT_TRUE(in_child([] {
    fake_ipsec_mb.error = IMB_ERR_NULL_SRC;
    const Pair pair = keyed(16);
    const Bytes plain = noise(40, 2);
    Bytes out = plain;
    Bytes tag(kTagSize, kFill);
    return pair.seal->seal(Iv{}, {}, out, out.data(), tag.data()) &&
           pair.open->open(Iv{}, {}, out, out.data(), tag.data()) == Reason::ok && out == plain;
  }));
}

// The elements count it as dropped-internal; a frame that only does not verify is another thing.
TEST_P(FaultyCall, IsAnInternalErrorOfTheCryptor) {
  EXPECT_TRUE(in_child([] {
    const KeyRef key = raw_key(1);
    Sealer sealer(livekit());
    Opener opener(livekit());
    const Sealed good = seal(sealer, key, opus(), FrameType::delta, noise(50));
    const KeyRing ring = ring_of({key});
    if (good.reason != Reason::ok ||
        open(opener, ring, opus(), good.frame, Place::apart).reason != Reason::ok)
      return false;
    spoil();
    const Outcome failed = open(opener, ring, opus(), good.frame, Place::in_place);
    return failed.reason == Reason::internal && failed.opened.size == 0 &&
           seal(sealer, key, opus(), FrameType::delta, noise(50)).reason == Reason::internal;
  }));
}

}  // namespace e2ee::test

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames of every SFrame suite: sealed, damaged as the input says, and opened. What is not as it
// was sealed must not open, what is must come out equal.
#include <fuzzer/FuzzedDataProvider.h>
#include <gst/gst.h>

#include <array>
#include <memory>

#include "damage.h"
#include "support/frame_cryptor.h"

namespace {

using e2ee::test::Bytes;
using e2ee::test::FrameCryptor;

constexpr unsigned kSuites = 8;

struct Kind {
  const char *caps;
  bool of_audio;
};
constexpr std::array kKinds{
    Kind{"audio/x-opus, channel-mapping-family=0, channels=2, rate=48000", true},
    Kind{"video/x-vp8", false},
    Kind{"video/x-vp9", false},
};

struct Pair {
  FrameCryptor sender;
  FrameCryptor receiver;
};

bool has_short_tag(unsigned suite) {
  return suite == 3 || suite == 8;
}

std::unique_ptr<Pair> make_pair(unsigned suite, const Kind &kind) {
  static const auto keys = e2ee::test::raw_provider(7);
  const FrameCryptor::Properties properties{{"scheme", "sframe"},
                                            {"sframe-suite", std::to_string(suite)}};
  std::unique_ptr<Pair> pair(
      new Pair{FrameCryptor(keys, properties), FrameCryptor(keys, properties)});
  for (FrameCryptor *cryptor : {&pair->sender, &pair->receiver})
    fuzz::require(cryptor->set_caps(kind.caps) && cryptor->prepare(), "a cryptor does not start");
  return pair;
}

/// Keys are derived once, not for each input.
Pair &pair_of(unsigned suite, std::size_t kind) {
  static std::array<std::array<std::unique_ptr<Pair>, kKinds.size()>, kSuites + 1> pairs;
  auto &pair = pairs[suite][kind];
  if (!pair)
    pair = make_pair(suite, kKinds[kind]);
  return *pair;
}

void check_sealed(Pair &pair, FuzzedDataProvider &input) {
  Bytes frame = input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange<std::size_t>(1, 300));
  if (frame.empty())
    return;
  const auto sealed = pair.sender.encrypt(frame);
  if (!sealed) {
    fuzz::require(pair.sender.error.is(GST_E2EE_ERROR_MALFORMED), "a frame is not encrypted");
    return;
  }
  const Bytes damaged = fuzz::damage(*sealed, input);
  const auto opened = pair.receiver.decrypt(damaged);
  if (damaged == *sealed)
    fuzz::require(opened == frame, "a frame that nobody touched does not come out equal");
  else if (!damaged.empty())  // an empty one passes as it is
    fuzz::require(!opened, "a frame that was changed opens");
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv) {
  gst_init(argc, argv);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  const auto suite = input.ConsumeIntegralInRange<unsigned>(1, kSuites);
  const auto kind = input.ConsumeIntegralInRange<std::size_t>(0, kKinds.size() - 1);
  if (has_short_tag(suite) && !kKinds[kind].of_audio)
    return 0;  // refused
  Pair &pair = pair_of(suite, kind);
  if (input.ConsumeBool()) {
    check_sealed(pair, input);
  } else {
    const Bytes forged = input.ConsumeRemainingBytes<std::uint8_t>();
    if (!forged.empty())
      fuzz::require(!pair.receiver.decrypt(forged), "a forged frame opens");
  }
  return 0;
}

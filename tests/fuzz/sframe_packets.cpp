/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Packets of SFrame over RTP in whatever order of S, E and T, with losses, padding and other
// payload types: what leaves the depayloader is what a second reading of the draft puts together,
// no more and no less.
#include <fuzzer/FuzzedDataProvider.h>

#include "damage.h"
#include "support/sframe_rtp.h"

namespace {

using namespace e2ee::test;

/// Ciphertexts as draft-ietf-avtcore-rtp-sframe delimits them.
class Assembler {
 public:
  std::optional<Bytes> take(guint8 bits, guint8 payload_type, const Bytes &piece, bool after_loss) {
    const guint8 kind = bits & kPacketBit;
    const bool same = kind == kind_ && payload_type == payload_type_;
    if ((bits & kStartBit) != 0) {
      ciphertext_.clear();
      kind_ = kind;
      payload_type_ = payload_type;
      assembling_ = !piece.empty();
    } else {
      assembling_ = assembling_ && !after_loss && same && !piece.empty();
    }
    ciphertext_.insert(ciphertext_.end(), piece.begin(), piece.end());
    if (!assembling_ || (bits & kEndBit) == 0)
      return std::nullopt;
    assembling_ = false;
    return ciphertext_;
  }

 private:
  Bytes ciphertext_;
  guint8 kind_ = 0;
  guint8 payload_type_ = 0;
  bool assembling_ = false;
};

Bytes bytes_of_ciphertext(GstBuffer *buffer, bool packet) {
  return packet ? parse(buffer).payload : bytes_of(buffer);
}

void push_padding(SframeReceiver &receiver) {
  fuzz::require(receiver.packet({}).empty(), "padding gives a frame");
}

void push_packet(SframeReceiver &receiver, Assembler &assembler, bool after_loss,
                 FuzzedDataProvider &input) {
  const auto bits = input.ConsumeIntegral<guint8>();
  const RtpFields fields{.marker = input.ConsumeBool(),
                         .payload_type = input.PickValueInArray<guint8>({96, 96, 96, 97})};
  const Bytes piece = input.ConsumeBytes<guint8>(input.ConsumeIntegralInRange<std::size_t>(0, 40));
  const std::vector<Buffer> out = receiver.packet(bits, piece, fields);
  const auto expected = assembler.take(bits, fields.payload_type, piece, after_loss);
  fuzz::require(out.size() == (expected ? 1U : 0U), "more or fewer ciphertexts than were sent");
  if (expected)
    fuzz::require(bytes_of_ciphertext(out[0].get(), (bits & kPacketBit) != 0) == *expected,
                  "a ciphertext that was not sent");
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv) {
  gst_init(argc, argv);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  static SframeReceiver receiver("VP9");
  FuzzedDataProvider input(data, size);
  Assembler assembler;
  bool after_loss = true;  // what the last input began goes no further
  receiver.lose();
  while (input.remaining_bytes() > 0) {
    const int event = input.ConsumeIntegralInRange(0, 15);
    if (event == 0) {
      receiver.lose();
      after_loss = true;
    } else if (event == 1) {
      push_padding(receiver);
    } else {
      push_packet(receiver, assembler, after_loss, input);
      after_loss = false;
    }
  }
  receiver.events();
  receiver.upstream_events();
  return 0;
}

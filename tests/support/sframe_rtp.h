/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Packets of draft-ietf-avtcore-rtp-sframe: payloader, depayloader, and both made by hand.
#pragma once

#include "support/rtp.h"

namespace e2ee::test {

/// Bits of the byte in front of each payload.
constexpr guint8 kStartBit = 0x80;
constexpr guint8 kEndBit = 0x40;
constexpr guint8 kPacketBit = 0x20;  // T
constexpr guint8 kWhole = kStartBit | kEndBit;

constexpr guint32 kMediaSsrc = 0x12345678;

/// What packets carry where it need not be SFrame.
inline const Bytes kCipher = noise(90, 4);
inline const Bytes kOther = noise(70, 5);

/// A codec as SFrame over RTP has it.
struct SframeCodec {
  const char *encoding_name;
  const char *caps;  // of ciphertext frames, on the sender's side
};
extern const std::vector<SframeCodec> kSframeCodecs;
/// Caps of ciphertexts with this encoding name.
const char *sframe_caps(const char *encoding_name);
/// RTP caps without a payload type.
std::string sframe_rtp_caps(const char *encoding_name);

class SframePayloader : public Stage {
 public:
  explicit SframePayloader(const char *encoding_name, guint mtu = 1200);
};

/// What packets of a ciphertext have that their payload does not tell.
struct RtpFields {
  guint32 time = 0;
  bool marker = false;
  guint8 payload_type = 96;
  guint32 ssrc = kMediaSsrc;
};
Buffer make_packet(const Bytes &payload, guint16 seq, const RtpFields &fields);

/// rtpe2eedepay, which gets each packet with the next sequence number.
class SframeReceiver : public Stage {
 public:
  explicit SframeReceiver(const char *encoding_name);

  std::vector<Buffer> packet(const Bytes &payload, const RtpFields &fields = {});
  /// One fragment.
  std::vector<Buffer> packet(guint8 bits, const Bytes &piece, const RtpFields &fields = {});
  void lose(unsigned packets = 1) { seq_ = static_cast<guint16>(seq_ + packets); }
  guint16 next_seq() const { return seq_; }
  guint64 losses();

 private:
  guint16 seq_ = 65530;  // wraps in each test
};

/// The bytes of the only buffer; none if there is none.
std::optional<Bytes> only(const std::vector<Buffer> &buffers);
bool contains(const std::vector<std::string> &names, const char *name);

}  // namespace e2ee::test

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What the clients and servers of LiveKit, RealtimeKit and Jitsi made of frames, through the
// elements. The core runs every record, byte for byte. Elements add caps, keys that come through a
// provider, counters and what is dropped, for which one record of each kind is enough; and they
// take NAL units apart and put them together again, which is done with all of them.
#include <algorithm>
#include <tuple>

#include "support/cipher.h"
#include "support/element.h"
#include "support/nalunits.h"
#include "support/records.h"

namespace e2ee::test {
namespace {

using vectors::Capture;
using vectors::Record;

// The frame as its sender made it, for records that hold nothing but its hash.
Bytes rebuild(const Record &record) {
  const Bytes &plain = record.plaintext.bytes;
  const Parts parts{*record.aad, part(plain, *record.clear_bytes, plain.size()), *record.iv};
  const std::optional<Bytes> sealed = aes_gcm(true, record.derived.key, parts);
  EXPECT_TRUE(sealed);
  return join({*record.aad, sealed.value_or(Bytes{}), *record.iv, record.trailer});
}

// A peer that was told no codec guesses one from the NAL units: 2.21 takes H.264's access unit
// delimiter for a slice of H.265.
template <typename Item>
std::string codec_of(const Item &record) {
  if (record.codec != "unknown")
    return record.codec;
  return record.id.ends_with("-old") ? "h265" : "h264";
}

std::string why_not(const std::string &codec, const std::string &scheme) {
  if (scheme == "livekit")
    return "";
  if (codec == "unknown")
    return "the peer was told no codec; elements always know one from their caps";
  if (codec != "h264" && codec != "h265" && codec != "av1")
    return "";
  return "scheme " + scheme + " refuses " + codec;
}

template <typename Item>
class OfPeer : public OfVector<Item> {
 protected:
  using OfVector<Item>::record;

  void SetUp() override {
    OfVector<Item>::SetUp();
    const std::string why = record().codec == "av1" ? "" : why_not(record().codec, record().scheme);
    if (!why.empty())
      GTEST_SKIP() << record().id << ": " << why;
    ASSERT_TRUE(record().codec == "av1" || caps() != nullptr) << record().codec;
  }

  std::unique_ptr<Element> make(const char *factory, const Provider &provider) const {
    return element_of(factory, provider, record().scheme);
  }
  const char *caps() const { return caps_of(codec_of(record())); }
  bool h265() const { return codec_of(record()) == "h265"; }
  bool has_nal_units() const { return h265() || codec_of(record()) == "h264"; }
};

class FrameVector : public OfPeer<Record> {
 protected:
  void SetUp() override {
    OfPeer::SetUp();
    if (record().expect.encode == "throw:Error" && record().codec != "av1")
      GTEST_SKIP() << record().id
                   << ": the peer refuses a codec that it is told; as shipped it is told none";
  }

  // Frames of no bytes pass, also where a peer's stream dies of them (Jitsi's).
  bool is_unchanged() const {
    return record().expect.unchanged || (is_thrown() && record().plaintext.bytes.empty());
  }
  bool is_short() const { return is_thrown() && !record().plaintext.bytes.empty(); }
  bool is_thrown() const { return record().expect.encode.starts_with("throw:"); }
  Provider provider() const { return provider_of(record(), record().derived.material); }

  void expect_refused_caps(const char *factory) const;
  void expect_peeked(const Bytes &sealed) const;
  void expect_layout(const Bytes &sealed) const;
  void expect_nal_layout(const Bytes &sealed) const;
  void expect_no_slice_refused(Element &encryptor) const;
};

using NegativeVector = OfPeer<Record>;
using ServerVector = OfPeer<Record>;
using CaptureVector = OfPeer<Capture>;

// Frames of no bytes are nothing to take out of.
std::optional<Bytes> content_of(const Buffer &buffer) {
  if (!buffer)
    return std::nullopt;
  return gst_buffer_get_size(buffer.get()) == 0 ? Bytes{} : bytes_of(buffer.get());
}

std::optional<Bytes> pass(Element &element, const Bytes &frame) {
  EXPECT_EQ(element.push(frame), GST_FLOW_OK);
  return content_of(element.pull());
}

// The peer's stream dies of such frames; ours tells why with the caps, and nothing passes.
void FrameVector::expect_refused_caps(const char *factory) const {
  const auto owned = make(factory, provider());
  Element &element = *owned;
  element.start(nullptr);
  gst_harness_push_event(element.harness(), gst_event_new_stream_start("refused"));
  EXPECT_FALSE(element.send_caps(("video/x-" + record().codec).c_str()));
  const BusLog log = element.bus();
  ASSERT_EQ(log.errors.size(), 1U);
  const std::string text = Text(g_ascii_strdown(log.errors[0].c_str(), -1)).get();
  EXPECT_NE(text.find(record().scheme), std::string::npos) << text;
  EXPECT_NE(text.find(record().codec), std::string::npos) << text;
}

// Without a key one sees which it would take, and the IV.
void FrameVector::expect_peeked(const Bytes &sealed) const {
  const std::optional<Peeked> peeked = peek(record().scheme, caps(), sealed);
  ASSERT_TRUE(peeked);
  EXPECT_EQ(peeked->key_id, record().key.slot());
  EXPECT_EQ(peeked->iv, record().iv.value_or(peeked->iv));
}

void FrameVector::expect_layout(const Bytes &sealed) const {
  const Bytes &plain = record().plaintext.bytes;
  ASSERT_EQ(sealed.size(), plain.size() + kOverhead);
  EXPECT_EQ(sealed.size(), record().ciphertext.size);
  EXPECT_EQ(Bytes(sealed.end() - 2, sealed.end()), record().trailer);
  EXPECT_EQ(part(sealed, 0, *record().clear_bytes), *record().aad);
  EXPECT_EQ(opened_by_hand(record().derived.key, sealed, *record().clear_bytes), plain)
      << "by the key that the peer derived";
}

// Start codes are long in front of the first slice, and x264's words about itself may be missing.
void FrameVector::expect_nal_layout(const Bytes &sealed) const {
  const Bytes &plain = record().plaintext.bytes;
  const std::size_t clear = nal::clear_bytes(sealed, h265());
  ASSERT_GT(clear, 0U);
  if (clear == record().clear_bytes) {
    EXPECT_EQ(part(sealed, 0, clear), *record().aad);
  } else {
    EXPECT_TRUE(record().clear_bytes > 255 || record().id.ends_with("-old"));
    EXPECT_LE(clear, 255U);
  }
  EXPECT_EQ(Bytes(sealed.end() - 2, sealed.end()), record().trailer);
  EXPECT_EQ(
      opened_by_hand(record().derived.key, nal::unescaped_behind(sealed, clear), clear),
      join({part(sealed, 0, clear), part(plain, nal::clear_bytes(plain, h265()), plain.size())}))
      << "by the key that the peer derived";
}

// The peer sends ten or three bytes in the clear and leaves start codes in the ciphertext, which
// no payloader carries. Parameter sets alone are a part of the next frame.
void FrameVector::expect_no_slice_refused(Element &encryptor) const {
  EXPECT_FALSE(pass(encryptor, record().plaintext.bytes));
  const std::vector<Bytes> units = nal::units_of_stream(record().plaintext.bytes);
  if (!units.empty() && std::all_of(units.begin(), units.end(), [this](const Bytes &unit) {
        return nal::is_parameter_set(unit, h265());
      })) {
    EXPECT_EQ(encryptor.stat("frames-in"), 0U);
    EXPECT_EQ(encryptor.dropped(), 0U);
    return;
  }
  const bool stream = nal::code_at(record().plaintext.bytes, 1);
  EXPECT_EQ(encryptor.stat(stream ? "dropped-unsupported" : "dropped-malformed"), 1U);
  EXPECT_EQ(encryptor.dropped(), 1U);
}

}  // namespace

TEST_P(FrameVector, Decrypts) {
  if (record().codec == "av1") {
    expect_refused_caps("e2eedecrypt");
    return;
  }
  const auto owned = make("e2eedecrypt", provider());
  Element &decryptor = owned->start(caps());
  if (is_short() || is_unchanged()) {
    // There is no ciphertext: the frame itself must not pass for one unless it is empty.
    const std::optional<Bytes> out = pass(decryptor, record().plaintext.bytes);
    EXPECT_EQ(out.has_value(), is_unchanged());
    EXPECT_EQ(out.value_or(Bytes{}), Bytes{});
    EXPECT_EQ(decryptor.stat("dropped-malformed"), is_short() ? 1U : 0U);
    return;
  }
  ASSERT_EQ(record().expect.decode, "enqueue");
  const Bytes sealed = record().ciphertext.whole ? record().ciphertext.bytes : rebuild(record());
  ASSERT_TRUE(record().ciphertext.matches(sealed));
  EXPECT_EQ(pass(decryptor, sealed), record().decoded.value_or(record().plaintext.bytes));
  EXPECT_EQ(decryptor.stat("key-id"), record().key.slot());
  EXPECT_EQ(decryptor.stat("generation"), record().key.ratchets);
  EXPECT_EQ(decryptor.dropped() + decryptor.stat("passed-plaintext"), 0U);
  expect_peeked(sealed);
}

TEST_P(FrameVector, Encrypts) {
  if (record().codec == "av1") {
    expect_refused_caps("e2eeencrypt");
    return;
  }
  ASSERT_TRUE(record().plaintext.whole);
  const Bytes &plain = record().plaintext.bytes;
  const auto owned = make("e2eeencrypt", provider());
  Element &encryptor = owned->start(caps());
  if (has_nal_units() && nal::clear_bytes(plain, h265()) == 0) {
    expect_no_slice_refused(encryptor);
    return;
  }
  std::optional<Bytes> sealed = pass(encryptor, plain);
  if (sealed && has_nal_units())  // leave as lengths where nobody objects
    sealed = nal::stream_of(nal::units_of_lengths(*sealed));
  if (is_short()) {
    EXPECT_FALSE(sealed);
    EXPECT_EQ(encryptor.stat("dropped-malformed"), 1U);
    return;
  }
  ASSERT_TRUE(sealed);
  EXPECT_EQ(encryptor.dropped(), 0U);
  if (is_unchanged()) {
    EXPECT_TRUE(plain.empty()) << "only empty frames stay as they are";
    EXPECT_EQ(*sealed, plain);
    return;
  }
  const std::optional<Bytes> opened = pass(make("e2eedecrypt", provider())->start(caps()), *sealed);
  if (has_nal_units()) {
    expect_nal_layout(*sealed);
    const std::size_t clear = nal::clear_bytes(*sealed, h265());
    EXPECT_EQ(opened, join({part(*sealed, 0, clear),
                            part(plain, nal::clear_bytes(plain, h265()), plain.size())}));
  } else {
    expect_layout(*sealed);
    EXPECT_EQ(opened, plain);
  }
  EXPECT_NE(pass(encryptor, plain), sealed) << "with the same IV";
}

namespace {
// Anything that ends like a frame of RealtimeKit's servers.
std::string wrong_with(const Record &record) {
  const Bytes mark = {'L', 'K', 'R', 'O', 'C', 'K', 'S'};
  const Bytes &input = *record.input;
  const bool marked = record.scheme == "realtimekit" && input.size() >= mark.size() &&
                      std::equal(mark.rbegin(), mark.rend(), input.rbegin());
  return marked ? "plaintext" : vectors::fault_of(record);
}
}  // namespace

TEST_P(NegativeVector, IsDroppedForWhatIsWrongWithIt) {
  const auto owned = make("e2eedecrypt", provider_of(record()));
  Element &decryptor = owned->start(caps());
  const std::string wrong = wrong_with(record());
  if (wrong == "empty") {
    EXPECT_EQ(pass(decryptor, {}), Bytes{}) << "holds nothing that could be forged";
    return;
  }
  EXPECT_FALSE(pass(decryptor, *record().input));
  EXPECT_EQ(decryptor.stat(("dropped-" + wrong).c_str()), 1U) << wrong;
  EXPECT_EQ(decryptor.dropped(), 1U);
  EXPECT_EQ(decryptor.stat("frames-out"), 0U);
}

// Frames that a media server puts into the stream, under each of the three settings.
TEST_P(ServerVector, PassesAsTheUserSaid) {
  ASSERT_TRUE(record().input && record().sif_trailer);
  const Bytes &input = *record().input;
  const Bytes &trailer = *record().sif_trailer;
  const bool ours = !trailer.empty() && input.size() >= trailer.size() &&
                    std::equal(trailer.rbegin(), trailer.rend(), input.rbegin());
  const Bytes payload(input.begin(), input.end() - (ours ? std::ptrdiff_t(trailer.size()) : 0));
  for (const char *mode : {"", "drop", "known", "pass"}) {
    SCOPED_TRACE(*mode == '\0' ? "default" : mode);
    const auto owned = make("e2eedecrypt", provider_of(record()));
    Element &decryptor = *owned;
    if (*mode != '\0')
      decryptor.set("server-frames", mode);
    g_object_set(decryptor.get(), "server-trailer", to_hex(trailer).c_str(), nullptr);
    decryptor.start(caps());
    const bool known = std::string(mode) == "known" && record().expect.decode == "enqueue";
    const bool passes = known || (std::string(mode) == "pass" && ours);
    decryptor.push(input);
    const Buffer out = decryptor.pull();
    EXPECT_EQ(content_of(out), passes ? std::optional(payload) : std::nullopt);
    EXPECT_EQ(out && gst_e2ee_buffer_is_unprotected(out.get()), passes);
    if (known) {
      EXPECT_EQ(payload, record().decoded.value_or(payload));
    }
    EXPECT_EQ(decryptor.stat("server-frames"), ours ? 1U : 0U);
    EXPECT_EQ(decryptor.stat("passed-plaintext"), passes ? 1U : 0U);
    EXPECT_EQ(decryptor.stat("dropped-plaintext"), ours && !passes ? 1U : 0U);
    EXPECT_EQ(decryptor.dropped(), passes ? 0U : 1U);
  }
}

// As a real browser sent it and a real SFU passed it on.
TEST_P(CaptureVector, Decrypts) {
  const vectors::CaptureKey key = vectors::capture_key(record().key_name());
  ASSERT_EQ(key.error, "");
  const Provider provider = empty_provider();
  g_object_set(provider.get(), "ratchet-salt", key.salt.c_str(), nullptr);
  set_text(provider, key.password.c_str(), 0);
  const auto decryptor = make("e2eedecrypt", provider);
  const std::optional<Bytes> opened = pass(decryptor->start(caps()), record().data);
  EXPECT_TRUE(opened);
  EXPECT_EQ(opened, vectors::opened_by_hand(record(), key.key));
}

namespace {

std::vector<Record> frames(std::initializer_list<const char *> files) {
  return first_of_each(vectors::load(files), [](const Record &record) {
    const bool every_one =
        record.codec == "h264" || record.codec == "h265" || record.codec == "unknown";
    return std::tuple(record.file, record.scheme, record.codec, record.frame_type,
                      record.expect.encode, record.expect.unchanged, record.plaintext.bytes.empty(),
                      record.key.kind, record.key.key_size, record.key.ring_size, record.key.index,
                      record.key.ratchets, record.key.salt, every_one ? record.id : "");
  });
}

std::vector<Record> bad_frames() {
  return first_of_each(vectors::load({"livekit-negative.json", "livekit-crossversion.json",
                                      "realtimekit-state.json", "jitsi-state.json"},
                                     {"negative"}),
                       [](const Record &record) {
                         return std::tuple(record.scheme, record.codec, wrong_with(record));
                       });
}

std::vector<Capture> captures() {
  return first_of_each(
      vectors::load_captures({"lk-script-opus.jsonl", "lk-script-vp8-with-vp8.jsonl",
                              "lk-script-vp9-with-vp9.jsonl", "lk-script-h264-with-h264.jsonl",
                              "rtk-script-opus.jsonl", "rtk-script-vp8-with-vp8.jsonl",
                              "rtk-script-vp9-with-vp9.jsonl"}),
      [](const Capture &capture) {
        return std::tuple(capture.scheme, capture.codec, capture.key,
                          capture.codec == "h264" ? capture.n : 0);
      });
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Frames, FrameVector,
                         testing::ValuesIn(frames({"livekit-frames.json", "realtimekit-frames.json",
                                                   "jitsi-frames.json"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(RealFrames, FrameVector,
                         testing::ValuesIn(frames({"livekit-realframes.json"})), kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Bad, NegativeVector, testing::ValuesIn(bad_frames()), kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Sif, ServerVector,
                         testing::ValuesIn(vectors::load({"livekit-negative.json"}, {"sif"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Captures, CaptureVector, testing::ValuesIn(captures()), kIdOfRecord);

}  // namespace e2ee::test

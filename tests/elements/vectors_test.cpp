/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What the clients and servers of LiveKit, RealtimeKit and Jitsi made of frames, through the
// elements.
#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <tuple>

#include "cipher.h"
#include "records.h"
#include "support/nalunits.h"

namespace elements {
namespace {

using vectors::Record;

// ---- what was run -------------------------------------------------------------------------------

/// Keeps what is expensive to derive, and counts what was run, to say it at the end.
class Ledger : public testing::Environment {
 public:
  /// A provider that holds the record's key, which an element keeps derived.
  Provider provider_of(const std::string &scheme, const vectors::KeySpec &spec,
                       const vectors::Derived &derived);
  Provider provider_of(const Record &record) {
    return provider_of(record.scheme, record.key, record.derived);
  }
  void count(const char *what) { ++counts_[what]; }

  void TearDown() override {
    providers_.clear();
    std::printf("Vectors through the elements:");
    for (const auto &[what, number] : counts_)
      std::printf(" %u %s,", number, what.c_str());
    std::printf(" each by name above\n");
  }

 private:
  struct Kept {
    Provider provider;
    std::unique_ptr<Element> element;
  };
  using Id =
      std::tuple<std::string, bool, Bytes, std::string, unsigned, unsigned, unsigned, unsigned>;
  std::map<Id, Kept> providers_;
  std::map<std::string, unsigned> counts_;
};

Ledger &ledger() {
  static auto *const ledger =
      static_cast<Ledger *>(testing::AddGlobalTestEnvironment(new Ledger));  // GoogleTest's now
  return *ledger;
}
// Before main, so that GoogleTest sees its end.
[[maybe_unused]] const Ledger &g_ledger = ledger();

Provider Ledger::provider_of(const std::string &scheme, const vectors::KeySpec &spec,
                             const vectors::Derived &derived) {
  Kept &kept = providers_[{scheme, spec.passphrase(), spec.bytes, spec.salt, spec.key_size,
                           spec.ring_size, spec.index, spec.ratchets}];
  if (kept.provider)
    return kept.provider;
  kept.provider = empty_provider();
  set_ring(kept.provider, spec);
  EXPECT_TRUE(set_key(kept.provider, spec, derived.material));
  kept.element = element_of("e2eedecrypt", kept.provider, scheme);
  gst_element_set_state(kept.element->get(), GST_STATE_READY);
  return kept.provider;
}

// ---- records ------------------------------------------------------------------------------------

// The frame as its sender made it, for records that hold nothing but its hash.
Bytes rebuild(const Record &record) {
  const Bytes &plain = record.plaintext.bytes;
  const auto body = plain.begin() + static_cast<std::ptrdiff_t>(*record.clear_bytes);
  const Parts parts{*record.aad, Bytes(body, plain.end()), *record.iv};
  const std::optional<Bytes> sealed = aes_gcm(true, record.derived.key, parts);
  EXPECT_TRUE(sealed);
  return join({*record.aad, sealed.value_or(Bytes{}), *record.iv, record.trailer});
}

const char *caps_of(const std::string &codec) {
  if (codec == "vp8")
    return kVp8;
  if (codec == "vp9")
    return kVp9;
  if (codec == "h264")
    return kH264;
  if (codec == "h265")
    return kH265;
  return codec == "opus" ? kOpus : nullptr;
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
class OfVector : public testing::TestWithParam<Item> {
 protected:
  const Item &record() const { return this->GetParam(); }

  void SetUp() override {
    ASSERT_EQ(record().error, "");
    const std::string why = record().codec == "av1" ? "" : why_not(record().codec, record().scheme);
    if (!why.empty()) {
      ledger().count("skipped");
      GTEST_SKIP() << record().id << ": " << why;
    }
    ASSERT_TRUE(record().codec == "av1" || caps() != nullptr) << record().codec;
  }

  std::unique_ptr<Element> make(const char *factory, const Provider &provider) const {
    return element_of(factory, provider, record().scheme);
  }
  const char *caps() const { return caps_of(codec_of(record()).c_str()); }
  bool h265() const { return codec_of(record()) == "h265"; }
  bool has_nal_units() const { return h265() || codec_of(record()) == "h264"; }
};

class FrameVector : public OfVector<Record> {
 protected:
  void SetUp() override {
    OfVector::SetUp();
    if (record().expect.encode == "throw:Error" && record().codec != "av1") {
      ledger().count("skipped");
      GTEST_SKIP() << record().id
                   << ": the peer refuses a codec that it is told; as shipped it is told none";
    }
  }

  // Frames of no bytes pass, also where a peer's stream dies of them (Jitsi's).
  bool is_unchanged() const {
    return record().expect.unchanged || (is_thrown() && record().plaintext.bytes.empty());
  }
  bool is_short() const { return is_thrown() && !record().plaintext.bytes.empty(); }
  bool is_thrown() const { return record().expect.encode.starts_with("throw:"); }
  Provider provider() const { return ledger().provider_of(record()); }

  void expect_refused_caps(const char *factory) const;
  void expect_peeked(const Bytes &sealed) const;
  void expect_layout(const Bytes &sealed) const;
  void expect_nal_layout(const Bytes &sealed) const;
  void expect_no_slice_refused(Element &encryptor) const;
};

using NegativeVector = OfVector<Record>;
using ServerVector = OfVector<Record>;
using CaptureVector = OfVector<vectors::Capture>;

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
  const Parts parts = split(sealed, *record().clear_bytes);
  EXPECT_EQ(parts.clear, *record().aad);
  const std::optional<Bytes> opened = aes_gcm(false, record().derived.key, parts);
  ASSERT_TRUE(opened) << "not by the key that the peer derived";
  EXPECT_EQ(join({parts.clear, *opened}), plain);
}

// Start codes are long in front of the first slice, and x264's words about itself may be missing.
void FrameVector::expect_nal_layout(const Bytes &sealed) const {
  const Bytes &plain = record().plaintext.bytes;
  const std::size_t clear = nal::clear_bytes(sealed, h265());
  ASSERT_GT(clear, 0U);
  if (clear == record().clear_bytes) {
    EXPECT_EQ(nal::part(sealed, 0, clear), *record().aad);
  } else {
    EXPECT_TRUE(record().clear_bytes > 255 || record().id.ends_with("-old"));
    EXPECT_LE(clear, 255U);
  }
  const Bytes body = nal::part(sealed, clear, sealed.size());
  EXPECT_EQ(Bytes(sealed.end() - 2, sealed.end()), record().trailer);
  const std::optional<Bytes> opened =
      aes_gcm(false, record().derived.key,
              split(join({nal::part(sealed, 0, clear), nal::unescaped(body)}), clear));
  ASSERT_TRUE(opened) << "not by the key that the peer derived";
  EXPECT_EQ(*opened, nal::part(plain, nal::clear_bytes(plain, h265()), plain.size()));
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
    return ledger().count("refused by caps");
  }
  const auto owned_decryptor = make("e2eedecrypt", provider());
  Element &decryptor = *owned_decryptor;
  decryptor.start(caps());
  if (is_short() || is_unchanged()) {
    // There is no ciphertext: the frame itself must not pass for one unless it is empty.
    const std::optional<Bytes> out = pass(decryptor, record().plaintext.bytes);
    EXPECT_EQ(out.has_value(), is_unchanged());
    EXPECT_EQ(out.value_or(Bytes{}), Bytes{});
    EXPECT_EQ(decryptor.stat("dropped-malformed"), is_short() ? 1U : 0U);
    return ledger().count(is_short() ? "short ones dropped" : "empty ones passed");
  }
  ASSERT_EQ(record().expect.decode, "enqueue");
  const Bytes sealed = record().ciphertext.whole ? record().ciphertext.bytes : rebuild(record());
  ASSERT_TRUE(record().ciphertext.matches(sealed));
  EXPECT_EQ(pass(decryptor, sealed), record().decoded.value_or(record().plaintext.bytes));
  EXPECT_EQ(decryptor.stat("key-id"), record().key.slot());
  EXPECT_EQ(decryptor.stat("generation"), record().key.ratchets);
  EXPECT_EQ(decryptor.dropped() + decryptor.stat("passed-plaintext"), 0U);
  expect_peeked(sealed);
  ledger().count("decrypted");
}

TEST_P(FrameVector, Encrypts) {
  if (record().codec == "av1") {
    expect_refused_caps("e2eeencrypt");
    return ledger().count("refused by caps");
  }
  ASSERT_TRUE(record().plaintext.whole);
  const Bytes &plain = record().plaintext.bytes;
  const auto owned_encryptor = make("e2eeencrypt", provider());
  Element &encryptor = *owned_encryptor;
  encryptor.start(caps());
  if (has_nal_units() && nal::clear_bytes(plain, h265()) == 0) {
    expect_no_slice_refused(encryptor);
    return ledger().count("without a slice refused");
  }
  std::optional<Bytes> sealed = pass(encryptor, plain);
  if (sealed && has_nal_units())  // leave as lengths where nobody objects
    sealed = nal::stream_of(nal::units_of_lengths(*sealed));
  if (is_short()) {
    EXPECT_FALSE(sealed);
    EXPECT_EQ(encryptor.stat("dropped-malformed"), 1U);
    return ledger().count("short ones dropped");
  }
  ASSERT_TRUE(sealed);
  EXPECT_EQ(encryptor.dropped(), 0U);
  if (is_unchanged()) {
    EXPECT_TRUE(plain.empty()) << "only empty frames stay as they are";
    EXPECT_EQ(*sealed, plain);
    return ledger().count("empty ones passed");
  }
  const auto owned_decryptor = make("e2eedecrypt", provider());
  Element &decryptor = *owned_decryptor;
  decryptor.start(caps());
  const std::optional<Bytes> opened = pass(decryptor, *sealed);
  if (has_nal_units()) {
    expect_nal_layout(*sealed);
    const std::size_t clear = nal::clear_bytes(*sealed, h265());
    EXPECT_EQ(opened, join({nal::part(*sealed, 0, clear),
                            nal::part(plain, nal::clear_bytes(plain, h265()), plain.size())}));
  } else {
    expect_layout(*sealed);
    EXPECT_EQ(opened, plain);
  }
  EXPECT_NE(pass(encryptor, plain), sealed) << "with the same IV";
  ledger().count("encrypted");
}

TEST_P(NegativeVector, IsDroppedForWhatIsWrongWithIt) {
  // RealtimeKit hands on what it could not decrypt, and anything that ends like a frame of its
  // servers; here both are dropped.
  ASSERT_EQ(record().expect.decode, record().scheme == "realtimekit" ? "enqueue" : "drop");
  ASSERT_TRUE(record().input);
  const Bytes &input = *record().input;
  const auto owned = make("e2eedecrypt", ledger().provider_of(record()));
  Element &decryptor = *owned;
  decryptor.start(caps());
  if (input.empty()) {
    EXPECT_EQ(pass(decryptor, input), Bytes{}) << "holds nothing that could be forged";
    return ledger().count("empty ones passed");
  }
  EXPECT_FALSE(pass(decryptor, input));
  const std::size_t least = 1 + kOverhead;  // of Opus, which all of them are
  ASSERT_EQ(record().codec, "opus");
  const char *wanted = "dropped-auth";
  const Bytes mark = {'L', 'K', 'R', 'O', 'C', 'K', 'S'};
  if (record().scheme == "realtimekit" && input.size() >= mark.size() &&
      std::equal(mark.rbegin(), mark.rend(), input.rbegin()))
    wanted = "dropped-plaintext";
  else if (input.size() < least || input[input.size() - 2] != kIv)
    wanted = "dropped-malformed";
  else if (input.back() != record().key.slot())
    wanted = "dropped-missing-key";
  EXPECT_EQ(decryptor.stat(wanted), 1U) << wanted;
  EXPECT_EQ(decryptor.dropped(), 1U);
  EXPECT_EQ(decryptor.stat("frames-out"), 0U);
  ledger().count("bad ones dropped");
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
    const auto owned = make("e2eedecrypt", ledger().provider_of(record()));
    Element &decryptor = *owned;
    if (*mode != '\0')
      gst_util_set_object_arg(G_OBJECT(decryptor.get()), "server-frames", mode);
    g_object_set(decryptor.get(), "server-trailer", vectors::to_hex(trailer).c_str(), nullptr);
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
  ledger().count("of servers");
}

// As a real browser sent it and a real SFU passed it on. Of the plaintext nothing is on file but
// that the key of the capture opens it.
TEST_P(CaptureVector, Decrypts) {
  const vectors::CaptureKey key = vectors::capture_key(record().key_name());
  ASSERT_EQ(key.error, "");
  vectors::KeySpec spec;
  spec.kind = "passphrase";
  spec.value = key.password;
  spec.bytes.assign(key.password.begin(), key.password.end());
  spec.salt = key.salt;
  spec.key_size = 128;
  spec.ring_size = 16;
  const auto owned = make("e2eedecrypt", ledger().provider_of(record().scheme, spec, {}));
  Element &decryptor = *owned;
  decryptor.start(caps());
  const std::optional<Bytes> opened = pass(decryptor, record().data);
  std::size_t clear = record().codec == "opus" ? 1 : 0;
  if (record().codec == "vp8" || (record().codec == "vp9" && record().scheme == "realtimekit"))
    clear = record().key ? 10 : 3;
  Bytes frame = record().data;
  if (has_nal_units()) {
    clear = nal::clear_bytes(frame, h265());
    frame =
        join({nal::part(frame, 0, clear), nal::unescaped(nal::part(frame, clear, frame.size()))});
  }
  const Parts parts = split(frame, clear);
  const std::optional<Bytes> body = aes_gcm(false, key.key, parts);
  ASSERT_TRUE(opened && body);
  EXPECT_EQ(*opened, join({parts.clear, *body}));
  EXPECT_EQ(opened->size() + kOverhead, frame.size());
  EXPECT_EQ(record().data.size(), record().size);
  ledger().count("captured ones decrypted");
}

INSTANTIATE_TEST_SUITE_P(Frames, FrameVector,
                         testing::ValuesIn(vectors::load({"livekit-frames.json",
                                                          "realtimekit-frames.json",
                                                          "jitsi-frames.json"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(RealFrames, FrameVector,
                         testing::ValuesIn(vectors::load({"livekit-realframes.json"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Bad, NegativeVector,
                         testing::ValuesIn(vectors::load({"livekit-negative.json",
                                                          "realtimekit-state.json",
                                                          "jitsi-state.json"},
                                                         {"negative"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Sif, ServerVector,
                         testing::ValuesIn(vectors::load({"livekit-negative.json"}, {"sif"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Captures, CaptureVector,
                         testing::ValuesIn(vectors::load_captures(
                             {"lk-script-opus.jsonl", "lk-script-vp8-with-vp8.jsonl",
                              "lk-script-vp9-with-vp9.jsonl", "lk-script-h264-with-h264.jsonl",
                              "rtk-script-opus.jsonl", "rtk-script-vp8-with-vp8.jsonl",
                              "rtk-script-vp9-with-vp9.jsonl"})),
                         kIdOfRecord);

}  // namespace elements

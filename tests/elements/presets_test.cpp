/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The presets of docs/compatibility.md, to the letter: with each other, and with what the peers
// made.
#include <openssl/evp.h>

#include "support/cipher.h"
#include "support/element.h"
#include "support/files.h"
#include "support/vectors.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

using vectors::Record;

struct Preset {
  const char *name;
  const char *scheme;
  const char *provider;  // %s: the file with the key
  bool raw;
  const char *participant;
};

void PrintTo(const Preset &preset, std::ostream *to) {
  *to << preset.name;
}

const Preset kPresets[] = {
    {"livekit_js_shared", "livekit", "shared,passphrase-file=%s", false, nullptr},
    {"livekit_js_participant", "livekit", "participant,keys-file=%s", false, "alice"},
    {"livekit_native", "livekit", "shared,key-file=%s,kdf=pbkdf2,ratchet-window=16", true, nullptr},
    {"element_call", "livekit", "shared,key-file=%s,keyring-size=256,ratchet-window=10", true,
     nullptr},
    {"element_call_participant", "livekit",
     "participant,keys-file=%s,keyring-size=256,ratchet-window=10", true, "alice"},
    {"realtimekit", "realtimekit", "shared,passphrase-file=%s,ratchet-window=8", false, nullptr},
    {"jitsi", "jitsi", "shared,key-file=%s,ratchet-window=8", true, nullptr},
    {"jitsi_participant", "jitsi", "participant,keys-file=%s", true, "alice"},
    {"sframe", "sframe", "shared,key-file=%s,ratchet-window=8", true, nullptr},
};

const Preset &preset_named(const std::string &name) {
  for (const Preset &preset : kPresets) {
    if (name == preset.name)
      return preset;
  }
  ADD_FAILURE() << name;
  return kPresets[0];
}

/// The file that a preset asks for, and elements that have it.
class Preparation {
 public:
  /// `extra` goes behind the provider string.
  Preparation(const Preset &preset, const std::string &content, const std::string &extra = "")
      : preset_(preset), file_("key", content), provider_(preset.provider + extra) {
    provider_.replace(provider_.find("%s"), 2, file_.path());
  }
  std::unique_ptr<Element> make(const char *factory, const char *caps) const {
    auto element = std::make_unique<Element>(factory, provider_);
    element->set("scheme", preset_.scheme);
    if (preset_.participant != nullptr)
      element->set("participant", preset_.participant);
    element->start(caps);
    return element;
  }

 private:
  const Preset &preset_;
  KeyFile file_;
  std::string provider_;
};

// ---- frames of peers ----------------------------------------------------------------------------

const char *const kFiles[] = {"livekit-frames.json",     "livekit-state.json",
                              "realtimekit-frames.json", "realtimekit-state.json",
                              "jitsi-frames.json",       "jitsi-state.json"};

Record record_named(const std::string &id) {
  for (const char *file : kFiles) {
    for (Record &record : vectors::load({file})) {
      if (record.id == id)
        return record;
    }
  }
  ADD_FAILURE() << "there is no record " << id;
  return {};
}

/// What the preset has a peer's key from: the whole file, or Alice's part of it.
std::string file_content(const Preset &preset, const vectors::KeySpec &key, guint index) {
  if (preset.participant == nullptr)
    return std::string(key.bytes.begin(), key.bytes.end());
  const std::string value = preset.raw ? "key=" + to_hex(key.bytes) : "passphrase=" + key.value;
  return "[alice]\n" + value + "\nindex=" + std::to_string(index) + "\n";
}

struct PeerFrames {
  const char *preset;
  std::vector<const char *> records;  // with one key, the ratcheted ones last
  std::optional<guint> index;         // where to have that key, instead of where the record does
};

void PrintTo(const PeerFrames &frames, std::ostream *to) {
  *to << frames.preset;
}

// Each at the far end of its preset's window, from generation 0: for Element Call nine steps, one
// more than a participant's ring searches without being told to. 200 stands for the indices beyond
// a ring of 16. The index is in no key and no tag, so that a frame gets another by its last byte.
const PeerFrames kPeerFrames[] = {
    {"livekit_js_shared", {"lk-public-vp8-delta-1500"}, {}},
    {"livekit_js_participant",
     {"lk-public-vp8-delta-1500", "lk-public-window-passphrase-W8-n8"},
     {}},
    {"element_call", {"lk-public-opus-11", "lk-public-window-raw-W8-n9"}, {}},
    {"element_call", {"lk-public-opus-11", "lk-public-window-raw-W8-n9"}, 200},
    {"element_call_participant", {"lk-public-opus-11", "lk-public-window-raw-W8-n9"}, {}},
    {"element_call_participant", {"lk-public-opus-11", "lk-public-window-raw-W8-n9"}, 200},
    {"realtimekit",
     {"rtk-public-vp8-key-11", "rtk-public-vp8-delta-700", "rtk-public-window-W8-n8"},
     {}},
    {"jitsi", {"ji-public-vp8-delta-100", "ji-public-opus-ratchet8"}, {}},
    {"jitsi_participant", {"ji-public-vp8-key-10", "ji-public-opus-ratchet5"}, {}},
};

class Presets : public testing::TestWithParam<Preset> {};
class PeerPresets : public testing::TestWithParam<PeerFrames> {};

}  // namespace

TEST_P(Presets, OneEncryptsWhatTheOtherReads) {
  const Preset &preset = GetParam();
  std::string content = preset.raw ? std::string(32, '\x5a') : "a meeting";
  if (preset.participant != nullptr)
    content = preset.raw ? "[alice]\nkey=000102030405060708090a0b0c0d0e0f\nindex=7\n"
                         : "[alice]\npassphrase=hers\n";
  const Preparation prepared(preset, content);
  const auto encryptor = prepared.make("e2eeencrypt", kVp8);
  const auto decryptor = prepared.make("e2eedecrypt", kVp8);
  for (const Bytes &plain : {vp8_key(500), vp8_delta(200), vp8_delta(3), vp8_key(70000)}) {
    const std::optional<Bytes> sealed = encryptor->pass(plain);
    ASSERT_TRUE(sealed);
    const gsize clear = (plain[0] & 1) == 0 ? 10 : 3;
    EXPECT_TRUE(
        std::equal(plain.begin(), plain.begin() + static_cast<long>(clear), sealed->begin()));
    EXPECT_EQ(decryptor->pass(*sealed), plain);
  }
  EXPECT_EQ(decryptor->text_stat("key-fingerprint"), encryptor->text_stat("key-fingerprint"));
  EXPECT_EQ(decryptor->dropped() + encryptor->dropped(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Table, Presets, testing::ValuesIn(kPresets),
                         [](const auto &test) { return std::string(test.param.name); });

TEST_P(PeerPresets, OpenWhatThePeerMade) {
  const std::string name = GetParam().preset;
  const Preset &preset = preset_named(name);
  const vectors::KeySpec key = record_named(GetParam().records[0]).key;
  const guint index = GetParam().index.value_or(key.slot());
  const bool elsewhere = preset.participant == nullptr && index != 0;
  const Preparation prepared(preset, file_content(preset, key, index),
                             elsewhere ? ",key-index=" + std::to_string(index) : "");
  for (const char *caps : {kVp8, kOpus}) {
    const auto decryptor = prepared.make("e2eedecrypt", caps);
    for (const char *id : GetParam().records) {
      SCOPED_TRACE(id);
      const Record record = record_named(id);
      ASSERT_EQ(record.error, "");
      ASSERT_EQ(record.key.bytes, key.bytes);
      if ((record.codec == "vp8") != (caps == kVp8))
        continue;
      ASSERT_TRUE(record.ciphertext.whole && record.plaintext.whole);
      Bytes sealed = record.ciphertext.bytes;
      sealed.back() = static_cast<guint8>(index);
      // The generations ahead are derived when there is nothing better to do.
      std::optional<Bytes> opened;
      EXPECT_TRUE(wait_for([&] { return (opened = decryptor->pass(sealed)).has_value(); }));
      EXPECT_EQ(opened, record.plaintext.bytes);
      EXPECT_EQ(decryptor->stat("generation"), record.key.ratchets);
      EXPECT_EQ(decryptor->stat("key-id"), index);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, PeerPresets, testing::ValuesIn(kPeerFrames), [](const auto &test) {
  const PeerFrames &frames = test.param;
  return std::string(frames.preset) + (frames.index ? "_" + std::to_string(*frames.index) : "");
});

// ---- native clients -----------------------------------------------------------------------------

namespace {

/// The key that comes of `material` by PBKDF2, `steps` ratchet steps on. Without the library.
Bytes stretched(Bytes material, const std::string &salt, unsigned steps) {
  for (unsigned step = 0;; ++step) {
    Bytes both(32);
    EXPECT_EQ(PKCS5_PBKDF2_HMAC(reinterpret_cast<const char *>(material.data()),
                                static_cast<int>(material.size()),
                                reinterpret_cast<const unsigned char *>(salt.data()),
                                static_cast<int>(salt.size()), 100000, EVP_sha256(),
                                static_cast<int>(both.size()), both.data()),
              1);
    if (step == steps)
      return Bytes(both.begin(), both.begin() + 16);
    material = both;
  }
}

}  // namespace

// No native client was there to make frames. It makes those that LiveKit's browser client makes of
// a passphrase, of raw bytes that spell the same: PBKDF2 runs over either.
TEST(NativePreset, OpensCapturedFramesWhosePassphraseIsGivenAsRawBytes) {
  const vectors::CaptureKey key = vectors::capture_key("lk");
  ASSERT_EQ(key.error, "");
  const Preparation prepared(preset_named("livekit_native"), key.password);
  for (const auto &[file, caps] : {std::pair{"lk-script-opus.jsonl", kOpus},
                                   std::pair{"lk-script-vp8-with-vp8.jsonl", kVp8}}) {
    const auto decryptor = prepared.make("e2eedecrypt", caps);
    for (const vectors::Capture &frame : vectors::load_captures({file})) {
      ASSERT_EQ(frame.error, "");
      const std::size_t clear = caps == kOpus ? 1 : frame.key ? 10 : 3;
      const Parts parts = split(frame.data, clear);
      const std::optional<Bytes> body = aes_gcm(false, key.key, parts);
      ASSERT_TRUE(body) << frame.id;
      EXPECT_EQ(decryptor->pass(frame.data), join({parts.clear, *body})) << frame.id;
    }
    EXPECT_GT(decryptor->stat("frames-out"), 0U);
    EXPECT_EQ(decryptor->dropped(), 0U);
  }
}

TEST(NativePreset, FollowsSixteenRatchetStepsAtOnce) {
  const std::string salt = "LKFrameEncryptionKey";
  for (const Record &record : vectors::load({"livekit-keyschedule.json"})) {
    if (!record.key.passphrase() || record.key.key_size != 128)
      continue;
    for (const vectors::Step &step : record.steps)  // the chain here is the peer's
      ASSERT_EQ(stretched(record.key.bytes, salt, step.ratchets), step.key) << step.ratchets;
  }
  const std::string raw = "meeting-password";
  const Preparation prepared(preset_named("livekit_native"), raw);
  const auto decryptor = prepared.make("e2eedecrypt", kOpus);
  const Bytes sealed =
      sealed_by_hand(stretched(Bytes(raw.begin(), raw.end()), salt, 16), 0, kPlain, 1);
  std::optional<Bytes> opened;
  EXPECT_TRUE(wait_for([&] { return (opened = decryptor->pass(sealed)).has_value(); },
                       std::chrono::seconds(30)));
  EXPECT_EQ(opened, kPlain);
  EXPECT_EQ(decryptor->stat("generation"), 16U);
}

// ---- SFrame of others --------------------------------------------------------------------------

// A KID that says which key it is, as other implementations number them.
TEST(Preset, SframeOfOthers) {
  const KeyFile file("key", std::string(32, '\x5b'));
  const std::string provider = "shared,key-file=" + file.path() + ",key-index=7";
  Element encryptor("e2eeencrypt", provider);
  Element decryptor("e2eedecrypt", provider);
  for (Element *element : {&encryptor, &decryptor}) {
    element->set("scheme", "sframe");
    element->set("clear-header", "none");
  }
  encryptor.set("sframe-kid", "7");
  decryptor.set("sframe-kid-map", "plain");
  encryptor.start(kVp8);
  decryptor.start(kVp8);
  const Bytes plain = vp8_key(500);
  const std::optional<Bytes> sealed = encryptor.pass(plain);
  ASSERT_TRUE(sealed);
  EXPECT_EQ((*sealed)[0], 0x70) << "KID 7, counter 0, and nothing in front";
  EXPECT_EQ(decryptor.pass(*sealed), plain);
}

}  // namespace e2ee::test

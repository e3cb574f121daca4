/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Materials that are refused, fingerprints, rings, reasons, and who runs a key derivation.
#include <set>

#include "core/kdf.h"
#include "helpers.h"

namespace e2ee::test {

namespace {

Material raw_material(std::size_t size, unsigned bits = 0) {
  Material material;
  material.bytes = Secret(noise(size));
  material.key_bits = bits;
  return material;
}

std::vector<std::string> g_called;
void note_kdf(const char *kdf) {
  g_called.emplace_back(kdf);
}

class HookGuard {
 public:
  HookGuard() {
    g_called.clear();
    set_kdf_hook(note_kdf);
  }
  ~HookGuard() { set_kdf_hook(nullptr); }
  HookGuard(const HookGuard &) = delete;
  HookGuard &operator=(const HookGuard &) = delete;
};

std::size_t calls_of(const std::string &kdf) {
  return static_cast<std::size_t>(std::count(g_called.begin(), g_called.end(), kdf));
}

}  // namespace

TEST(DeriveKey, UnknownKeyBitsAreRefused) {
  for (unsigned bits : {1U, 8U, 64U, 127U, 129U, 160U, 192U, 255U, 257U, 384U, 512U, ~0U})
    EXPECT_EQ(derive_key(livekit(), raw_material(32, bits), ""), nullptr) << bits;
  EXPECT_EQ(derive_key(livekit(), raw_material(32, 0), "")->secret.view().size(), 16U);
  EXPECT_EQ(derive_key(livekit(), raw_material(32, 128), "")->secret.view().size(), 16U);
  EXPECT_EQ(derive_key(livekit(), raw_material(32, 256), "")->secret.view().size(), 32U);
}

TEST(DeriveKey, NothingIsNoMaterial) {
  Material material;
  EXPECT_EQ(derive_key(livekit(), material, ""), nullptr);
  material.passphrase = true;
  EXPECT_EQ(derive_key(livekit(), material, ""), nullptr);
}

// HKDF takes bytes of any length, so that any other is a key; each gives another one.
TEST(DeriveKey, RawBytesOfAnyLength) {
  std::set<Bytes> keys;
  const std::vector<std::size_t> sizes = {1, 15, 16, 17, 24, 31, 32, 33, 64, 100, 1000};
  for (std::size_t size : sizes) {
    const KeyRef key = derive_key(livekit(), raw_material(size), "");
    ASSERT_TRUE(key) << size;
    keys.insert(bytes_from(key->secret.view()));
  }
  EXPECT_EQ(keys.size(), sizes.size());
}

TEST(DeriveKey, SaltAndKdfMatter) {
  std::set<Bytes> keys;
  for (Kdf kdf : {Kdf::hkdf, Kdf::pbkdf2}) {
    for (const char *salt : {"", "LKFrameEncryptionKey", "other"}) {
      Material material = raw_material(32);
      material.kdf = kdf;
      material.salt = salt;
      keys.insert(bytes_from(derive_key(livekit(), material, "")->secret.view()));
    }
  }
  EXPECT_EQ(keys.size(), 6U);
  Material standard = raw_material(32);
  EXPECT_EQ(keys.count(bytes_from(derive_key(livekit(), standard, "")->secret.view())), 1U)
      << "bytes are for HKDF under LiveKit's salt";
  standard.kdf = Kdf::pbkdf2;
  const Bytes by_choice = bytes_from(derive_key(livekit(), standard, "")->secret.view());
  standard.kdf = Kdf::automatic;
  standard.passphrase = true;
  EXPECT_EQ(bytes_from(derive_key(livekit(), standard, "")->secret.view()), by_choice);
}

TEST(DeriveKey, LongerKeyBeginsWithTheShorter) {
  const KeyRef k128 = derive_key(livekit(), raw_material(32, 128), "");
  const KeyRef k256 = derive_key(livekit(), raw_material(32, 256), "");
  EXPECT_EQ(bytes_from(k128->secret.view()), bytes_from(k256->secret.view().first(16)));
  EXPECT_EQ(bytes_from(k128->next.view()), bytes_from(k256->next.view()));
}

TEST(KdfHook, IsToldOfEachDerivation) {
  Material passphrase = raw_material(8);
  passphrase.passphrase = true;
  const HookGuard guard;
  const KeyRef key = derive_key(livekit(), passphrase, "");
  EXPECT_EQ(calls_of("pbkdf2"), 1U);
  ratchet_key(livekit(), passphrase, *key, "");
  EXPECT_EQ(calls_of("pbkdf2"), 2U);
  g_called.clear();
  derive_key(livekit(), raw_material(32), "");
  EXPECT_EQ(calls_of("pbkdf2"), 0U);
  EXPECT_EQ(calls_of("hkdf"), 2U) << "the key, and its fingerprint";
}

TEST(KdfHook, R9_FramesDeriveNothing) {
  const KeyRef key = raw_key(7);
  const KeyRing ring = ring_of({key});
  const HookGuard guard;
  Sealer sealer(livekit());
  Opener opener(livekit());
  const Sealed sealed = seal(sealer, key, opus(), FrameType::delta, noise(50));
  open(opener, ring, opus(), sealed.frame, Place::apart);
  Bytes bad = sealed.frame;
  bad[5] ^= 1;
  open(opener, ring, opus(), bad, Place::apart);
  EXPECT_TRUE(g_called.empty());
  raw_key(7);
  EXPECT_FALSE(g_called.empty()) << "the hook was not set at all";
}

TEST(Fingerprint, TellsKeysIdsGenerationsAndPeopleApart) {
  std::set<std::string> seen;
  const Material material = raw_material(32);
  const KeyRef key = derive_key(livekit(), material, "alice");
  seen.insert(key->fingerprint);
  seen.insert(derive_key(livekit(), material, "bob")->fingerprint);
  seen.insert(derive_key(livekit(), material, "")->fingerprint);
  seen.insert(ratchet_key(livekit(), material, *key, "alice")->fingerprint);
  seen.insert(derive_key(livekit(), raw_material(31), "alice")->fingerprint);
  seen.insert(derive_key(livekit(), raw_material(32, 256), "alice")->fingerprint);
  Material other_id = raw_material(32);
  other_id.key_id = 1;
  seen.insert(derive_key(livekit(), other_id, "alice")->fingerprint);
  EXPECT_EQ(seen.size(), 7U);
  EXPECT_EQ(derive_key(livekit(), raw_material(32), "alice")->fingerprint, key->fingerprint);
}

TEST(Fingerprint, LooksAsPeopleReadIt) {
  const std::string text = raw_key(1)->fingerprint;
  ASSERT_EQ(text.size(), 24U);
  for (std::size_t i = 0; i < text.size(); ++i)
    EXPECT_EQ(text[i] == '-', i % 5 == 4) << text;
  EXPECT_EQ(text.find_first_not_of("0123456789abcdef-"), std::string::npos);
}

TEST(KeyRing, SlotsAreFoundInAnyOrder) {
  KeyRing ring;
  for (std::uint64_t id : {7, 0, 255, 3, 7})
    ring.slot(id).keys.push_back(raw_key(static_cast<std::uint8_t>(id), id));
  ASSERT_EQ(ring.slots.size(), 4U);
  for (std::uint64_t id : {0, 3, 7, 255}) {
    ASSERT_NE(ring.find(id), nullptr);
    EXPECT_EQ(ring.find(id)->id, id);
    EXPECT_EQ(ring.find(id)->keys.size(), id == 7 ? 2U : 1U);
  }
  EXPECT_EQ(ring.find(1), nullptr);
  EXPECT_EQ(ring.find(256), nullptr);
  ring.erase(3);
  EXPECT_EQ(ring.find(3), nullptr);
  EXPECT_NE(ring.find(7), nullptr);
  EXPECT_EQ(KeyRing().find(0), nullptr);
}

TEST(Codecs, NamesAndRefusals) {
  EXPECT_EQ(codec_for_media_type("video/x-vp8")->id, CodecId::vp8);
  EXPECT_EQ(codec_for_media_type("video/x-vp9")->id, CodecId::vp9);
  EXPECT_EQ(codec_for_media_type("audio/x-opus")->id, CodecId::opus);
  // AV1 goes as whole frames alone: its packetisers parse what would be ciphertext.
  const CodecRule *av1 = codec_for_media_type("video/x-av1");
  EXPECT_EQ(av1->id, CodecId::av1);
  for (const Scheme *scheme : schemes()) {
    EXPECT_EQ(scheme->rule_for(*av1), nullptr) << scheme->name;
    EXPECT_EQ(scheme->rule_for(whole_frames_of(*av1)) != nullptr, scheme->layout == Layout::sframe);
  }
  for (const char *name : {"", "video/x-vp", "video/x-vp8 ", "VIDEO/X-VP8", "video/x-unknown",
                           "audio/x-raw", "video/x-raw"})
    EXPECT_EQ(codec_for_media_type(name), nullptr) << name;
}

TEST(Reasons, EachHasNamesOfItsOwn) {
  EXPECT_EQ(names_of(Reason::ok).stat, nullptr);
  std::set<std::string> stats;
  for (std::size_t i = 1; i < kReasonCount; ++i) {
    const ReasonNames &names = names_of(static_cast<Reason>(i));
    ASSERT_NE(names.stat, nullptr);
    ASSERT_NE(names.state, nullptr);
    ASSERT_NE(names.text, nullptr);
    stats.insert(names.stat);
  }
  EXPECT_EQ(stats.size(), kReasonCount - 1);
}

}  // namespace e2ee::test

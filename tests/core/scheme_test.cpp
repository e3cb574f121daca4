/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What one scheme does unlike the others, and what none takes.
#include "helpers.h"

namespace e2ee::test {

namespace {

const Scheme &realtimekit() {
  return scheme_named("realtimekit");
}
const Scheme &jitsi() {
  return scheme_named("jitsi");
}

Material raw(std::uint64_t id = 0, unsigned bits = 0) {
  Material material;
  material.bytes = Secret(Bytes(32, 5));
  material.key_id = id;
  material.key_bits = bits;
  return material;
}

// Sealed with as many clear bytes as frames of the other type have: what a peer does whose encoder
// calls a layer of a key picture a key frame.
Bytes cut_as(const Scheme &scheme, const KeyRef &key, FrameType type, const Bytes &plain) {
  Sealer sealer(scheme);
  return seal(sealer, key, vp9(), type, plain, scheme).frame;
}

}  // namespace

TEST(Schemes, FixedRingsAndKeySizesRefuseOthers) {
  for (const Scheme *scheme : {&realtimekit(), &jitsi()}) {
    EXPECT_TRUE(derive_key(*scheme, raw(15, 128), ""));
    EXPECT_FALSE(derive_key(*scheme, raw(16), ""));
    EXPECT_FALSE(derive_key(*scheme, raw(0, 256), ""));
    EXPECT_NE(scheme->why_refused(raw(16)).find("0 to 15"), std::string::npos);
    EXPECT_NE(scheme->why_refused(raw(0, 256)).find("128"), std::string::npos);
    EXPECT_EQ(scheme->why_refused(raw(0, 128)), "");
  }
  EXPECT_TRUE(derive_key(livekit(), raw(255, 256), ""));
  EXPECT_FALSE(derive_key(livekit(), raw(256), ""));
}

TEST(Schemes, JitsiTakesNoPassphrase) {
  Material material = raw();
  material.passphrase = true;
  EXPECT_NE(jitsi().why_refused(material), "");
  EXPECT_FALSE(derive_key(jitsi(), material, ""));
  material.passphrase = false;
  material.kdf = Kdf::pbkdf2;
  EXPECT_FALSE(derive_key(jitsi(), material, ""));
}

TEST(Schemes, RatchetedMaterialStaysWithItsScheme) {
  Material material = raw();
  material.scheme = &sframe(4, false);
  EXPECT_TRUE(derive_key(sframe(3, true), material, "") == nullptr);
  EXPECT_TRUE(derive_key(sframe(4, true, false), material, ""));
  EXPECT_FALSE(derive_key(livekit(), material, ""));
}

TEST(Schemes, EachReadsNoneButItsOwn) {
  const Scheme *const schemes[] = {&livekit(), &realtimekit(), &jitsi(), &sframe(4), &sframe(1)};
  const Bytes plain = vp8_frame(FrameType::key, 100);
  for (const Scheme *from : schemes) {
    Sealer sealer(*from);
    const Bytes frame =
        seal(sealer, raw_key(1, 0, 0, *from), vp8(), FrameType::key, plain, *from).frame;
    for (const Scheme *to : schemes) {
      if (to == from)
        continue;
      Opener opener(*to);
      EXPECT_NE(
          open(opener, ring_of({raw_key(1, 0, 0, *to)}), vp8(), frame, Place::in_place).reason,
          Reason::ok)
          << from->name << " to " << to->name;
    }
  }
}

TEST(Vp9Clear, BothLengthsAreReadWhateverTheHeaderSays) {
  const Bytes key_frame = {0x82, 0x49, 0x83, 0x42, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  Bytes delta = key_frame;
  delta[0] = 0x86;
  for (const Scheme *scheme : {&realtimekit(), &jitsi()}) {
    const KeyRef key = raw_key(3, 0, 0, *scheme);
    for (const Bytes &plain : {key_frame, delta}) {
      for (FrameType type : {FrameType::key, FrameType::delta}) {
        expect_opens(ring_of({key}), vp9(), cut_as(*scheme, key, type, plain), plain, *scheme);
        // Also with a key that comes second.
        KeyRing ring;
        ring.slot(0).keys = {raw_key(4, 0, 0, *scheme), key};
        expect_opens(ring, vp9(), cut_as(*scheme, key, type, plain), plain, *scheme);
        ring.slot(0).keys = {raw_key(4, 0, 0, *scheme)};
        ring.slot(0).ahead = {raw_key(6, 0, 0, *scheme), key};
        expect_opens(ring, vp9(), cut_as(*scheme, key, type, plain), plain, *scheme);
        EXPECT_EQ(expect_refused(ring_of({raw_key(4, 0, 0, *scheme)}), vp9(),
                                 cut_as(*scheme, key, type, plain), plain, *scheme),
                  Reason::auth_failed);
      }
    }
  }
}

// Between 3 and 9 bytes in front of the tag there is one way to read a frame.
TEST(Vp9Clear, ShortFrames) {
  const KeyRef key = raw_key(3, 0, 0, jitsi());
  for (std::size_t size = 3; size < 14; ++size) {
    Bytes plain = noise(size);
    plain[0] = 0x86;
    expect_opens(ring_of({key}), vp9(), cut_as(jitsi(), key, FrameType::delta, plain), plain,
                 jitsi());
    plain[0] = 0x82;  // claims to be a key frame
    expect_opens(ring_of({key}), vp9(), cut_as(jitsi(), key, FrameType::delta, plain), plain,
                 jitsi());
  }
  Sealer sealer(jitsi());
  EXPECT_EQ(seal(sealer, key, vp9(), FrameType::delta, noise(2), jitsi()).reason,
            Reason::malformed);
}

}  // namespace e2ee::test

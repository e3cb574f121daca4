/* SPDX-License-Identifier: LGPL-2.1-or-later */
// allow-plaintext: frames in the clear from senders that do not encrypt yet, until they do.
#include "holding.h"
#include "support/element.h"

namespace e2ee::test {
namespace {

class Plaintext : public testing::Test {
 protected:
  static void allow(Element &decryptor) {
    g_object_set(decryptor.get(), "allow-plaintext", TRUE, nullptr);
    decryptor.start(kVp8);
  }
  // Whether the frame passes, as it was, marked and counted.
  static bool passes(Element &decryptor, unsigned seed) {
    const Bytes frame = vp8_delta(80, seed);
    const guint64 counted = decryptor.stat("passed-plaintext");
    const guint64 dropped = decryptor.stat("dropped-plaintext");
    EXPECT_EQ(decryptor.push(frame), GST_FLOW_OK);
    const Buffer out = decryptor.pull();
    EXPECT_EQ(decryptor.stat("passed-plaintext"), counted + (out ? 1 : 0));
    EXPECT_EQ(decryptor.stat("dropped-plaintext"), dropped + (out ? 0 : 1));
    if (!out)
      return false;
    EXPECT_EQ(bytes_of(out.get()), frame);
    EXPECT_TRUE(gst_e2ee_buffer_is_unprotected(out.get()));
    return true;
  }

  static constexpr guint8 kFill = 0x15;
  const Provider sender_ = raw_provider(kFill);
  const Provider receiver_ = empty_provider();
};

}  // namespace

TEST_F(Plaintext, R6_PassesMarkedUntilAKeyIsSet) {
  Element decryptor("e2eedecrypt", receiver_);
  allow(decryptor);
  EXPECT_TRUE(passes(decryptor, 1));
  EXPECT_TRUE(passes(decryptor, 2));
  EXPECT_NE(decryptor.bus().find("plaintext"), nullptr);
  set_raw(receiver_, kFill, 0);
  EXPECT_FALSE(passes(decryptor, 3));
}

TEST_F(Plaintext, R6_TheProviderRemembersNotTheElement) {
  {
    Element decryptor("e2eedecrypt", receiver_);
    allow(decryptor);
    EXPECT_TRUE(passes(decryptor, 1));
    set_raw(receiver_, kFill, 0);
    EXPECT_FALSE(passes(decryptor, 2));
  }
  Element again("e2eedecrypt", receiver_);
  allow(again);
  EXPECT_FALSE(passes(again, 3));
}

// An attacker who could have keys removed would otherwise have encryption switched off.
TEST_F(Plaintext, R6_StaysForbiddenWhenTheKeyIsGone) {
  Element decryptor("e2eedecrypt", receiver_);
  allow(decryptor);
  set_raw(receiver_, kFill, 0);
  EXPECT_TRUE(gst_e2ee_shared_key_provider_remove_key(shared(receiver_), 0, nullptr));
  EXPECT_FALSE(passes(decryptor, 1));
  Element again("e2eedecrypt", receiver_);
  allow(again);
  EXPECT_FALSE(passes(again, 2));
}

TEST_F(Plaintext, R6_IsForbiddenFromTheStartWithAKey) {
  Element decryptor("e2eedecrypt", sender_);
  allow(decryptor);
  EXPECT_FALSE(passes(decryptor, 1));
}

TEST_F(Plaintext, R6_ForbiddenByAKeyInAnotherElement) {
  Element first("e2eedecrypt", receiver_);
  Element second("e2eedecrypt", receiver_);
  allow(first);
  allow(second);
  EXPECT_TRUE(passes(second, 1));
  set_raw(receiver_, kFill, 0);
  EXPECT_TRUE(first.pass(seal(sender_, kVp8, vp8_delta(60, 5))));
  EXPECT_FALSE(passes(second, 2));
}

// A frame that was encrypted is never taken for one in the clear, key or no key.
TEST_F(Plaintext, R6_CiphertextDoesNotPassForPlaintext) {
  Element decryptor("e2eedecrypt", receiver_);
  allow(decryptor);
  const Bytes sealed = seal(sender_, kVp8, vp8_key(300));
  EXPECT_FALSE(decryptor.pass(sealed));
  EXPECT_EQ(decryptor.stat("dropped-missing-key"), 1U);
  EXPECT_EQ(decryptor.stat("passed-plaintext"), 0U);
}

TEST_F(Plaintext, R6_NotAllowedByDefault) {
  Element decryptor("e2eedecrypt", receiver_);
  decryptor.start(kVp8);
  EXPECT_FALSE(decryptor.pass(vp8_delta(80, 1)));
  EXPECT_EQ(decryptor.stat("dropped-malformed"), 1U);
  EXPECT_EQ(decryptor.stat("passed-plaintext"), 0U);
}

// A call that begins in the clear and turns encryption on in the middle, over RTP.
TEST(PlaintextCall, R6_EncryptionBeginsInTheMiddle) {
  const Provider sender = raw_provider(0x16);
  const Provider receiver = empty_provider();
  Pipeline pipeline(
      "videotestsrc num-buffers=60 ! video/x-raw, width=64, height=64, framerate=30/1 ! vp8enc "
      "name=encoder deadline=1 keyframe-max-dist=10 ! e2eeencrypt name=encrypt enabled=false ! "
      "rtpvp8pay ! rtpvp8depay ! e2eedecrypt name=decrypt allow-plaintext=true ! fakesink "
      "sync=false",
      nullptr);
  g_object_set(pipeline.get("encrypt"), "key-provider", sender.get(), nullptr);
  g_object_set(pipeline.get("decrypt"), "key-provider", receiver.get(), nullptr);
  const Tap &plain = pipeline.tap("encoder");
  const Tap &opened = pipeline.tap("decrypt");
  struct Switch {
    Provider receiver;
    GstElement *encrypt;
    unsigned frame = 0;
  } turn{receiver, pipeline.get("encrypt")};
  GstPad *pad = gst_element_get_static_pad(pipeline.get("encoder"), "src");
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *, gpointer data) {
        auto *at = static_cast<Switch *>(data);
        if (at->frame++ == 30) {
          set_raw(at->receiver, 0x16, 0);
          g_object_set(at->encrypt, "enabled", TRUE, nullptr);
        }
        return GST_PAD_PROBE_OK;
      },
      &turn, nullptr);
  gst_object_unref(pad);
  ASSERT_TRUE(pipeline.run());
  expect_equal(opened.contents(), plain.contents());
  const std::vector<Frame> frames = opened.frames();
  for (std::size_t i = 0; i < frames.size(); ++i)
    EXPECT_EQ(frames[i].unprotected, i < 30) << "frame " << i;
  EXPECT_EQ(pipeline.stat("encrypt", "passed-plaintext"), 30U);
  EXPECT_EQ(pipeline.stat("decrypt", "passed-plaintext"), 30U);
}

}  // namespace e2ee::test

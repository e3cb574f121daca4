/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Warnings on the bus for frames that are dropped until the user mends something.
#include "badframes.h"
#include "support/element.h"
#include "support/nalunits.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

class Warnings : public BadFrames {
 protected:
  void start() { decryptor.start(kVp8); }
  std::vector<std::string> warnings() { return decryptor.bus().warnings; }

  // One warning, which says all of these.
  void expect_warning(std::initializer_list<const char *> parts) {
    const std::vector<std::string> told = warnings();
    ASSERT_EQ(told.size(), 1U);
    for (const char *part : parts)
      EXPECT_NE(told[0].find(part), std::string::npos) << part << " in " << told[0];
  }
  void expect_none() {
    for (const std::string &warning : warnings())
      ADD_FAILURE() << warning;
  }
};

TEST_F(Warnings, OneForEachReasonHoweverManyFrames) {
  start();
  const std::pair<Bytes, std::vector<const char *>> reasons[] = {
      {forged, {"key 0", "do not verify", "passphrase"}},
      {unknown_key, {"key 9", "no key", "key-wait"}},
      {plain, {"not encrypted", "scheme"}}};
  for (const auto &[frame, parts] : reasons) {
    for (int i = 0; i < 50; ++i)
      bad(frame);
    const std::vector<std::string> told = warnings();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].find("alice"), std::string::npos) << told[0];
    for (const char *part : parts)
      EXPECT_NE(told[0].find(part), std::string::npos) << part << " in " << told[0];
  }
  for (const Bytes &frame : {forged, unknown_key, plain})
    bad(frame);
  expect_none();
}

TEST_F(Warnings, NameTheParticipant) {
  g_object_set(decryptor.get(), "participant", "alice", nullptr);
  start();
  bad(forged);
  expect_warning({"alice", "key 0"});
}

TEST_F(Warnings, NoneWhileFramesPass) {
  start();
  for (int i = 0; i < 20; ++i)
    good();
  expect_none();
}

TEST_F(Warnings, R10_ForgedFramesBetweenGoodOnesAreNoFlood) {
  start();
  for (int i = 0; i < 1000; ++i) {
    good();
    bad(forged);
    bad(unknown_key);
  }
  EXPECT_EQ(warnings().size(), 2U);
}

TEST_F(Warnings, EachRunBeginsAnew) {
  start();
  bad(forged);
  gst_element_set_state(decryptor.get(), GST_STATE_READY);
  gst_element_set_state(decryptor.get(), GST_STATE_PLAYING);
  decryptor.bus();
  gst_harness_push_event(decryptor.harness(), gst_event_new_stream_start("again"));
  decryptor.set_caps(kVp8);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(decryptor.harness(), gst_event_new_segment(&segment));
  bad(forged);
  EXPECT_EQ(warnings().size(), 1U);
}

// ---- the end of a stream ------------------------------------------------------------------------

TEST_F(Warnings, AStreamOfWhichNothingCameThroughEndsWithOne) {
  start();
  for (int i = 0; i < 20; ++i)
    bad(forged);
  bad(plain);
  EXPECT_EQ(warnings().size(), 2U);
  gst_harness_push_event(decryptor.harness(), gst_event_new_eos());
  expect_warning({"No frame", "20 decryption-failed", "1 malformed"});
}

TEST_F(Warnings, AStreamOfWhichSomethingCameThroughEndsWithNone) {
  start();
  bad(forged);
  good();
  warnings();
  gst_harness_push_event(decryptor.harness(), gst_event_new_eos());
  expect_none();
}

// Each stream is told of by itself, whether the one before had an end or not.
TEST_F(Warnings, AStreamThatFollowsAnotherIsCountedAnew) {
  start();
  const auto begin = [&](const char *stream) {
    gst_harness_push_event(decryptor.harness(), gst_event_new_stream_start(stream));
    decryptor.set_caps(kVp8);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(decryptor.harness(), gst_event_new_segment(&segment));
  };
  good();
  bad(forged);
  begin("second");
  bad(plain);
  warnings();
  gst_harness_push_event(decryptor.harness(), gst_event_new_eos());
  expect_warning({"No frame", "(1 malformed)"});
}

TEST_F(Warnings, WhatWasBeforeAFlushIsNoPartOfWhatEnds) {
  start();
  bad(forged);
  warnings();
  gst_harness_push_event(decryptor.harness(), gst_event_new_flush_start());
  gst_harness_push_event(decryptor.harness(), gst_event_new_flush_stop(TRUE));
  gst_harness_push_event(decryptor.harness(), gst_event_new_eos());
  expect_none();
}

TEST_F(Warnings, FramesOfTheServerAreNoneOfTheStream) {
  g_object_set(decryptor.get(), "server-trailer", "00112233445566", nullptr);
  decryptor.set("server-frames", "pass");
  start();
  bad(forged);
  warnings();
  Bytes frame = plain;
  for (guint8 byte : {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66})
    frame.push_back(byte);
  ASSERT_EQ(decryptor.pass(frame), plain);
  gst_harness_push_event(decryptor.harness(), gst_event_new_eos());
  expect_warning({"No frame", "(1 decryption-failed)"});
}

TEST_F(Warnings, AnEmptyStreamEndsWithNone) {
  start();
  EXPECT_EQ(decryptor.push(buffer_of({})), GST_FLOW_OK);
  gst_harness_push_event(decryptor.harness(), gst_event_new_eos());
  expect_none();
}

// ---- what is not for the user to mend -----------------------------------------------------------

TEST_F(Warnings, NoneForReplayedFrames) {
  g_object_set(decryptor.get(), "replay-window", 64, nullptr);
  start();
  good();
  bad(sealed);
  EXPECT_EQ(decryptor.stat("dropped-replayed"), 1U);
  expect_none();
}

TEST_F(Warnings, NoneForFramesOfTheServer) {
  g_object_set(decryptor.get(), "server-trailer", "00112233445566", nullptr);
  start();
  Bytes frame = plain;
  for (guint8 byte : {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66})
    frame.push_back(byte);
  bad(frame);
  EXPECT_EQ(decryptor.stat("server-frames"), 1U);
  gst_harness_push_event(decryptor.harness(), gst_event_new_eos());
  expect_none();
}

TEST_F(Warnings, NoneForFramesInTheClearThatMayPass) {
  const Provider none = empty_provider();
  Element element("e2eedecrypt", none);
  g_object_set(element.get(), "allow-plaintext", TRUE, nullptr);
  element.start(kVp8);
  EXPECT_EQ(element.pass(plain), plain);
  EXPECT_TRUE(element.bus().warnings.empty());
  set_raw(none, 0x55, 0);
  EXPECT_EQ(element.pass(plain), std::nullopt);
  const BusLog log = element.bus();
  ASSERT_EQ(log.warnings.size(), 1U) << "from now on they may not";
  EXPECT_NE(log.warnings[0].find("in the clear"), std::string::npos) << log.warnings[0];
}

// ---- other ways to lose frames ------------------------------------------------------------------

// The second frame is one too many for what may be held, and so the first is given up.
TEST_F(Warnings, HeldFramesWarnWhenTheyAreGivenUp) {
  constexpr guint kRoomForOne = 1600;  // with the memory that it takes to hold it
  g_object_set(decryptor.get(), "key-wait", guint64{600 * GST_SECOND}, "key-wait-bytes",
               kRoomForOne, nullptr);
  start();
  ASSERT_EQ(decryptor.push(unknown_key), GST_FLOW_OK);
  expect_none();
  ASSERT_EQ(decryptor.push(unknown_key), GST_FLOW_OK);
  ASSERT_TRUE(wait_for([&] { return decryptor.stat("dropped-held") == 1; }));
  std::vector<std::string> told;
  ASSERT_TRUE(wait_for([&] { return !(told = warnings()).empty(); }));
  EXPECT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("key 9"), std::string::npos) << told[0];
  EXPECT_NE(told[0].find("key-wait"), std::string::npos) << told[0];
}

// With the KID of another map the key is there all the same: what is wrong may be the map.
TEST_F(Warnings, AKidThatNamesNoKey) {
  Element encryptor("e2eeencrypt", provider);
  encryptor.set("scheme", "sframe");
  encryptor.set("sframe-kid", "1");
  encryptor.start(kVp8);
  const auto frame = encryptor.pass(plain);
  ASSERT_TRUE(frame);
  decryptor.set("scheme", "sframe");
  start();
  bad(*frame);
  expect_warning({"no key", "sframe-kid-map"});
}

TEST_F(Warnings, AnEncryptorWithoutAKey) {
  const Provider later = empty_provider();
  Element encryptor("e2eeencrypt", later);
  encryptor.start(kVp8);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(encryptor.pass(plain), std::nullopt);
  BusLog log = encryptor.bus();
  ASSERT_EQ(log.warnings.size(), 1U);
  EXPECT_NE(log.warnings[0].find("no current key"), std::string::npos) << log.warnings[0];
  gst_harness_push_event(encryptor.harness(), gst_event_new_eos());
  log = encryptor.bus();
  ASSERT_EQ(log.warnings.size(), 1U);
  EXPECT_NE(log.warnings[0].find("encrypted"), std::string::npos) << log.warnings[0];
}

TEST_F(Warnings, AnEncryptorOfFramesThatAreNone) {
  Element encryptor("e2eeencrypt", provider);
  encryptor.start(kVp8);
  EXPECT_EQ(encryptor.pass(vp8_key(5)), std::nullopt);
  EXPECT_EQ(encryptor.bus().warnings.size(), 1U);
  Element nal("e2eeencrypt", provider);
  nal.start(kH264);
  EXPECT_EQ(nal.pass({0, 0, 0, 1, 0x42, 1, 2, 3}), std::nullopt) << "data partitioning";
  BusLog log = nal.bus();
  ASSERT_EQ(log.warnings.size(), 1U);
  EXPECT_NE(log.warnings[0].find("hold no slice"), std::string::npos) << log.warnings[0];
}

// Delimiters, filler and ends: no decoder misses them.
TEST_F(Warnings, NoneForABufferOfMarks) {
  const std::pair<const char *, std::vector<Bytes>> codecs[] = {
      {kH264, {{0x09, 0x10}, {0x0a}, {0x0b}, {0x0c, 0xff, 0x80}}},
      {kH265, {{0x46, 0x01, 0x50}, {0x48, 0x01}, {0x4a, 0x01}, {0x4c, 0x01, 0xff, 0x80}}}};
  for (const auto &[caps, units] : codecs) {
    Element encryptor("e2eeencrypt", provider);
    encryptor.start(caps);
    for (const Bytes &unit : units)
      EXPECT_EQ(encryptor.pass(nal::stream_of({unit})), std::nullopt);
    EXPECT_EQ(encryptor.stat("frames-in"), 0U);
    const BusLog log = encryptor.bus();
    EXPECT_TRUE(log.warnings.empty());
    EXPECT_TRUE(log.states.empty());
  }
}

}  // namespace
}  // namespace e2ee::test

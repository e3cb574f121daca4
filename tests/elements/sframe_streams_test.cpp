/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Keys for each SSRC and KIDs that are not drawn, in the elements: who may use which.
#include "sframe_session.h"
#include "support/frame_cryptor.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

using namespace session;

}  // namespace

// ---- streams ------------------------------------------------------------------------------------

TEST(SframeRtpStreams, KeysForEachSsrc) {
  const Provider provider = raw_provider(0x4b, 1);
  const auto video = sender_of(provider, kVp8, {{"sframe-ssrc", "4000000000"}});
  const auto audio = sender_of(provider, kOpus, {{"sframe-ssrc", "7"}, {"sframe-suite", "8"}});
  const Bytes picture = vp8_key(100);
  const Bytes sealed = video->pass(picture).value();
  const Bytes sound = audio->pass(kPlain).value();
  EXPECT_EQ(part(sealed, 0, 3), part(sound, 0, 3)) << "one KID, each counts from 0";
  const std::string with_ssrc = std::string(kVp8) + ", ssrc=(uint)4000000000";
  const auto from_caps = receiver_of(provider, with_ssrc, {{"sframe-per-ssrc", "true"}});
  EXPECT_EQ(from_caps->pass(sealed), picture);
  EXPECT_EQ(receiver_of(provider, kVp8, {{"sframe-ssrc", "4000000000"}})->pass(sealed), picture);
  EXPECT_EQ(receiver_of(provider, kVp8, {{"sframe-ssrc", "7"}})->pass(sealed), std::nullopt);
  EXPECT_EQ(receiver_of(provider, kVp8)->pass(sealed), std::nullopt);
  // The caps of another stream bring another key.
  from_caps->set_caps(marked(std::string(kVp8) + ", ssrc=(uint)9").c_str());
  EXPECT_EQ(from_caps->pass(sealed), std::nullopt);
  from_caps->set_caps(marked(with_ssrc).c_str());
  EXPECT_EQ(from_caps->pass(sealed), picture);
  FrameCryptor cryptor(provider, {{"scheme", "sframe"},
                                  {"sframe-suite", "8"},
                                  {"sframe-ratchet-bits", "8"},
                                  {"sframe-per-ssrc", "true"}});
  EXPECT_FALSE(cryptor.set_caps(marked(kOpus).c_str()));
  EXPECT_TRUE(cryptor.error.is(GST_E2EE_ERROR_INVALID_OPTION)) << cryptor.error.text();
  cryptor.start((marked(kOpus) + ", ssrc=(uint)7").c_str());
  EXPECT_EQ(cryptor.decrypt(sound), kPlain) << cryptor.error.text();
}

TEST(SframeRtpStreams, WhatCannotWorkIsRefusedAtTheStart) {
  const struct {
    const char *factory;
    Settings settings;
    const char *says;
  } refused[] = {
      {"e2eeencrypt", {{"sframe-per-ssrc", "true"}}, "sframe-ssrc"},
      {"e2eeencrypt", {{"sframe-ratchet-bits", "2"}}, "3 to 32"},
      {"e2eedecrypt", {{"sframe-ratchet-bits", "1"}}, "3 to 32"},
      {"e2eeencrypt", {{"sframe-kid", "257"}}, "lowest 8 bits"},
  };
  for (const auto &each : refused) {
    const auto element = make(each.factory, raw_provider(0x4c, 1), each.settings);
    EXPECT_EQ(gst_element_set_state(element->get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
    const BusLog log = element->bus();
    ASSERT_EQ(log.errors.size(), 1U);
    EXPECT_NE(log.errors[0].find(each.says), std::string::npos) << log.errors[0];
  }
  const auto element = make("e2eedecrypt", raw_provider(0x4c, 1), {{"sframe-per-ssrc", "true"}});
  element->start(nullptr);
  gst_harness_push_event(element->harness(), gst_event_new_stream_start("refused"));
  EXPECT_FALSE(element->send_caps(marked(kOpus).c_str()));
  const BusLog log = element->bus();
  ASSERT_EQ(log.errors.size(), 1U);
  EXPECT_NE(log.errors[0].find("SSRC"), std::string::npos) << log.errors[0];
}

// What a payloader sends when its SSRC collided. The next frame has the key of the new one.
TEST(SframeRtpStreams, R3_ACollisionChangesTheKeyBeforeTheNextFrame) {
  const Provider provider = raw_provider(0x4d, 1);
  const auto sender = sender_of(provider, kOpus, {{"sframe-ssrc", "1"}});
  const auto receiver = [&](const char *ssrc) {
    return receiver_of(provider, kOpus, {{"sframe-ssrc", ssrc}});
  };
  EXPECT_EQ(receiver("1")->pass(sender->pass(kPlain).value()), kPlain);
  gst_harness_push_upstream_event(
      sender->harness(),
      gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                           gst_structure_new("e2ee-ssrc", "ssrc", G_TYPE_UINT, 2U, nullptr)));
  const Bytes sealed = sender->pass(kPlain).value();
  EXPECT_EQ(receiver("2")->pass(sealed), kPlain);
  EXPECT_EQ(receiver("1")->pass(sealed), std::nullopt);
  GstEvent *event = nullptr;
  while ((event = gst_harness_try_pull_upstream_event(sender->harness())) != nullptr) {
    EXPECT_FALSE(gst_event_has_name(event, "e2ee-ssrc")) << "nobody else needs it";
    gst_event_unref(event);
  }
  // Started anew, the payloader has the SSRC that was set.
  gst_element_set_state(sender->get(), GST_STATE_READY);
  gst_element_set_state(sender->get(), GST_STATE_PLAYING);
  sender->set_caps(kOpus);
  EXPECT_EQ(receiver("1")->pass(sender->pass(kPlain).value()), kPlain);
}

TEST(SframeRtpStreams, R3_TwoOfOneKeyKidAndSsrcAreRefused) {
  const Settings settings = {{"sframe-ssrc", "5"}, {"sframe-kid", "256"}};
  const auto first = sender_of(raw_provider(0x4e, 1), kOpus, settings);
  ASSERT_TRUE(first->pass(kPlain));
  const auto second = sender_of(raw_provider(0x4e, 1), kOpus, settings);  // another provider
  EXPECT_FALSE(second->pass(kPlain));
  EXPECT_EQ(second->stat("dropped-stream"), 1U);
  const BusLog log = second->bus();
  ASSERT_EQ(log.warnings.size(), 1U);
  EXPECT_NE(log.warnings[0].find("SSRC of its own"), std::string::npos) << log.warnings[0];
  gst_element_set_state(first->get(), GST_STATE_NULL);
  const std::optional<Bytes> later = second->pass(kPlain);
  ASSERT_TRUE(later) << "the first one is gone";
  EXPECT_EQ((*later)[0], 0x91) << "and its counter is not";
}

// ---- keys that are there again after each start -------------------------------------------------

TEST(SframeRtpStreams, R3_AFixedKidWithAKeyFromTextWarnsOnce) {
  const Provider provider = parsed("shared,passphrase=fixed-kid,key-index=1");
  const auto warnings_of = [&](const Settings &settings) {
    const auto element = sender_of(provider, kOpus, settings);
    EXPECT_TRUE(element->pass(kPlain));
    std::size_t count = 0;
    for (const std::string &warning : element->bus().warnings)
      count += warning.find("counts from 0 again") != std::string::npos ? 1 : 0;
    return count;
  };
  EXPECT_EQ(warnings_of({{"sframe-kid", "768"}}), 1U);
  EXPECT_EQ(warnings_of({{"sframe-kid", "768"}}), 0U);
  EXPECT_EQ(warnings_of({}), 0U) << "the key id is no drawn KID either, but it was said";
  // Neither a drawn KID nor a key that the application drew is anything to warn of.
  Element drawn("e2eeencrypt", std::string("shared,passphrase=drawn-kid"));
  drawn.set("scheme", "sframe").start(kOpus);
  for (const std::string &warning : drawn.bus().warnings)
    EXPECT_EQ(warning.find("counts from 0"), std::string::npos) << warning;
  EXPECT_TRUE(sender_of(raw_provider(0x4f, 1), kOpus)->bus().warnings.empty());
}

// ---- ratchet ------------------------------------------------------------------------------------

namespace {

// A base key as key 1, for a session whose receivers look ahead.
Provider session_keys(guint8 fill) {
  const Provider provider = empty_provider();
  g_object_set(provider.get(), "ratchet-window", 40, "exportable", TRUE, nullptr);
  set_raw(provider, fill, 1);
  return provider;
}

void step(const Provider &provider, unsigned times = 1) {
  for (; times > 0; --times)
    ASSERT_TRUE(gst_e2ee_shared_key_provider_ratchet(shared(provider), 1, nullptr));
}

}  // namespace

// One base key and one step for all streams of a sender; each ratchets a key of its own, and the
// number in the KID begins anew behind its last one.
TEST(SframeRatchet, StreamsStepTogetherSkipAndWrap) {
  const Provider theirs = session_keys(0x51);
  const Provider ours = session_keys(0x51);
  const Settings video = {{"sframe-ssrc", "11"}, {"sframe-ratchet-bits", "3"}};
  const Settings audio = {
      {"sframe-ssrc", "12"}, {"sframe-ratchet-bits", "3"}, {"sframe-suite", "8"}};
  const auto video_out = sender_of(theirs, kVp8, video);
  const auto audio_out = sender_of(theirs, kOpus, audio);
  const auto video_in = receiver_of(ours, kVp8, video);
  const auto audio_in = receiver_of(ours, kOpus, audio);
  const Bytes picture = vp8_key(90);
  guint generation = 0;
  for (unsigned steps : {0U, 1U, 1U, 5U, 7U, 2U, 3U}) {
    step(theirs, steps);
    generation += steps;
    const Bytes sealed = video_out->pass(picture).value();
    EXPECT_EQ(sealed[1], 8 + generation % 8) << "key 1, and three bits";
    EXPECT_TRUE(wait_for([&] { return video_in->pass(sealed) == picture; })) << generation;
    const Bytes sound = audio_out->pass(kPlain).value();
    EXPECT_TRUE(wait_for([&] { return audio_in->pass(sound) == kPlain; })) << generation;
    EXPECT_EQ(video_in->stat("generation"), generation);
  }
}

// A stream that begins late has the base key and the steps that were taken.
TEST(SframeRatchet, AStreamThatBeginsLaterIsWhereTheOthersAre) {
  const Provider theirs = session_keys(0x52);
  const Provider ours = session_keys(0x52);
  auto first = sender_of(theirs, kOpus, {{"sframe-ssrc", "21"}});
  auto first_in = receiver_of(ours, kOpus, {{"sframe-ssrc", "21"}});
  step(theirs, 30);
  EXPECT_TRUE(wait_for([&] { return first_in->pass(first->pass(kPlain).value()) == kPlain; }));
  gst_e2ee_key_provider_sync(ours.get());
  // Nothing but the provider remembers now.
  first.reset();
  first_in.reset();
  const auto second = sender_of(theirs, kOpus, {{"sframe-ssrc", "22"}});
  const Bytes sealed = second->pass(kPlain).value();
  EXPECT_EQ(part(sealed, 0, 3), (Bytes{0x90, 1, 30}));
  EXPECT_EQ(receiver_of(ours, kOpus, {{"sframe-ssrc", "22"}})->pass(sealed), kPlain);
  // Who has only the base key finds the step in the KID.
  const auto late = receiver_of(session_keys(0x52), kOpus, {{"sframe-ssrc", "22"}});
  EXPECT_TRUE(wait_for([&] { return late->pass(second->pass(kPlain).value()) == kPlain; }));
}

TEST(SframeRatchet, AWithdrawnBaseKeyOpensNothing) {
  const Provider provider = session_keys(0x53);
  const auto sender = sender_of(provider, kOpus, {{"sframe-ssrc", "31"}});
  const auto receiver = receiver_of(provider, kOpus, {{"sframe-ssrc", "31"}});
  const Bytes sealed = sender->pass(kPlain).value();
  EXPECT_EQ(receiver->pass(sealed), kPlain);
  ASSERT_TRUE(gst_e2ee_shared_key_provider_remove_key(shared(provider), 1, nullptr));
  EXPECT_EQ(receiver->pass(sealed), std::nullopt);
  EXPECT_EQ(sender->pass(kPlain), std::nullopt);
  set_raw(provider, 0x53, 1);
  EXPECT_EQ(receiver->pass(sealed), kPlain);
}

}  // namespace e2ee::test

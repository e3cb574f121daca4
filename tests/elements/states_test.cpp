/* SPDX-License-Identifier: LGPL-2.1-or-later */
// State changes, events, caps and properties.
#include "support/element.h"

namespace e2ee::test {
namespace {

const char *const kFactories[] = {"e2eeencrypt", "e2eedecrypt"};

class States : public testing::TestWithParam<const char *> {};

INSTANTIATE_TEST_SUITE_P(Elements, States, testing::ValuesIn(kFactories),
                         [](const auto &test) { return std::string(test.param); });

TEST_P(States, AThousandCycles) {
  const Provider provider = raw_provider(0x61);
  Element element(GetParam(), provider);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(gst_element_set_state(element.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS)
        << i;
    ASSERT_EQ(gst_element_set_state(element.get(), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS) << i;
  }
  const Bytes plain = vp8_key(100);
  element.start(kVp8);
  EXPECT_TRUE(element.pass(seal(provider, kVp8, plain)).has_value());
}

TEST_P(States, PausesAndPlaysWithFramesBetween) {
  const Provider provider = raw_provider(0x62);
  const Bytes sealed = seal(provider, kVp8, vp8_key(100));
  Element element(GetParam(), provider);
  element.start(kVp8);
  for (int i = 0; i < 50; ++i) {
    gst_element_set_state(element.get(), i % 2 ? GST_STATE_READY : GST_STATE_PAUSED);
    gst_element_set_state(element.get(), GST_STATE_PLAYING);
    GstHarness *harness = element.harness();
    gst_harness_push_event(harness, gst_event_new_stream_start("again"));
    element.set_caps(kVp8);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(harness, gst_event_new_segment(&segment));
    ASSERT_TRUE(element.pass(sealed).has_value()) << i;
  }
}

TEST_P(States, FlushLosesNothingAfterwards) {
  const Provider provider = raw_provider(0x63);
  const Bytes sealed = seal(provider, kVp8, vp8_key(100));
  Element element(GetParam(), provider);
  element.start(kVp8);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(gst_harness_push_event(element.harness(), gst_event_new_flush_start()));
    EXPECT_EQ(element.push(sealed), GST_FLOW_FLUSHING);
    ASSERT_TRUE(gst_harness_push_event(element.harness(), gst_event_new_flush_stop(TRUE)));
    ASSERT_TRUE(gst_harness_push_event(element.harness(), gst_event_new_segment(&segment)));
    ASSERT_TRUE(element.pass(sealed).has_value()) << i;
  }
  EXPECT_EQ(element.dropped(), 0U);
}

TEST_P(States, EosComesThroughBehindTheFrames) {
  const Provider provider = raw_provider(0x64);
  Element element(GetParam(), provider);
  element.start(kOpus);
  while (GstEvent *event = gst_harness_try_pull_event(element.harness()))
    gst_event_unref(event);
  ASSERT_EQ(element.push(seal(provider, kOpus, noise(50, 1))), GST_FLOW_OK);
  ASSERT_TRUE(gst_harness_push_event(element.harness(), gst_event_new_eos()));
  EXPECT_EQ(gst_harness_buffers_in_queue(element.harness()), 1U);
  GstEvent *event = gst_harness_try_pull_event(element.harness());
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(GST_EVENT_TYPE(event), GST_EVENT_EOS);
  gst_event_unref(event);
  EXPECT_EQ(element.push(noise(50, 1)), GST_FLOW_EOS);
}

TEST_P(States, FlowReturnsGoUpstream) {
  const Provider provider = raw_provider(0x65);
  const Bytes sealed = seal(provider, kOpus, noise(50, 1));
  Element element(GetParam(), provider);
  element.start(kOpus);
  gst_harness_set_drop_buffers(element.harness(), TRUE);
  EXPECT_EQ(element.push(sealed), GST_FLOW_OK);
  GST_PAD_SET_FLUSHING(element.harness()->sinkpad);
  EXPECT_EQ(element.push(sealed), GST_FLOW_FLUSHING);
}

TEST(Caps, ChangeInMidStream) {
  const Provider provider = raw_provider(0x66);
  Element encryptor("e2eeencrypt", provider);
  Element decryptor("e2eedecrypt", provider);
  encryptor.start(nullptr);
  decryptor.start(nullptr);
  const std::pair<const char *, Bytes> streams[] = {
      {kVp8, vp8_key(90)}, {kVp9, noise(90, 2)}, {kOpus, noise(90, 3)}, {kVp8, vp8_key(90)}};
  for (const auto &[caps, plain] : streams) {
    encryptor.set_caps(caps);
    decryptor.set_caps(caps);
    const std::optional<Bytes> sealed = encryptor.pass(plain);
    ASSERT_TRUE(sealed.has_value()) << caps;
    EXPECT_EQ(decryptor.pass(*sealed), plain) << caps;
  }
}

TEST_P(States, FramesBeforeAnyCapsAreDropped) {
  Element element(GetParam(), raw_provider(0x67));
  element.start(nullptr);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(element.harness(), gst_event_new_stream_start("no-caps"));
  gst_harness_push_event(element.harness(), gst_event_new_segment(&segment));
  element.push(vp8_key(50));
  EXPECT_FALSE(element.pull());
}

// ---- codecs that are refused --------------------------------------------------------------------

struct Refused {
  const char *caps;
  const char *name;
};

TEST_P(States, RefusedCodecsAreAnErrorThatNamesThem) {
  for (const Refused &codec :
       {Refused{"video/x-av1, stream-format=obu-stream, alignment=tu", "av1"}}) {
    Element element(GetParam(), raw_provider(0x68));
    element.start(nullptr);
    GstHarness *harness = element.harness();
    gst_harness_push_event(harness, gst_event_new_stream_start("refused"));
    EXPECT_FALSE(element.send_caps(codec.caps)) << codec.caps;
    const BusLog log = element.bus();
    ASSERT_EQ(log.errors.size(), 1U) << codec.caps;
    const std::string text = Text(g_ascii_strdown(log.errors[0].c_str(), -1)).get();
    EXPECT_NE(text.find("livekit"), std::string::npos) << text;
    EXPECT_NE(text.find(codec.name), std::string::npos) << text;
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(harness, gst_event_new_segment(&segment));
    element.push(noise(50, 1));
    EXPECT_FALSE(element.pull()) << "a frame of a refused codec came out";
  }
}

// A source sends its caps again with each frame until they are taken.
TEST_P(States, RefusedCapsAreAnErrorOnce) {
  const char *const av1 = "video/x-av1, stream-format=obu-stream, alignment=tu";
  const char *const broken =
      "video/x-h264, stream-format=avc, alignment=au, codec_data=(buffer)0142";
  Element element(GetParam(), raw_provider(0x72));
  element.start(nullptr);
  gst_harness_push_event(element.harness(), gst_event_new_stream_start("refused"));
  for (const char *caps : {av1, broken}) {
    for (int i = 0; i < 8; ++i)
      EXPECT_FALSE(element.send_caps(caps));
    EXPECT_EQ(element.bus().errors.size(), 1U) << caps;
  }
  EXPECT_TRUE(element.send_caps(kVp8));
  EXPECT_FALSE(element.send_caps(av1));
  EXPECT_EQ(element.bus().errors.size(), 1U) << "refused anew";
}

TEST_P(States, CapsQueriesAnswerFromTheTemplate) {
  GstElement *element = gst_element_factory_make(GetParam(), nullptr);
  gst_object_ref_sink(element);
  for (const char *name : {"sink", "src"}) {
    GstPad *pad = gst_element_get_static_pad(element, name);
    const Caps caps(gst_pad_query_caps(pad, nullptr));
    const Caps from_template(gst_pad_get_pad_template_caps(pad));
    EXPECT_TRUE(gst_caps_is_equal(caps.get(), from_template.get())) << name;
    for (const char *media : {"video/x-vp8", "video/x-vp9", "audio/x-opus"}) {
      const Caps one(gst_caps_new_empty_simple(media));
      EXPECT_TRUE(gst_caps_can_intersect(caps.get(), one.get())) << media;
    }
    gst_object_unref(pad);
  }
  gst_object_unref(element);
}

TEST_P(States, OtherCapsAreNotAccepted) {
  Element element(GetParam(), raw_provider(0x69));
  element.start(nullptr);
  gst_harness_push_event(element.harness(), gst_event_new_stream_start("other"));
  for (const char *text : {"video/x-raw, format=I420, width=16, height=16, framerate=30/1",
                           "application/x-rtp", "audio/mpeg"})
    EXPECT_FALSE(element.send_caps(text)) << text;
}

// ---- properties ---------------------------------------------------------------------------------

TEST_P(States, NoProviderIsAnErrorWithAnExample) {
  Element element(GetParam(), Provider());
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  const BusLog log = element.bus();
  ASSERT_EQ(log.errors.size(), 1U);
  EXPECT_NE(log.errors[0].find("key-provider"), std::string::npos);
}

TEST_P(States, RunningElementsRefuseNewProperties) {
  const Provider provider = raw_provider(0x6a);
  const Provider other = raw_provider(0x6b);
  Element element(GetParam(), provider);
  element.start(kVp8);
  std::vector<std::pair<const char *, const char *>> settings = {{"scheme", "sframe"},
                                                                 {"participant", "mallory"},
                                                                 {"sframe-suite", "5"},
                                                                 {"clear-header", "none"}};
  if (GetParam() == kFactories[0])
    settings.insert(settings.end(), {{"sframe-kid", "7"}, {"frame-metadata", "true"}});
  else
    settings.insert(settings.end(), {{"sframe-kid-map", "plain"},
                                     {"replay-window", "64"},
                                     {"server-frames", "pass"},
                                     {"server-trailer", "00112233445566"},
                                     {"key-wait", "1000000"},
                                     {"key-wait-bytes", "1000"},
                                     {"allow-plaintext", "true"}});
  for (const auto &[name, value] : settings) {
    gchar *before = nullptr;
    GValue old = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(element.get()), name, &old);
    before = g_strdup_value_contents(&old);
    element.set(name, value);
    GValue now = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(element.get()), name, &now);
    EXPECT_STREQ(Text(g_strdup_value_contents(&now)).get(), before) << name;
    const BusLog log = element.bus();
    ASSERT_EQ(log.warnings.size(), 1U) << name;
    EXPECT_NE(log.warnings[0].find(name), std::string::npos);
    g_free(before);
    g_value_unset(&old);
    g_value_unset(&now);
  }
  g_object_set(element.get(), "key-provider", other.get(), nullptr);
  gpointer kept = nullptr;
  g_object_get(element.get(), "key-provider", &kept, nullptr);
  EXPECT_EQ(kept, provider.get());
  g_object_unref(kept);
  EXPECT_EQ(element.bus().warnings.size(), 1U);
  EXPECT_TRUE(element.pass(seal(provider, kVp8, vp8_key(80))).has_value());
}

TEST(Properties, ANewProviderCountsFromReadyOn) {
  const Provider first = raw_provider(0x6c);
  const Provider second = raw_provider(0x6d);
  const Bytes plain = noise(60, 4);
  Element decryptor("e2eedecrypt", first);
  gst_element_set_state(decryptor.get(), GST_STATE_READY);
  g_object_set(decryptor.get(), "key-provider", second.get(), nullptr);
  decryptor.start(kOpus);
  EXPECT_EQ(decryptor.pass(seal(second, kOpus, plain)), plain);
  EXPECT_EQ(decryptor.pass(seal(first, kOpus, plain)), std::nullopt);
}

TEST_P(States, ASchemeSetInReadyIsLookedAtBeforeFramesFlow) {
  const Provider provider = raw_provider(0x6e);
  g_object_set(provider.get(), "keyring-size", 256, nullptr);
  Element element(GetParam(), provider);
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  element.set("scheme", "jitsi");
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  const BusLog log = element.bus();
  ASSERT_EQ(log.errors.size(), 1U);
  EXPECT_NE(log.errors[0].find("jitsi"), std::string::npos) << log.errors[0];
}

TEST_P(States, DisabledPassesFramesMarkedAndCounted) {
  const Bytes plain = vp8_key(80);
  Element element(GetParam(), raw_provider(0x6f));
  g_object_set(element.get(), "enabled", FALSE, nullptr);
  element.start(kVp8);
  BusLog log = element.bus();
  ASSERT_EQ(log.warnings.size(), 1U);
  EXPECT_NE(log.warnings[0].find("in the clear"), std::string::npos);
  const Buffer held = buffer_of(plain);
  ASSERT_EQ(element.push(Buffer(gst_buffer_ref(held.get()))), GST_FLOW_OK);
  const Buffer out = element.pull();
  ASSERT_TRUE(out);
  EXPECT_EQ(bytes_of(out.get()), plain);
  EXPECT_TRUE(gst_e2ee_buffer_is_unprotected(out.get()));
  EXPECT_FALSE(gst_e2ee_buffer_is_unprotected(held.get()));
  EXPECT_EQ(element.stat("passed-plaintext"), 1U);
  log = element.bus();
  ASSERT_EQ(log.states.size(), 1U);
  EXPECT_EQ(log.states[0].state, "plaintext");
}

TEST_P(States, EveryChangeOfEnabledWarns) {
  const Provider provider = raw_provider(0x70);
  const Bytes sealed = seal(provider, kVp8, vp8_key(80));
  Element element(GetParam(), provider);
  element.start(kVp8);
  EXPECT_TRUE(element.bus().warnings.empty());
  g_object_set(element.get(), "enabled", FALSE, nullptr);
  EXPECT_EQ(element.bus().warnings.size(), 1U);
  EXPECT_EQ(element.pass(sealed), sealed);
  g_object_set(element.get(), "enabled", TRUE, nullptr);
  EXPECT_EQ(element.bus().warnings.size(), 1U);
  g_object_set(element.get(), "enabled", TRUE, nullptr);
  EXPECT_TRUE(element.bus().warnings.empty()) << "nothing changed";
  const std::optional<Bytes> worked_on = element.pass(sealed);
  ASSERT_TRUE(worked_on.has_value());
  EXPECT_NE(*worked_on, sealed);
  EXPECT_EQ(element.stat("passed-plaintext"), 1U);
}

TEST_P(States, EnabledMarksNothing) {
  const Provider provider = raw_provider(0x71);
  Element element(GetParam(), provider);
  element.start(kVp8);
  element.push(seal(provider, kVp8, vp8_key(80)));
  const Buffer out = element.pull();
  ASSERT_TRUE(out);
  EXPECT_FALSE(gst_e2ee_buffer_is_unprotected(out.get()));
  EXPECT_EQ(element.stat("passed-plaintext"), 0U);
}

}  // namespace
}  // namespace e2ee::test

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A provider for a whole pipeline, as a GstContext.
#include "support/element.h"
#include "support/pipeline.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

void set_context(GstElement *element, const Provider &provider) {
  GstContext *context = gst_e2ee_context_new_key_provider(provider.get());
  gst_element_set_context(element, context);
  gst_context_unref(context);
}

TEST(Context, HoldsTheProvider) {
  const Provider provider = raw_provider(1);
  GstContext *context = gst_e2ee_context_new_key_provider(provider.get());
  EXPECT_STREQ(gst_context_get_context_type(context), "gst.e2ee.key-provider");
  const Provider found = own(gst_e2ee_context_get_key_provider(context));
  EXPECT_EQ(found, provider);
  gst_context_unref(context);
  GstContext *other = gst_context_new("something.else", FALSE);
  EXPECT_EQ(gst_e2ee_context_get_key_provider(other), nullptr);
  gst_context_unref(other);
}

TEST(Context, SetOnTheElement) {
  const Provider provider = raw_provider(1);
  Element element("e2eeencrypt", Provider());
  set_context(element.get(), provider);
  element.start(kOpus);
  EXPECT_EQ(open(provider, kOpus, element.pass(noise(20, 1)).value_or(Bytes{})), noise(20, 1));
}

TEST(Context, ThePropertyComesFirst) {
  const Provider property = raw_provider(1);
  const Provider from_context = raw_provider(2);
  Element element("e2eeencrypt", property);
  set_context(element.get(), from_context);
  element.start(kOpus);
  EXPECT_EQ(open(property, kOpus, element.pass(noise(20, 1)).value_or(Bytes{})), noise(20, 1));
}

// As an application does that knows its provider only when it is asked.
GstBusSyncReply give_provider(GstBus *, GstMessage *message, gpointer provider) {
  const gchar *type = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_NEED_CONTEXT &&
      gst_message_parse_context_type(message, &type) &&
      g_strcmp0(type, GST_E2EE_KEY_PROVIDER_CONTEXT_TYPE) == 0)
    set_context(GST_ELEMENT(GST_MESSAGE_SRC(message)), *static_cast<Provider *>(provider));
  return GST_BUS_PASS;
}

TEST(Context, AskedForInAPipeline) {
  Pipeline pipeline(
      "appsrc name=in caps=\"audio/x-opus, channel-mapping-family=(int)0\" ! e2eeencrypt ! "
      "e2eedecrypt ! fakesink name=out async=false sync=false",
      nullptr);
  Provider provider = raw_provider(1);
  const ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline.pipeline()));
  gst_bus_set_sync_handler(bus.get(), give_provider, &provider, nullptr);
  const Tap &out = pipeline.tap("out", "sink");
  pipeline.play();
  GstFlowReturn flow = GST_FLOW_ERROR;
  g_signal_emit_by_name(pipeline.get("in"), "push-buffer", buffer_of(kPlain).get(), &flow);
  EXPECT_EQ(flow, GST_FLOW_OK);
  EXPECT_TRUE(wait_for([&] { return out.size() == 1; }));
  EXPECT_EQ(out.contents(), std::vector<Bytes>{kPlain});
  pipeline.stop();
  gst_bus_set_sync_handler(bus.get(), nullptr, nullptr, nullptr);
}

}  // namespace
}  // namespace e2ee::test

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/element.h"

#include "support/sanitizer.h"
#include "support/waiting.h"

namespace e2ee::test {

Element::Element(const char *factory)
    : element_(gst_element_factory_make(factory, nullptr)), bus_(gst_bus_new()) {
  ignore_startup_leak();
  if (element_ == nullptr) {
    ADD_FAILURE() << "no element " << factory << ": is GST_PLUGIN_PATH set?";
    std::abort();
  }
  gst_object_ref_sink(element_);
  gst_element_set_bus(element_, bus_);
}

Element::Element(const char *factory, const Provider &provider) : Element(factory) {
  if (provider)
    g_object_set(element_, "key-provider", provider.get(), nullptr);
}

Element::Element(const char *factory, const std::string &provider) : Element(factory) {
  set("key-provider", provider);
}

Element::~Element() {
  if (harness_ != nullptr)
    gst_harness_teardown(harness_);
  gst_element_set_bus(element_, nullptr);
  gst_element_set_state(element_, GST_STATE_NULL);
  gst_object_unref(element_);
  gst_bus_set_flushing(bus_, TRUE);
  gst_object_unref(bus_);
}

Element &Element::set(const char *property, const std::string &value) {
  gst_util_set_object_arg(G_OBJECT(element_), property, value.c_str());
  return *this;
}

Element &Element::start(const char *caps) {
  harness_ = gst_harness_new_with_element(element_, "sink", "src");
  if (caps != nullptr)
    set_caps(caps);
  return *this;
}

bool Element::send_event(GstEvent *event) {
  const ObjectPtr<GstPad> pad(gst_element_get_static_pad(element_, "sink"));
  return gst_pad_send_event(pad.get(), event);
}

bool Element::send_caps(const char *text) {
  const Caps caps(gst_caps_from_string(text));
  return send_event(gst_event_new_caps(caps.get()));
}

std::optional<Bytes> Element::pass(const Bytes &frame) {
  EXPECT_EQ(push(frame), GST_FLOW_OK);
  const Buffer out = pull();
  return out ? std::optional(bytes_of(out.get())) : std::nullopt;
}

unsigned Element::key_unit_requests() {
  unsigned found = 0;
  while (GstEvent *event = gst_harness_try_pull_upstream_event(harness_)) {
    if (gst_event_has_name(event, "GstForceKeyUnit"))
      ++found;
    gst_event_unref(event);
  }
  return found;
}

namespace {

// With patience for derivations that take longer than an element waits for them, as they do on a
// busy machine under a sanitizer. That the first frame finds its key is tested elsewhere.
std::optional<Bytes> pass_once_ready(Element &element, const Bytes &frame) {
  std::optional<Bytes> out = element.pass(frame);
  wait_for([&] {
    if (!out && element.stat("dropped-missing-key") == element.dropped())
      out = element.pass(frame);
    return out || element.stat("dropped-missing-key") != element.dropped();
  });
  return out;
}

}  // namespace

Bytes seal(const Provider &provider, const char *caps, const Bytes &frame) {
  Element encryptor("e2eeencrypt", provider);
  std::optional<Bytes> sealed = pass_once_ready(encryptor.start(caps), frame);
  EXPECT_TRUE(sealed.has_value());
  return sealed.value_or(Bytes{});
}

std::optional<Bytes> open(const Provider &provider, const char *caps, const Bytes &frame) {
  Element decryptor("e2eedecrypt", provider);
  return pass_once_ready(decryptor.start(caps), frame);
}

Bytes sealed_by(const char *who, const Provider &provider, const Bytes &plain) {
  const std::optional<Bytes> out = End("e2eeencrypt", provider, who).pass(plain);
  EXPECT_TRUE(out) << who;
  return out.value_or(Bytes{});
}

bool same_key(const Provider &a, const Provider &b) {
  const Bytes frame = noise(50, 4711);
  return open(b, kOpus, seal(a, kOpus, frame)) == frame;
}

}  // namespace e2ee::test

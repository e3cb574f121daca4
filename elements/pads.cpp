/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pads.h"

namespace e2ee {

void set_text(GstElementClass *klass, const ElementText &text) {
  gst_element_class_set_static_metadata(klass, text.name, text.classes, text.description,
                                        "The gst-e2ee developers");
}

void add_pad_templates(GstElementClass *klass, GstCaps *sink, GstCaps *src) {
  gst_element_class_add_pad_template(
      klass, gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, sink));
  gst_element_class_add_pad_template(klass,
                                     gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, src));
  gst_caps_unref(sink);
  gst_caps_unref(src);
}

void describe_element(GstElementClass *klass, const ElementText &text, GstCaps *sink,
                      GstCaps *src) {
  set_text(klass, text);
  add_pad_templates(klass, sink, src);
}

GstPad *new_pad(GstElement *element, const char *name) {
  return gst_pad_new_from_template(
      gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(element), name), name);
}

GstPad *add_pad(GstElement *element, const char *name) {
  GstPad *pad = new_pad(element, name);
  if (GST_PAD_IS_SRC(pad))
    gst_pad_use_fixed_caps(pad);
  gst_element_add_pad(element, pad);
  return pad;
}

GstEvent *with_caps(GstEvent *caps_event, GstCaps *caps) {
  GstEvent *changed = gst_event_new_caps(caps);
  gst_event_set_seqnum(changed, gst_event_get_seqnum(caps_event));
  gst_event_unref(caps_event);
  return changed;
}

GstEvent *with_alignment(GstEvent *caps_event, const char *alignment) {
  GstCaps *caps = nullptr;
  gst_event_parse_caps(caps_event, &caps);
  caps = gst_caps_copy(caps);
  gst_caps_set_simple(caps, "alignment", G_TYPE_STRING, alignment, nullptr);
  GstEvent *changed = with_caps(caps_event, caps);
  gst_caps_unref(caps);
  return changed;
}

}  // namespace e2ee

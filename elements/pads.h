/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Pads of elements, and their caps events: one sink and one src, both always.
#pragma once

#include <gst/gst.h>

namespace e2ee {

/// What gst-inspect-1.0 shows of an element.
struct ElementText {
  const char *name;
  const char *classes;
  const char *description;
};
/// For class_init.
void set_text(GstElementClass *klass, const ElementText &text);

/// For class_init: the templates of both pads. Takes the caps.
void add_pad_templates(GstElementClass *klass, GstCaps *sink, GstCaps *src);

/// Both of these.
void describe_element(GstElementClass *klass, const ElementText &text, GstCaps *sink, GstCaps *src);

/// Makes the pad "sink" or "src"; the caller owns a floating reference.
GstPad *new_pad(GstElement *element, const char *name);

/// The same for elements whose caps follow from those that come; it is the element's then.
GstPad *add_pad(GstElement *element, const char *name);

/// The event with other caps in its place; takes the event.
GstEvent *with_caps(GstEvent *caps_event, GstCaps *caps);

/// Caps to pass on with this alignment, which is "frame" or "super-frame"; takes the event.
GstEvent *with_alignment(GstEvent *caps_event, const char *alignment);

}  // namespace e2ee

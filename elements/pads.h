/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Pads of the elements beside the encryptor and decryptor: one sink and one src, both always.
#pragma once

#include <gst/gst.h>

namespace e2ee {

/// Takes the caps. The name is the pad's, "sink" or "src".
void add_pad_template(GstElementClass *klass, const char *name, GstCaps *caps);
GstPad *add_pad(GstElement *element, const char *name);

/// Caps to pass on with this alignment, which is "frame" or "super-frame"; takes the event.
GstEvent *with_alignment(GstEvent *caps_event, const char *alignment);

}  // namespace e2ee

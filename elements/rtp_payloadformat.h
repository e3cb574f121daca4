/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The property `payload-format` of payloader and depayloader.
#pragma once

#include <gst/gst.h>

namespace e2ee::rtp {

GType payload_format_get_type();
GParamSpec *payload_format_property(GParamFlags flags);

}  // namespace e2ee::rtp

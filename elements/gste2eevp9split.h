/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_E2EE_VP9_SPLIT (gst_e2ee_vp9_split_get_type())
G_DECLARE_FINAL_TYPE(GstE2EEVp9Split, gst_e2ee_vp9_split, GST, E2EE_VP9_SPLIT, GstElement)
GST_ELEMENT_REGISTER_DECLARE(e2eevp9split)

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_E2EE_VP9_MERGE (gst_e2ee_vp9_merge_get_type())
G_DECLARE_FINAL_TYPE(GstE2EEVp9Merge, gst_e2ee_vp9_merge, GST, E2EE_VP9_MERGE, GstElement)
GST_ELEMENT_REGISTER_DECLARE(e2eevp9merge)

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_E2EE_RED_DEC (gst_e2ee_red_dec_get_type())
G_DECLARE_FINAL_TYPE(GstE2EERedDec, gst_e2ee_red_dec, GST, E2EE_RED_DEC, GstElement)
GST_ELEMENT_REGISTER_DECLARE(e2eereddec)

G_END_DECLS

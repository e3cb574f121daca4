/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gste2eebase.h"

G_BEGIN_DECLS

#define GST_TYPE_E2EE_DECRYPT (gst_e2ee_decrypt_get_type())
G_DECLARE_FINAL_TYPE(GstE2EEDecrypt, gst_e2ee_decrypt, GST, E2EE_DECRYPT, GstE2EEBase)

GST_ELEMENT_REGISTER_DECLARE(e2eedecrypt)

G_END_DECLS

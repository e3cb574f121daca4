/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gste2eebase.h"

G_BEGIN_DECLS

#define GST_TYPE_E2EE_ENCRYPT (gst_e2ee_encrypt_get_type())
G_DECLARE_FINAL_TYPE(GstE2EEEncrypt, gst_e2ee_encrypt, GST, E2EE_ENCRYPT, GstE2EEBase)

GST_ELEMENT_REGISTER_DECLARE(e2eeencrypt)

G_END_DECLS

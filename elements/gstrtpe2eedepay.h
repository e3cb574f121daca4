/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/rtp/gstrtpbasedepayload.h>

G_BEGIN_DECLS

#define GST_TYPE_RTP_E2EE_DEPAY (gst_rtp_e2ee_depay_get_type())
G_DECLARE_FINAL_TYPE(GstRtpE2EEDepay, gst_rtp_e2ee_depay, GST, RTP_E2EE_DEPAY, GstRTPBaseDepayload)
GST_ELEMENT_REGISTER_DECLARE(rtpe2eedepay)

G_END_DECLS

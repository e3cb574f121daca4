/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <gst/rtp/gstrtpbasepayload.h>

G_BEGIN_DECLS

#define GST_TYPE_RTP_E2EE_PAY (gst_rtp_e2ee_pay_get_type())
G_DECLARE_FINAL_TYPE(GstRtpE2EEPay, gst_rtp_e2ee_pay, GST, RTP_E2EE_PAY, GstRTPBasePayload)

GST_ELEMENT_REGISTER_DECLARE(rtpe2eepay)

G_END_DECLS

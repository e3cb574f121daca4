/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Events that tell downstream of lost packets, as jitter buffers send them.
#pragma once

#include <gst/gst.h>

namespace e2ee::rtp {

// One that no jitter buffer could see.
GstEvent *new_loss_event(GstClockTime pts);

// Of one that may have been no loss ("might-have-been-fec"), and was.
GstEvent *certain_loss_event(const GstEvent *uncertain);

}  // namespace e2ee::rtp

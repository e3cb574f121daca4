/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Stock payloaders that cannot read encrypted frames end the pipeline with an error that says
// nothing of encryption.
#pragma once

#include "gste2eebase.h"

namespace e2ee {

/// Warns when a stock payloader follows that fails on encrypted frames of the present codec, once
/// for each codec. It is looked for along the linked pads, through queues, tees, bins and the like,
/// as far as these are linked now. From the streaming thread, without a lock held.
void check_payloader(GstE2EEBase *self);

}  // namespace e2ee

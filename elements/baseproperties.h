/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The properties that e2eeencrypt and e2eedecrypt share.
#pragma once

#include "gste2eebase.h"

namespace e2ee {

/// For class_init.
void install_base_properties(GObjectClass *klass);

/// Says on the bus that frames pass in the clear.
void warn_disabled(GstE2EEBase *self);

}  // namespace e2ee

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The properties of e2eeencrypt and e2eedecrypt, for class_init.
#pragma once

#include "gste2eebase.h"
#include "properties.h"

namespace e2ee {

void install_base_properties(GObjectClass *klass);
void install_encrypt_properties(GObjectClass *klass);
void install_decrypt_properties(GObjectClass *klass);

/// Of install_base_properties(): those of scheme sframe.
std::span<const Property> sframe_properties();

/// Says on the bus that frames pass in the clear.
void warn_disabled(GstE2EEBase *self);

}  // namespace e2ee

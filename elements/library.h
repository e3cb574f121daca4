/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "private.h"

namespace e2ee {

/// The library's inside. The plugin sets it when it is loaded, before there is any element.
inline const PrivateTable *library = nullptr;

}  // namespace e2ee

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "common/elements.h"
#include "common/gst_ptr.h"
#include "common/terminal.h"

namespace call {
using namespace examples;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>
#include <gst/gst.h>

/* What the library exports; everything else in it is hidden. */
#ifndef GST_E2EE_API
#define GST_E2EE_API extern __attribute__((visibility("default")))
#endif

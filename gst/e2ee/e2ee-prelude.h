/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#ifndef GST_USE_UNSTABLE_API
#warning "The API of gst-e2ee is unstable and may change in future."
#warning "You can define GST_USE_UNSTABLE_API to avoid this warning."
#endif

#include <glib-object.h>
#include <gst/gst.h>

/* What the library exports; everything else in it is hidden. */
#ifndef GST_E2EE_API
#ifdef BUILDING_GST_E2EE
#define GST_E2EE_API GST_API_EXPORT
#else
#define GST_E2EE_API GST_API_IMPORT
#endif
#endif

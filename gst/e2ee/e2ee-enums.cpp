/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/e2ee-enums.h>

GQuark gst_e2ee_error_quark() {
  return g_quark_from_static_string("gst-e2ee-error-quark");
}

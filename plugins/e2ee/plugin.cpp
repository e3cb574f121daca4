/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/e2ee.h>
#include <gst/gst.h>

#include "gste2eedecrypt.h"
#include "gste2eeencrypt.h"
#include "gste2eereddec.h"
#include "gste2eevp9merge.h"
#include "gste2eevp9split.h"
#include "gstrtpe2eedepay.h"
#include "gstrtpe2eepay.h"
#include "library.h"

static gboolean plugin_init(GstPlugin *plugin) {
  g_autoptr(GError) error = nullptr;
  e2ee::library = gst_e2ee_private(e2ee::kPrivateVersion, VERSION, &error);
  if (e2ee::library == nullptr) {
    g_warning("%s", error->message);
    return FALSE;
  }
  gst_e2ee_key_provider_register_value();
  gboolean any = FALSE;
  any |= GST_ELEMENT_REGISTER(e2eeencrypt, plugin);
  any |= GST_ELEMENT_REGISTER(e2eedecrypt, plugin);
  any |= GST_ELEMENT_REGISTER(e2eereddec, plugin);
  any |= GST_ELEMENT_REGISTER(e2eevp9split, plugin);
  any |= GST_ELEMENT_REGISTER(e2eevp9merge, plugin);
  any |= GST_ELEMENT_REGISTER(rtpe2eepay, plugin);
  any |= GST_ELEMENT_REGISTER(rtpe2eedepay, plugin);
  return any;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, e2ee,
                  "End-to-end encryption of media frames", plugin_init, VERSION, "LGPL", PACKAGE,
                  GST_PACKAGE_ORIGIN)

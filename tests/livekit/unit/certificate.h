// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gio/gio.h>

#include <string>

#include "common/gst_ptr.h"

namespace fake {

/// Signed by itself. Valid for so many days from now, which may be in the past.
struct Certificate {
  std::string address = "IP:127.0.0.1";  // as in subjectAltName
  int days = 1;

  std::string pem() const;  // with its key
};

examples::ObjectPtr<GTlsCertificate> tls_certificate(const std::string &pem);

}  // namespace fake

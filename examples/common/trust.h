// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <libsoup/soup.h>

#include <memory>
#include <string>

// Which servers are trusted over TLS.
namespace examples {

// The certificates in a PEM file; null when `file` is empty. Throws Refused.
std::shared_ptr<GTlsDatabase> read_certificates(const std::string &file);

// What is wrong with a certificate that GLib only calls unacceptable. Empty for other errors; else
// begins with ": ".
std::string certificate_flaws(const GError *error, SoupMessage *message);

}  // namespace examples

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <libsoup/soup.h>

#include <memory>
#include <string>

// Which servers are trusted over TLS.
namespace examples {

// The certificates in a PEM file; null when `file` is empty. Throws Refused.
std::shared_ptr<GTlsDatabase> read_certificates(const std::string &file);

// Before a message is sent: the functions below look at how far it came.
void follow_handshake(SoupMessage *message);

// Whether the server answered, and the answer was no TLS, or an alert that ended the handshake:
// trying again will not help.
bool is_no_tls(const GError *error, SoupMessage *message);

// Why a server could not be talked to, with what to change where TLS is to blame.
std::string why_unreachable(const GError *error, SoupMessage *message);

// For a server that does not answer: what may be wrong if that was in the middle of TLS. Empty, or
// begins with ": ".
std::string handshake_hint(SoupMessage *message);

}  // namespace examples

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "trust.h"

#include "program.h"

namespace examples {

std::shared_ptr<GTlsDatabase> read_certificates(const std::string &file) {
  if (file.empty())
    return nullptr;
  Error error;
  GList *certificates = g_tls_certificate_list_new_from_file(file.c_str(), error.out());
  const bool none = certificates == nullptr;
  g_list_free_full(certificates, g_object_unref);
  error.check<Refused>(file);
  if (none)
    throw Refused("there is no certificate (PEM) in " + file);
  const CharPtr path(g_canonicalize_filename(file.c_str(), nullptr));
  std::shared_ptr<GTlsDatabase> trusted(g_tls_file_database_new(path.get(), error.out()),
                                        [](gpointer object) { g_clear_object(&object); });
  error.check<Refused>(file);
  return trusted;
}

std::string certificate_flaws(const GError *error, SoupMessage *message) {
  if (!g_error_matches(error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE))
    return "";
  const unsigned flaws = soup_message_get_tls_peer_certificate_errors(message);
  std::string text;
  if (flaws & G_TLS_CERTIFICATE_UNKNOWN_CA)
    text += ": signed by nobody who is trusted here (see --ca-file)";
  if (flaws & G_TLS_CERTIFICATE_BAD_IDENTITY)
    text += ": it is for another host";
  if (flaws & (G_TLS_CERTIFICATE_EXPIRED | G_TLS_CERTIFICATE_NOT_ACTIVATED))
    text += ": it is not valid at this time";
  return text;
}

}  // namespace examples

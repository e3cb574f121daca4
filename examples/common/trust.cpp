// SPDX-License-Identifier: LGPL-2.1-or-later
#include "trust.h"

#include "program.h"

namespace examples {

namespace {

constexpr const char *kStage = "e2ee-connection-stage";

// What is wrong with a certificate that GLib only calls unacceptable.
std::string certificate_flaws(SoupMessage *message) {
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

bool is_in_handshake(SoupMessage *message) {
  const gpointer stage = g_object_get_data(G_OBJECT(message), kStage);
  return GPOINTER_TO_INT(stage) == G_SOCKET_CLIENT_TLS_HANDSHAKING;
}

}  // namespace

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

void follow_handshake(SoupMessage *message) {
  g_signal_connect(
      message, "network-event",
      G_CALLBACK(+[](SoupMessage *self, GSocketClientEvent event, GIOStream *, gpointer) {
        g_object_set_data(G_OBJECT(self), kStage, GINT_TO_POINTER(event));
      }),
      nullptr);
}

// NOT_TLS is a server that closes the connection; one that answers in HTTP or by an alert is MISC.
bool is_no_tls(const GError *error, SoupMessage *message) {
  return is_in_handshake(message) && (g_error_matches(error, G_TLS_ERROR, G_TLS_ERROR_NOT_TLS) ||
                                      g_error_matches(error, G_TLS_ERROR, G_TLS_ERROR_MISC));
}

std::string why_unreachable(const GError *error, SoupMessage *message) {
  if (error == nullptr)
    return "no reason given";
  std::string why = error->message;
  if (g_error_matches(error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE))
    return why + certificate_flaws(message);
  if (error->domain == G_TLS_ERROR && why.ends_with('.'))
    why.pop_back();
  return error->domain == G_TLS_ERROR ? why + handshake_hint(message) : why;
}

std::string handshake_hint(SoupMessage *message) {
  return is_in_handshake(message)
             ? ": does the server speak TLS at this port? Without TLS its address begins with "
               "ws:// or http://"
             : "";
}

}  // namespace examples

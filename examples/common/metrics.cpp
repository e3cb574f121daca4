// SPDX-License-Identifier: LGPL-2.1-or-later
#include "metrics.h"

#include "common/program.h"

namespace examples {
namespace {

constexpr const char *kContentType = "text/plain; version=0.0.4; charset=utf-8";
using UriPtr = std::unique_ptr<GUri, FreeWith<&g_uri_unref>>;

std::string label_text(const std::string &value) {
  std::string text;
  for (const char letter : value) {
    if (letter == '\\' || letter == '"')
      text += '\\';
    text += letter == '\n' ? std::string("\\n") : std::string(1, letter);
  }
  return text;
}

std::string sample_text(const std::string &name, const Metric::Sample &sample) {
  std::string labels;
  for (const auto &[label, value] : sample.labels)
    labels += (labels.empty() ? "" : ",") + label + "=\"" + label_text(value) + '"';
  return name + (labels.empty() ? "" : "{" + labels + "}") + " " + std::to_string(sample.value) +
         "\n";
}

// Figures tell who is in a call and when: they are not for the network.
ObjectPtr<GSocketAddress> loopback_address(const std::string &given) {
  const UriPtr uri(g_uri_parse(("http://" + given).c_str(), G_URI_FLAGS_NONE, nullptr));
  const char *host = uri ? g_uri_get_host(uri.get()) : nullptr;
  const int port = uri ? g_uri_get_port(uri.get()) : -1;
  const ObjectPtr<GInetAddress> address(host ? g_inet_address_new_from_string(host) : nullptr);
  if (!address || port < 0 || !*host || *g_uri_get_path(uri.get()) != '\0' ||
      !g_inet_address_get_is_loopback(address.get()))
    throw WrongUsage(
        "--metrics takes an address of this machine alone and a port, as in "
        "127.0.0.1:9464");
  return ObjectPtr<GSocketAddress>(
      g_inet_socket_address_new(address.get(), static_cast<guint16>(port)));
}

}  // namespace

std::string metrics_text(const std::vector<Metric> &metrics) {
  std::string text;
  for (const Metric &metric : metrics) {
    text += "# HELP " + metric.name + " " + metric.help + "\n# TYPE " + metric.name +
            (metric.type == Metric::Type::kCounter ? " counter\n" : " gauge\n");
    for (const Metric::Sample &sample : metric.samples)
      text += sample_text(metric.name, sample);
  }
  return text;
}

MetricsServer::MetricsServer(const std::string &address,
                             std::function<std::vector<Metric>()> figures)
    : figures_(std::move(figures)), server_(soup_server_new(nullptr, nullptr)) {
  soup_server_add_handler(
      server_.get(), "/metrics",
      [](SoupServer *, SoupServerMessage *message, const char *, GHashTable *, gpointer self) {
        const std::string text = metrics_text(static_cast<MetricsServer *>(self)->figures_());
        soup_server_message_set_status(message, SOUP_STATUS_OK, nullptr);
        soup_server_message_set_response(message, kContentType, SOUP_MEMORY_COPY, text.data(),
                                         text.size());
      },
      this, nullptr);
  Error error;
  soup_server_listen(server_.get(), loopback_address(address).get(),
                     static_cast<SoupServerListenOptions>(0), error.out());
  error.check<Refused>("--metrics " + address);
}

MetricsServer::~MetricsServer() {
  soup_server_disconnect(server_.get());
}

unsigned MetricsServer::port() const {
  GSList *uris = soup_server_get_uris(server_.get());
  const int port = uris ? g_uri_get_port(static_cast<GUri *>(uris->data)) : 0;
  g_slist_free_full(uris, reinterpret_cast<GDestroyNotify>(&g_uri_unref));
  return static_cast<unsigned>(port);
}

}  // namespace examples

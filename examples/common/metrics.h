// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <libsoup/soup.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/gst_ptr.h"

namespace examples {

// One figure, in Prometheus' terms.
struct Metric {
  enum class Type { kCounter, kGauge };
  struct Sample {
    std::vector<std::pair<std::string, std::string>> labels;
    std::uint64_t value = 0;
  };
  std::string name;
  Type type = Type::kCounter;
  std::string help;
  std::vector<Sample> samples;
};

// The text that Prometheus reads.
std::string metrics_text(const std::vector<Metric> &metrics);

// Serves figures at http://ADDRESS:PORT/metrics, on this machine alone. On the thread's default
// main context.
class MetricsServer {
 public:
  // `figures` is asked for at each request. Throws WrongUsage when `address` is not one of the
  // loopback, as 127.0.0.1:9464 or [::1]:9464, Refused when it is taken.
  MetricsServer(const std::string &address, std::function<std::vector<Metric>()> figures);
  ~MetricsServer();
  MetricsServer(const MetricsServer &) = delete;
  MetricsServer &operator=(const MetricsServer &) = delete;

  unsigned port() const;  // where port 0 was asked for: the one that it got

 private:
  const std::function<std::vector<Metric>()> figures_;
  ObjectPtr<SoupServer> server_;
};

}  // namespace examples

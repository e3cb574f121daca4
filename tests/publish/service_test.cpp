// SPDX-License-Identifier: LGPL-2.1-or-later
// What a service tells those who watch it: metrics and systemd.
#include <libsoup/soup.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

#include "common/metrics.h"
#include "common/notify.h"
#include "pipeline.h"
#include "publish/report.h"
#include "recorder/files.h"

namespace publish {
namespace {

using examples::Metric;
using examples::MetricsServer;

Figures figures() {
  Row row;
  row.number = 2;
  row.name = "camera of alice";
  row.codec = "vp8";
  row.frames = 30;
  row.bytes = 4000;
  row.dropped = {{"missing-key", 3}};
  row.is_wanted = true;
  return {.rows = {row}, .reconnects = 1, .packets_lost = 5};
}

TEST(MetricsTest, FiguresHaveTheNamesOfTheContract) {
  const std::string text = examples::metrics_text(metrics_of(figures()));
  for (const char *line :
       {"e2ee_frames_total{track=\"2\",codec=\"vp8\"} 30\n",
        "e2ee_bytes_total{track=\"2\",codec=\"vp8\"} 4000\n",
        "e2ee_dropped_total{track=\"2\",codec=\"vp8\",reason=\"missing-key\"} 3",
        "# TYPE e2ee_key_generation gauge\n", "e2ee_subscribers 1\n", "e2ee_reconnects_total 1\n",
        "e2ee_packets_lost_total 5\n", "# TYPE e2ee_frames_total counter\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  EXPECT_EQ(text.find("alice"), std::string::npos);
}

TEST(MetricsTest, LabelsAreEscaped) {
  const Metric metric{.name = "x", .help = "X.", .samples = {{{{"a", "b\"\\\n"}}, 1}}};
  EXPECT_NE(examples::metrics_text({metric}).find("x{a=\"b\\\"\\\\\\n\"} 1\n"), std::string::npos);
}

std::string fetched(const std::string &url, unsigned &status) {
  const examples::ObjectPtr<SoupSession> session(soup_session_new());
  const examples::ObjectPtr<SoupMessage> message(soup_message_new("GET", url.c_str()));
  GBytes *body = nullptr;
  bool done = false;
  struct Answer {
    GBytes *&body;
    bool &done;
  } answer{body, done};
  soup_session_send_and_read_async(
      session.get(), message.get(), G_PRIORITY_DEFAULT, nullptr,
      [](GObject *source, GAsyncResult *result, gpointer data) {
        auto *to = static_cast<Answer *>(data);
        to->body = soup_session_send_and_read_finish(SOUP_SESSION(source), result, nullptr);
        to->done = true;
      },
      &answer);
  run_until([&] { return done; });
  status = soup_message_get_status(message.get());
  const std::string text =
      body ? std::string(static_cast<const char *>(g_bytes_get_data(body, nullptr)),
                         g_bytes_get_size(body))
           : "";
  g_bytes_unref(body);
  return text;
}

TEST(MetricsTest, AreServed) {
  const MetricsServer server("127.0.0.1:0", [] { return metrics_of(figures()); });
  const std::string base = "http://127.0.0.1:" + std::to_string(server.port());
  unsigned status = 0;
  EXPECT_EQ(fetched(base + "/metrics", status), examples::metrics_text(metrics_of(figures())));
  EXPECT_EQ(status, 200U);
  fetched(base + "/", status);
  EXPECT_EQ(status, 404U);
}

TEST(MetricsTest, OnlyThisMachineIsServed) {
  for (const char *address : {"0.0.0.0:9464", "192.0.2.1:9464", "[::]:9464", "localhost:9464",
                              "127.0.0.1", "9464", "127.0.0.1:x", "127.0.0.1:9464/path", ""})
    EXPECT_NE(refusal_of([&] { MetricsServer(address, [] { return std::vector<Metric>(); }); }), "")
        << address;
}

TEST(MetricsTest, ATakenPortIsRefused) {
  const MetricsServer server("127.0.0.1:0", [] { return std::vector<Metric>(); });
  const std::string address = "127.0.0.1:" + std::to_string(server.port());
  EXPECT_NE(refusal_of([&] {
              MetricsServer(address, [] { return std::vector<Metric>(); });
            }).find(address),
            std::string::npos);
}

/// The end of the service manager.
class Manager {
 public:
  Manager() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder_ / "notify";
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
    g_setenv("NOTIFY_SOCKET", path.c_str(), TRUE);
  }
  ~Manager() {
    g_unsetenv("NOTIFY_SOCKET");
    close(fd_);
  }
  std::string heard() const {
    std::array<char, 256> text;
    const ssize_t size = recv(fd_, text.data(), text.size(), MSG_DONTWAIT);
    return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : "";
  }

 private:
  recorder::Folder folder_;
  int fd_;
};

TEST(NotifyTest, TheManagerHears) {
  const Manager manager;
  examples::notify("READY=1\nSTATUS=joining");
  EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=joining");
}

// The text comes from a server, and the manager reads orders line by line.
TEST(NotifyTest, AStatusIsOneLine) {
  const Manager manager;
  examples::notify_status("refused: no\nWATCHDOG=trigger\rX");
  EXPECT_EQ(manager.heard(), "STATUS=refused: no WATCHDOG=trigger X");
}

TEST(NotifyTest, WithoutAManagerNothingHappens) {
  g_unsetenv("NOTIFY_SOCKET");
  examples::notify("READY=1");
  g_setenv("NOTIFY_SOCKET", "/nowhere/notify", TRUE);
  examples::notify("READY=1");
  g_unsetenv("NOTIFY_SOCKET");
}

TEST(NotifyTest, TheWatchdogIsFedTwiceInItsTime) {
  g_unsetenv("WATCHDOG_PID");
  g_setenv("WATCHDOG_USEC", "30000000", TRUE);
  EXPECT_EQ(examples::watchdog_interval(), std::chrono::milliseconds(15000));
  g_setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), TRUE);
  EXPECT_TRUE(examples::watchdog_interval());
  g_setenv("WATCHDOG_PID", "1", TRUE);
  EXPECT_FALSE(examples::watchdog_interval());
  g_unsetenv("WATCHDOG_PID");
  g_unsetenv("WATCHDOG_USEC");
  EXPECT_FALSE(examples::watchdog_interval());
}

}  // namespace
}  // namespace publish

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "startup.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/program.h"
#include "signature.h"

namespace recorder {

using examples::Failure;
using examples::Refused;

namespace {

// Frames that wait for a key: enough for this much a second.
constexpr double kHeldBytesPerSecond = 2e6;

std::string system_error() {
  return strerror(errno);
}

// The clock's time at which the running time of all connections is 0.
GstClockTime base_time_now() {
  examples::ObjectPtr<GstClock> clock(gst_system_clock_obtain());
  return gst_clock_get_time(clock.get());
}

// The first line of a file that holds a secret; empty when no file is named.
std::string read_line(const std::string &file) {
  if (file.empty())
    return "";
  examples::Error error;
  char *text = nullptr;
  g_file_get_contents(file.c_str(), &text, nullptr, error.out());
  error.check<Refused>(file);
  examples::CharPtr owned(text);
  std::string line(text);
  return line.substr(0, line.find('\n'));
}

// The certificates in a PEM file; null when no file is named.
std::shared_ptr<GTlsDatabase> read_certificates(const std::string &file) {
  if (file.empty())
    return nullptr;
  examples::Error error;
  GList *certificates = g_tls_certificate_list_new_from_file(file.c_str(), error.out());
  const bool none = certificates == nullptr;
  g_list_free_full(certificates, g_object_unref);
  error.check<Refused>(file);
  if (none)
    throw Refused("there is no certificate (PEM) in " + file);
  const examples::CharPtr path(g_canonicalize_filename(file.c_str(), nullptr));
  std::shared_ptr<GTlsDatabase> trusted(g_tls_file_database_new(path.get(), error.out()),
                                        [](gpointer object) { g_clear_object(&object); });
  error.check<Refused>(file);
  return trusted;
}

}  // namespace

Folder::Folder(const std::string &path) {
  if (g_mkdir_with_parents(path.c_str(), 0700) != 0)
    throw Failure("cannot make the folder " + path + ": " + system_error());
  fd_ = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_ >= 0 && faccessat(fd_, ".", W_OK, 0) == 0)
    return;
  const std::string why = system_error();
  if (fd_ >= 0)
    close(fd_);
  throw Failure("cannot write into the folder " + path + ": " + why);
}

Folder::~Folder() {
  close(fd_);
}

std::string key_path(const std::string &given) {
  const bool is_name = given.find('/') == std::string::npos;
  return is_name && !g_file_test(given.c_str(), G_FILE_TEST_EXISTS) &&
                 g_getenv("CREDENTIALS_DIRECTORY") != nullptr
             ? credential_path(given)
             : given;
}

std::string now_text() {
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  examples::CharPtr text(g_date_time_format(now, "%Y%m%dT%H%M%SZ"));
  return text.get();
}

Room::Settings room_settings(const Options &options) {
  Room::Settings room;
  room.janus.url = options.url;
  room.room = JanusId::of(options.room);
  room.pin = read_line(options.pin_file);
  room.janus.api_secret = read_line(options.api_secret_file);
  room.janus.token = read_line(options.token_file);
  room.janus.trusted = read_certificates(options.ca_file);
  room.name = options.name;
  room.identity = options.identity_from == "id" ? Room::Identity::kId : Room::Identity::kDisplay;
  return room;
}

ReceiveSettings receive_settings(const Options &options) {
  ReceiveSettings receive;
  receive.scheme = options.seal.scheme;
  receive.sframe_suite = options.seal.sframe_suite;
  receive.sframe_kid_map = options.seal.sframe_kid_map;
  receive.clear_header = options.seal.clear_header;
  receive.server_frames = options.server_frames;
  receive.server_trailer = options.seal.server_trailer;
  receive.replay_window = options.replay_window;
  receive.key_wait = static_cast<GstClockTime>(options.key_wait * GST_SECOND);
  receive.key_wait_bytes = static_cast<unsigned>(
      std::clamp(options.key_wait * kHeldBytesPerSecond, 8.0 * (1 << 20), 256.0 * (1 << 20)));
  receive.latency_ms = options.latency_ms;
  receive.loopback_only = options.loopback_only;
  receive.stun_server = options.stun;
  receive.turn_server = read_line(options.turn_file);
  receive.base_time = base_time_now();
  return receive;
}

}  // namespace recorder

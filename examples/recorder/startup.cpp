// SPDX-License-Identifier: LGPL-2.1-or-later
#include "startup.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/program.h"
#include "common/secrets.h"
#include "common/trust.h"
#include "janus_room.h"
#include "livekit_room.h"

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

Entrance janus_entrance(const Options &options) {
  JanusRoom::Settings room;
  room.janus.url = options.url;
  room.room = JanusId::of(options.room);
  room.pin = read_secret(options.pin_file);
  room.janus.api_secret = read_secret(options.api_secret_file);
  room.janus.token = read_secret(options.token_file);
  room.janus.trusted = examples::read_certificates(options.ca_file);
  room.name = options.name;
  room.identity =
      options.identity_from == "id" ? JanusRoom::Identity::kId : JanusRoom::Identity::kDisplay;
  return {options.room, [room](const ReceiveSettings &, Room::Events events) {
            return std::make_unique<JanusRoom>(room, std::move(events));
          }};
}

// Another recorder of the same name would be put out of the room.
std::string own_identity() {
  const examples::CharPtr uuid(g_uuid_string_random());
  return "recorder-" + std::string(uuid.get()).substr(0, 8);
}

Entrance livekit_entrance(const Options &options) {
  livekit::Access access =
      livekit::open_access(options.livekit, {.subscribe = true, .recorder = !options.unannounced});
  if (access.identity.empty())
    access.identity = own_identity();
  if (!access.grants.recorder && !options.unannounced)
    throw Refused(
        "the token does not show the others that the room is recorded (grant \"recorder\"): get "
        "one "
        "that does, or give --unannounced");
  return {
      access.room, [access, allow = options.allow_unencrypted](const ReceiveSettings &receive,
                                                               Room::Events events) {
        return std::make_unique<LiveKitRoom>(
            LiveKitRoom::Settings{.access = access, .allow_unencrypted = allow, .receive = receive},
            std::move(events));
      }};
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

Entrance entrance(const Options &options) {
  return options.is_livekit ? livekit_entrance(options) : janus_entrance(options);
}

ReceiveSettings receive_settings(const Options &options) {
  ReceiveSettings receive;
  static_cast<WireFormat &>(receive) = options.seal;
  receive.server_frames = options.server_frames;
  receive.replay_window = options.replay_window;
  receive.key_wait = static_cast<GstClockTime>(options.key_wait * GST_SECOND);
  receive.key_wait_bytes = static_cast<unsigned>(
      std::clamp(options.key_wait * kHeldBytesPerSecond, 8.0 * (1 << 20), 256.0 * (1 << 20)));
  receive.latency_ms = options.latency_ms;
  receive.loopback_only = options.loopback_only;
  receive.stun_server = options.stun;
  if (const std::string turn = read_secret(options.turn_file); !turn.empty())
    receive.turn_servers.push_back(turn);
  receive.base_time = base_time_now();
  return receive;
}

}  // namespace recorder

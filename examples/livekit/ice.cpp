// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ice.h"

#include "common/json.h"

namespace livekit {

using examples::CharPtr;

namespace {

// webrtcbin asks all of them for an address.
constexpr std::size_t kMostTurnServers = 8;

bool is_turn(const std::string &url) {
  return url.starts_with("turn:") || url.starts_with("turns:");
}

// "turn:host:port?transport=udp" and credentials as webrtcbin takes them.
std::string turn_address(const std::string &url, const wire::IceServer &server) {
  const auto escaped = [](const std::string &text) {
    const CharPtr escaped_text(g_uri_escape_string(text.c_str(), nullptr, FALSE));
    return std::string(escaped_text.get());
  };
  const std::size_t colon = url.find(':');
  return url.substr(0, colon) + "://" + escaped(server.username()) + ":" +
         escaped(server.credential()) + "@" + url.substr(colon + 1);
}

}  // namespace

void add_ice_servers(const wire::Join &join, examples::PeerSettings &settings) {
  if (settings.loopback_only)
    return;
  const bool has_turn = !settings.turn_servers.empty();
  for (const wire::IceServer &server : join.ice_servers()) {
    for (const std::string &url : server.urls()) {
      if (url.starts_with("stun:") && settings.stun_server.empty())
        settings.stun_server = "stun://" + url.substr(5);
      else if (is_turn(url) && !has_turn && settings.turn_servers.size() < kMostTurnServers)
        settings.turn_servers.push_back(turn_address(url, server));
    }
  }
}

wire::Request trickle_of(wire::Target target, const Candidate &candidate) {
  examples::JsonWriter init({{"candidate", candidate.text},
                             {"sdpMLineIndex", std::int64_t{candidate.mline}},
                             {"sdpMid", std::string()}});
  wire::Request request;
  request.mutable_trickle()->set_target(target);
  request.mutable_trickle()->set_candidate_init(init.line());
  return request;
}

std::optional<Candidate> candidate_of(const wire::Trickle &trickle) {
  const examples::JsonNodePtr init = examples::parse_json_object(trickle.candidate_init());
  if (!init)
    return std::nullopt;
  JsonObject *object = json_node_get_object(init.get());
  const std::int64_t mline = examples::number_or(object, "sdpMLineIndex", 0);
  Candidate candidate{.mline = 0, .text = examples::text_or(object, "candidate")};
  if (candidate.text.empty() || mline < 0 || mline > G_MAXINT)
    return std::nullopt;
  candidate.mline = static_cast<unsigned>(mline);
  return candidate;
}

}  // namespace livekit

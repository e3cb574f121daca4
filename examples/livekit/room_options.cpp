// SPDX-License-Identifier: LGPL-2.1-or-later
#include "room_options.h"

namespace livekit {

RoomOptions::~RoomOptions() {
  for (char *text : {url_, token_file_, room_, api_key_file_, name_, identity_, ca_file_})
    g_free(text);
}

std::vector<GOptionEntry> RoomOptions::entries() {
  return {
      {"livekit", 'l', 0, G_OPTION_ARG_STRING, &url_,
       "the server, as in wss://livekit.example (or LIVEKIT_URL)", "URL"},
      {"token-file", 't', 0, G_OPTION_ARG_FILENAME, &token_file_,
       "file with a token for the room (or LIVEKIT_TOKEN)", "FILE"},
      {"room", 'r', 0, G_OPTION_ARG_STRING, &room_, "with an API key: the room to join", "NAME"},
      {"api-key-file", 0, 0, G_OPTION_ARG_FILENAME, &api_key_file_,
       "file of two lines, API key and secret (or LIVEKIT_API_KEY, LIVEKIT_API_SECRET)", "FILE"},
      {"identity", 'i', 0, G_OPTION_ARG_STRING, &identity_,
       "with an API key: who joins; nobody else in the room may be called so", "TEXT"},
      {"name", 'n', 0, G_OPTION_ARG_STRING, &name_, "with an API key: what participants see",
       "NAME"},
      {"ca-file", 0, 0, G_OPTION_ARG_FILENAME, &ca_file_,
       "wss: trust these certificates (PEM) for the server, not the system's", "FILE"},
      {}};
}

AccessOptions RoomOptions::options() const {
  const auto text = [](const char *given) { return std::string(given ? given : ""); };
  return {.url = text(url_),
          .token_file = text(token_file_),
          .room = text(room_),
          .api_key_file = text(api_key_file_),
          .name = text(name_),
          .identity = text(identity_),
          .ca_file = text(ca_file_)};
}

}  // namespace livekit

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <libsoup/soup.h>

#include <chrono>
#include <memory>
#include <string>

namespace livekit {

// What a participant may do; fields of a token's `video` claim.
struct Grants {
  bool publish = false;
  bool subscribe = false;
  bool recorder = false;  // clients show that the room is recorded
  bool hidden = false;    // clients do not show the participant
};

struct ApiKey {
  std::string key, secret;
};

// A JSON Web Token, signed with HMAC-SHA-256, that lets `identity` into `room` for `valid`.
std::string make_token(const ApiKey &key, const std::string &room, const std::string &identity,
                       const std::string &name, const Grants &grants,
                       std::chrono::seconds valid = std::chrono::hours(6));

// The grants and names in a token, as far as it says them. It is not verified: the server does
// that.
struct TokenContent {
  std::string room, identity;
  Grants grants;
};
TokenContent read_token(const std::string &token);

// Where a room is and how to get into it.
struct Access {
  std::string url;    // ws, wss, http or https
  std::string token;  // or a key that makes one for each attempt
  ApiKey key;
  std::string room, identity, name;
  Grants grants;
  std::shared_ptr<GTlsDatabase> trusted;  // null: the system's certificates

  // For an attempt to join now.
  std::string token_now() const;
  // What to look at when the server refuses that.
  std::string advice() const;
};

// What the command line says about it; empty where it does not.
struct AccessOptions {
  std::string url, token_file, room, api_key_file, name, identity, ca_file;
};

// Fills what the options leave open from LIVEKIT_URL, LIVEKIT_TOKEN, LIVEKIT_API_KEY and
// LIVEKIT_API_SECRET, and reads the files. Throws WrongUsage for what is missing or contradicts
// itself, Refused for files and tokens that cannot be used.
Access open_access(const AccessOptions &options, const Grants &grants);

}  // namespace livekit

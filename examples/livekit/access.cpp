// SPDX-License-Identifier: LGPL-2.1-or-later
#include "access.h"

#include <glib.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "common/json.h"
#include "common/program.h"
#include "common/secrets.h"
#include "common/trust.h"

namespace livekit {

using examples::CharPtr;
using examples::JsonObjectPtr;
using examples::Refused;
using examples::WrongUsage;

namespace {

// A server whose clock is behind would take a fresh token for one of the future.
constexpr gint64 kClockSkewSeconds = 60;
constexpr std::string_view kTokenLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

std::string base64url(const std::string &bytes) {
  const CharPtr text(g_base64_encode(reinterpret_cast<const guchar *>(bytes.data()), bytes.size()));
  std::string result(text.get());
  for (char &letter : result)
    letter = letter == '+' ? '-' : letter == '/' ? '_' : letter;
  result.resize(result.find_last_not_of('=') + 1);
  return result;
}

std::string from_base64url(std::string text) {
  for (char &letter : text)
    letter = letter == '-' ? '+' : letter == '_' ? '/' : letter;
  text.append((4 - text.size() % 4) % 4, '=');
  gsize size = 0;
  const std::unique_ptr<guchar, examples::FreeWith<&g_free>> bytes(
      g_base64_decode(text.c_str(), &size));
  return {reinterpret_cast<const char *>(bytes.get()), size};
}

std::string hmac_sha256(const std::string &key, const std::string &text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
            reinterpret_cast<const unsigned char *>(text.data()), text.size(), digest.data(),
            &size))
    throw examples::Failure("OpenSSL could not sign the token");
  return {reinterpret_cast<const char *>(digest.data()), size};
}

JsonObjectPtr video_claim(const std::string &room, const Grants &grants) {
  JsonObjectPtr video(json_object_new());
  json_object_set_boolean_member(video.get(), "roomJoin", TRUE);
  json_object_set_string_member(video.get(), "room", room.c_str());
  json_object_set_boolean_member(video.get(), "canPublish", grants.publish);
  json_object_set_boolean_member(video.get(), "canPublishData", grants.publish);
  json_object_set_boolean_member(video.get(), "canSubscribe", grants.subscribe);
  if (grants.recorder)
    json_object_set_boolean_member(video.get(), "recorder", TRUE);
  if (grants.hidden)
    json_object_set_boolean_member(video.get(), "hidden", TRUE);
  return video;
}

std::string environment(const char *name) {
  const char *value = g_getenv(name);
  return value ? value : "";
}

// Without the line break that files of secrets end with.
std::string stripped(std::string text) {
  return g_strstrip(text.data());
}

ApiKey read_api_key(const std::string &file) {
  examples::Error error;
  char *text = nullptr;
  g_file_get_contents(file.c_str(), &text, nullptr, error.out());
  error.check<Refused>(file);
  const CharPtr owned(text);
  using Lines = std::unique_ptr<char *, examples::FreeWith<&g_strfreev>>;
  const Lines lines(g_strsplit(text, "\n", 3));
  ApiKey key;
  if (g_strv_length(lines.get()) >= 2)
    key = {g_strstrip(lines.get()[0]), g_strstrip(lines.get()[1])};
  if (key.key.empty() || key.secret.empty())
    throw Refused(file + ": an API key file has two lines, the key and the secret");
  return key;
}

bool is_address(const std::string &url) {
  const bool is_known =
      std::ranges::any_of(std::array{"ws://", "wss://", "http://", "https://"},
                          [&url](const char *scheme) { return url.starts_with(scheme); });
  using Uri = std::unique_ptr<GUri, examples::FreeWith<&g_uri_unref>>;
  const Uri uri(is_known ? g_uri_parse(url.c_str(), G_URI_FLAGS_NONE, nullptr) : nullptr);
  const char *host = uri ? g_uri_get_host(uri.get()) : nullptr;
  // The path is ours to go on with; what is secret does not belong into an address.
  return host && *host && !g_uri_get_userinfo(uri.get()) && !g_uri_get_query(uri.get()) &&
         !g_uri_get_fragment(uri.get());
}

void check_url(const std::string &url) {
  if (!is_address(url))
    throw WrongUsage("--livekit takes the server's address, as in wss://livekit.example");
}

// With a token the server decides; what it refuses is told before anything starts.
void check_grants(const Access &access, const Grants &wanted) {
  const TokenContent content = read_token(access.token);
  if (content.room.empty())
    throw Refused("the token is none of LiveKit's: it names no room");
  if (wanted.publish && !content.grants.publish)
    throw Refused("the token does not allow to publish (canPublish): ask for one that does");
  if (wanted.subscribe && !content.grants.subscribe)
    throw Refused("the token does not allow to subscribe (canSubscribe): ask for one that does");
}

// Whether there is a token.
bool take_token(const AccessOptions &options, Access &access) {
  if (!options.token_file.empty())
    access.token =
        stripped(examples::read_secret(examples::file_or_credential(options.token_file)));
  else if (options.api_key_file.empty())
    access.token = stripped(environment("LIVEKIT_TOKEN"));
  if (access.token.empty())
    return false;
  check_grants(access, access.grants);
  const TokenContent content = read_token(access.token);
  access.room = content.room;
  access.identity = content.identity;
  access.grants = content.grants;
  if (!options.room.empty() && options.room != access.room)
    throw WrongUsage("the token is for the room " + access.room + ", not for " + options.room);
  if (!options.identity.empty() && options.identity != access.identity)
    throw WrongUsage("the token is for " + access.identity + ": --identity is for an API key");
  return true;
}

void take_api_key(const AccessOptions &options, Access &access) {
  access.key = options.api_key_file.empty()
                   ? ApiKey{stripped(environment("LIVEKIT_API_KEY")),
                            stripped(environment("LIVEKIT_API_SECRET"))}
                   : read_api_key(examples::file_or_credential(options.api_key_file));
  if (access.key.key.empty() || access.key.secret.empty())
    throw WrongUsage(
        "--token-file FILE (or LIVEKIT_TOKEN), or --room with --api-key-file FILE (or\n"
        "LIVEKIT_API_KEY and LIVEKIT_API_SECRET), says how to get into the room");
  if (options.room.empty())
    throw WrongUsage("--room NAME is missing: the API key opens every room");
  access.room = options.room;
  access.identity = options.identity;
}

}  // namespace

std::string make_token(const ApiKey &key, const std::string &room, const std::string &identity,
                       const std::string &name, const Grants &grants, std::chrono::seconds valid) {
  const gint64 now = g_get_real_time() / G_USEC_PER_SEC;
  JsonObjectPtr claims(json_object_new());
  json_object_set_string_member(claims.get(), "iss", key.key.c_str());
  json_object_set_string_member(claims.get(), "sub", identity.c_str());
  json_object_set_string_member(claims.get(), "name", name.c_str());
  json_object_set_int_member(claims.get(), "nbf", now - kClockSkewSeconds);
  json_object_set_int_member(claims.get(), "exp", now + valid.count());
  json_object_set_object_member(claims.get(), "video", video_claim(room, grants).release());
  const std::string signed_part = base64url(R"({"alg":"HS256","typ":"JWT"})") + "." +
                                  base64url(examples::json_text(claims.get()));
  return signed_part + "." + base64url(hmac_sha256(key.secret, signed_part));
}

TokenContent read_token(const std::string &token) {
  // It goes into a header of HTTP: a line break would end that.
  if (token.find_first_not_of(kTokenLetters) != std::string::npos)
    return {};
  const std::size_t first = token.find('.'), second = token.find('.', first + 1);
  if (first == std::string::npos || second == std::string::npos)
    return {};
  const examples::JsonNodePtr claims =
      examples::parse_json_object(from_base64url(token.substr(first + 1, second - first - 1)));
  if (!claims)
    return {};
  JsonObject *object = json_node_get_object(claims.get());
  TokenContent content;
  content.identity = examples::text_or(object, "sub");
  if (JsonObject *video = examples::member_object(object, "video")) {
    content.room = examples::text_or(video, "room");
    // What a token does not say about publishing and subscribing is allowed.
    const auto allows = [video](const char *name) {
      return !json_object_has_member(video, name) || examples::member_flag(video, name);
    };
    content.grants = {.publish = allows("canPublish"),
                      .subscribe = allows("canSubscribe"),
                      .recorder = examples::member_flag(video, "recorder"),
                      .hidden = examples::member_flag(video, "hidden")};
  }
  return content;
}

std::string Access::token_now() const {
  return token.empty() ? make_token(key, room, identity, name, grants) : token;
}

std::string Access::advice() const {
  return token.empty() ? "are API key and secret (--api-key-file, or LIVEKIT_API_KEY and "
                         "LIVEKIT_API_SECRET) those of this server, and is the clock right?"
                       : "get a new token (--token-file, or LIVEKIT_TOKEN) for this server: this "
                         "one may be too old, or made with another server's secret";
}

Access open_access(const AccessOptions &options, const Grants &grants) {
  Access access;
  access.url = options.url.empty() ? environment("LIVEKIT_URL") : options.url;
  if (access.url.empty())
    throw WrongUsage("--livekit URL (or LIVEKIT_URL) says where the server is");
  check_url(access.url);
  if (!options.ca_file.empty() &&
      !(access.url.starts_with("wss://") || access.url.starts_with("https://")))
    throw WrongUsage("--ca-file is for an address that begins with wss:// or https://");
  access.trusted = examples::read_certificates(options.ca_file);
  access.name = options.name;
  access.grants = grants;
  if (!options.token_file.empty() && !options.api_key_file.empty())
    throw WrongUsage("give --token-file or --api-key-file, not both");
  if (!take_token(options, access))
    take_api_key(options, access);
  return access;
}

}  // namespace livekit

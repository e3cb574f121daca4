// SPDX-License-Identifier: LGPL-2.1-or-later
#include "given_options.h"

#include "common/program.h"

namespace recorder {
namespace {

using Wrong = examples::WrongUsage;
using examples::check_word;

unsigned number(const std::string &option, int value, int lowest, int highest) {
  if (value < lowest || value > highest)
    throw Wrong(option + " takes " + std::to_string(lowest) + " to " + std::to_string(highest));
  return static_cast<unsigned>(value);
}

}  // namespace

// ---- what there is ------------------------------------------------------------------------------

std::vector<GOptionEntry> Given::main_entries() {
  return {
      {"livekit", 'l', 0, G_OPTION_ARG_STRING, livekit.out(),
       "LiveKit server, as in wss://livekit.example (default: LIVEKIT_URL)", "URL"},
      {"url", 'u', 0, G_OPTION_ARG_STRING, url.out(),
       "Janus' HTTP transport, as in https://sfu.example/janus", "URL"},
      {"room", 'r', 0, G_OPTION_ARG_STRING, room.out(),
       "name of the room; with Janus its number or name", "ROOM"},
      {"token-file", 't', 0, G_OPTION_ARG_FILENAME, token_file.out(),
       "file with a token for the room (default with LiveKit: LIVEKIT_TOKEN) or for Janus", "FILE"},
      {"api-key-file", 0, 0, G_OPTION_ARG_FILENAME, api_key_file.out(),
       "LiveKit, instead of a token: file with two lines, API key and secret (default:\n"
       "LIVEKIT_API_KEY, LIVEKIT_API_SECRET)",
       "FILE"},
      {"mode", 'm', 0, G_OPTION_ARG_STRING, mode.out(), "open (default) or sealed", "MODE"},
      {"key-provider", 'k', 0, G_OPTION_ARG_STRING, key_provider.out(),
       "where keys come from, as in participant,keys-file=keys.ini", "STRING"},
      {"scheme", 's', 0, G_OPTION_ARG_STRING, scheme.out(), schemes.c_str(), "NAME"},
      {"output", 'o', 0, G_OPTION_ARG_FILENAME, output.out(),
       "folder for recordings and audit log (default: this one)", "FOLDER"},
      {"audit-key", 'a', 0, G_OPTION_ARG_FILENAME, audit_key.out(),
       "Ed25519 key that signs the audit log: PEM file or name of a systemd credential", "FILE"},
      {"name", 'n', 0, G_OPTION_ARG_STRING, name.out(), "what participants see (default Recorder)",
       "NAME"},
      {"pin-file", 0, 0, G_OPTION_ARG_FILENAME, pin_file.out(), "file with the PIN of the room",
       "FILE"},
      {"key-wait", 0, 0, G_OPTION_ARG_DOUBLE, &key_wait,
       "open: hold frames this long for a late key (default 10)", "SECONDS"},
      {"keys-grace", 0, 0, G_OPTION_ARG_DOUBLE, &keys_grace,
       "open: use the old keys this long when the keys file is unreadable (default 300)",
       "SECONDS"},
      {"control", 'c', 0, G_OPTION_ARG_FILENAME, control.out(),
       "Unix socket for withdraw, allow, status, stop", "SOCKET"},
      {"metrics", 0, 0, G_OPTION_ARG_STRING, metrics.out(),
       "figures for Prometheus at http://ADDRESS:PORT/metrics, on this machine alone",
       "ADDRESS:PORT"},
      {"seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "end by itself (default: Ctrl-C)",
       "SECONDS"},
      {"json", 'j', 0, G_OPTION_ARG_NONE, &json, "tell everything as lines of JSON", nullptr},
      {"no-audit", 0, 0, G_OPTION_ARG_NONE, &no_audit, "write no audit log", nullptr},
      {"allow-unencrypted", 0, 0, G_OPTION_ARG_NONE, &allow_unencrypted,
       "LiveKit: record also tracks that their senders do not encrypt, marked as such", nullptr},
      {"unannounced", 0, 0, G_OPTION_ARG_NONE, &unannounced,
       "LiveKit: record also with a token that does not show the recording to the others", nullptr},
      {"public-key", 0, 0, G_OPTION_ARG_FILENAME, public_key.out(),
       "for verify-log: the signer's public key", "PEM"},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &words, nullptr, nullptr},
      {}};
}

std::vector<GOptionEntry> Given::format_entries() {
  return {{"sframe-suite", 0, 0, G_OPTION_ARG_INT, &suite, "1 to 8 (default 4)", "N"},
          {"sframe-kid-map", 0, 0, G_OPTION_ARG_STRING, kid_map.out(), "profile (default) or plain",
           "MAP"},
          {"clear-header", 0, 0, G_OPTION_ARG_STRING, clear_header.out(),
           "with sframe: scheme (default) or none", "WHICH"},
          {"server-frames", 0, 0, G_OPTION_ARG_STRING, server_frames.out(),
           "open: frames of the SFU's own: drop (default), known, pass", "WHICH"},
          {"server-trailer", 0, 0, G_OPTION_ARG_STRING, server_trailer.out(),
           "their trailer, as the SFU announced it", "HEX"},
          {"replay-window", 0, 0, G_OPTION_ARG_INT, &replay_window,
           "open: drop repeated frames, looking back this far (default 0, off)", "N"},
          {"kdf", 0, 0, G_OPTION_ARG_STRING, kdf.out(),
           "sealed: auto (default), pbkdf2 or hkdf, kept for e2ee-unseal", "NAME"},
          {"ratchet-salt", 0, 0, G_OPTION_ARG_STRING, salt.out(),
           "sealed: salt of the derivation, kept for e2ee-unseal (default: the scheme's)", "TEXT"},
          {"key-size", 0, 0, G_OPTION_ARG_INT, &key_size,
           "sealed: 128 (default) or 256, kept for e2ee-unseal", "BITS"},
          {"keyring-size", 0, 0, G_OPTION_ARG_INT, &ring,
           "sealed: 1 to 256 (default 16), kept for e2ee-unseal", "N"},
          {}};
}

std::vector<GOptionEntry> Given::network_entries() {
  return {
      {"api-secret-file", 0, 0, G_OPTION_ARG_FILENAME, api_secret_file.out(),
       "file with the API secret of Janus", "FILE"},
      {"ca-file", 0, 0, G_OPTION_ARG_FILENAME, ca_file.out(),
       "https: trust these certificates (PEM) for the SFU, not the system's", "FILE"},
      {"latency", 0, 0, G_OPTION_ARG_INT, &latency,
       "wait this long for late packets (default 1000)", "MS"},
      {"identity", 0, 0, G_OPTION_ARG_STRING, identity.out(),
       "LiveKit, without a token: the recorder's own identity (default: another one at each start)",
       "NAME"},
      {"identity-from", 0, 0, G_OPTION_ARG_STRING, identity_from.out(),
       "Janus: whose keys a publisher has: display (default), id", "WHICH"},
      {"stun", 0, 0, G_OPTION_ARG_STRING, stun.out(),
       "as in stun://host:3478 (default: with LiveKit, the one that its server names)", "URL"},
      {"turn-file", 0, 0, G_OPTION_ARG_FILENAME, turn_file.out(),
       "file with a line as in turn://user:password@host:3478", "FILE"},
      {"loopback-only", 0, 0, G_OPTION_ARG_NONE, &loopback_only, "media on 127.0.0.1 alone",
       nullptr},
      {}};
}

// ---- what was given -----------------------------------------------------------------------------

void Given::to(Options &options) const {
  url.to(options.url);
  room.to(options.room);
  pin_file.to(options.pin_file);
  api_secret_file.to(options.api_secret_file);
  token_file.to(options.token_file);
  ca_file.to(options.ca_file);
  name.to(options.name);
  identity_from.to(options.identity_from);
  output.to(options.output);
  key_provider.to(options.key_provider);
  server_frames.to(options.server_frames);
  audit_key.to(options.audit_key);
  control.to(options.control);
  metrics.to(options.metrics);
  stun.to(options.stun);
  turn_file.to(options.turn_file);
  public_key.to(options.public_key);
  Seal &seal = options.seal;
  scheme.to(seal.scheme);
  kdf.to(seal.kdf);
  salt.to(seal.ratchet_salt);
  kid_map.to(seal.sframe_kid_map);
  clear_header.to(seal.clear_header);
  server_trailer.to(seal.server_trailer);
  std::string mode_text = "open";
  mode.to(mode_text);
  check_word("--mode", mode_text, {"open", "sealed"});
  options.sealed = mode_text == "sealed";
  check_word("--scheme", seal.scheme, words_of(GST_TYPE_E2EE_SCHEME));
  check_word("--identity-from", options.identity_from, {"display", "id"});
  check_word("--server-frames", options.server_frames, words_of(GST_TYPE_E2EE_SERVER_FRAMES));
  check_word("--kdf", seal.kdf, words_of(GST_TYPE_E2EE_KDF));
  check_word("--sframe-kid-map", seal.sframe_kid_map, words_of(GST_TYPE_E2EE_SFRAME_KID_MAP));
  check_word("--clear-header", seal.clear_header, words_of(GST_TYPE_E2EE_CLEAR_HEADER));
  options.latency_ms = number("--latency", latency, 0, 60000);
  seal.sframe_suite = number("--sframe-suite", suite, 1, 8);
  to_sfu(options);
  to_open(options);
  to_sealed(options);
  options.audit = !no_audit;
  options.loopback_only = loopback_only;
  options.json = json;
  options.seconds = seconds;
}

void Given::to_sfu(Options &options) const {
  options.is_livekit =
      livekit || (options.url.empty() && g_getenv("LIVEKIT_URL") != nullptr && !words);
  livekit.to(options.livekit.url);
  api_key_file.to(options.livekit.api_key_file);
  identity.to(options.livekit.identity);
  options.livekit.room = options.room;
  options.livekit.name = options.name;
  options.livekit.token_file = options.token_file;
  options.livekit.ca_file = options.ca_file;
  options.allow_unencrypted = allow_unencrypted;
  options.unannounced = unannounced;
  const auto note = [](bool given, const char *option, std::vector<std::string> &where) {
    if (given)
      where.push_back(option);
  };
  note(bool(pin_file), "--pin-file", options.for_janus);
  note(bool(api_secret_file), "--api-secret-file", options.for_janus);
  note(bool(identity_from), "--identity-from", options.for_janus);
  note(bool(api_key_file), "--api-key-file", options.for_livekit);
  note(bool(identity), "--identity", options.for_livekit);
  note(allow_unencrypted, "--allow-unencrypted", options.for_livekit);
  note(unannounced, "--unannounced", options.for_livekit);
}

void Given::to_open(Options &options) const {
  const auto note = [&](const char *option) { options.for_open.push_back(option); };
  if (key_wait != kNotGiven) {
    note("--key-wait");
    options.key_wait = key_wait;
  }
  if (keys_grace != kNotGiven) {
    note("--keys-grace");
    options.keys_grace = keys_grace;
  }
  if (server_frames)
    note("--server-frames");
  if (replay_window != kNotGiven) {
    note("--replay-window");
    options.replay_window = number("--replay-window", replay_window, 0, 4096);
  }
}

void Given::to_sealed(Options &options) const {
  const auto note = [&](const char *option) { options.for_sealed.push_back(option); };
  Seal &seal = options.seal;
  if (kdf)
    note("--kdf");
  if (salt)
    note("--ratchet-salt");
  if (ring != kNotGiven) {
    note("--keyring-size");
    seal.keyring_size = number("--keyring-size", ring, 1, 256);
  }
  if (key_size != kNotGiven) {
    note("--key-size");
    seal.key_size = number("--key-size", key_size, 128, 256);
    if (seal.key_size != 128 && seal.key_size != 256)
      throw Wrong("--key-size takes 128 or 256");
  }
}

}  // namespace recorder

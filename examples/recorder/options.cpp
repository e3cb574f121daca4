// SPDX-License-Identifier: LGPL-2.1-or-later
#include "options.h"

#include <glib.h>

#include <climits>
#include <cmath>
#include <set>
#include <vector>

#include "common/program.h"

namespace recorder {
namespace {

constexpr const char *kSummary =
    "Joins a room of a LiveKit server or a Janus SFU as a participant that everyone sees, and\n"
    "records each publisher into a WebM or Matroska file of their own, without transcoding.\n"
    "\n"
    "  --mode open     decrypts with --key-provider and records what one can play\n"
    "  --mode sealed   holds no key: records the encrypted frames, for e2ee-unseal\n"
    "\n"
    "Other commands:\n"
    "  e2ee-recorder verify-log FILE --public-key PEM    is this audit log whole?\n"
    "  e2ee-recorder withdraw|allow --control SOCKET IDENTITY\n"
    "                                                    end or go on recording a participant\n"
    "  e2ee-recorder status|stop --control SOCKET";

constexpr const char *kDescription =
    "Examples:\n"
    "  openssl genpkey -algorithm ed25519 -out audit.pem\n"
    "  e2ee-recorder --livekit wss://livekit.example --token-file token --audit-key audit.pem \\\n"
    "    --key-provider shared,passphrase-file=meeting --output recordings\n"
    "  e2ee-recorder --url https://sfu.example/janus --room 1234 --audit-key audit.pem \\\n"
    "    --key-provider participant,keys-file=keys.ini --output recordings\n"
    "  e2ee-recorder --url https://sfu.example/janus --room 1234 --audit-key audit.pem \\\n"
    "    --mode sealed --output recordings\n"
    "\n"
    "Exit status: 0 = ended as asked; 1 = failed, for example as the folder cannot be written;\n"
    "2 = wrong usage, a file that cannot be used, or a room that refuses the recorder; 3 = ended\n"
    "as asked, but frames could not be decrypted or written, or there was trouble with disk, SFU\n"
    "or keys file: the audit log tells. verify-log: 0 = closed; 1 = broken; 2 = wrong usage, or\n"
    "log or key could not be read; 3 = open-ended: its writer did not end in good order.\n"
    "withdraw, allow, status, stop: 0 = done; 1 = refused, or no recorder answers; 2 = wrong\n"
    "usage.";

using Wrong = examples::WrongUsage;

// Strings that GOption hands out.
class Text {
 public:
  ~Text() { g_free(text_); }
  Text() = default;
  Text(const Text &) = delete;
  Text &operator=(const Text &) = delete;
  char **out() { return &text_; }
  explicit operator bool() const { return text_ != nullptr; }
  void to(std::string &value) const {
    if (text_)
      value = text_;
  }

 private:
  char *text_ = nullptr;
};

std::string one_of(const std::string &option, const std::string &value,
                   const std::set<std::string> &allowed) {
  if (allowed.contains(value))
    return value;
  std::string names;
  for (const std::string &name : allowed)
    names += (names.empty() ? "" : ", ") + name;
  throw Wrong(option + " takes one of " + names);
}

unsigned number(const std::string &option, int value, int lowest, int highest) {
  if (value < lowest || value > highest)
    throw Wrong(option + " takes " + std::to_string(lowest) + " to " + std::to_string(highest));
  return static_cast<unsigned>(value);
}

void check_seconds(const std::string &option, double value) {
  if (!std::isfinite(value) || value < 0 || value > 1e6)
    throw Wrong(option + " takes seconds, 0 or more");
}

void check_hex(const std::string &option, const std::string &value) {
  const bool hex = value.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  if (!value.empty() && (!hex || value.size() % 2 != 0 || value.size() < 14))
    throw Wrong(option + " takes 7 bytes or more as hex digits");
}

// What does nothing in a mode is refused there, not passed over.
void check_mode(bool other_mode, const char *mode, const std::vector<std::string> &given) {
  if (other_mode && !given.empty())
    throw Wrong(given.front() + " is for --mode " + mode);
}

void check_janus(const Options &options) {
  if (options.url.empty() || options.room.empty())
    throw Wrong("--livekit, or --url and --room, say where to record");
  if (!options.url.starts_with("http://") && !options.url.starts_with("https://"))
    throw Wrong("--url takes the address of Janus' HTTP transport, as in https://sfu/janus");
  if (!options.ca_file.empty() && !options.url.starts_with("https://"))
    throw Wrong("--ca-file is for an --url that begins with https://");
}

// What only the other kind of SFU knows is refused, not passed over.
void check_sfu(const Options &options) {
  if (options.is_livekit && !options.url.empty())
    throw Wrong("give --livekit or --url, not both");
  if (options.is_livekit && !options.for_janus.empty())
    throw Wrong(options.for_janus.front() + " is for Janus (--url)");
  if (!options.is_livekit && !options.for_livekit.empty())
    throw Wrong(options.for_livekit.front() + " is for LiveKit (--livekit)");
  if (options.sealed && options.allow_unencrypted)
    throw Wrong("--allow-unencrypted is for --mode open: sealed recordings hold nothing readable");
}

void check_record(const Options &options) {
  if (!options.is_livekit)
    check_janus(options);
  if (options.sealed && !options.key_provider.empty())
    throw Wrong("--mode sealed holds no key: give --key-provider to e2ee-unseal");
  if (!options.sealed && options.key_provider.empty())
    throw Wrong("--mode open needs --key-provider, as in participant,keys-file=keys.ini");
  if (options.audit && options.audit_key.empty())
    throw Wrong(
        "--audit-key FILE is missing: an Ed25519 key that signs the audit log. Make one with\n"
        "  openssl genpkey -algorithm ed25519 -out audit.pem\n"
        "or give --no-audit");
  if (options.name.empty())
    throw Wrong("--name must not be empty: those who are recorded see it");
  check_hex("--server-trailer", options.seal.server_trailer);
  check_mode(options.sealed, "open", options.for_open);
  check_mode(!options.sealed, "sealed, where e2ee-unseal has to know it", options.for_sealed);
  check_sfu(options);
  check_seconds("--key-wait", options.key_wait);
  check_seconds("--keys-grace", options.keys_grace);
  check_seconds("--seconds", options.seconds);
}

void take_command(const std::vector<std::string> &words, Options &options) {
  static const std::set<std::string> controls{"withdraw", "allow", "status", "stop"};
  if (words.empty()) {
    check_record(options);
    return;
  }
  const std::string &command = words.front();
  const bool names_one = command == "withdraw" || command == "allow";
  if (command == "verify-log") {
    if (words.size() != 2 || options.public_key.empty())
      throw Wrong("use: e2ee-recorder verify-log FILE --public-key PEM");
    options.command = Command::kVerifyLog;
    options.log = words[1];
  } else if (controls.contains(command)) {
    if (words.size() != (names_one ? 2U : 1U) || options.control.empty())
      throw Wrong("use: e2ee-recorder " + command + " --control SOCKET" +
                  (names_one ? " IDENTITY" : ""));
    options.command = Command::kControl;
    options.control_command = command;
    options.identity = names_one ? words[1] : "";
  } else {
    throw Wrong("there is no command \"" + command + "\"");
  }
}

// Everything that GOption fills, and how it becomes Options.
struct Given {
  Text livekit, api_key_file, identity;
  Text url, room, pin_file, api_secret_file, token_file, ca_file, name, identity_from, output, mode,
      key_provider, scheme, server_frames, audit_key, control, metrics, stun, turn_file, public_key,
      kdf, salt, kid_map, clear_header, server_trailer;
  int latency = 1000, suite = 4;
  static constexpr int kNotGiven = INT_MIN;
  int replay_window = kNotGiven, key_size = kNotGiven, ring = kNotGiven;
  double key_wait = kNotGiven, keys_grace = kNotGiven;
  gboolean no_audit = FALSE, loopback_only = FALSE, json = FALSE, allow_unencrypted = FALSE,
           unannounced = FALSE;
  char **words = nullptr;
  ~Given() { g_strfreev(words); }

  void to(Options &options) const {
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
    options.sealed = one_of("--mode", mode_text, {"open", "sealed"}) == "sealed";
    one_of("--scheme", seal.scheme, {"livekit", "realtimekit", "jitsi", "sframe"});
    one_of("--identity-from", options.identity_from, {"display", "id"});
    one_of("--server-frames", options.server_frames, {"drop", "known", "pass"});
    one_of("--kdf", seal.kdf, {"auto", "pbkdf2", "hkdf"});
    one_of("--sframe-kid-map", seal.sframe_kid_map, {"profile", "plain"});
    one_of("--clear-header", seal.clear_header, {"scheme", "none"});
    options.latency_ms = number("--latency", latency, 0, 60000);
    seal.sframe_suite = number("--sframe-suite", suite, 1, 5);
    to_sfu(options);
    to_open(options);
    to_sealed(options);
    options.audit = !no_audit;
    options.loopback_only = loopback_only;
    options.json = json;
  }

  void to_sfu(Options &options) const {
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

  void to_open(Options &options) const {
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

  void to_sealed(Options &options) const {
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
};

}  // namespace

Options parse_options(int argc, char **argv) {
  Options options;
  Given given;
  const GOptionEntry main_entries[] = {
      {"livekit", 'l', 0, G_OPTION_ARG_STRING, given.livekit.out(),
       "LiveKit server, as in wss://livekit.example (default: LIVEKIT_URL)", "URL"},
      {"url", 'u', 0, G_OPTION_ARG_STRING, given.url.out(),
       "Janus' HTTP transport, as in https://sfu.example/janus", "URL"},
      {"room", 'r', 0, G_OPTION_ARG_STRING, given.room.out(),
       "name of the room; with Janus its number or name", "ROOM"},
      {"token-file", 't', 0, G_OPTION_ARG_FILENAME, given.token_file.out(),
       "file with a token for the room (default with LiveKit: LIVEKIT_TOKEN) or for Janus", "FILE"},
      {"api-key-file", 0, 0, G_OPTION_ARG_FILENAME, given.api_key_file.out(),
       "LiveKit, instead of a token: file with two lines, API key and secret (default:\n"
       "LIVEKIT_API_KEY, LIVEKIT_API_SECRET)",
       "FILE"},
      {"mode", 'm', 0, G_OPTION_ARG_STRING, given.mode.out(), "open (default) or sealed", "MODE"},
      {"key-provider", 'k', 0, G_OPTION_ARG_STRING, given.key_provider.out(),
       "where keys come from, as in participant,keys-file=keys.ini", "STRING"},
      {"scheme", 's', 0, G_OPTION_ARG_STRING, given.scheme.out(),
       "livekit (default), realtimekit, jitsi or sframe", "NAME"},
      {"output", 'o', 0, G_OPTION_ARG_FILENAME, given.output.out(),
       "folder for recordings and audit log (default: this one)", "FOLDER"},
      {"audit-key", 'a', 0, G_OPTION_ARG_FILENAME, given.audit_key.out(),
       "Ed25519 key that signs the audit log: PEM file or name of a systemd credential", "FILE"},
      {"name", 'n', 0, G_OPTION_ARG_STRING, given.name.out(),
       "what participants see (default Recorder)", "NAME"},
      {"pin-file", 0, 0, G_OPTION_ARG_FILENAME, given.pin_file.out(),
       "file with the PIN of the room", "FILE"},
      {"key-wait", 0, 0, G_OPTION_ARG_DOUBLE, &given.key_wait,
       "open: hold frames this long for a late key (default 10)", "SECONDS"},
      {"keys-grace", 0, 0, G_OPTION_ARG_DOUBLE, &given.keys_grace,
       "open: use the old keys this long when the keys file is unreadable (default 300)",
       "SECONDS"},
      {"control", 'c', 0, G_OPTION_ARG_FILENAME, given.control.out(),
       "Unix socket for withdraw, allow, status, stop", "SOCKET"},
      {"metrics", 0, 0, G_OPTION_ARG_STRING, given.metrics.out(),
       "figures for Prometheus at http://ADDRESS:PORT/metrics, on this machine alone",
       "ADDRESS:PORT"},
      {"seconds", 0, 0, G_OPTION_ARG_DOUBLE, &options.seconds, "end by itself (default: Ctrl-C)",
       "SECONDS"},
      {"json", 'j', 0, G_OPTION_ARG_NONE, &given.json, "tell everything as lines of JSON", nullptr},
      {"no-audit", 0, 0, G_OPTION_ARG_NONE, &given.no_audit, "write no audit log", nullptr},
      {"allow-unencrypted", 0, 0, G_OPTION_ARG_NONE, &given.allow_unencrypted,
       "LiveKit: record also tracks that their senders do not encrypt, marked as such", nullptr},
      {"unannounced", 0, 0, G_OPTION_ARG_NONE, &given.unannounced,
       "LiveKit: record also with a token that does not show the recording to the others", nullptr},
      {"public-key", 0, 0, G_OPTION_ARG_FILENAME, given.public_key.out(),
       "for verify-log: the signer's public key", "PEM"},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &given.words, nullptr, nullptr},
      {}};
  const GOptionEntry format_entries[] = {
      {"sframe-suite", 0, 0, G_OPTION_ARG_INT, &given.suite, "1 to 5 (default 4)", "N"},
      {"sframe-kid-map", 0, 0, G_OPTION_ARG_STRING, given.kid_map.out(),
       "profile (default) or plain", "MAP"},
      {"clear-header", 0, 0, G_OPTION_ARG_STRING, given.clear_header.out(),
       "with sframe: scheme (default) or none", "WHICH"},
      {"server-frames", 0, 0, G_OPTION_ARG_STRING, given.server_frames.out(),
       "open: frames of the SFU's own: drop (default), known, pass", "WHICH"},
      {"server-trailer", 0, 0, G_OPTION_ARG_STRING, given.server_trailer.out(),
       "their trailer, as the SFU announced it", "HEX"},
      {"replay-window", 0, 0, G_OPTION_ARG_INT, &given.replay_window,
       "open: drop repeated frames, looking back this far (default 0, off)", "N"},
      {"kdf", 0, 0, G_OPTION_ARG_STRING, given.kdf.out(),
       "sealed: auto (default), pbkdf2 or hkdf, kept for e2ee-unseal", "NAME"},
      {"ratchet-salt", 0, 0, G_OPTION_ARG_STRING, given.salt.out(),
       "sealed: salt of the derivation, kept for e2ee-unseal (default: the scheme's)", "TEXT"},
      {"key-size", 0, 0, G_OPTION_ARG_INT, &given.key_size,
       "sealed: 128 (default) or 256, kept for e2ee-unseal", "BITS"},
      {"keyring-size", 0, 0, G_OPTION_ARG_INT, &given.ring,
       "sealed: 1 to 256 (default 16), kept for e2ee-unseal", "N"},
      {}};
  const GOptionEntry network_entries[] = {
      {"api-secret-file", 0, 0, G_OPTION_ARG_FILENAME, given.api_secret_file.out(),
       "file with the API secret of Janus", "FILE"},
      {"ca-file", 0, 0, G_OPTION_ARG_FILENAME, given.ca_file.out(),
       "https: trust these certificates (PEM) for the SFU, not the system's", "FILE"},
      {"latency", 0, 0, G_OPTION_ARG_INT, &given.latency,
       "wait this long for late packets (default 1000)", "MS"},
      {"identity", 0, 0, G_OPTION_ARG_STRING, given.identity.out(),
       "LiveKit, without a token: the recorder's own identity (default: another one at each start)",
       "NAME"},
      {"identity-from", 0, 0, G_OPTION_ARG_STRING, given.identity_from.out(),
       "Janus: whose keys a publisher has: display (default), id", "WHICH"},
      {"stun", 0, 0, G_OPTION_ARG_STRING, given.stun.out(), "as in stun://host:3478", "URL"},
      {"turn-file", 0, 0, G_OPTION_ARG_FILENAME, given.turn_file.out(),
       "file with a line as in turn://user:password@host:3478", "FILE"},
      {"loopback-only", 0, 0, G_OPTION_ARG_NONE, &given.loopback_only, "media on 127.0.0.1 alone",
       nullptr},
      {}};

  examples::CommandLine line("e2ee-recorder", "[COMMAND]", kSummary, kDescription);
  line.add(main_entries);
  line.add_group("format", "Wire format", format_entries);
  line.add_group("network", "Network", network_entries);
  line.parse(argc, argv);
  given.to(options);
  std::vector<std::string> words;
  for (char **word = given.words; word && *word; ++word)
    words.emplace_back(*word);
  take_command(words, options);
  return options;
}

}  // namespace recorder

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "options.h"

#include <glib.h>

#include <cmath>
#include <set>
#include <vector>

#include "common/program.h"
#include "given_options.h"

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

}  // namespace

Options parse_options(int argc, char **argv) {
  Options options;
  Given given;
  const std::vector<GOptionEntry> main = given.main_entries(), format = given.format_entries(),
                                  network = given.network_entries();
  examples::CommandLine line("e2ee-recorder", "[COMMAND]", kSummary, kDescription);
  line.add(main.data());
  line.add_group("format", "Wire format", format.data());
  line.add_group("network", "Network", network.data());
  line.parse(argc, argv);
  given.to(options);
  std::vector<std::string> words;
  for (char **word = given.words; word && *word; ++word)
    words.emplace_back(*word);
  take_command(words, options);
  return options;
}

}  // namespace recorder

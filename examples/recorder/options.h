// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "livekit/access.h"
#include "seal.h"

namespace recorder {

enum class Command { kRecord, kVerifyLog, kControl };

// What the command line says, checked as far as that goes without looking at anything else.
struct Options {
  Command command = Command::kRecord;

  // record
  std::string url;
  bool is_livekit = false;
  livekit::AccessOptions livekit;
  bool allow_unencrypted = false, unannounced = false;
  std::string room;
  std::string pin_file, api_secret_file, token_file, ca_file;
  std::string name = "Recorder";
  std::string identity_from = "display";
  std::string output = ".";
  bool sealed = false;
  std::string key_provider;
  double key_wait = 10;     // seconds
  double keys_grace = 300;  // seconds
  Seal seal;                // scheme and its settings; in sealed mode the derivation's too
  std::string server_frames = "drop";
  unsigned replay_window = 0;
  // Options given that the other mode, or the other kind of SFU, does not know.
  std::vector<std::string> for_open, for_sealed, for_janus, for_livekit;
  std::string audit_key;
  bool audit = true;
  std::string control;
  std::string metrics;
  unsigned latency_ms = 1000;
  std::string stun, turn_file;
  bool loopback_only = false;
  bool json = false;
  double seconds = 0;  // 0: until stopped

  // verify-log
  std::string log;
  std::string public_key;

  // withdraw, allow, status, stop
  std::string control_command;
  std::string identity;
};

// --help and --version end the program. Throws WrongUsage.
Options parse_options(int argc, char **argv);

}  // namespace recorder

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "common.h"
#include "options.h"
#include "playback.h"
#include "stats.h"

namespace call {

struct StreamResult {
  std::string name;      // "video", "audio"
  size_t sent = 0;       // frames into the encryptor
  size_t in_clear = 0;   // of those that left it: equal to an original
  size_t decrypted = 0;  // by alice
  size_t equal = 0;      // of those: byte for byte an original, in order
  size_t played = 0;     // decoded from alice's file
};

struct ReceiverResult {
  std::string name;
  std::string key;  // in words
  bool has_key = false;
  E2EEStats stats;
  bool recorded = false;
  std::string file;
  guint64 file_size = 0;
};

struct CallResult {
  Codec codec;
  std::string srtp_cipher;
  E2EEStats sender;
  std::vector<StreamResult> streams;
  std::vector<ReceiverResult> receivers;
  GstClockTime duration = 0;  // of alice's file
};

// What did not hold, in words; empty: the call was what it should be.
std::vector<std::string> find_faults(const CallResult &result);

void print_report(const CallResult &result, const std::vector<std::string> &faults,
                  const Terminal &terminal);

}  // namespace call

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "framechain.h"
#include "ivcheck.h"
#include "keyhistory.h"
#include "outfile.h"
#include "sealedfile.h"

namespace recorder {

struct UnsealOptions {
  std::string input;
  std::string output;   // empty: made of `input`
  std::string sidecar;  // empty: looked for beside `input`
  std::string participant;
  std::vector<std::string> providers;  // in the order in which the meeting used them
  unsigned max_ratchet = 64;
  std::string server_frames = "drop";  // as e2eedecrypt takes it
};

// What a key was used for in one track.
struct KeyUse {
  std::uint64_t frames = 0;
  std::int64_t first_ns = 0, last_ns = 0;
  std::string fingerprint;
};

struct TrackReport {
  std::string media, codec;
  bool has_layers = false;  // frames of one time are one picture in the file
  std::uint64_t read = 0, opened = 0, written = 0;
  std::uint64_t due = 0;                            // that the file should have
  std::uint64_t from_server = 0;                    // that the server made, in the clear
  std::uint64_t passed = 0;                         // of these, not left out
  std::uint64_t malformed = 0;                      // not laid out like an encrypted frame
  std::uint64_t impossible_key = 0;                 // of an index that no key can have
  std::map<std::uint64_t, std::uint64_t> no_key;    // by key index
  std::map<std::uint64_t, std::uint64_t> no_match;  // no key of this index fitted, by key index
  // By key index, number of the key provider, generation.
  std::map<std::tuple<std::uint64_t, std::size_t, std::uint64_t>, KeyUse> keys;
  std::int64_t first_ns = -1, last_ns = -1, last_due_ns = -1;

  std::uint64_t closed() const { return read - opened - from_server; }
  // The frame goes to the file. Layers of VP9, which have one time, become one picture there.
  void count_due(std::int64_t time_ns);
  std::uint64_t lost() const { return written >= due ? 0 : due - written; }
};

struct UnsealReport {
  std::vector<std::string> outputs;
  Seal seal;
  std::string participant;
  std::vector<TrackReport> tracks;
  std::uint64_t replays = 0, reused_ivs = 0;
  std::vector<IvCheck::Repeat> repeats;  // the first ones
  std::vector<std::string> notes;
  bool complete = true;           // the file could be read to its end
  std::uint64_t derivations = 0;  // generations of keys that were derived
  std::uint64_t bytes = 0;        // of frames
  double seconds = 0;

  std::uint64_t frames() const;
  std::uint64_t opened() const;
  std::uint64_t passed() const;
  bool all_opened() const;
  // Everything that was recorded is in the output.
  bool whole() const;
};

struct UnsealProgress {
  std::uint64_t bytes = 0, size = 0, frames = 0;
};

// Opens one sealed recording. Throws Failure when that does not work at all; nothing is left behind
// then, nor when `progress` throws, which it may. Frames that do not open are left out and told in
// the report.
UnsealReport unseal(const UnsealOptions &options,
                    const std::function<void(const UnsealProgress &)> &progress);

// For people, and for machines.
std::string report_text(const UnsealReport &report, bool all_keys);
std::string report_json(const UnsealReport &report);

}  // namespace recorder

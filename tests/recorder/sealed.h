// SPDX-License-Identifier: LGPL-2.1-or-later
// Sealed recordings made of real encoders' frames, and e2ee-unseal as a user runs it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "recorder/seal.h"
#include "support/element.h"
#include "support/files.h"

namespace sealed {

namespace test = e2ee::test;

using test::Buffer;
using test::Bytes;
using test::Folder;
using test::Provider;

struct Frame {
  Bytes bytes;
  std::int64_t ns = 0;
  bool operator==(const Frame &) const = default;
};

struct Stream {
  std::string caps;
  std::vector<Frame> frames;
};

Stream vp8();
Stream vp9();
Stream opus();
Stream h264(unsigned width = 320, unsigned height = 240);  // byte stream

struct Encryption {
  const char *scheme = "livekit";
  const char *participant = nullptr;
  guint64 sframe_kid = G_MAXUINT64;                    // none: drawn
  std::function<void(std::size_t frame)> before = {};  // each frame
};
Stream encrypt(const Stream &plain, const Provider &provider, const Encryption &how = {});

// What the recorder writes; `seal` gets the streams. Without a tag if `tagged` is false.
void write_recording(const std::string &path, recorder::Seal seal,
                     const std::vector<Stream> &streams, bool tagged = true);
// The seal as it is written.
std::string seal_text(recorder::Seal seal, const std::vector<Stream> &streams);

// The frames of a file, by caps name, with the time of the first as 0 (of all streams together).
std::vector<Stream> read_recording(const std::string &path);

// What of `plain` should be in the file: times in milliseconds from the first.
void expect_same(const std::vector<Stream> &read, const std::vector<Stream> &plain);

// ---- the program --------------------------------------------------------------------------------

struct Track {
  std::string codec;
  std::int64_t frames = 0, opened = 0, written = 0, malformed = 0, no_key = 0, no_match = 0,
               impossible_key = 0;
};

struct Outcome {
  int status = -1;
  std::string out, err;
  // Of --json
  std::vector<Track> tracks;
  std::int64_t derivations = 0, replayed = 0, reused = 0;
  std::size_t keys = 0;
  std::vector<std::string> notes, outputs;
  bool complete = false;
};

Outcome unseal(const std::vector<std::string> &arguments);
// Starts it, and answers its process.
GPid start_unseal(const std::vector<std::string> &arguments);

// A hex key file, and the provider string that names it.
std::string key_file(const Folder &folder, guint8 fill, unsigned index);

constexpr guint8 kFill = 0x5a;

class Unseal : public testing::Test {
 protected:
  // The provider string of raw_provider(kFill).
  std::string key(unsigned index = 0) { return key_file(folder, kFill, index); }
  std::string in() const { return folder / "alice.mkv"; }

  Folder folder;
};

inline recorder::Seal seal_of(const char *scheme) {
  recorder::Seal seal;
  seal.scheme = scheme;
  seal.identity = "alice";
  return seal;
}

}  // namespace sealed

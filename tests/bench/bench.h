/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What the parts of the benchmark share. Each registers its rows with Google Benchmark, named
// "group/row/size"; report.py puts the rows of one run together.
#pragma once

#include <benchmark/benchmark.h>
#include <gst/gst.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/cryptor.h"
#include "line.h"
#include "support/cputime.h"

namespace bench {

/// Frames from a quiet Opus packet to a key frame of high definition.
inline constexpr std::array<std::size_t, 5> kSizes = {80, 1200, 8000, 60000, 500000};

/// How long rows are measured.
struct Pace {
  double seconds;             // of one repetition of a row
  int repetitions;            // of a row
  int pipeline_repetitions;   // of a pipeline
  unsigned pipeline_seconds;  // of media through it
};

void register_frame_rows(const Pace &pace);
void register_stream_rows(const Pace &pace);
void register_pipeline_rows(const Pace &pace);
/// Each is measured once, on all cores.
void register_key_rows(bool quick);

/// Works on this many frames, one after the other; false when one of them failed.
using Work = std::function<bool(unsigned frames)>;

Work raw_encrypt(std::size_t size);
Work raw_decrypt(std::size_t size);
/// The same with the AEAD back end in use.
Work aead_encrypt(std::size_t size);
Work aead_decrypt(std::size_t size);
Work core_encrypt(const e2ee::CodecRule &codec, std::size_t size);
Work core_decrypt(std::size_t size);

/// How the encoder before the element makes its buffers.
enum class Buffers {
  copied,  // vp8enc: of the frame's size
  cut,     // opusenc: of the longest packet's size, then cut
};

Work push_straight(Buffers buffers, std::vector<std::uint8_t> frame);
/// Through an element of the plugin. `arriving` is how long the frame must be when it comes out.
Work push_through(const char *element, Buffers buffers, std::vector<std::uint8_t> frame,
                  std::size_t arriving);
/// Through two pads with nothing but the AEAD back end between them.
Work push_through_floor(std::size_t size);
/// RTP packets of this size, each with a number of its own. Null when srtpenc is not installed.
Work push_through_srtpenc(std::size_t size);

/// Measures ways to do the same thing, in rounds: each round does some frames in each way, in
/// random order, and makes its own ratios. What slows the machine for longer than a round then
/// slows all ways alike. Of the quickest quarter of the rounds, in which the machine was the least
/// busy, the medians become counters of the benchmark, in ns a frame under the way's name and as
/// multiple of the first way under "name:ratio".
class Rounds {
 public:
  /// With `baseline`, an earlier way, what counts is how much longer this one takes.
  void add(std::string name, Work work, const char *baseline = nullptr);
  void measure(benchmark::State &state);

 private:
  struct Way {
    std::string name;
    Work work;
    int baseline = -1;
    unsigned frames = 0;  // in a round
    double last = 0;
    std::vector<double> costs, ratios;
  };
  void run_one();

  std::vector<Way> ways_;
  std::vector<double> totals_;  // of each round
  std::minstd_rand random_;
  bool good_ = true;
};

/// Called before each measurement.
void tell_progress();

using e2ee::test::thread_cpu;

// ---- material for rows --------------------------------------------------------------------------

const e2ee::Scheme &livekit();

/// The key that the scheme derives from `raw`.
e2ee::KeyRef derive(e2ee::ByteView raw, const e2ee::Scheme &scheme = livekit());

/// A ring with that key under index 0, current.
e2ee::KeyRing ring_of(const e2ee::KeyRef &key);

const e2ee::CodecRule &codec_of(const char *media_type);

/// A frame as an encryptor with `key` sends it.
std::vector<std::uint8_t> seal_frame(const e2ee::KeyRef &key, const e2ee::CodecRule &codec,
                                     e2ee::ByteView frame);

}  // namespace bench

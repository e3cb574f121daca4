/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A server for many: one frame of each stream by turns. What belongs to a stream has long left the
// caches when its turn comes again. The frame itself has not: whoever hands it over has just
// written it.
#include "bench.h"

namespace bench {

namespace {

constexpr unsigned kContexts = 2000;
constexpr unsigned kElements = 1000;

// In the core alone: how many streams one core of the machine can encrypt.
Work seal_by_turns(const e2ee::CodecRule &codec, std::size_t size) {
  struct Stream {
    e2ee::KeyRef key;
    e2ee::Sealer sealer{livekit()};
  };
  auto all = std::make_shared<std::vector<Stream>>(kContexts);
  unsigned number = 0;
  for (Stream &stream : *all) {
    auto raw = kRawKey;
    raw[14] = static_cast<std::uint8_t>(number >> 8);
    raw[15] = static_cast<std::uint8_t>(number++);
    stream.key = derive(raw);
  }
  std::vector<std::uint8_t> frame = make_frame(size);
  frame.resize(size + livekit().overhead);
  return [&codec, size, all, frame = std::move(frame),
          next = std::size_t{0}](unsigned frames) mutable {
    const e2ee::ByteView plain = e2ee::ByteView(frame).first(size);
    bool good = true;
    for (; frames-- > 0; next = (next + 1) % all->size()) {
      Stream &stream = (*all)[next];
      good &= bool(stream.sealer.seal(stream.key, codec, codec.frame_type(plain), plain, frame));
    }
    return good;
  };
}

// Not in rounds: whatever runs in between would change what the caches still hold.
void register_contexts(const std::string &name, const Pace &pace, const char *media_type,
                       std::size_t size) {
  benchmark::RegisterBenchmark(("streams/" + name + "/" + std::to_string(size)).c_str(),
                               [media_type, size](benchmark::State &state) {
                                 tell_progress();
                                 const Work work = seal_by_turns(codec_of(media_type), size);
                                 bool good = work(kContexts);
                                 for (auto _ : state)
                                   good &= work(1);
                                 if (!good)
                                   state.SkipWithError("a frame was not encrypted");
                               })
      ->MinTime(pace.seconds)
      ->Repetitions(pace.repetitions);
}

// One "frame" of this work is a frame of each line.
Work push_by_turns(std::function<GstRef<GstElement>()> make, std::size_t arriving) {
  const auto sealed = seal_frame(derive(kRawKey), codec_of("audio/x-opus"), make_frame(80));
  auto lines = std::make_shared<std::vector<std::unique_ptr<Line>>>();
  for (unsigned i = 0; i < kElements; ++i)
    lines->push_back(std::make_unique<Line>(make()));
  return [lines, sealed, arriving](unsigned rounds) {
    bool good = true;
    for (unsigned i = 0; i < rounds; ++i) {
      for (const auto &line : *lines) {
        const gsize before = line->bytes();
        good &= line->push(copied_buffer(sealed)) && line->bytes() - before == arriving;
      }
    }
    return good;
  };
}

void measure_elements(benchmark::State &state) {
  const std::size_t sealed = 80 + livekit().overhead;
  Rounds rounds;
  rounds.add("identity-1000", push_by_turns([] { return make_element("identity"); }, sealed));
  rounds.add("direct-push-1000", push_by_turns([] { return nullptr; }, sealed));
  rounds.add("streams-1000", push_by_turns([] { return make_keyed("e2eedecrypt"); }, 80));
  rounds.measure(state);
  for (auto &[name, counter] : state.counters) {
    if (name.find(":ratio") == std::string::npos)
      counter.value /= kElements;
  }
}

}  // namespace

void register_stream_rows(const Pace &pace) {
  // 32 kbit/s in frames of 20 ms, and 1 Mbit/s at 30 frames a second.
  register_contexts("streams-a-core-opus", pace, "audio/x-opus", 80);
  register_contexts("streams-a-core-vp8", pace, "video/x-vp8", 4167);
  // A round takes milliseconds.
  benchmark::RegisterBenchmark("elements/streams-1000", measure_elements)
      ->UseManualTime()
      ->MinTime(3 * pace.seconds)
      ->Repetitions(pace.repetitions);
}

}  // namespace bench

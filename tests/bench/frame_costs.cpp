/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What a frame costs that does not vary: allocations and copies, which this program counts, and
// instructions, which callgrind counts in e2ee_measured_frames(). frame_costs.py runs it.
#include <cstdio>
#include <cstring>

#include "counting.h"
#include "line.h"
#include "support/element.h"

namespace bench {
namespace {

namespace test = e2ee::test;

constexpr char kUsage[] =
    "Usage: e2ee-frame-costs\n"
    "\n"
    "Prints, for each way in which a frame passes an element, what one frame costs beyond a push\n"
    "from pad to pad: \"NAME FRAMES ALLOCATIONS FREES COPIES\". FRAMES is how many were measured; "
    "copies\n"
    "are those of at least a frame. tests/bench/frame_costs.py compares with the budget.\n";

constexpr unsigned kWarmUp = 200;
constexpr unsigned kFrames = 5000;  // many, since the search for IVs of VP8 has luck in it

struct Way {
  const char *name;
  const char *element;
  const char *caps;
  std::size_t size;
  GstBuffer *(*make)(const std::vector<std::uint8_t> &frame);
};

constexpr Way kWays[] = {
    {"encrypt-opus-80", "e2eeencrypt", kOpusCaps, 80, copied_buffer},
    {"encrypt-opus-80-room-left", "e2eeencrypt", kOpusCaps, 80, cut_buffer},
    {"encrypt-vp8-1200", "e2eeencrypt", kVp8Caps, 1200, copied_buffer},
    {"decrypt-opus-80", "e2eedecrypt", kOpusCaps, 80, copied_buffer},
    {"decrypt-vp8-1200", "e2eedecrypt", kVp8Caps, 1200, copied_buffer},
};

// What goes into the element.
std::vector<std::uint8_t> frame_for(const Way &way) {
  const std::vector<std::uint8_t> plain = make_frame(way.size);
  if (std::strcmp(way.element, "e2eeencrypt") == 0)
    return plain;
  return test::seal(keyed_provider(), way.caps, plain);
}

bool push_all(Line &line, const Way &way, const std::vector<std::uint8_t> &frame, unsigned frames) {
  bool good = true;
  for (unsigned i = 0; i < frames; ++i)
    good &= line.push(way.make(frame));
  return good;
}

}  // namespace
}  // namespace bench

// Callgrind's options name it.
extern "C" [[gnu::noinline]] bool e2ee_measured_frames(bench::Line &line, const bench::Way &way,
                                                       const std::vector<std::uint8_t> &frame) {
  return bench::push_all(line, way, frame, bench::kFrames);
}

namespace bench {
namespace {

bool measure(const Way &way) {
  const std::vector<std::uint8_t> frame = frame_for(way);
  Line straight(nullptr, way.caps);
  Line line(make_keyed(way.element), way.caps);
  bool good = push_all(straight, way, frame, kWarmUp) && push_all(line, way, frame, kWarmUp);

  start_counting(way.size);
  good &= push_all(straight, way, frame, kFrames);
  const Counts without = counted();
  const gsize before = line.bytes();
  start_counting(way.size);
  good &= e2ee_measured_frames(line, way, frame);
  const Counts with = counted();

  const auto each = [](unsigned long more, unsigned long less) {
    return (static_cast<double>(more) - static_cast<double>(less)) / kFrames;
  };
  std::printf("%s %u %.3f %.3f %.3f\n", way.name, kFrames,
              each(with.allocations, without.allocations), each(with.frees, without.frees),
              each(with.copies, without.copies));
  const std::size_t plain_and_sealed = 2 * way.size + test::kOverhead;
  return good && line.bytes() - before == kFrames * (plain_and_sealed - frame.size());
}

}  // namespace
}  // namespace bench

int main(int argc, char **argv) {
  if (argc > 1) {
    std::fputs(bench::kUsage, stdout);
    return std::strcmp(argv[1], "--help") == 0 ? 0 : 2;
  }
  gst_init(nullptr, nullptr);
  for (const bench::Way &way : bench::kWays) {
    if (!bench::measure(way)) {
      std::fprintf(stderr, "%s: not all frames came through\n", way.name);
      return 1;
    }
  }
  return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Records two tracks as they come in a call, until it is killed. Every push that returned is told
// on stdout with its time: "v 12 123456789".
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

#include "recorded.h"

using namespace media;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

void tell(char track, unsigned number) {
  char line[64];
  const int size = std::snprintf(line, sizeof line, "%c %u %lld\n", track, number,
                                 static_cast<long long>(Clock::now().time_since_epoch().count()));
  if (write(STDOUT_FILENO, line, static_cast<std::size_t>(size)) != size)
    _exit(1);
}

}  // namespace

// victim FOLDER open|sealed
int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc != 3)
    return 2;
  const int folder = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  Told told;
  auto settings = settings_for(told, folder, "victim");
  if (std::string{argv[2]} == "sealed")
    settings.seal.emplace();
  recorder::Recording recording{settings};
  const auto start = Clock::now();

  std::thread video{[&] {
    for (unsigned i = 0;; i++) {
      // The picture grows, so the head is written again and again.
      std::this_thread::sleep_until(start + i * 40ms);
      const std::string caps = "video/x-vp8, width=(int)" + std::to_string(320 + i) +
                               ", height=(int)" + std::to_string(240 + i);
      recording.push(Media::kVideo, make_sample(caps, video_frame(i, 3000)).get());
      tell('v', i);
    }
  }};
  std::thread audio{[&] {
    // Comes late, and is muted for a while.
    for (unsigned i = 0;; i++) {
      std::this_thread::sleep_until(start + i * 20ms);
      if (i < 40 || (i > 110 && i < 160))
        continue;
      recording.push(Media::kAudio, make_sample(kOpusCaps, audio_frame(i)).get());
      tell('a', i);
    }
  }};
  for (;;) {
    std::this_thread::sleep_for(250ms);
    recording.tick();
  }
}

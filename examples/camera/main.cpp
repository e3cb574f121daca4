// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdio.h>

#include "camera.h"
#include "common/elements.h"
#include "common/program.h"
#include "common/stop_signals.h"
#include "lines.h"
#include "options.h"

namespace {

std::vector<std::string> elements_for(const camera::Options &options) {
  std::vector<std::string> names = {"appsink", "appsrc", "e2eeencrypt", "rtpe2eepay",
                                    "videoconvert"};
  if (!options.own_encoder.empty())
    names.push_back(options.own_encoder);
  names.push_back(options.codec == camera::Codec::kH265 ? "h265parse" : "h264parse");
  if (!options.audio.empty())
    for (const char *name : {"audioconvert", "audioresample", "opusenc"})
      names.emplace_back(name);
  names.insert(names.end(), examples::kWebrtcElements.begin(), examples::kWebrtcElements.end());
  return names;
}

int run(const camera::Options &options) {
  examples::require_elements(elements_for(options));
  const std::unique_ptr<GMainLoop, examples::FreeWith<&g_main_loop_unref>> loop(
      g_main_loop_new(nullptr, FALSE));
  std::string failure;
  const auto end = [&loop] { g_main_loop_quit(loop.get()); };
  const examples::StopSignals signals(end);
  camera::Camera camera(
      options,
      [](const std::string &line) {
        printf("%s\n", line.c_str());
        fflush(stdout);
      },
      [&](const std::string &why) {
        failure = why;
        end();
      });
  const camera::Lines lines([&camera](const std::string &line) { camera.take(line); }, end);
  g_main_loop_run(loop.get());
  if (!failure.empty())
    throw examples::Failure(failure);
  return examples::kDone;
}

}  // namespace

int main(int argc, char **argv) {
  return examples::run_program("e2ee-camera",
                               [&] { return run(camera::parse_options(argc, argv)); });
}

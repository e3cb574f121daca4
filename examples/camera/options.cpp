// SPDX-License-Identifier: LGPL-2.1-or-later
#include "options.h"

#include <gst/gst.h>

#include "common/program.h"
#include "common/words.h"

namespace camera {
namespace {

using examples::WrongUsage;

constexpr int kMostBitrate = 100000;

constexpr const char *kSummary =
    "A camera that encodes once for several viewers, each over a WebRTC connection of its own "
    "with\n"
    "SFrame over RTP: with keys, cipher suites and NAL format of its own. Requests are lines of "
    "JSON\n"
    "on standard input, answers lines of JSON on standard output; docs/camera.md has them all.";

constexpr const char *kDescription =
    "Exit status: 0 = ended as asked or by the end of input, 1 = the source or encoder failed, 2 = "
    "wrong usage.";

constexpr const char *kTestVideo =
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=30/1";
constexpr const char *kTestAudio = "audiotestsrc is-live=true wave=ticks samplesperbuffer=960";

// Eight bits and 4:2:0, which every decoder takes.
void choose_encoder(Options &options, int bitrate) {
  const bool h265 = options.codec == Codec::kH265;
  options.own_encoder = h265 ? "x265enc" : "x264enc";
  options.encoder = options.own_encoder +
                    " tune=zerolatency speed-preset=ultrafast key-int-max=300 bitrate=" +
                    std::to_string(bitrate) +
                    (h265 ? " ! video/x-h265,profile=main"
                          : " aud=false ! video/x-h264,profile=constrained-baseline");
}

// What GOption fills.
struct Given {
  char *codec = nullptr, *video = nullptr, *audio = nullptr, *encoder = nullptr, *stun = nullptr;
  char **words = nullptr;
  int bitrate = 1500;
  gboolean no_audio = FALSE, loopback = FALSE;

  ~Given() {
    g_strfreev(words);
    for (char *text : {codec, video, audio, encoder, stun})
      g_free(text);
  }
};

std::string text_or(const char *text, const std::string &otherwise) {
  return text ? text : otherwise;
}

Options take(const Given &given) {
  if (given.words && *given.words)
    throw WrongUsage(std::string(1, '"') + *given.words +
                     "\" belongs to no option: a line behind --video goes into quotes");
  Options options;
  const std::string codec = text_or(given.codec, "h264");
  examples::check_word("--codec", codec, {"h264", "h265"});
  options.codec = codec == "h265" ? Codec::kH265 : Codec::kH264;
  if (given.bitrate < 1 || given.bitrate > kMostBitrate)
    throw WrongUsage("--bitrate takes 1 to " + std::to_string(kMostBitrate));
  if (given.no_audio && given.audio)
    throw WrongUsage("--audio or --no-audio, not both");
  options.video = text_or(given.video, kTestVideo);
  options.audio = given.no_audio ? "" : text_or(given.audio, kTestAudio);
  if (given.encoder)
    options.encoder = given.encoder;
  else
    choose_encoder(options, given.bitrate);
  options.loopback_only = given.loopback;
  options.stun_server = text_or(given.stun, "");
  return options;
}

}  // namespace

Options parse_options(int argc, char **argv) {
  Given given;
  const GOptionEntry entries[] = {
      {"codec", 0, 0, G_OPTION_ARG_STRING, &given.codec, "h264 (default) or h265", "CODEC"},
      {"video", 0, 0, G_OPTION_ARG_STRING, &given.video,
       "where pictures come from; ends in raw video (default: a test picture)", "LINE"},
      {"encoder", 0, 0, G_OPTION_ARG_STRING, &given.encoder,
       "what encodes them (default: x264enc or x265enc); identity behind a source that has",
       "LINE"},
      {"audio", 0, 0, G_OPTION_ARG_STRING, &given.audio,
       "where sound comes from; ends in raw audio (default: ticks)", "LINE"},
      {"no-audio", 0, 0, G_OPTION_ARG_NONE, &given.no_audio, "pictures alone", nullptr},
      {"bitrate", 0, 0, G_OPTION_ARG_INT, &given.bitrate,
       "of the default encoder in kbit/s (default 1500)", "N"},
      {"loopback", 0, 0, G_OPTION_ARG_NONE, &given.loopback, "ICE on 127.0.0.1 alone", nullptr},
      {"stun-server", 0, 0, G_OPTION_ARG_STRING, &given.stun, "as in stun://HOST:PORT", "URL"},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &given.words, nullptr, nullptr},
      {},
  };
  examples::CommandLine line("e2ee-camera", "", kSummary, kDescription);
  line.add(entries);
  line.add_group(gst_init_get_option_group());
  line.parse(argc, argv);
  return take(given);
}

}  // namespace camera

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "options.h"

#include <gst/e2ee/e2ee.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <sstream>

#include "common/program.h"
#include "common/secrets.h"
#include "common/words.h"
#include "livekit/room_options.h"

namespace publish {

using Wrong = examples::WrongUsage;

namespace {

constexpr const char *kSummary =
    "Brings cameras, RTSP streams and files into a LiveKit room, end-to-end encrypted.\n"
    "\n"
    "Each --source is a line as for gst-launch-1.0, without a sink, and becomes a track. H.264,\n"
    "VP8, VP9 and Opus are sent as they are; raw video and audio are encoded. Nothing is encoded,\n"
    "encrypted or sent while nobody in the room subscribes to video.";

constexpr const char *kDescription =
    "Examples:\n"
    "  e2ee-publish --livekit wss://livekit.example --token-file token \\\n"
    "    --key-provider shared,passphrase-file=meeting \\\n"
    "    --source \"v4l2src ! video/x-raw,width=1280,height=720\" --source pulsesrc\n"
    "  e2ee-publish ... --source \"rtspsrc location=rtsp://camera/1 ! rtph264depay\"\n"
    "  e2ee-publish ... --source \"filesrc location=talk.webm ! matroskademux ! queue\"\n"
    "  e2ee-publish ... --source \"screen=ximagesrc\"\n"
    "\n"
    "In front of a line, screen= and screen-audio= say that it is a shared screen; camera= and\n"
    "microphone= are what video and audio are without.\n"
    "\n"
    "Keys that change: a keys file in --key-provider (participant,keys-file=FILE) is followed.\n"
    "\n"
    "Exit status: 0 = ended as asked, or all sources came to their end; 1 = failed; 2 = wrong\n"
    "usage, or a room, token, file or source that cannot be used; 3 = ended as asked, but a "
    "source\n"
    "failed or the room was lost for a while.";

struct Kind {
  const char *prefix;
  wire::TrackSource source;
};
constexpr Kind kKinds[] = {{"camera=", wire::CAMERA},
                           {"microphone=", wire::MICROPHONE},
                           {"screen=", wire::SCREEN_SHARE},
                           {"screen-audio=", wire::SCREEN_SHARE_AUDIO}};

SourceOption source_option(const std::string &text) {
  for (const Kind &kind : kKinds)
    if (text.starts_with(kind.prefix))
      return {text.substr(std::string(kind.prefix).size()), kind.source};
  return {text, wire::UNKNOWN};
}

// Everything that GOption fills, and how it becomes Options.
struct Given {
  char **sources = nullptr, **words = nullptr;
  char *key_provider = nullptr, *scheme = nullptr, *codec = nullptr, *size = nullptr,
       *metrics = nullptr, *stun = nullptr, *turn_file = nullptr, *sources_file = nullptr;
  int bitrate = 1500, frame_rate = 30;
  double seconds = 0;
  gboolean json = FALSE, loopback_only = FALSE;

  ~Given() {
    g_strfreev(sources);
    g_strfreev(words);
    for (char *text : {key_provider, scheme, codec, size, metrics, stun, turn_file, sources_file})
      g_free(text);
  }
};

unsigned number(const char *option, int value, int lowest, int highest) {
  if (value < lowest || value > highest)
    throw Wrong(std::string(option) + " takes " + std::to_string(lowest) + " to " +
                std::to_string(highest));
  return static_cast<unsigned>(value);
}

void read_size(const char *text, EncodeSettings &encode) {
  int end = 0;
  if (sscanf(text, "%4ux%4u%n", &encode.width, &encode.height, &end) != 2 || text[end] != '\0' ||
      encode.width < 16 || encode.height < 16)
    throw Wrong("--size takes WIDTHxHEIGHT in pixels, as in 1280x720");
}

Codec video_codec(const std::string &name) {
  const std::optional<Codec> codec = codec_named(name);
  if (!codec || info_of(*codec).media != Media::kVideo)
    throw Wrong("--codec takes " + video_codecs());
  return *codec;
}

// A source in each line; what begins with # is a comment.
void read_sources(const std::string &file, std::vector<SourceOption> &sources) {
  examples::Error error;
  char *text = nullptr;
  g_file_get_contents(examples::file_or_credential(file).c_str(), &text, nullptr, error.out());
  error.check<examples::Refused>("--sources-file");
  const examples::CharPtr owned(text);
  std::istringstream lines(text);
  constexpr char blank[] = " \t\r";
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find_first_not_of(blank);
    if (at != std::string::npos && line[at] != '#')
      sources.push_back(source_option(line.substr(at, line.find_last_not_of(blank) + 1 - at)));
  }
}

void check(const Options &options) {
  if (options.sources.empty())
    throw Wrong("--source \"LINE\" or --sources-file FILE is missing: what is to be published");
  for (const SourceOption &source : options.sources)
    if (source.line.find_first_not_of(" \t\n") == std::string::npos)
      throw Wrong("--source takes a line as for gst-launch-1.0, and one is empty");
  if (options.key_provider.empty())
    throw Wrong("--key-provider is missing, as in shared,passphrase-file=meeting");
  examples::check_word("--scheme", options.scheme, examples::words_of(GST_TYPE_E2EE_SCHEME));
  if (!std::isfinite(options.seconds) || options.seconds < 0 || options.seconds > 1e9)
    throw Wrong("--seconds takes seconds, 0 or more");
}

void take(const Given &given, Options &options) {
  const auto text = [](const char *value) { return std::string(value ? value : ""); };
  if (given.words && *given.words)
    throw Wrong(std::string(1, '"') + *given.words +
                "\" belongs to no option: a line behind --source goes into quotes");
  for (char **line = given.sources; line && *line; ++line)
    options.sources.push_back(source_option(*line));
  if (given.sources_file)
    read_sources(given.sources_file, options.sources);
  options.key_provider = text(given.key_provider);
  if (given.scheme)
    options.scheme = given.scheme;
  if (given.codec)
    options.encode.video = video_codec(given.codec);
  if (given.size)
    read_size(given.size, options.encode);
  options.encode.bitrate = number("--bitrate", given.bitrate, 30, 100000);
  options.encode.frame_rate = number("--frame-rate", given.frame_rate, 1, 240);
  options.metrics = text(given.metrics);
  options.stun = text(given.stun);
  options.turn_file = text(given.turn_file);
  options.loopback_only = given.loopback_only;
  options.json = given.json;
  options.seconds = given.seconds;
}

}  // namespace

Options parse_options(int argc, char **argv) {
  livekit::RoomOptions room;
  Given given;
  const std::vector<GOptionEntry> room_entries = room.entries();
  const std::string codecs = video_codecs();
  const std::string schemes = examples::alternatives(GST_TYPE_E2EE_SCHEME);
  const GOptionEntry main_entries[] = {
      {"source", 's', 0, G_OPTION_ARG_STRING_ARRAY, &given.sources,
       "a track; give it again for more", "LINE"},
      {"sources-file", 0, 0, G_OPTION_ARG_FILENAME, &given.sources_file,
       "file with more of them, a line each: for cameras with a password", "FILE"},
      {"key-provider", 'k', 0, G_OPTION_ARG_STRING, &given.key_provider,
       "where keys come from, as in shared,passphrase-file=meeting", "STRING"},
      {"scheme", 0, 0, G_OPTION_ARG_STRING, &given.scheme, schemes.c_str(), "NAME"},
      {"seconds", 0, 0, G_OPTION_ARG_DOUBLE, &given.seconds, "end by itself (default: Ctrl-C)",
       "SECONDS"},
      {"metrics", 0, 0, G_OPTION_ARG_STRING, &given.metrics,
       "serve figures for Prometheus, as in 127.0.0.1:9464", "ADDRESS:PORT"},
      {"json", 'j', 0, G_OPTION_ARG_NONE, &given.json, "tell everything as lines of JSON", nullptr},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &given.words, nullptr, nullptr},
      {}};
  const GOptionEntry encode_entries[] = {
      {"codec", 0, 0, G_OPTION_ARG_STRING, &given.codec, codecs.c_str(), "NAME"},
      {"bitrate", 'b', 0, G_OPTION_ARG_INT, &given.bitrate, "of video (default 1500)", "KBIT/S"},
      {"size", 0, 0, G_OPTION_ARG_STRING, &given.size,
       "larger video is scaled down to fit (default 1280x720)", "WIDTHxHEIGHT"},
      {"frame-rate", 0, 0, G_OPTION_ARG_INT, &given.frame_rate,
       "of faster video frames are left out (default 30)", "N"},
      {}};
  const GOptionEntry network_entries[] = {
      {"stun", 0, 0, G_OPTION_ARG_STRING, &given.stun,
       "as in stun://host:3478 (default: the one that the LiveKit server names)", "URL"},
      {"turn-file", 0, 0, G_OPTION_ARG_FILENAME, &given.turn_file,
       "file with a line as in turn://user:password@host:3478", "FILE"},
      {"loopback-only", 0, 0, G_OPTION_ARG_NONE, &given.loopback_only, "media on 127.0.0.1 alone",
       nullptr},
      {}};

  examples::CommandLine line("e2ee-publish", nullptr, kSummary, kDescription);
  line.add(room_entries.data());
  line.add(main_entries);
  line.add_group("encode", "Sources that are encoded here", encode_entries);
  line.add_group("network", "Network", network_entries);
  line.parse(argc, argv);
  Options options;
  options.access = room.options();
  take(given, options);
  check(options);
  return options;
}

}  // namespace publish

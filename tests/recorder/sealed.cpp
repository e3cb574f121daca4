// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sealed.h"

#include <fcntl.h>
#include <json-glib/json-glib.h>

#include <algorithm>
#include <memory>

#include "recorder/format.h"
#include "recorder/matroska.h"

namespace sealed {

using test::Caps;
using test::Text;

// ---- files --------------------------------------------------------------------------------------

std::string key_file(const Folder &folder, guint8 fill, unsigned index) {
  const std::string name = "key-" + std::to_string(fill) + "-" + std::to_string(index) + ".hex";
  std::string hex;
  for (int i = 0; i < 32; ++i)
    hex += Text(g_strdup_printf("%02x", fill)).get();
  test::write_file(folder / name, hex);
  return "shared,key-file=" + folder / name + ",key-index=" + std::to_string(index);
}

// ---- streams ------------------------------------------------------------------------------------

namespace {

Stream encode(const std::string &line, gsize at_least = 40) {
  const test::Encoded encoded = test::encode(line, nullptr, at_least);
  Stream stream;
  stream.caps = encoded.caps;
  for (const Buffer &frame : encoded.frames)
    stream.frames.push_back(
        {test::bytes_of(frame.get()), static_cast<std::int64_t>(GST_BUFFER_PTS(frame.get()))});
  return stream;
}

}  // namespace

Stream vp8() {
  return encode(std::string(test::kVideoSource) + "vp8enc deadline=1 keyframe-max-dist=20");
}
Stream vp9() {
  return encode(std::string(test::kVideoSource) + "vp9enc deadline=1 cpu-used=8");
}
Stream opus() {
  Stream stream = encode(std::string(test::kAudioSource) + "opusenc", 60);
  stream.frames.resize(60);
  return stream;
}
Stream h264(unsigned width, unsigned height) {
  return encode("videotestsrc num-buffers=40 pattern=ball ! video/x-raw, format=I420, width=" +
                std::to_string(width) + ", height=" + std::to_string(height) +
                ", framerate=30/1 ! x264enc speed-preset=ultrafast tune=zerolatency key-int-max=20 "
                "! h264parse ! "
                "video/x-h264, stream-format=byte-stream, alignment=au");
}

Stream encrypt(const Stream &plain, const Provider &provider, const Encryption &how) {
  GstElement *element = gst_element_factory_make("e2eeencrypt", nullptr);
  gst_util_set_object_arg(G_OBJECT(element), "scheme", how.scheme);
  g_object_set(element, "key-provider", provider.get(), "participant", how.participant,
               "sframe-kid", how.sframe_kid, nullptr);
  GstHarness *harness = gst_harness_new_with_element(element, "sink", "src");
  const bool h264 = plain.caps.find("x-h264") != std::string::npos;
  if (h264)
    gst_harness_set_sink_caps_str(harness, test::kH264);
  gst_harness_set_src_caps_str(harness, plain.caps.c_str());
  Stream result;
  for (std::size_t i = 0; i < plain.frames.size(); ++i) {
    if (how.before)
      how.before(i);
    Buffer buffer = test::buffer_of(plain.frames[i].bytes);
    GST_BUFFER_PTS(buffer.get()) = static_cast<GstClockTime>(plain.frames[i].ns);
    EXPECT_EQ(gst_harness_push(harness, buffer.release()), GST_FLOW_OK);
    const Buffer out(gst_harness_try_pull(harness));
    if (!out) {
      ADD_FAILURE() << "frame " << i << " was not encrypted";
      break;
    }
    result.frames.push_back({test::bytes_of(out.get()), plain.frames[i].ns});
  }
  const Caps caps(gst_pad_get_current_caps(harness->sinkpad));
  if (caps)
    result.caps = Text(gst_caps_to_string(caps.get())).get();
  gst_harness_teardown(harness);
  gst_object_unref(element);
  return result;
}

// ---- recordings ---------------------------------------------------------------------------------

namespace {

recorder::Format format_of(const Stream &stream) {
  const Caps caps(gst_caps_from_string(stream.caps.c_str()));
  return recorder::format_from_caps(caps.get());
}

recorder::Seal filled(recorder::Seal seal, const std::vector<Stream> &streams) {
  for (const Stream &stream : streams) {
    const recorder::Format format = format_of(stream);
    seal.streams.push_back(
        {format.track.is_video() ? "video" : "audio", format.codec->name, stream.caps});
  }
  return seal;
}

}  // namespace

std::string seal_text(recorder::Seal seal, const std::vector<Stream> &streams) {
  return filled(std::move(seal), streams).to_json();
}

void write_recording(const std::string &path, recorder::Seal seal,
                     const std::vector<Stream> &streams, bool tagged) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);
  std::map<std::string, std::string> tags;
  if (tagged)
    tags["COMMENT"] = seal_text(std::move(seal), streams);
  recorder::Matroska file(fd, false, tags, 0);
  struct Item {
    const Frame *frame;
    unsigned track;
  };
  std::vector<Item> items;
  for (const Stream &stream : streams) {
    const unsigned track = file.add_track(format_of(stream).track);
    for (const Frame &frame : stream.frames)
      items.push_back({&frame, track});
  }
  std::stable_sort(items.begin(), items.end(),
                   [](const Item &a, const Item &b) { return a.frame->ns < b.frame->ns; });
  for (const Item &item : items)
    file.write(item.track, item.frame->ns, false, item.frame->bytes);
  file.finish();
}

std::vector<Stream> read_recording(const std::string &path) {
  struct Reading {
    GstElement *pipeline;
    std::vector<std::unique_ptr<Stream>> streams;
  } reading{gst_pipeline_new(nullptr), {}};
  GstElement *source = gst_element_factory_make("filesrc", nullptr);
  GstElement *demuxer = gst_element_factory_make("matroskademux", nullptr);
  g_object_set(source, "location", path.c_str(), nullptr);
  gst_bin_add_many(GST_BIN(reading.pipeline), source, demuxer, nullptr);
  gst_element_link(source, demuxer);
  const auto added = +[](GstElement *, GstPad *pad, Reading *self) {
    GstElement *sink = gst_element_factory_make("fakesink", nullptr);
    g_object_set(sink, "signal-handoffs", TRUE, "sync", FALSE, "async", FALSE, nullptr);
    gst_bin_add(GST_BIN(self->pipeline), sink);
    gst_element_sync_state_with_parent(sink);
    const Caps caps(gst_pad_get_current_caps(pad));
    auto stream = std::make_unique<Stream>();
    stream->caps = gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
    const auto take = +[](GstElement *, GstBuffer *buffer, GstPad *, Stream *to) {
      to->frames.push_back(
          {test::bytes_of(buffer), static_cast<std::int64_t>(GST_BUFFER_PTS(buffer))});
    };
    g_signal_connect(sink, "handoff", G_CALLBACK(take), stream.get());
    self->streams.push_back(std::move(stream));
    GstPad *input = gst_element_get_static_pad(sink, "sink");
    gst_pad_link(pad, input);
    gst_object_unref(input);
  };
  g_signal_connect(demuxer, "pad-added", G_CALLBACK(added), &reading);
  gst_element_set_state(reading.pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(reading.pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered(
      bus, 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  EXPECT_TRUE(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) << path;
  gst_clear_message(&message);
  gst_object_unref(bus);
  gst_element_set_state(reading.pipeline, GST_STATE_NULL);
  gst_object_unref(reading.pipeline);
  std::vector<Stream> streams;
  for (const auto &stream : reading.streams)
    streams.push_back(*stream);
  return streams;
}

namespace {

std::int64_t first_of(const std::vector<Stream> &streams) {
  std::int64_t first = G_MAXINT64;
  for (const Stream &stream : streams) {
    if (!stream.frames.empty())
      first = std::min(first, stream.frames.front().ns);
  }
  return first;
}

}  // namespace

void expect_same(const std::vector<Stream> &read, const std::vector<Stream> &plain) {
  constexpr std::int64_t kMillisecond = 1'000'000;
  ASSERT_EQ(read.size(), plain.size());
  const std::int64_t read_first = first_of(read), plain_first = first_of(plain);
  for (const Stream &expected : plain) {
    const std::string name = expected.caps.substr(0, expected.caps.find(','));
    const auto found = std::find_if(read.begin(), read.end(),
                                    [&](const Stream &stream) { return stream.caps == name; });
    ASSERT_NE(found, read.end()) << name;
    ASSERT_EQ(found->frames.size(), expected.frames.size()) << name;
    for (std::size_t i = 0; i < expected.frames.size(); ++i) {
      ASSERT_EQ(found->frames[i].bytes, expected.frames[i].bytes) << name << " frame " << i;
      ASSERT_NEAR(static_cast<double>(found->frames[i].ns - read_first),
                  static_cast<double>(expected.frames[i].ns - plain_first), kMillisecond)
          << name << " frame " << i;
    }
  }
}

// ---- the program --------------------------------------------------------------------------------

namespace {

std::int64_t sum_of(JsonObject *object, const char *list) {
  std::int64_t sum = 0;
  JsonArray *array = json_object_get_array_member(object, list);
  for (guint i = 0; i < json_array_get_length(array); ++i)
    sum += json_object_get_int_member(json_array_get_object_element(array, i), "frames");
  return sum;
}

std::vector<std::string> texts_of(JsonObject *object, const char *list) {
  std::vector<std::string> texts;
  JsonArray *array = json_object_get_array_member(object, list);
  for (guint i = 0; i < json_array_get_length(array); ++i)
    texts.emplace_back(json_array_get_string_element(array, i));
  return texts;
}

void read_report(Outcome &run) {
  JsonParser *parser = json_parser_new();
  ASSERT_TRUE(json_parser_load_from_data(parser, run.out.c_str(), -1, nullptr)) << run.out;
  JsonObject *report = json_node_get_object(json_parser_get_root(parser));
  run.derivations = json_object_get_int_member(report, "derivations");
  run.replayed = json_object_get_int_member(report, "replayed-frames");
  run.reused = json_object_get_int_member(report, "reused-ivs");
  JsonArray *tracks = json_object_get_array_member(report, "tracks");
  for (guint i = 0; i < json_array_get_length(tracks); ++i) {
    JsonObject *track = json_array_get_object_element(tracks, i);
    run.tracks.push_back(
        {json_object_get_string_member(track, "codec"), json_object_get_int_member(track, "frames"),
         json_object_get_int_member(track, "opened"), json_object_get_int_member(track, "written"),
         json_object_get_int_member(track, "malformed"), sum_of(track, "no-key"),
         sum_of(track, "no-match"), json_object_get_int_member(track, "impossible-key")});
    run.keys += json_array_get_length(json_object_get_array_member(track, "keys"));
  }
  run.notes = texts_of(report, "notes");
  run.outputs = texts_of(report, "outputs");
  run.complete = json_object_get_boolean_member(report, "complete");
  g_object_unref(parser);
}

std::vector<const char *> command_line(const std::vector<std::string> &arguments) {
  std::vector<const char *> argv{UNSEAL};
  for (const std::string &argument : arguments)
    argv.push_back(argument.c_str());
  argv.push_back(nullptr);
  return argv;
}

}  // namespace

GPid start_unseal(const std::vector<std::string> &arguments) {
  const std::vector<const char *> argv = command_line(arguments);
  const auto flags = static_cast<GSpawnFlags>(
      G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL);
  GPid pid = 0;
  test::Error error;
  EXPECT_TRUE(g_spawn_async(nullptr, const_cast<gchar **>(argv.data()), nullptr, flags, nullptr,
                            nullptr, &pid, error.at()))
      << error.text();
  return pid;
}

Outcome unseal(const std::vector<std::string> &arguments) {
  const std::vector<const char *> argv = command_line(arguments);
  const bool json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  gchar *out = nullptr, *err = nullptr;
  gint status = 0;
  test::Error error;
  Outcome run;
  const gboolean ran =
      g_spawn_sync(nullptr, const_cast<gchar **>(argv.data()), nullptr, G_SPAWN_DEFAULT, nullptr,
                   nullptr, &out, &err, &status, error.at());
  EXPECT_TRUE(ran) << error.text();
  if (!ran)
    return run;
  run.out = Text(out).get();
  run.err = Text(err).get();
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  if (json && (run.status == 0 || run.status == 3))
    read_report(run);
  return run;
}

}  // namespace sealed

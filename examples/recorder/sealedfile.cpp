// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sealedfile.h"

#include <gst/app/gstappsink.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>

#include "common/elements.h"
#include "common/program.h"
#include "ebml.h"

namespace recorder {

using examples::add_element;
using examples::CapsPtr;
using examples::CharPtr;
using examples::MessagePtr;
using examples::ObjectPtr;
using examples::PipelinePtr;
using examples::Refused;

namespace {

constexpr GstClockTime kIdleEvery = 100 * GST_MSECOND;
constexpr GstClockTime kHeadPatience = 60 * GST_SECOND;
constexpr std::size_t kMaxSidecar = 1 << 20;
constexpr std::uint64_t kMaxHeader = 4096;

std::optional<std::string> text_of(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return {};
  std::string text(kMaxSidecar + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

// What is behind a fake CodecPrivate is no business of the demuxer's.
examples::CapsPtr frame_caps(GstCaps *caps, const Codec &codec) {
  return examples::CapsPtr(codec.frames ? gst_caps_from_string(codec.frames) : gst_caps_ref(caps));
}

// IN.mkv.json, or IN.json.
std::string sidecar_beside(const std::string &path) {
  namespace fs = std::filesystem;
  const std::string whole = path + ".json";
  const std::string stem = fs::path(path).replace_extension(".json").string();
  std::error_code none;
  return fs::exists(whole, none) ? whole : fs::exists(stem, none) ? stem : "";
}

std::string message_text(GstMessage *message) {
  GError *error = nullptr;
  gchar *debug = nullptr;
  gst_message_parse_error(message, &error, &debug);
  const examples::ErrorPtr owner(error);
  const CharPtr debug_owner(debug);
  return error->message;
}

// A number of EBML's, whose first byte tells its length (RFC 8794, 4). None at the end of the file
// and for a size that is not known.
std::optional<std::uint64_t> read_vint(std::istream &file, bool keep_marker) {
  const int first = file.get();
  if (first <= 0)
    return {};
  int length = 1;
  while (!(first & 0x80 >> (length - 1)))
    ++length;
  const std::uint64_t most = (std::uint64_t{1} << 7 * length) - 1;
  auto value = static_cast<std::uint64_t>(first);
  for (int i = 1; i < length; ++i)
    value = value << 8 | static_cast<std::uint64_t>(file.get() & 0xff);
  if (!file)
    return {};
  if (keep_marker)
    return value;
  value &= most;
  return value == most ? std::nullopt : std::optional(value);
}

// Where the segment ends, which is all of a file but its header.
std::optional<std::uint64_t> find_segment(std::istream &file) {
  const auto header = read_vint(file, true), header_size = read_vint(file, false);
  if (header != ebml::kHeader || !header_size || *header_size > kMaxHeader)
    return {};
  file.seekg(static_cast<std::streamoff>(*header_size), std::ios::cur);
  const auto segment = read_vint(file, true), size = read_vint(file, false);
  if (segment != ebml::kSegment || !size)
    return {};
  return static_cast<std::uint64_t>(file.tellg()) + *size;
}

struct Demuxing {
  PipelinePtr pipeline = examples::make_pipeline("sealed");
  GstElement *demuxer = nullptr;
  ObjectPtr<GstBus> bus;

  explicit Demuxing(const std::string &path) {
    GstElement *source = add_element(pipeline.get(), "filesrc");
    g_object_set(source, "location", path.c_str(), nullptr);
    demuxer = add_element(pipeline.get(), "matroskademux");
    examples::link_chain({source, demuxer});
    bus.reset(gst_element_get_bus(pipeline.get()));
  }
};

void link_to(GstPad *pad, GstElement *sink) {
  gst_element_sync_state_with_parent(sink);
  const auto input = examples::static_pad(sink, "sink");
  gst_pad_link(pad, input.get());
}

void add_comments(GstMessage *message, std::vector<std::string> &comments) {
  GstTagList *tags = nullptr;
  gst_message_parse_tag(message, &tags);
  for (guint i = 0; i < gst_tag_list_get_tag_size(tags, GST_TAG_COMMENT); ++i) {
    gchar *text = nullptr;
    if (gst_tag_list_get_string_index(tags, GST_TAG_COMMENT, i, &text))
      comments.emplace_back(CharPtr(text).get());
  }
  gst_tag_list_unref(tags);
}

}  // namespace

SealedFile::SealedFile(const std::string &path, const std::string &sidecar) : path_(path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0)
    throw Refused("cannot read " + path + ": " + g_strerror(errno));
  if (!S_ISREG(status.st_mode))
    throw Refused(path + " is not a file");
  size_ = static_cast<std::uint64_t>(status.st_size);
  look();
  std::string comment;
  for (const std::string &text : comments_) {
    if (text.find('{') != std::string::npos)
      comment = text;
  }
  find_seal(comment, sidecar);
  for (Track &track : tracks_) {
    for (const Seal::Stream &stream : seal_.streams) {
      if (stream.media != track.media || stream.codec != track.codec || stream.caps.empty())
        continue;
      examples::CapsPtr caps(gst_caps_from_string(stream.caps.c_str()));
      if (caps && gst_caps_is_fixed(caps.get()))
        track.caps = std::move(caps);
      else
        notes_.push_back("the caps of " + track.codec + " in the metadata cannot be read");
    }
  }
}

// The head of the file: its tags, and its tracks with the names that the demuxer gives them. The
// demuxer's thread stops at the first frame, which comes behind both.
void SealedFile::look() {
  Demuxing demuxing(path_);
  g_signal_connect(demuxing.demuxer, "pad-added",
                   G_CALLBACK(+[](GstElement *, GstPad *pad, GstElement *pipeline) {
                     GstElement *sink = add_element(pipeline, "fakesink");
                     g_object_set(sink, "async", FALSE, "signal-handoffs", TRUE, nullptr);
                     const auto first = +[](GstElement *from, GstBuffer *, GstPad *, gpointer) {
                       gst_element_post_message(
                           from, gst_message_new_application(
                                     GST_OBJECT(from), gst_structure_new_empty("first-frame")));
                     };
                     g_signal_connect(sink, "preroll-handoff", G_CALLBACK(first), nullptr);
                     link_to(pad, sink);
                   }),
                   demuxing.pipeline.get());
  gst_element_set_state(demuxing.pipeline.get(), GST_STATE_PAUSED);
  const auto kinds = static_cast<GstMessageType>(GST_MESSAGE_APPLICATION | GST_MESSAGE_ERROR |
                                                 GST_MESSAGE_EOS | GST_MESSAGE_TAG);
  bool done = false;
  std::string problem = "it does not answer";
  while (!done) {
    const MessagePtr message(gst_bus_timed_pop_filtered(demuxing.bus.get(), kHeadPatience, kinds));
    if (message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_TAG) {
      add_comments(message.get(), comments_);
      continue;
    }
    done = true;
    if (message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR)
      problem = message_text(message.get());
  }
  GstIterator *pads = gst_element_iterate_src_pads(demuxing.demuxer);
  struct Found {
    SealedFile *self;
  } found{this};
  gst_iterator_foreach(
      pads,
      [](const GValue *value, gpointer data) {
        auto *self = static_cast<Found *>(data)->self;
        auto *pad = static_cast<GstPad *>(g_value_get_object(value));
        examples::CapsPtr caps(gst_pad_get_current_caps(pad));
        const Codec *codec = caps ? codec_of(caps.get()) : nullptr;
        self->pads_.emplace_back(GST_OBJECT_NAME(pad));
        self->tracks_.push_back(
            {codec ? examples::media_name(codec->media) : "", codec ? codec->name : "", nullptr});
        if (!codec)
          self->notes_.push_back("a track with a codec other than " + titles_of_codecs() +
                                 " is left out");
        else
          self->tracks_.back().caps = frame_caps(caps.get(), *codec);
      },
      &found);
  gst_iterator_free(pads);
  if (tracks_.empty())
    throw Refused(path_ + " is no recording that can be read: " + problem);
}

// The tag is what travels with the file; the sidecar helps when that is lost.
void SealedFile::find_seal(const std::string &comment, const std::string &sidecar) {
  const std::string beside = sidecar.empty() ? sidecar_beside(path_) : sidecar;
  std::optional<Seal> in_file, in_sidecar;
  std::string problem = "it is no recording that e2ee-recorder sealed, or has lost its COMMENT tag";
  if (!comment.empty()) {
    try {
      in_file = Seal::from_json(comment);
    } catch (const Failure &failure) {
      problem = failure.what();
    }
  }
  if (!beside.empty()) {
    const auto text = text_of(beside);
    if (!text && !sidecar.empty())
      throw Refused("cannot read " + beside + ": " + g_strerror(errno));
    try {
      if (text)
        in_sidecar = Seal::from_json(*text);
    } catch (const Failure &failure) {
      // What the user names is meant to be used.
      if (!in_file || !sidecar.empty())
        throw Refused(beside + ": " + failure.what());
      notes_.push_back(beside + " is not used: " + failure.what());
    }
  }
  if (!in_file && !in_sidecar)
    throw Refused(path_ + ": " + problem + "; name the sidecar with --sidecar FILE");
  if (!in_file)
    notes_.push_back(problem + "; " + beside + " is used");
  if (in_file && in_sidecar && in_file->to_json() != in_sidecar->to_json())
    notes_.push_back("the file and " + beside + " differ in what they say about the recording; " +
                     (sidecar.empty() ? "the file" : "the sidecar") + " is believed");
  seal_ = in_file && (sidecar.empty() || !in_sidecar) ? *in_file : *in_sidecar;
}

// ---- frames -------------------------------------------------------------------------------------

// What the demuxer's thread and the caller share.
struct SealedFile::Reading {
  const SealedFile &file;
  const Take &take;
  GstElement *pipeline;
  std::exception_ptr problem;  // set before the pipeline fails
  std::atomic<bool> any{false};

  struct Sink {
    Reading *reading;
    unsigned track;
  };

  // On the demuxer's thread.
  void add(GstPad *pad) {
    const auto &names = file.pads_;
    const auto at = std::find(names.begin(), names.end(), GST_OBJECT_NAME(pad));
    const auto track = static_cast<unsigned>(at - names.begin());
    if (at == names.end() || !file.tracks_[track].caps) {
      link_to(pad, add_element(pipeline, "fakesink"));
      return;
    }
    GstElement *sink = add_element(pipeline, "appsink");
    g_object_set(sink, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, nullptr);
    GstAppSinkCallbacks callbacks{};
    callbacks.new_sample = [](GstAppSink *from, gpointer data) {
      const auto *self = static_cast<Sink *>(data);
      return self->reading->pull(from, self->track);
    };
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, new Sink{this, track},
                               [](gpointer data) { delete static_cast<Sink *>(data); });
    link_to(pad, sink);
  }

  GstFlowReturn pull(GstAppSink *sink, unsigned track) {
    const examples::SamplePtr sample(gst_app_sink_pull_sample(sink));
    if (!sample)
      return GST_FLOW_EOS;
    try {
      any = true;
      take(track, gst_sample_get_buffer(sample.get()));
      return GST_FLOW_OK;
    } catch (...) {
      problem = std::current_exception();
      return GST_FLOW_ERROR;
    }
  }
};

// A recorder that was interrupted leaves the size open, and one that came to its end fills it in.
bool SealedFile::is_cut_off() const {
  std::ifstream file(path_, std::ios::binary);
  const auto segment = find_segment(file);
  return !segment || *segment > size_;
}

bool SealedFile::read(const Take &take, const std::function<void()> &idle) {
  Demuxing demuxing(path_);
  Reading reading{*this, take, demuxing.pipeline.get(), nullptr};
  // Before what the demuxer's thread uses goes away.
  const auto stop = [&demuxing](void *) { demuxing.pipeline.reset(); };
  const std::unique_ptr<void, decltype(stop)> stopped(&demuxing, stop);
  g_signal_connect(demuxing.demuxer, "pad-added",
                   G_CALLBACK(+[](GstElement *, GstPad *pad, Reading *self) { self->add(pad); }),
                   &reading);
  gst_element_set_state(demuxing.pipeline.get(), GST_STATE_PLAYING);
  MessagePtr message;
  const auto kinds = static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  while (!message) {
    message.reset(gst_bus_timed_pop_filtered(demuxing.bus.get(), kIdleEvery, kinds));
    idle();
  }
  demuxing.pipeline.reset();  // joins the thread
  if (reading.problem)
    std::rethrow_exception(reading.problem);
  if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS && !is_cut_off())
    return true;
  if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS) {
    notes_.push_back("incomplete: the recording was cut off, what came behind is missing");
    return false;
  }
  const std::string problem = message_text(message.get());
  if (!reading.any)
    throw Failure(path_ + " cannot be read: " + problem);
  notes_.push_back("the file cannot be read to its end (" + problem +
                   "): what comes behind is missing");
  return false;
}

}  // namespace recorder

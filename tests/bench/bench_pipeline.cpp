/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The element's CPU time beside the encoder's, in running pipelines: right after an encoder has
// run, the caches hold nothing of ours.
#include <algorithm>
#include <limits>

#include "bench.h"

namespace bench {

namespace {

struct Setup {
  const char *name;
  const char *source;
  const char *encoder;  // works on the streaming thread alone
  unsigned frames_per_second;
};

// A picture that moves as a whole and has a noisy corner: as busy as a hand-held camera. The noise
// of audiotestsrc leaves opusenc no silence to save on.
constexpr Setup kSetups[] = {
    {"share-of-vp8enc-640x360",
     "videotestsrc pattern=smpte horizontal-speed=2 ! "
     "video/x-raw,format=I420,width=640,height=360,framerate=30/1",
     "vp8enc deadline=1 cpu-used=4 threads=1 lag-in-frames=0 end-usage=cbr "
     "keyframe-max-dist=300 target-bitrate=600000",
     30},
    {"share-of-vp8enc-720p",
     "videotestsrc pattern=smpte horizontal-speed=2 ! "
     "video/x-raw,format=I420,width=1280,height=720,framerate=30/1",
     "vp8enc deadline=1 cpu-used=4 threads=1 lag-in-frames=0 end-usage=cbr "
     "keyframe-max-dist=300 target-bitrate=1500000",
     30},
    {"share-of-opusenc",
     "audiotestsrc wave=pink-noise samplesperbuffer=960 ! "
     "audio/x-raw,format=S16LE,rate=48000,channels=1",
     "opusenc bitrate=32000 audio-type=voice", 50},
};

// What two readings of the clock are apart with nothing between them.
std::int64_t cost_of_reading() {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t before = thread_cpu();
    least = std::min(least, thread_cpu() - before);
  }
  return least;
}

// The streaming thread's CPU time from where a buffer enters to where one leaves. The first frames
// key the cipher and fill the encoder: they do not count.
struct Span {
  static constexpr unsigned kWarmUp = 10;

  void enter() { entered = thread_cpu(); }
  void leave() {
    const std::int64_t now = thread_cpu();
    if (++frames > kWarmUp)
      total += now - entered;
  }
  double nanoseconds(std::int64_t reading) const {
    const double counted = frames > kWarmUp ? frames - kWarmUp : 1;
    return static_cast<double>(total) / counted - static_cast<double>(reading);
  }

  std::int64_t entered = 0;
  std::int64_t total = 0;
  unsigned frames = 0;
};

void watch(GstElement *element, Span &span) {
  const GstRef<GstPad> sink(gst_element_get_static_pad(element, "sink"));
  const GstRef<GstPad> src(gst_element_get_static_pad(element, "src"));
  gst_pad_add_probe(
      sink.get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *, gpointer to) {
        static_cast<Span *>(to)->enter();
        return GST_PAD_PROBE_OK;
      },
      &span, nullptr);
  gst_pad_add_probe(
      src.get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *, gpointer to) {
        static_cast<Span *>(to)->leave();
        return GST_PAD_PROBE_OK;
      },
      &span, nullptr);
}

// source ! encoder ! e2eeencrypt ! fakesink; null when the encoder is not installed.
GstRef<GstElement> make_pipeline(const Setup &setup, unsigned seconds, Span &encoding,
                                 Span &encrypting) {
  const std::string line = std::string(setup.source) + " ! " + setup.encoder + " name=encoder";
  GError *error = nullptr;
  GstElement *made = gst_parse_launch(line.c_str(), &error);
  if (error != nullptr) {
    g_error_free(error);
    if (made != nullptr)
      gst_object_unref(made);
    return nullptr;
  }
  GstRef<GstElement> pipeline(static_cast<GstElement *>(gst_object_ref_sink(made)));
  const GstRef<GstElement> encoder(gst_bin_get_by_name(GST_BIN(made), "encoder"));
  const GstRef<GstElement> encrypt = make_element("e2eeencrypt");
  GstElement *sink = gst_element_factory_make("fakesink", nullptr);
  gst_bin_add_many(GST_BIN(made), encrypt.get(), sink, nullptr);
  gst_element_link_many(encoder.get(), encrypt.get(), sink, nullptr);
  watch(encoder.get(), encoding);
  watch(encrypt.get(), encrypting);

  GstIterator *sources = gst_bin_iterate_sources(GST_BIN(made));
  GValue source = G_VALUE_INIT;
  while (gst_iterator_next(sources, &source) == GST_ITERATOR_OK) {
    g_object_set(g_value_get_object(&source), "num-buffers",
                 static_cast<gint>(seconds * setup.frames_per_second), nullptr);
    g_value_unset(&source);
  }
  gst_iterator_free(sources);
  return pipeline;
}

void run_pipeline(benchmark::State &state, const Setup &setup, unsigned seconds) {
  tell_progress();
  const std::int64_t reading = cost_of_reading();
  for (auto _ : state) {
    Span encoding;
    Span encrypting;
    const GstRef<GstElement> pipeline = make_pipeline(setup, seconds, encoding, encrypting);
    if (!pipeline) {
      state.SkipWithError("the encoder is not installed");
      break;
    }
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const GstRef<GstBus> bus(gst_element_get_bus(pipeline.get()));
    GstMessage *message = gst_bus_timed_pop_filtered(
        bus.get(), 120 * GST_SECOND,
        static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    const bool ended = message != nullptr && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
    if (message != nullptr)
      gst_message_unref(message);
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    if (!ended || encrypting.frames < seconds * setup.frames_per_second) {
      state.SkipWithError("not all frames came through");
      break;
    }
    const double encoder = encoding.nanoseconds(reading);
    const double element = encrypting.nanoseconds(reading);
    state.counters["encoder_ns"] = encoder;
    state.counters["element_ns"] = element;
    state.counters["percent"] = 100 * element / encoder;
  }
}

}  // namespace

void register_pipeline_rows(const Pace &pace) {
  for (const Setup &setup : kSetups) {
    const std::string name = std::string("pipeline/") + setup.name;
    benchmark::RegisterBenchmark(name.c_str(),
                                 [&setup, &pace](benchmark::State &state) {
                                   run_pipeline(state, setup, pace.pipeline_seconds);
                                 })
        ->Iterations(1)
        ->Repetitions(pace.pipeline_repetitions);
  }
}

}  // namespace bench

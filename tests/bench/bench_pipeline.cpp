/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The element's CPU time beside those of the encoder and of `identity`, in running pipelines: right
// after an encoder has run, the caches hold nothing of ours.
#include <algorithm>
#include <array>
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
    {"pipeline-vp8-360p",
     "videotestsrc pattern=smpte horizontal-speed=2 ! "
     "video/x-raw,format=I420,width=640,height=360,framerate=30/1",
     "vp8enc deadline=1 cpu-used=4 threads=1 lag-in-frames=0 end-usage=cbr "
     "keyframe-max-dist=300 target-bitrate=600000",
     30},
    {"pipeline-vp8-720p",
     "videotestsrc pattern=smpte horizontal-speed=2 ! "
     "video/x-raw,format=I420,width=1280,height=720,framerate=30/1",
     "vp8enc deadline=1 cpu-used=4 threads=1 lag-in-frames=0 end-usage=cbr "
     "keyframe-max-dist=300 target-bitrate=1500000",
     30},
    {"pipeline-opus",
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

// What follows the encoder: `identity` and e2eeencrypt get its frames by turns. Both find the
// caches as the encoder left them.
class Turns {
 public:
  /// Adds both to the pipeline, each with a sink of its own, behind `encoder`.
  Turns(GstBin *pipeline, GstElement *encoder)
      : pad_(gst_pad_new("turns", GST_PAD_SINK)),
        ways_{add(pipeline, make_element("identity")), add(pipeline, make_keyed("e2eeencrypt"))} {
    gst_object_ref_sink(pad_.get());
    gst_pad_set_element_private(pad_.get(), this);
    gst_pad_set_chain_function(pad_.get(), [](GstPad *pad, GstObject *, GstBuffer *buffer) {
      return gst_pad_push(of(pad)->next(), buffer);
    });
    gst_pad_set_event_function(
        pad_.get(), [](GstPad *pad, GstObject *, GstEvent *event) { return of(pad)->send(event); });
    gst_pad_set_query_function(pad_.get(), [](GstPad *pad, GstObject *, GstQuery *query) {
      return gst_pad_peer_query(of(pad)->ways_[1].src.get(), query);
    });
    gst_pad_set_active(pad_.get(), TRUE);
    const GstRef<GstPad> src(gst_element_get_static_pad(encoder, "src"));
    gst_pad_link(src.get(), pad_.get());
  }
  Turns(const Turns &) = delete;
  Turns &operator=(const Turns &) = delete;

  void watch_both(Span &identity, Span &encrypting) {
    watch(ways_[0].element.get(), identity);
    watch(ways_[1].element.get(), encrypting);
  }

 private:
  struct Way {
    GstRef<GstElement> element;
    GstRef<GstPad> src;  // what pushes into it
  };

  static Turns *of(GstPad *pad) { return static_cast<Turns *>(gst_pad_get_element_private(pad)); }

  static Way add(GstBin *pipeline, GstRef<GstElement> element) {
    GstElement *sink = gst_element_factory_make("fakesink", nullptr);
    g_object_set(sink, "async", FALSE, nullptr);  // one of them may get no frame
    gst_bin_add_many(pipeline, element.get(), sink, nullptr);
    gst_element_link(element.get(), sink);
    GstRef<GstPad> src(gst_pad_new("way", GST_PAD_SRC));
    gst_object_ref_sink(src.get());
    gst_pad_set_active(src.get(), TRUE);
    const GstRef<GstPad> to(gst_element_get_static_pad(element.get(), "sink"));
    gst_pad_link(src.get(), to.get());
    return {std::move(element), std::move(src)};
  }

  GstPad *next() { return ways_[turn_++ % 2].src.get(); }

  gboolean send(GstEvent *event) {
    gst_pad_push_event(ways_[0].src.get(), gst_event_ref(event));
    return gst_pad_push_event(ways_[1].src.get(), event);
  }

  GstRef<GstPad> pad_;
  std::array<Way, 2> ways_;
  unsigned turn_ = 0;
};

// source ! encoder; null when the encoder is not installed.
GstRef<GstElement> make_pipeline(const Setup &setup, unsigned seconds) {
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

// Plays it to its end; false when it did not get there.
bool play(GstElement *pipeline) {
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  const GstRef<GstBus> bus(gst_element_get_bus(pipeline));
  GstMessage *message =
      gst_bus_timed_pop_filtered(bus.get(), 240 * GST_SECOND,
                                 static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  const bool ended = message != nullptr && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
  if (message != nullptr)
    gst_message_unref(message);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  return ended;
}

void run_pipeline(benchmark::State &state, const Setup &setup, unsigned seconds) {
  tell_progress();
  const std::int64_t reading = cost_of_reading();
  for (auto _ : state) {
    const GstRef<GstElement> pipeline = make_pipeline(setup, seconds);
    if (!pipeline) {
      state.SkipWithError("the encoder is not installed");
      break;
    }
    const GstRef<GstElement> encoder(gst_bin_get_by_name(GST_BIN(pipeline.get()), "encoder"));
    Turns turns(GST_BIN(pipeline.get()), encoder.get());
    Span encoding, passing, encrypting;
    watch(encoder.get(), encoding);
    turns.watch_both(passing, encrypting);
    const unsigned all = seconds * setup.frames_per_second;
    if (!play(pipeline.get()) || passing.frames + encrypting.frames < all) {
      state.SkipWithError("not all frames came through");
      break;
    }
    const double element = encrypting.nanoseconds(reading);
    state.counters["encoder_ns"] = encoding.nanoseconds(reading);
    state.counters["element_ns"] = element;
    state.counters["identity_ns"] = passing.nanoseconds(reading);
    state.counters["percent"] = 100 * element / encoding.nanoseconds(reading);
    state.counters["ratio_to_identity"] = element / passing.nanoseconds(reading);
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

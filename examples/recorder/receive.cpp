// SPDX-License-Identifier: LGPL-2.1-or-later
#include "receive.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <sstream>
#include <utility>

#include "common/timer.h"
#include "common/webrtc.h"
#include "feedback.h"
#include "receive_stats.h"
#include "track.h"

namespace recorder {

using examples::add_element;
using examples::CharPtr;
using examples::Failure;
using examples::FreeWith;
using examples::ObjectPtr;
using std::chrono::milliseconds;

namespace {

// To what was held on purpose.
constexpr milliseconds kDrainMargin{500};
// Packets that the SFU has sent before it stopped.
constexpr milliseconds kOnTheWay{100};
constexpr unsigned kMostTracks = 8;

struct Offer {
  std::string sdp;  // without candidates
  std::vector<std::pair<unsigned, std::string>> candidates;
  std::vector<std::string> kinds;  // of its mlines: audio, video, application
};

Offer take_apart(const std::string &sdp) {
  Offer offer;
  std::istringstream lines(sdp);
  for (std::string line; std::getline(lines, line);) {
    while (line.ends_with('\r'))
      line.pop_back();
    if (line.starts_with("m="))
      offer.kinds.push_back(line.substr(2, line.find(' ') - 2));
    if (line.starts_with("a=candidate:") && !offer.kinds.empty())
      offer.candidates.emplace_back(offer.kinds.size() - 1, line.substr(2));
    else if (!line.empty() && line != "a=end-of-candidates")
      offer.sdp += line + "\r\n";
  }
  return offer;
}

// A copy is called: the callback may destroy the receiver that it is a member of.
template <typename Callback, typename... Arguments>
void call(Callback callback, Arguments &&...arguments) {
  if (callback)
    callback(arguments...);
}

}  // namespace

std::int64_t running_time_now(const ReceiveSettings &settings) {
  ObjectPtr<GstClock> clock(gst_system_clock_obtain());
  return GST_CLOCK_DIFF(settings.base_time, gst_clock_get_time(clock.get()));
}

class Receiver::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(const ReceiveSettings &settings, const std::string &participant, Events events);
  ~Core();

  void start();
  void take_offer(const std::string &sdp);
  void drain(std::function<void()> drained);
  void request_key_frame();
  ReceiveStats stats() const;
  void silence() { events_ = {}; }

 private:
  using Reply = std::function<void(Core &, const GstStructure *)>;

  void set_up_pipeline();
  void set_up_ice();
  void watch_bus();
  void on_message(GstMessage *message);
  void on_pad(GstPad *pad);
  void add_track(GstPad *pad);
  unsigned place_of(GstPad *pad, Media media) const;
  void leave_out(GstPad *pad, const std::string &why);
  void request(const char *signal, gpointer argument, Reply reply);
  void negotiate();
  void answer();
  void on_ice_state();
  void end_input();
  void end_buffer(GstElement *jitterbuffer);
  void on_ended();
  void fail(const std::string &why);
  bool all_ended() const;
  void post(std::function<void(Core &)> callback) {
    recorder::post<Core>(context_, weak_from_this(), std::move(callback));
  }

  const ReceiveSettings settings_;
  ObjectPtr<GstE2EEKeyProvider> provider_;
  const std::string participant_;
  Events events_;
  const std::function<void(Media, unsigned, GstSample *)> frame_;  // for streaming threads
  GMainContext *context_;
  bool failed_ = false;
  bool negotiating_ = false;
  bool ending_ = false;
  std::size_t full_buffers_ = 0;  // jitter buffers that have not given all they hold, at the end
  std::optional<std::string> next_offer_;
  std::function<void()> drained_;
  Timer drain_limit_;
  GSource *bus_watch_ = nullptr;
  GstElement *webrtcbin_ = nullptr;

  std::atomic<unsigned> track_count_ = 0;
  mutable std::mutex mutex_;  // guards what follows: pads appear on streaming threads
  std::vector<std::unique_ptr<Track>> tracks_;
  std::vector<std::string> kinds_;  // of the mlines of the last offer

  examples::PipelinePtr pipeline_;  // stops before what its threads use goes
};

Receiver::Core::Core(const ReceiveSettings &settings, const std::string &participant, Events events)
    : settings_(settings),
      provider_(settings.provider ? GST_E2EE_KEY_PROVIDER(g_object_ref(settings.provider))
                                  : nullptr),
      participant_(participant),
      events_(std::move(events)),
      frame_(std::exchange(events_.frame, nullptr)),
      context_(g_main_context_get_thread_default()),
      pipeline_(examples::make_pipeline("receive")) {
  set_up_pipeline();
  watch_bus();
}

Receiver::Core::~Core() {
  g_source_destroy(bus_watch_);
  g_source_unref(bus_watch_);
  pipeline_.reset();
}

void Receiver::Core::set_up_pipeline() {
  webrtcbin_ = add_element(pipeline_.get(), "webrtcbin", "peer");
  gst_util_set_object_arg(G_OBJECT(webrtcbin_), "bundle-policy", "max-bundle");
  g_object_set(webrtcbin_, "latency", settings_.latency_ms, nullptr);
  split_feedback(webrtcbin_);
  set_up_ice();

  ObjectPtr<GstClock> clock(gst_system_clock_obtain());
  gst_pipeline_use_clock(GST_PIPELINE(pipeline_.get()), clock.get());
  if (GST_CLOCK_TIME_IS_VALID(settings_.base_time)) {
    gst_element_set_start_time(pipeline_.get(), GST_CLOCK_TIME_NONE);
    gst_element_set_base_time(pipeline_.get(), settings_.base_time);
  }

  examples::ask_for_lost_video(webrtcbin_);
  g_signal_connect(webrtcbin_, "pad-added",
                   G_CALLBACK(+[](GstElement *, GstPad *pad, gpointer self) {
                     if (GST_PAD_DIRECTION(pad) == GST_PAD_SRC)
                       static_cast<Core *>(self)->on_pad(pad);
                   }),
                   this);
  g_signal_connect(
      webrtcbin_, "on-ice-candidate",
      G_CALLBACK(+[](GstElement *, guint mline, char *candidate, gpointer self) {
        static_cast<Core *>(self)->post([mline, text = std::string(candidate)](Core &core) {
          if (!core.settings_.loopback_only || examples::on_loopback(text))
            call(core.events_.candidate, mline, text);
        });
      }),
      this);
  g_signal_connect(
      webrtcbin_, "notify::ice-gathering-state",
      G_CALLBACK(+[](GstElement *peer, GParamSpec *, gpointer self) {
        if (examples::enum_nick(peer, "ice-gathering-state") == "complete")
          static_cast<Core *>(self)->post([](Core &core) { call(core.events_.gathered); });
      }),
      this);
  g_signal_connect(webrtcbin_, "notify::connection-state",
                   G_CALLBACK(+[](GstElement *, GParamSpec *, gpointer self) {
                     static_cast<Core *>(self)->post([](Core &core) { core.on_ice_state(); });
                   }),
                   this);
}

void Receiver::Core::set_up_ice() {
  if (!settings_.stun_server.empty())
    g_object_set(webrtcbin_, "stun-server", settings_.stun_server.c_str(), nullptr);
  if (!settings_.turn_server.empty())
    g_object_set(webrtcbin_, "turn-server", settings_.turn_server.c_str(), nullptr);
  if (settings_.loopback_only)
    examples::keep_to_loopback(webrtcbin_);
  else
    examples::disable_upnp(webrtcbin_);
}

void Receiver::Core::watch_bus() {
  ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  bus_watch_ = gst_bus_create_watch(bus.get());
  g_source_set_callback(bus_watch_,
                        G_SOURCE_FUNC(+[](GstBus *, GstMessage *message, gpointer self) {
                          const auto alive = static_cast<Core *>(self)->shared_from_this();
                          alive->on_message(message);
                          return G_SOURCE_CONTINUE;
                        }),
                        this, nullptr);
  g_source_attach(bus_watch_, context_);
}

void Receiver::Core::start() {
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    throw Failure("the receiving pipeline does not start; see GST_DEBUG=3");
}

void Receiver::Core::on_message(GstMessage *message) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    GError *error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    const examples::ErrorPtr owned(error);
    fail(std::string(GST_MESSAGE_SRC_NAME(message)) + ": " + error->message);
  } else if (gst_message_has_name(message, "GstE2EEState")) {
    const GstStructure *state = gst_message_get_structure(message);
    const char *name = gst_structure_get_string(state, "state");
    guint64 frames = 0;
    gst_structure_get_uint64(state, "count", &frames);
    call(events_.state, participant_, name ? name : "", frames);
  }
}

// ---- Media

void Receiver::Core::on_pad(GstPad *pad) {
  ask_by_pli(pad);
  ++track_count_;
  try {
    add_track(pad);
  } catch (const Failure &error) {  // not through GStreamer's C code
    --track_count_;
    leave_out(pad, error.what());
  }
}

void Receiver::Core::add_track(GstPad *pad) {
  const Media media = Track::media_of(pad);
  const unsigned nth = place_of(pad, media);
  if (track_count_ > kMostTracks || nth >= kMostTracks)
    throw Failure("no more than " + std::to_string(kMostTracks) +
                  " streams of one participant are recorded");
  auto track = std::make_unique<Track>(
      pipeline_.get(), pad, settings_, participant_,
      [frame = frame_, nth](Media of, GstSample *sample) { frame(of, nth, sample); },
      [this] { post([](Core &core) { core.on_ended(); }); });
  std::lock_guard lock(mutex_);
  tracks_.push_back(std::move(track));
}

// Among the streams of its media. An mline keeps its place in later offers.
unsigned Receiver::Core::place_of(GstPad *pad, Media media) const {
  const unsigned mline = mline_of(pad);
  std::lock_guard lock(mutex_);
  const auto end = kinds_.begin() + std::min<std::ptrdiff_t>(mline, std::ssize(kinds_));
  return static_cast<unsigned>(std::count(kinds_.begin(), end, examples::media_name(media)));
}

// Unlinked, the pad would end the whole receiver.
void Receiver::Core::leave_out(GstPad *pad, const std::string &why) {
  discard(pipeline_.get(), pad);
  post([why](Core &core) { call(core.events_.trouble, why); });
}

// ---- Negotiation

// Emits one of webrtcbin's signals that answer by a promise; an error fails the receiver.
void Receiver::Core::request(const char *signal, gpointer argument, Reply reply) {
  struct Call {
    std::weak_ptr<Core> core;
    GMainContext *context;
    std::string signal;
    Reply reply;
  };
  auto *call = new Call{weak_from_this(), context_, signal, std::move(reply)};
  GstPromise *promise = gst_promise_new_with_change_func(
      [](GstPromise *done, gpointer data) {
        const auto *asked = static_cast<Call *>(data);
        if (gst_promise_wait(done) != GST_PROMISE_RESULT_REPLIED)
          return;  // the peer stops
        const GstStructure *structure = gst_promise_get_reply(done);
        const std::shared_ptr<GstStructure> copy(
            structure ? gst_structure_copy(structure) : gst_structure_new_empty("none"),
            &gst_structure_free);
        recorder::post<Core>(
            asked->context, asked->core,
            [copy, what = asked->signal, answered = asked->reply](Core &core) {
              const GValue *error = gst_structure_get_value(copy.get(), "error");
              if (error && G_VALUE_HOLDS(error, G_TYPE_ERROR))
                core.fail(what + ": " + static_cast<GError *>(g_value_get_boxed(error))->message);
              else
                answered(core, copy.get());
            });
      },
      call, [](gpointer data) { delete static_cast<Call *>(data); });
  g_signal_emit_by_name(webrtcbin_, signal, argument, promise);
  gst_promise_unref(promise);
}

void Receiver::Core::take_offer(const std::string &sdp) {
  next_offer_ = sdp;
  if (!negotiating_)
    negotiate();
}

void Receiver::Core::negotiate() {
  if (failed_ || !next_offer_)
    return;
  const Offer offer = take_apart(*std::exchange(next_offer_, std::nullopt));
  const examples::DescriptionPtr description =
      examples::parse_description(examples::SdpType::kOffer, offer.sdp);
  if (!description)
    return fail("what the SFU offers is no session description");
  negotiating_ = true;
  {
    std::lock_guard lock(mutex_);
    kinds_ = offer.kinds;
  }
  request("set-remote-description", description.get(),
          [candidates = offer.candidates](Core &core, const GstStructure *) {
            for (const auto &[mline, candidate] : candidates) {
              if (!core.settings_.loopback_only || examples::on_loopback(candidate))
                g_signal_emit_by_name(core.webrtcbin_, "add-ice-candidate", mline,
                                      candidate.c_str());
            }
            core.answer();
          });
}

void Receiver::Core::answer() {
  request("create-answer", nullptr, [](Core &core, const GstStructure *reply) {
    const std::shared_ptr<examples::SessionDescription> answer =
        examples::description_of(reply, "answer");
    if (!answer)
      return core.fail("webrtcbin makes no answer");
    core.request("set-local-description", answer.get(), [answer](Core &self, const GstStructure *) {
      CharPtr text(gst_sdp_message_as_text(answer->sdp));
      self.negotiating_ = false;
      call(self.events_.answer, text.get());
      self.negotiate();
    });
  });
}

void Receiver::Core::on_ice_state() {
  if (examples::enum_nick(webrtcbin_, "connection-state") == "failed")
    fail("the connection for media failed (ICE or DTLS)");
}

void Receiver::Core::fail(const std::string &why) {
  if (!std::exchange(failed_, true))
    call(events_.failed, why);
}

// ---- The end

void Receiver::Core::drain(std::function<void()> drained) {
  drained_ = std::move(drained);
  events_ = {.answer = {},
             .candidate = {},
             .gathered = {},
             .failed = {},
             .trouble = {},
             .state = events_.state,
             .frame = {}};
  drain_limit_.start(kOnTheWay, [this] { end_input(); });
}

// The end goes behind what the jitter buffers hold. They give up what is missing in between.
void Receiver::Core::end_input() {
  ending_ = true;
  const auto buffers = jitterbuffers_of(pipeline_.get());
  for (const auto &buffer : buffers)
    end_buffer(buffer.get());
  const milliseconds limit = milliseconds(settings_.latency_ms) +
                             milliseconds(settings_.key_wait / GST_MSECOND) + kDrainMargin;
  drain_limit_.start(limit, [this] {
    if (const auto callback = std::exchange(drained_, nullptr))
      callback();
  });
  on_ended();
}

void Receiver::Core::end_buffer(GstElement *jitterbuffer) {
  // At its end it takes timers as expired, and one that may ask again for a packet does so
  // without a pause, for as long as the latency is.
  g_object_set(jitterbuffer, "rtx-max-retries", 0, nullptr);
  const auto source = examples::static_pad(jitterbuffer, "src");
  GstEvent *ended = gst_pad_get_sticky_event(source.get(), GST_EVENT_EOS, 0);
  if (ended) {  // before
    gst_event_unref(ended);
    return;
  }
  ++full_buffers_;
  gst_pad_add_probe(
      source.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [](GstPad *, GstPadProbeInfo *info, gpointer self) {
        if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) != GST_EVENT_EOS)
          return GST_PAD_PROBE_OK;
        static_cast<Core *>(self)->post([](Core &core) {
          --core.full_buffers_;
          core.on_ended();
        });
        return GST_PAD_PROBE_REMOVE;
      },
      this, nullptr);
  gst_pad_send_event(examples::static_pad(jitterbuffer, "sink").get(), gst_event_new_eos());
}

// Of a stream whose first packets still wait in a jitter buffer there is no track yet.
bool Receiver::Core::all_ended() const {
  if (full_buffers_ > 0)
    return false;
  std::lock_guard lock(mutex_);
  for (const auto &track : tracks_) {
    if (!track->has_ended())
      return false;
  }
  return true;
}

void Receiver::Core::on_ended() {
  if (ending_ && drained_ && all_ended())
    drain_limit_.start(milliseconds(0), std::exchange(drained_, nullptr));
}

void Receiver::Core::request_key_frame() {
  std::lock_guard lock(mutex_);
  for (const auto &track : tracks_)
    track->request_key_frame();
}

ReceiveStats Receiver::Core::stats() const {
  ReceiveStats stats;
  add_packets(stats, pipeline_.get());
  std::lock_guard lock(mutex_);
  for (const auto &track : tracks_)
    stats.tracks.push_back(track->stats());
  return stats;
}

// ---- Receiver

Receiver::Receiver(const ReceiveSettings &settings, const std::string &participant, Events events)
    : core_(std::make_shared<Core>(settings, participant, std::move(events))) {
  core_->start();
}

Receiver::~Receiver() {
  core_->silence();
}

void Receiver::take_offer(const std::string &sdp) {
  core_->take_offer(sdp);
}

void Receiver::drain(std::function<void()> drained) {
  core_->drain(std::move(drained));
}

void Receiver::request_key_frame() {
  core_->request_key_frame();
}

ReceiveStats Receiver::stats() const {
  return core_->stats();
}

}  // namespace recorder

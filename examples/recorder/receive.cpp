// SPDX-License-Identifier: LGPL-2.1-or-later
#include "receive.h"

#include <algorithm>
#include <list>
#include <utility>

#include "common/callback.h"
#include "common/peer.h"
#include "common/timer.h"
#include "feedback.h"
#include "streams.h"

namespace recorder {

using examples::call;
using examples::Failure;
using examples::ObjectPtr;
using examples::Peer;
using examples::Timer;
using std::chrono::milliseconds;

namespace {

// To what was held on purpose.
constexpr milliseconds kDrainMargin{500};

// Without it a media section keeps to the codecs that the chain of its first stream takes.
void take_any_codec(GstElement *, GObject *transceiver) {
  gst_util_set_object_arg(transceiver, "codec-preferences", "application/x-rtp");
}

}  // namespace

std::int64_t running_time_now(const ReceiveSettings &settings) {
  ObjectPtr<GstClock> clock(gst_system_clock_obtain());
  return GST_CLOCK_DIFF(settings.base_time, gst_clock_get_time(clock.get()));
}

class Receiver::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(const ReceiveSettings &settings, Events events);
  ~Core();

  void start();
  void drain(std::function<void()> drained);
  void drain(const std::string &owner, const std::set<std::string> &tracks,
             std::function<void()> drained);
  void silence();

  Peer &peer() { return *peer_; }
  Streams &streams() { return *streams_; }

 private:
  struct Drain {
    std::string owner;
    std::set<std::string> tracks;
    std::function<void()> drained;
    bool is_late = false;
    Timer limit;
  };

  void set_up_pipeline();
  void watch_bus();
  void on_message(GstMessage *message);
  void watch_data(GObject *channel);
  void tell_drained();
  milliseconds longest_drain() const;

  const ReceiveSettings settings_;
  ObjectPtr<GstE2EEKeyProvider> provider_;
  Events events_;
  GMainContext *context_;
  std::function<void()> drained_;
  Timer drain_limit_, check_;
  std::list<Drain> drains_;  // of owners
  GSource *bus_watch_ = nullptr;
  examples::PipelinePtr pipeline_;
  std::unique_ptr<Peer> peer_;
  std::shared_ptr<Streams> streams_;
};

Receiver::Core::Core(const ReceiveSettings &settings, Events events)
    : settings_(settings),
      provider_(settings.provider ? GST_E2EE_KEY_PROVIDER(g_object_ref(settings.provider))
                                  : nullptr),
      events_(std::move(events)),
      context_(g_main_context_get_thread_default()),
      pipeline_(examples::make_pipeline("receive")) {
  const auto tell = [this](auto event) {
    return [this, event](auto... arguments) { call(events_.*event, arguments...); };
  };
  peer_ = std::make_unique<Peer>(pipeline_.get(),
                                 examples::PeerSettings{.loopback_only = settings_.loopback_only,
                                                        .stun_server = settings_.stun_server,
                                                        .turn_servers = settings_.turn_servers},
                                 Peer::Events{.answer = tell(&Events::answer),
                                              .offer = {},
                                              .candidate = tell(&Events::candidate),
                                              .gathered = tell(&Events::gathered),
                                              .connected = tell(&Events::connected),
                                              .failed = tell(&Events::failed)});
  streams_ = std::make_shared<Streams>(
      pipeline_.get(), peer_->webrtcbin(), settings_,
      Streams::Events{
          .route = events_.route,
          .trouble = tell(&Events::trouble),
          .ended = [this] { check_.start(milliseconds(0), [this] { tell_drained(); }); },
          .section_free = [this] { peer_->resume(); }});
  set_up_pipeline();
  watch_bus();
}

Receiver::Core::~Core() {
  g_source_destroy(bus_watch_);
  g_source_unref(bus_watch_);
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
}

void Receiver::Core::set_up_pipeline() {
  GstElement *webrtcbin = peer_->webrtcbin();
  g_object_set(webrtcbin, "latency", settings_.latency_ms, nullptr);
  split_feedback(webrtcbin);
  peer_->hold_offers([this](const std::string &sdp) { return streams_->must_wait(sdp); });

  ObjectPtr<GstClock> clock(gst_system_clock_obtain());
  gst_pipeline_use_clock(GST_PIPELINE(pipeline_.get()), clock.get());
  if (GST_CLOCK_TIME_IS_VALID(settings_.base_time)) {
    gst_element_set_start_time(pipeline_.get(), GST_CLOCK_TIME_NONE);
    gst_element_set_base_time(pipeline_.get(), settings_.base_time);
  }

  examples::ask_for_lost_video(webrtcbin);
  examples::leave_out_fec(webrtcbin);
  g_signal_connect(webrtcbin, "on-new-transceiver", G_CALLBACK(take_any_codec), nullptr);
  streams_->watch();
  g_signal_connect(webrtcbin, "on-data-channel",
                   G_CALLBACK(+[](GstElement *, GObject *channel, gpointer self) {
                     static_cast<Core *>(self)->watch_data(channel);
                   }),
                   this);
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

void Receiver::Core::silence() {
  events_ = {};
  peer_->silence();
  streams_->silence();
}

// ---- Messages

void Receiver::Core::on_message(GstMessage *message) {
  if (streams_->take_message(message) || GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR)
    return;
  GError *error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  const examples::ErrorPtr owned(error);
  const std::string why = std::string(GST_MESSAGE_SRC_NAME(message)) + ": " + error->message;
  // The chain of a stream that could not start is gone by now; the other streams go on.
  if (!gst_object_has_as_ancestor(GST_MESSAGE_SRC(message), GST_OBJECT(pipeline_.get())))
    return call(events_.trouble, why);
  call(std::exchange(events_.failed, nullptr), why);
}

void Receiver::Core::watch_data(GObject *channel) {
  struct Reader {
    std::weak_ptr<Core> core;
    GMainContext *context;
    std::string label;
  };
  char *label = nullptr;
  g_object_get(channel, "label", &label, nullptr);
  const examples::CharPtr owned(label);
  g_signal_connect_data(
      channel, "on-message-data", G_CALLBACK(+[](GObject *, GBytes *bytes, gpointer data) {
        const auto *reader = static_cast<Reader *>(data);
        gsize size = 0;
        const auto *text = static_cast<const char *>(bytes ? g_bytes_get_data(bytes, &size) : "");
        examples::post<Core>(reader->context, reader->core,
                             [from = reader->label, message = std::string(text, size)](Core &core) {
                               call(core.events_.data, from, message);
                             });
      }),
      new Reader{weak_from_this(), context_, label ? label : ""},
      [](gpointer data, GClosure *) { delete static_cast<Reader *>(data); }, GConnectFlags{});
}

// ---- The end

milliseconds Receiver::Core::longest_drain() const {
  return milliseconds(settings_.latency_ms) + milliseconds(settings_.key_wait / GST_MSECOND) +
         kDrainMargin;
}

void Receiver::Core::drain(std::function<void()> drained) {
  drained_ = std::move(drained);
  peer_->silence();
  streams_->silence();
  events_ = {.answer = {},
             .candidate = {},
             .gathered = {},
             .connected = {},
             .failed = {},
             .trouble = {},
             .route = events_.route,
             .data = {}};
  drain_limit_.start(Streams::kOnTheWay, [this] {
    streams_->end_all();
    drain_limit_.start(longest_drain(), [this] {
      if (const auto callback = std::exchange(drained_, nullptr))
        callback();
    });
    tell_drained();
  });
}

void Receiver::Core::drain(const std::string &owner, const std::set<std::string> &tracks,
                           std::function<void()> drained) {
  streams_->end_of(owner, tracks);
  Drain &drain = drains_.emplace_back();
  drain.owner = owner;
  drain.tracks = tracks;
  drain.drained = std::move(drained);
  drain.limit.start(Streams::kOnTheWay + longest_drain(), [this, &drain] {
    drain.is_late = true;
    tell_drained();
  });
  check_.start(milliseconds(0), [this] { tell_drained(); });
}

void Receiver::Core::tell_drained() {
  const auto alive = shared_from_this();
  for (auto drain = drains_.begin(); drain != drains_.end();) {
    if (!drain->is_late && !streams_->have_ended(drain->owner, drain->tracks)) {
      ++drain;
      continue;
    }
    const auto drained = std::move(drain->drained);
    drain = drains_.erase(drain);
    drained();
  }
  if (drained_ && streams_->are_ending() && streams_->have_ended())
    drain_limit_.start(milliseconds(0), std::exchange(drained_, nullptr));
}

// ---- Receiver

Receiver::Receiver(const ReceiveSettings &settings, Events events)
    : core_(std::make_shared<Core>(settings, std::move(events))) {
  core_->start();
}

Receiver::~Receiver() {
  core_->silence();
}

void Receiver::take_offer(const std::string &sdp) {
  core_->peer().take_offer(sdp);
}

void Receiver::add_candidate(unsigned mline, const std::string &candidate) {
  core_->peer().add_candidate(mline, candidate);
}

void Receiver::route_again() {
  core_->streams().route_again();
}

void Receiver::drain(std::function<void()> drained) {
  core_->drain(std::move(drained));
}

void Receiver::drain(const std::string &owner, const std::set<std::string> &tracks,
                     std::function<void()> drained) {
  core_->drain(owner, tracks, std::move(drained));
}

void Receiver::request_key_frame(const std::string &owner) {
  core_->streams().request_key_frame(owner);
}

ReceiveStats Receiver::stats(const std::string &owner) const {
  return core_->streams().stats(owner);
}

}  // namespace recorder

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session.h"

#include <gst/app/app.h>
#include <gst/video/video.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "announcement.h"
#include "common/elements.h"
#include "common/timer.h"
#include "livekit/ice.h"
#include "sdp.h"

namespace publish {

using examples::ObjectPtr;
using examples::Peer;
using examples::static_pad;

namespace {

// Frames wait so long for a connection that is slow; then the oldest go.
constexpr guint64 kQueueTime = 2 * GST_SECOND;
constexpr std::chrono::seconds kConnectWithin{20};

// A track and the m-line that it has.
struct Section {
  Offered offered;
  std::string cid, sid;  // empty: not known yet
  GstElement *appsrc = nullptr;
  bool announced = false;
};

bool is_wanted(const wire::SubscribedQualityUpdate &update) {
  const auto any = [](const auto &qualities) {
    return std::any_of(qualities.begin(), qualities.end(),
                       [](const wire::SubscribedQuality &quality) { return quality.enabled(); });
  };
  if (update.subscribed_codecs_size() == 0)
    return any(update.subscribed_qualities());
  return std::any_of(update.subscribed_codecs().begin(), update.subscribed_codecs().end(),
                     [any](const wire::SubscribedCodec &codec) { return any(codec.qualities()); });
}

GstClockTime system_time() {
  const ObjectPtr<GstClock> clock(gst_system_clock_obtain());
  return gst_clock_get_time(clock.get());
}

}  // namespace

class Session::Core {
 public:
  Core(const examples::PeerSettings &settings, Events given);
  ~Core();

  void open();
  void add(const Offered &offered);
  void set_muted(unsigned source, bool muted);
  void take(const wire::Response &response);
  wire::SyncState state() const;
  guint64 packets_lost();

  Events events;
  bool connected = false;

 private:
  void start(GstElement *pipeline);
  static void stop(GstElement *pipeline);
  void on_error(GstMessage *message);
  void on_offer(const std::string &sdp);
  void send_offer();
  void on_answer(const std::string &sdp);
  void on_published(const wire::TrackPublished &published);
  void on_wanted(const std::string &sid, bool wanted);
  void on_trickle(const wire::Trickle &trickle);
  void answer_server(const std::string &sdp);
  void fail(const std::string &why);
  Peer::Events events_of(wire::Target target);
  void pass_key_frame_requests(GstElement *payloader, const Offered &offered);

  const examples::PeerSettings settings_;
  const GstClockTime base_time_ = system_time();
  examples::PipelinePtr publishing_, subscribing_;
  std::unique_ptr<Peer> publisher_, subscriber_;
  std::vector<Section> tracks_;  // in the order of m-lines
  std::string offer_;            // waits until its tracks are announced
  wire::Description sent_offer_;
  guint64 packets_lost_ = 0;
  examples::Timer connect_limit_;
};

Session::Core::Core(const examples::PeerSettings &settings, Events given)
    : events(std::move(given)),
      settings_(settings),
      publishing_(examples::make_pipeline("publisher")) {}

Session::Core::~Core() {
  for (const Section &track : tracks_)
    track.offered.outlet->disconnect();
  for (examples::PipelinePtr *pipeline : {&subscribing_, &publishing_})
    if (*pipeline)
      stop(pipeline->get());
}

// Pipelines stop before the peers in them go.
void Session::Core::stop(GstElement *pipeline) {
  gst_element_set_state(pipeline, GST_STATE_NULL);
  const ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline));
  gst_bus_remove_watch(bus.get());
}

void Session::Core::start(GstElement *pipeline) {
  const ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline));
  gst_bus_add_watch(
      bus.get(),
      [](GstBus *, GstMessage *message, gpointer self) -> gboolean {
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
          static_cast<Core *>(self)->on_error(message);
        return G_SOURCE_CONTINUE;
      },
      this);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
}

void Session::Core::on_error(GstMessage *message) {
  GError *error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  const examples::ErrorPtr owned(error);
  fail(std::string("the connection for media: ") + error->message);
}

void Session::Core::open() {
  publisher_ = std::make_unique<Peer>(publishing_.get(), settings_, events_of(wire::PUBLISHER));
  const ObjectPtr<GstClock> clock(gst_system_clock_obtain());
  gst_pipeline_use_clock(GST_PIPELINE(publishing_.get()), clock.get());
  gst_element_set_start_time(publishing_.get(), GST_CLOCK_TIME_NONE);
  gst_element_set_base_time(publishing_.get(), base_time_);
  start(publishing_.get());
}

Peer::Events Session::Core::events_of(wire::Target target) {
  Peer::Events peer;
  peer.candidate = [this, target](unsigned mline, const std::string &candidate) {
    events.send(livekit::trickle_of(target, {mline, candidate}));
  };
  peer.failed = [this](const std::string &why) { fail(why); };
  if (target == wire::PUBLISHER) {
    peer.offer = [this](const std::string &sdp) { on_offer(sdp); };
    peer.connected = [this] {
      connected = true;
      connect_limit_.stop();
      if (const auto tell = events.connected)
        tell();
    };
  } else {
    peer.answer = [this](const std::string &sdp) {
      wire::Request request;
      request.mutable_answer()->set_type("answer");
      request.mutable_answer()->set_sdp(sdp);
      events.send(request);
    };
  }
  return peer;
}

void Session::Core::fail(const std::string &why) {
  connected = false;
  if (const auto tell = std::exchange(events.failed, nullptr))
    tell(why);
}

// ---- Tracks

void Session::Core::add(const Offered &offered) {
  GstElement *bin = publishing_.get();
  const guint32 ssrc = g_random_int();
  GstElement *appsrc = examples::add_element(bin, "appsrc");
  g_object_set(appsrc, "format", GST_FORMAT_TIME, "is-live", TRUE, "max-bytes", guint64{0},
               "max-time", kQueueTime, nullptr);
  gst_util_set_object_arg(G_OBJECT(appsrc), "leaky-type", "downstream");
  GstElement *payloader = add_payloader(bin, offered.format.codec, ssrc);
  GstElement *filter = examples::add_caps_filter(bin, rtp_caps(offered.format, ssrc));
  examples::link_chain({appsrc, payloader, filter});

  const ObjectPtr<GstPad> sink(gst_element_request_pad_simple(publisher_->webrtcbin(), "sink_%u"));
  const ObjectPtr<GObject> transceiver = examples::transceiver_of(sink.get());
  gst_util_set_object_arg(transceiver.get(), "direction", "sendonly");
  gst_util_set_object_arg(transceiver.get(), "codec-preferences",
                          rtp_caps(offered.format, ssrc).c_str());
  if (info_of(offered.format.codec).media == Media::kVideo)
    g_object_set(transceiver.get(), "do-nack", TRUE, nullptr);
  if (gst_pad_link(static_pad(filter, "src").get(), sink.get()) != GST_PAD_LINK_OK)
    throw examples::Failure("webrtcbin does not take the track");
  pass_key_frame_requests(payloader, offered);
  examples::join_running({appsrc, payloader, filter});
  tracks_.push_back({.offered = offered, .cid = {}, .sid = {}, .appsrc = appsrc});
  offered.outlet->connect(appsrc, base_time_);
  publisher_->make_offer();
}

void Session::Core::pass_key_frame_requests(GstElement *payloader, const Offered &offered) {
  auto *ask = new std::function<void()>(offered.key_frame_is_wanted);
  gst_pad_add_probe(
      static_pad(payloader, "sink").get(), GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
      [](GstPad *, GstPadProbeInfo *info, gpointer asked) {
        if (!gst_video_event_is_force_key_unit(gst_pad_probe_info_get_event(info)))
          return GST_PAD_PROBE_OK;
        (*static_cast<std::function<void()> *>(asked))();
        return GST_PAD_PROBE_DROP;
      },
      ask, [](gpointer asked) { delete static_cast<std::function<void()> *>(asked); });
}

void Session::Core::set_muted(unsigned source, bool muted) {
  for (Section &track : tracks_) {
    if (track.offered.source != source || std::exchange(track.offered.muted, muted) == muted)
      continue;
    wire::Request request;
    request.mutable_mute()->set_sid(track.sid);
    request.mutable_mute()->set_muted(muted);
    if (!track.sid.empty())
      events.send(request);
  }
}

// ---- Descriptions

// Tracks are announced by the ids that webrtcbin has given them; the offer goes out when the server
// knows them all.
void Session::Core::on_offer(const std::string &sdp) {
  offer_ = sdp;
  const std::vector<std::string> ids = track_ids(sdp);
  for (std::size_t i = 0; i < std::min(ids.size(), tracks_.size()); ++i) {
    Section &track = tracks_[i];
    track.cid = ids[i];
    if (std::exchange(track.announced, true))
      continue;
    wire::Request request;
    *request.mutable_add_track() = announcement(track.offered, track.cid);
    events.send(request);
  }
  send_offer();
}

void Session::Core::send_offer() {
  const bool all_known = std::all_of(tracks_.begin(), tracks_.end(), [](const Section &track) {
    return !track.announced || !track.sid.empty();
  });
  if (offer_.empty())
    return;
  if (!all_known)
    return connect_limit_.start(kConnectWithin, [this] {
      fail("the server does not confirm a track: does the token allow to publish it?");
    });
  connect_limit_.stop();
  sent_offer_.set_type("offer");
  sent_offer_.set_sdp(std::exchange(offer_, ""));
  wire::Request request;
  *request.mutable_offer() = sent_offer_;
  events.send(request);
  if (!connected)
    connect_limit_.start(kConnectWithin,
                         [this] { fail("there is no connection for media: is UDP let through?"); });
}

void Session::Core::on_answer(const std::string &sdp) {
  const std::vector<bool> takes = accepted(sdp);
  for (std::size_t i = 0; i < std::min(takes.size(), tracks_.size()); ++i)
    if (!takes[i])
      events.refused(tracks_[i].offered.source,
                     std::string("the server takes no ") +
                         info_of(tracks_[i].offered.format.codec).encoding + " of this kind");
  publisher_->take_answer(sdp);
}

// The server opens a connection of its own for what it would send, also when that is nothing.
void Session::Core::answer_server(const std::string &sdp) {
  if (!subscriber_) {
    subscribing_ = examples::make_pipeline("subscriber");
    subscriber_ =
        std::make_unique<Peer>(subscribing_.get(), settings_, events_of(wire::SUBSCRIBER));
    start(subscribing_.get());
  }
  subscriber_->take_offer(sdp);
}

// ---- Candidates

void Session::Core::on_trickle(const wire::Trickle &trickle) {
  Peer *peer = trickle.target() == wire::PUBLISHER ? publisher_.get() : subscriber_.get();
  const auto candidate = livekit::candidate_of(trickle);
  if (peer && candidate)
    peer->add_candidate(candidate->mline, candidate->text);
}

// ---- What the server says

void Session::Core::take(const wire::Response &response) {
  if (response.has_answer())
    on_answer(response.answer().sdp());
  else if (response.has_offer())
    answer_server(response.offer().sdp());
  else if (response.has_trickle())
    on_trickle(response.trickle());
  else if (response.has_track_published())
    on_published(response.track_published());
  else if (response.has_subscribed_quality_update())
    on_wanted(response.subscribed_quality_update().track_sid(),
              is_wanted(response.subscribed_quality_update()));
  else if (response.has_track_subscribed())
    on_wanted(response.track_subscribed().track_sid(), true);
}

void Session::Core::on_published(const wire::TrackPublished &published) {
  for (Section &track : tracks_) {
    if (track.cid != published.cid() || !track.announced)
      continue;
    track.sid = published.track().sid();
    events.published(track.offered.source, track.sid);
  }
  send_offer();
}

void Session::Core::on_wanted(const std::string &sid, bool wanted) {
  for (const Section &track : tracks_)
    if (track.sid == sid)
      events.wanted(track.offered.source, wanted);
}

wire::SyncState Session::Core::state() const {
  wire::SyncState state;
  *state.mutable_offer() = sent_offer_;
  state.mutable_subscription()->set_subscribe(false);
  for (const Section &track : tracks_) {
    wire::TrackPublished *published = state.add_publish_tracks();
    published->set_cid(track.cid);
    published->mutable_track()->set_sid(track.sid);
  }
  return state;
}

guint64 Session::Core::packets_lost() {
  publisher_->ask_stats(
      [this](const GstStructure *stats) { packets_lost_ = examples::packets_lost_in(stats); });
  return packets_lost_;
}

// ---- Session

Session::Session(const examples::PeerSettings &settings, Events events)
    : core_(std::make_unique<Core>(settings, std::move(events))) {
  core_->open();
}

Session::~Session() = default;

void Session::add(const Offered &track) {
  core_->add(track);
}

void Session::set_muted(unsigned source, bool muted) {
  core_->set_muted(source, muted);
}

void Session::take(const wire::Response &response) {
  core_->take(response);
}

bool Session::is_connected() const {
  return core_->connected;
}

guint64 Session::packets_lost() {
  return core_->packets_lost();
}

wire::SyncState Session::state() const {
  return core_->state();
}

}  // namespace publish

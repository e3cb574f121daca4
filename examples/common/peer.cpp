// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "callback.h"
#include "elements.h"
#include "open_sections.h"
#include "sdp_text.h"
#include "sframe_sdp.h"
#include "timer.h"

namespace examples {
namespace {

struct Apart {
  std::string sdp;  // without candidates
  std::vector<std::pair<unsigned, std::string>> candidates;
};

// Candidates inside a description would be used whether they are allowed or not.
Apart take_apart(const std::string &sdp) {
  SdpSections sections = split_sdp(sdp);
  Apart apart;
  for (unsigned mline = 0; mline + 1 < sections.size(); ++mline)
    std::erase_if(sections[mline + 1], [&](const std::string &line) {
      const bool is_candidate = line.starts_with("a=candidate:");
      if (is_candidate)
        apart.candidates.emplace_back(mline, line.substr(2));
      return is_candidate || line == "a=end-of-candidates";
    });
  apart.sdp = join_sdp(sections);
  return apart;
}

std::string text_of(const SessionDescription &description) {
  const CharPtr text(gst_sdp_message_as_text(description.sdp));
  return text.get();
}

constexpr const char *kTransportWide =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

// webrtcbin 1.22 answers with feedback for congestion control (transport-cc) and without the header
// extension that it needs.
void accept_transport_wide(const GstSDPMessage *offer, GstSDPMessage *answer) {
  const guint count =
      std::min(gst_sdp_message_medias_len(offer), gst_sdp_message_medias_len(answer));
  for (guint i = 0; i < count; ++i) {
    const GstSDPMedia *offered = gst_sdp_message_get_media(offer, i);
    // The header says const where it means that the owner may write.
    auto *answered = const_cast<GstSDPMedia *>(gst_sdp_message_get_media(answer, i));
    if (gst_sdp_media_get_attribute_val(answered, "extmap"))
      continue;  // it knows them itself
    for (guint n = 0; const char *value = gst_sdp_media_get_attribute_val_n(offered, "extmap", n);
         ++n)
      if (std::string_view(value).ends_with(kTransportWide))
        gst_sdp_media_add_attribute(answered, "extmap", value);
  }
}

}  // namespace

class Peer::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(GstElement *pipeline, const PeerSettings &settings, Events given)
      : events(std::move(given)),
        settings_(settings),
        context_(g_main_context_get_thread_default()),
        webrtcbin(add_element(pipeline, "webrtcbin", "peer")) {}

  void set_up();
  void take_offer(const std::string &sdp);
  void make_offer();
  void take_answer(const std::string &sdp);
  void add_candidate(unsigned mline, const std::string &candidate);
  void negotiate();
  void ask_stats(std::function<void(const GstStructure *)> answered) {
    request("get-stats", nullptr,
            [answered](Core &, const GstStructure *stats) { answered(stats); });
  }

  Events events;
  std::function<bool(const std::string &)> hold;

 private:
  using Reply = std::function<void(Core &, const GstStructure *)>;

  void set_up_ice();
  void request(const char *signal, gpointer argument, Reply reply);
  void apply(SdpType type, const std::string &sdp, std::function<void(Core &)> applied);
  void answer();
  void describe(const char *create, const char *kind,
                std::function<void(const std::string &)> Events::*tell);
  void on_state();
  void fail(const std::string &why);
  void post(std::function<void(Core &)> callback) {
    examples::post<Core>(context_, weak_from_this(), std::move(callback));
  }

  const PeerSettings settings_;
  GMainContext *context_;
  bool failed_ = false;
  bool negotiating_ = false;    // webrtcbin works on a description
  bool awaits_answer_ = false;  // to our offer
  bool wants_to_offer_ = false;
  std::optional<std::string> next_offer_;
  std::string offer_;      // ours, the last one
  OpenSections sections_;  // of the other side's offers
  DescriptionPtr remote_;  // the last one

 public:
  GstElement *const webrtcbin;
};

void Peer::Core::set_up() {
  gst_util_set_object_arg(G_OBJECT(webrtcbin), "bundle-policy", "max-bundle");
  set_up_ice();
  g_signal_connect(
      webrtcbin, "on-ice-candidate",
      G_CALLBACK(+[](GstElement *, guint mline, char *candidate, gpointer self) {
        static_cast<Core *>(self)->post([mline, text = std::string(candidate)](Core &core) {
          if (!core.settings_.loopback_only || on_loopback(text))
            call(core.events.candidate, mline, text);
        });
      }),
      this);
  g_signal_connect(
      webrtcbin, "notify::ice-gathering-state",
      G_CALLBACK(+[](GstElement *peer, GParamSpec *, gpointer self) {
        if (enum_nick(peer, "ice-gathering-state") == "complete")
          static_cast<Core *>(self)->post([](Core &core) { call(core.events.gathered); });
      }),
      this);
  g_signal_connect(webrtcbin, "notify::connection-state",
                   G_CALLBACK(+[](GstElement *, GParamSpec *, gpointer self) {
                     static_cast<Core *>(self)->post([](Core &core) { core.on_state(); });
                   }),
                   this);
}

void Peer::Core::set_up_ice() {
  if (!settings_.stun_server.empty())
    g_object_set(webrtcbin, "stun-server", settings_.stun_server.c_str(), nullptr);
  for (const std::string &server : settings_.turn_servers) {
    gboolean added = FALSE;
    g_signal_emit_by_name(webrtcbin, "add-turn-server", server.c_str(), &added);
  }
  if (settings_.loopback_only)
    keep_to_loopback(webrtcbin);
  else
    disable_upnp(webrtcbin);
}

void Peer::Core::on_state() {
  const std::string state = enum_nick(webrtcbin, "connection-state");
  if (state == "connected")
    call(events.connected);
  else if (state == "failed")
    fail("the connection for media failed (ICE or DTLS)");
}

void Peer::Core::fail(const std::string &why) {
  if (!std::exchange(failed_, true))
    call(events.failed, why);
}

// Emits one of webrtcbin's signals that answer by a promise; an error fails the peer.
void Peer::Core::request(const char *signal, gpointer argument, Reply reply) {
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
          return;  // the pipeline stops
        const GstStructure *structure = gst_promise_get_reply(done);
        const std::shared_ptr<GstStructure> copy(
            structure ? gst_structure_copy(structure) : gst_structure_new_empty("none"),
            &gst_structure_free);
        examples::post<Core>(
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
  g_signal_emit_by_name(webrtcbin, signal, argument, promise);
  gst_promise_unref(promise);
}

// ---- Descriptions

void Peer::Core::take_offer(const std::string &sdp) {
  next_offer_ = sdp;
  negotiate();
}

void Peer::Core::make_offer() {
  wants_to_offer_ = true;
  negotiate();
}

void Peer::Core::negotiate() {
  if (failed_ || negotiating_ || awaits_answer_)
    return;
  if (next_offer_) {
    if (hold && hold(*next_offer_))
      return;
    negotiating_ = true;
    apply(SdpType::kOffer, sections_.open(*std::exchange(next_offer_, std::nullopt)),
          [](Core &core) { core.describe("create-answer", "answer", &Events::answer); });
  } else if (std::exchange(wants_to_offer_, false)) {
    negotiating_ = awaits_answer_ = true;
    describe("create-offer", "offer", &Events::offer);
  }
}

void Peer::Core::take_answer(const std::string &sdp) {
  if (failed_ || !awaits_answer_)
    return;
  const std::string why = sframe_disagreement(offer_, sdp);
  if (!why.empty())
    return fail(why);
  negotiating_ = true;
  apply(SdpType::kAnswer, sdp, [](Core &core) {
    core.negotiating_ = core.awaits_answer_ = false;
    core.negotiate();
  });
}

// A remote description, and the candidates in it.
void Peer::Core::apply(SdpType type, const std::string &sdp, std::function<void(Core &)> applied) {
  const Apart apart = take_apart(sdp);
  remote_ = parse_description(type, apart.sdp);
  if (!remote_)
    return fail("what the server describes is no session description");
  request(
      "set-remote-description", remote_.get(),
      [candidates = apart.candidates, done = std::move(applied)](Core &core, const GstStructure *) {
        for (const auto &[mline, candidate] : candidates)
          core.add_candidate(mline, candidate);
        done(core);
      });
}

// Makes a local description, applies it and tells it.
void Peer::Core::describe(const char *create, const char *kind,
                          std::function<void(const std::string &)> Events::*tell) {
  request(create, nullptr, [kind, tell](Core &core, const GstStructure *reply) {
    const std::shared_ptr<SessionDescription> made = description_of(reply, kind);
    if (!made)
      return core.fail(std::string("webrtcbin makes no ") + kind);
    if (made->type == SdpType::kAnswer && core.remote_) {
      accept_transport_wide(core.remote_->sdp, made->sdp);
      const std::string why = sframe_disagreement(text_of(*core.remote_), text_of(*made));
      if (!why.empty())
        return core.fail(why);
    }
    core.request("set-local-description", made.get(),
                 [made, tell](Core &self, const GstStructure *) {
                   const std::string text = text_of(*made);
                   if (made->type == SdpType::kOffer)
                     self.offer_ = text;
                   self.negotiating_ = false;
                   const auto alive = self.shared_from_this();
                   call(self.events.*tell, self.sections_.close(text));
                   self.negotiate();
                 });
  });
}

void Peer::Core::add_candidate(unsigned mline, const std::string &candidate) {
  if (!settings_.loopback_only || on_loopback(candidate))
    g_signal_emit_by_name(webrtcbin, "add-ice-candidate", mline, candidate.c_str());
}

// ---- Peer

Peer::Peer(GstElement *pipeline, const PeerSettings &settings, Events events)
    : core_(std::make_shared<Core>(pipeline, settings, std::move(events))) {
  core_->set_up();
}

Peer::~Peer() {
  silence();
}

GstElement *Peer::webrtcbin() const {
  return core_->webrtcbin;
}

void Peer::take_offer(const std::string &sdp) {
  core_->take_offer(sdp);
}

void Peer::make_offer() {
  core_->make_offer();
}

void Peer::take_answer(const std::string &sdp) {
  core_->take_answer(sdp);
}

void Peer::add_candidate(unsigned mline, const std::string &candidate) {
  core_->add_candidate(mline, candidate);
}

void Peer::ask_stats(std::function<void(const GstStructure *)> answered) {
  core_->ask_stats(std::move(answered));
}

void Peer::hold_offers(std::function<bool(const std::string &sdp)> hold) {
  core_->hold = std::move(hold);
}

void Peer::resume() {
  core_->negotiate();
}

void Peer::silence() {
  core_->events = {};
}

}  // namespace examples

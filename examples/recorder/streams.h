// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/timer.h"
#include "offer.h"
#include "receive.h"
#include "track.h"

namespace recorder {

// The streams that a webrtcbin receives, by its pads: each is blocked until somebody says where it
// goes, then has a chain of its own, and gives all it holds when it ends. A media section of the
// offer that is used again for another track is another stream, with another pad.
//
// On the main context, but for pads that appear.
class Streams : public std::enable_shared_from_this<Streams> {
 public:
  struct Events {
    std::function<Route(const StreamStart &)> route;
    std::function<void(const std::string &why)> trouble;  // a stream is left out
    std::function<void()> ended;                          // one of them
    std::function<void()> section_free;                   // an offer that had to wait may be taken
  };

  // In which packets come that the SFU has sent before it stopped.
  static constexpr std::chrono::milliseconds kOnTheWay{100};

  // Both elements stop before this goes. Call watch() once.
  Streams(GstElement *pipeline, GstElement *webrtcbin, const ReceiveSettings &settings,
          Events events);
  void watch();
  void silence();  // of events only `route` and `ended` come from now on

  // Whether an offer needs media sections whose last streams still give what they hold. Ends the
  // streams that it has no more.
  bool must_wait(const std::string &sdp);
  void route_again();

  // Everything that came is delivered: what waits for earlier packets or for a key, too.
  void end_all();
  // `tracks`: those of the owner, whose streams may still have to begin.
  void end_of(const std::string &owner, const std::set<std::string> &tracks);
  bool are_ending() const { return ending_; }
  bool have_ended() const;
  bool have_ended(const std::string &owner, const std::set<std::string> &tracks);

  // Whether it was about one of the streams: state or error.
  bool take_message(GstMessage *message);

  void request_key_frame(const std::string &owner);
  ReceiveStats stats(const std::string &owner);

 private:
  struct Stream {
    StreamStart start;
    guint ssrc = 0;
    examples::ObjectPtr<GstPad> pad;  // null: its end has passed
    gulong block = 0;                 // the probe that holds it; 0: none
    bool ending = false;
    examples::Timer end_soon;
    std::unique_ptr<Track> track;  // null: not routed, or left out
    bool is_of(const std::string &owner) const {
      return track && (owner.empty() || track->route().owner == owner);
    }
  };

  // rtpbin still has a jitter buffer for it.
  struct PastSsrc {
    guint ssrc;
    unsigned mline;
    std::chrono::steady_clock::time_point since;
  };

  // What an offer says about a source.
  struct Origin {
    unsigned mline;
    std::string stream, track;
  };

  void on_pad(GstPad *pad);
  void begin(GstPad *pad, gulong block);
  void route(Stream &stream);
  void link(Stream &stream, Route route);
  void leave_out(Stream &stream, const std::string &why);
  static GstPadProbeReturn on_pad_event(GstPad *pad, GstPadProbeInfo *info, gpointer self);
  bool end_replaced(const std::vector<Section> &sections);
  void learn(const std::vector<Section> &sections);
  bool is_unborn(guint ssrc);
  void end_unborn(guint ssrc);
  void end_soon(Stream &stream);
  void end(Stream &stream);
  void expect_end(Stream &stream);
  void end_counted(GstElement *jitterbuffer);
  void on_end_passed(GstPad *pad);
  void forget_ended();
  void forget_track(Stream &stream);
  void sweep();
  void forget_ssrcs(const std::function<bool(const PastSsrc &)> &which);
  ReceiveStats stats_of(const Stream &stream);
  examples::ObjectPtr<GstElement> rtpbin() const;
  examples::ObjectPtr<GstElement> jitterbuffer_of(guint ssrc);
  void post(std::function<void(Streams &)> callback) {
    examples::post<Streams>(context_, weak_from_this(), std::move(callback));
  }

  GstElement *const pipeline_;
  GstElement *const webrtcbin_;
  const ReceiveSettings settings_;
  const CarriedCodecs carried_;
  Events events_;
  GMainContext *context_;
  bool ending_ = false;
  std::size_t full_buffers_ = 0;  // jitter buffers that have not given all they hold, at the end
  std::list<Stream> streams_;
  std::vector<Section> sections_;    // of the last offer that was taken
  std::map<guint, Origin> origins_;  // of sources that are sent, or whose streams go on
  // Sources whose first packets wait in a jitter buffer, so that they have no pad yet, and that are
  // to end.
  std::map<guint, examples::Timer> unborn_;
  std::vector<PastSsrc> past_ssrcs_;
  examples::Timer sweep_;
  std::map<std::string, ReceiveStats> past_;  // of streams that are gone, by owner
  std::mutex mutex_;                          // of what follows
  std::map<guint, examples::ObjectPtr<GstElement>> jitterbuffers_;  // by SSRC
};

}  // namespace recorder

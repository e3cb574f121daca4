/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "clip.h"
#include "manifest.h"

namespace publisher {

/// One who sends audio and video from clips through an encryptor, stock payloaders and webrtcbin.
class Participant {
 public:
  enum class Protection {
    kEncrypt,
    kEncrypted,  // frames of clips leave as they are
    kNone,
  };
  struct Settings {
    std::string identity;
    VideoFormat format;
    const Clip *video = nullptr;
    const Clip *audio = nullptr;
    const Clip *screen = nullptr;  // a second video, of the same codec; may be null
    Protection protection = Protection::kEncrypt;
    GObject *provider = nullptr;
    std::string manifest;  // prefix of the files' names; empty: none is written
    std::function<void(const char *state)> on_state;  // of the connection; from any thread
  };

  explicit Participant(Settings settings);
  ~Participant();
  Participant(const Participant &) = delete;
  Participant &operator=(const Participant &) = delete;

  /// With all its candidates.
  std::string make_offer();
  void take_answer(const std::string &sdp);
  void add_candidate(unsigned mline, const std::string &candidate);
  /// Of the offer's media sections.
  std::vector<Media> media() const;

  // What follows is called with the sending thread kept off.
  /// Pushes the frames whose time has come.
  void send_due();
  void mute(Media media, bool muted);
  /// From the next frame on, a key frame.
  void use_video(const Clip &clip);
  void flush();
  std::uint64_t sent(Media media) const;

  const Settings &settings() const { return settings_; }

 private:
  struct Track {
    Participant *owner = nullptr;
    Media media = Media::kVideo;
    std::string name;  // of its manifest
    const Clip *clip = nullptr;
    std::size_t at = 0;
    std::uint64_t sent = 0;
    GstClockTime next = GST_CLOCK_TIME_NONE;  // running time; none: not started
    bool muted = false;
    bool new_clip = true;
    std::atomic<bool> key_wanted = false;
    examples::ObjectPtr<GstPad> pad;  // what pushes into the pipeline
    std::unique_ptr<Manifest> manifest;
    std::optional<Manifest::Entry> entry;  // under way through the encryptor
  };

  void add_peer();
  void add_track(Track &track, Media media, const std::string &name, int payload, const Clip *clip);
  void push(Track &track);
  std::vector<std::uint8_t> next_frame(Track &track, bool &key);
  static gboolean on_event(GstPad *pad, GstObject *parent, GstEvent *event);
  static GstPadProbeReturn on_encrypted(GstPad *pad, GstPadProbeInfo *info, gpointer track);
  static void on_candidate(GstElement *peer, guint line, char *candidate, gpointer self);
  static void on_gathering(GstElement *peer, GParamSpec *spec, gpointer self);
  static void on_connection(GstElement *peer, GParamSpec *spec, gpointer self);

  Settings settings_;
  std::uint32_t id_;
  examples::PipelinePtr pipeline_;
  GstElement *peer_ = nullptr;
  Track video_, audio_, screen_;
  std::atomic<bool> connected_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool gathered_ = false;
  std::vector<std::string> candidates_;
};

}  // namespace publisher

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "livekit_tracks.h"

#include <algorithm>
#include <utility>

#include "livekit/encryption.h"

namespace recorder {

namespace wire = livekit::wire;

namespace {

constexpr std::size_t kLongestText = 512;

constexpr const char *kRed = "red";

// "video/VP8" is vp8.
std::string announced_codec(const std::string &mime) {
  return examples::CharPtr(g_ascii_strdown(mime.substr(mime.find('/') + 1).c_str(), -1)).get();
}

// Who sends Opus as RED offers it without as well, which is what is taken.
std::string codec_in(const std::string &mime) {
  const std::string codec = announced_codec(mime);
  return codec == kRed ? "opus" : codec;
}

Feed::Stream stream_of(const wire::Track &track) {
  return {.id = track.sid(),
          .type = track.type() == wire::AUDIO ? "audio" : "video",
          .codec = codec_in(track.mime_type()),
          .disabled = false,
          .is_screen =
              track.source() == wire::SCREEN_SHARE || track.source() == wire::SCREEN_SHARE_AUDIO,
          .in_the_clear = track.encryption() == wire::NONE};
}

bool is_media(const wire::Track &track) {
  return track.type() != wire::DATA && is_livekit_name(track.sid()) &&
         track.mime_type().size() <= kLongestText;
}

}  // namespace

bool is_livekit_name(const std::string &text) {
  return !text.empty() && text.size() <= kLongestText && text.find('\0') == std::string::npos;
}

LiveKitTracks::LiveKitTracks(const std::string &scheme, bool allow_unencrypted,
                             Room::Events &events)
    : encryption_(livekit::encryption_of(scheme)),
      allow_unencrypted_(allow_unencrypted),
      events_(events) {}

bool LiveKitTracks::publishes(const wire::Participant &participant) {
  return std::ranges::any_of(participant.tracks(), &is_media);
}

Feed LiveKitTracks::take(const wire::Participant &participant) {
  const bool has_name = is_livekit_name(participant.name());
  Feed feed{.id = participant.sid(),
            .display = has_name ? participant.name() : "",
            .identity = participant.identity(),
            .streams = {}};
  Participant &known = known_[feed.id];
  known.identity = feed.identity;
  std::map<std::string, Track> before = std::exchange(known.tracks, {});
  for (const wire::Track &announced : participant.tracks()) {
    if (!is_media(announced) || known.tracks.contains(announced.sid()))
      continue;
    if (known.tracks.size() == kMostLiveKitTracks) {
      if (!std::exchange(known.has_too_many, true))
        events_.trouble(feed.identity + " publishes more than " +
                        std::to_string(kMostLiveKitTracks) +
                        " tracks: the others are not recorded");
      break;
    }
    Track &track = known.tracks[announced.sid()] = before[announced.sid()];
    note_encryption(feed.identity, announced, track);
    note_redundancy(feed.identity, announced, track);
    note_mute(feed.identity, announced, track);
    if (!track.refused)
      feed.streams.push_back(stream_of(announced));
  }
  return feed;
}

// A track that its sender does not encrypt is readable for the server: that is worth an alarm.
// Senders that know no other word say GCM of every scheme.
void LiveKitTracks::note_encryption(const std::string &identity, const wire::Track &announced,
                                    Track &track) {
  const Track before = track;
  track.in_the_clear = announced.encryption() != wire::GCM && announced.encryption() != encryption_;
  track.refused =
      track.in_the_clear && !(announced.encryption() == wire::NONE && allow_unencrypted_);
  if (!track.in_the_clear || (before.in_the_clear && before.refused == track.refused))
    return;
  const bool has_none = announced.encryption() == wire::NONE;
  const char *text = !has_none ? " sends a track with an encryption of its own: it is not recorded"
                     : track.refused
                         ? " sends a track that is not encrypted: it is not recorded "
                           "(--allow-unencrypted records it)"
                         : " sends a track that is not encrypted: it is recorded as such";
  events_.note(track.refused ? "track-refused" : "track-unencrypted",
               {{"participant", identity},
                {"track", announced.sid()},
                {"encryption", has_none ? "none" : "custom"}},
               identity + text, true);
}

// The server takes Opus out of RED for a recorder. Mobile clients have RED inside the encryption,
// where nobody but a receiver with the key can.
void LiveKitTracks::note_redundancy(const std::string &identity, const wire::Track &announced,
                                    Track &track) {
  const bool redundant = !track.in_the_clear && announced_codec(announced.mime_type()) == kRed;
  if (std::exchange(track.redundant, redundant) || !redundant)
    return;
  events_.note("track-redundant", {{"participant", identity}, {"track", announced.sid()}},
               identity +
                   " sends Opus with RED inside the encryption, which the server spoils for a "
                   "recorder: this sound will be missing until RED is turned off in that client",
               true);
}

void LiveKitTracks::note_mute(const std::string &identity, const wire::Track &announced,
                              Track &track) {
  if (std::exchange(track.muted, announced.muted()) != announced.muted())
    events_.note(announced.muted() ? "track-muted" : "track-unmuted",
                 {{"participant", identity}, {"track", announced.sid()}}, "", false);
}

// What the server holds back for want of bandwidth is missing in the files.
void LiveKitTracks::take(const wire::StreamStateUpdate &update) {
  for (const wire::StreamState &stream : update.stream_states()) {
    const bool pauses = stream.state() == wire::StreamState::PAUSED;
    for (auto &[sid, participant] : known_) {
      const auto track = participant.tracks.find(stream.track_sid());
      if (track == participant.tracks.end() ||
          std::exchange(track->second.paused, pauses) == pauses)
        continue;
      events_.note(
          pauses ? "track-paused" : "track-resumed",
          {{"participant", participant.identity}, {"track", stream.track_sid()}, {"by", "server"}},
          participant.identity + (pauses ? ": the server holds a track back, for want of bandwidth"
                                         : ": the server sends the track again"),
          pauses);
    }
  }
}

bool LiveKitTracks::is_refused(const std::string &track) const {
  return std::ranges::any_of(known_, [&track](const auto &participant) {
    const auto found = participant.second.tracks.find(track);
    return found != participant.second.tracks.end() && found->second.refused;
  });
}

}  // namespace recorder

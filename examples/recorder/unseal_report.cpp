// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <sstream>

#include "common/json.h"
#include "progress.h"
#include "unseal.h"

namespace recorder {

namespace {

using examples::CharPtr;
using progress_text::harmless;

constexpr std::size_t kMostLines = 40;

std::string clock_time(std::int64_t ns) {
  const std::int64_t ms = std::max<std::int64_t>(ns, 0) / 1'000'000;
  return CharPtr(g_strdup_printf("%d:%02d:%02d.%03d", static_cast<int>(ms / 3'600'000),
                                 static_cast<int>(ms / 60'000 % 60),
                                 static_cast<int>(ms / 1000 % 60), static_cast<int>(ms % 1000)))
      .get();
}

// ---- for people ---------------------------------------------------------------------------------

void write_keys(std::ostream &out, const TrackReport &track, bool all_keys) {
  std::size_t lines = 0;
  for (const auto &[key, use] : track.keys) {
    if (!all_keys && ++lines > kMostLines) {
      out << "    and " << track.keys.size() - kMostLines << " more, --report tells them\n";
      return;
    }
    const auto &[index, entry, generation] = key;
    out << "    key index " << index << " of key provider " << entry + 1 << ", generation "
        << generation << ", " << use.fingerprint << ": " << use.frames << " frames, "
        << clock_time(use.first_ns) << " to " << clock_time(use.last_ns) << "\n";
  }
}

void write_track(std::ostream &out, const TrackReport &track, bool all_keys) {
  out << "  " << track.media << " (" << track.codec << "): " << track.read << " frames read, "
      << track.opened << " opened, " << track.closed() << " not\n";
  for (const auto &[index, count] : track.no_key)
    out << "    " << count << " frames: no key for index " << index << "\n";
  if (track.impossible_key > 0)
    out << "    " << track.impossible_key << " frames: name key indices that no key can have\n";
  for (const auto &[index, count] : track.no_match)
    out << "    " << count << " frames: no key of index " << index
        << " fits, or they were damaged\n";
  if (track.malformed > 0)
    out << "    " << track.malformed << " frames: not laid out like encrypted ones\n";
  if (track.from_server > track.passed)
    out << "    " << track.from_server - track.passed << " frames: made by the server, left out\n";
  if (track.passed > 0)
    out << "    " << track.passed
        << " frames: made by the server, or by anyone on the way: in the file, proven by no key\n";
  if (const std::uint64_t lost = track.lost(); lost > 0)
    out << "    " << lost << (track.has_layers ? " pictures" : " frames")
        << ": opened, but not in the file: those before the first key frame, or they are not "
        << track.codec << "\n";
  write_keys(out, track, all_keys);
}

// ---- for machines -------------------------------------------------------------------------------

JsonValue seconds(std::int64_t ns) {
  return static_cast<double>(std::max<std::int64_t>(ns, 0)) / 1e9;
}

std::vector<JsonWriter> by_index(const std::map<std::uint64_t, std::uint64_t> &counts) {
  std::vector<JsonWriter> list;
  for (const auto &[index, count] : counts)
    list.push_back(
        JsonWriter({{"key-id", json_unsigned(index)}, {"frames", json_unsigned(count)}}));
  return list;
}

JsonWriter track_json(const TrackReport &track) {
  std::vector<JsonWriter> keys;
  for (const auto &[key, use] : track.keys) {
    const auto &[index, entry, generation] = key;
    keys.push_back(JsonWriter({{"key-id", json_unsigned(index)},
                               {"key-provider", json_unsigned(entry + 1)},
                               {"generation", json_unsigned(generation)},
                               {"fingerprint", use.fingerprint},
                               {"frames", json_unsigned(use.frames)},
                               {"first", seconds(use.first_ns)},
                               {"last", seconds(use.last_ns)}}));
  }
  JsonWriter json({{"media", track.media},
                   {"codec", track.codec},
                   {"frames", json_unsigned(track.read)},
                   {"opened", json_unsigned(track.opened)},
                   {"written", json_unsigned(track.written)},
                   {"not-written", json_unsigned(track.lost())},
                   {"not-opened", json_unsigned(track.closed())},
                   {"malformed", json_unsigned(track.malformed)},
                   {"impossible-key", json_unsigned(track.impossible_key)},
                   {"server-frames", json_unsigned(track.from_server)},
                   {"server-frames-passed", json_unsigned(track.passed)},
                   {"first", seconds(track.first_ns)},
                   {"last", seconds(track.last_ns)}});
  json.set("no-key", by_index(track.no_key))
      .set("no-match", by_index(track.no_match))
      .set("keys", keys);
  return json;
}

}  // namespace

std::string report_text(const UnsealReport &report, bool all_keys) {
  std::ostringstream out;
  for (std::size_t i = 0; i < report.outputs.size(); ++i)
    out << (i > 0 ? ", " : "") << harmless(report.outputs[i]);
  out << ": " << report.opened() << " of " << report.frames() << " frames";
  if (!report.participant.empty())
    out << " of " << harmless(report.participant);
  out << "\n";
  for (const TrackReport &track : report.tracks)
    write_track(out, track, all_keys);
  if (report.reused_ivs > 0)
    out << "  " << report.reused_ivs
        << " frames use the IV of an earlier, different frame: the sender is broken, and what it "
           "sent is not secret\n";
  if (report.replays > 0)
    out << "  " << report.replays << " frames are there twice\n";
  for (const auto &repeat : report.repeats)
    out << "    at " << clock_time(repeat.time_ns) << " in track " << repeat.track + 1
        << ", key index " << repeat.key_id << ": "
        << (repeat.replay ? "the same frame again" : "another frame with the same IV") << "\n";
  for (const std::string &note : report.notes)
    out << "  " << harmless(note) << "\n";
  return out.str();
}

std::string report_json(const UnsealReport &report) {
  std::vector<JsonWriter> tracks, repeats;
  for (const TrackReport &track : report.tracks)
    tracks.push_back(track_json(track));
  for (const IvCheck::Repeat &repeat : report.repeats)
    repeats.push_back(JsonWriter({{"time", seconds(repeat.time_ns)},
                                  {"track", json_unsigned(repeat.track)},
                                  {"key-id", json_unsigned(repeat.key_id)},
                                  {"kind", repeat.replay ? "replay" : "iv-reuse"}}));
  JsonWriter json({{"output", report.outputs.empty() ? std::string() : report.outputs.front()},
                   {"scheme", report.seal.scheme},
                   {"identity", report.seal.identity},
                   {"participant", report.participant},
                   {"room", report.seal.room},
                   {"started", report.seal.started},
                   {"frames", json_unsigned(report.frames())},
                   {"opened", json_unsigned(report.opened())},
                   {"all-opened", report.all_opened()},
                   {"complete", report.complete},
                   {"bytes", json_unsigned(report.bytes)},
                   {"seconds", report.seconds},
                   {"derivations", json_unsigned(report.derivations)},
                   {"replayed-frames", json_unsigned(report.replays)},
                   {"reused-ivs", json_unsigned(report.reused_ivs)}});
  return json.set("outputs", report.outputs)
      .set("tracks", tracks)
      .set("repeats", repeats)
      .set("notes", report.notes)
      .line();
}

}  // namespace recorder

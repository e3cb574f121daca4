// SPDX-License-Identifier: LGPL-2.1-or-later
#include <json-glib/json-glib.h>

#include <algorithm>
#include <sstream>

#include "unseal.h"

namespace recorder {

namespace {

using examples::CharPtr;
using examples::ObjectPtr;

constexpr std::size_t kMostLines = 40;

std::string clock_time(std::int64_t ns) {
  const std::int64_t ms = std::max<std::int64_t>(ns, 0) / 1'000'000;
  return CharPtr(g_strdup_printf("%d:%02d:%02d.%03d", static_cast<int>(ms / 3'600'000),
                                 static_cast<int>(ms / 60'000 % 60),
                                 static_cast<int>(ms / 1000 % 60), static_cast<int>(ms % 1000)))
      .get();
}

// What came over the network does not write to the terminal.
std::string printable(const std::string &text) {
  std::string result;
  for (const char c : text)
    result += static_cast<unsigned char>(c) < 32 || c == 127 ? '?' : c;
  return result;
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
  for (const auto &[index, count] : track.no_match)
    out << "    " << count << " frames: no key of index " << index
        << " fits, or they were damaged\n";
  if (track.malformed > 0)
    out << "    " << track.malformed << " frames: not laid out like encrypted ones\n";
  if (track.from_server > 0)
    out << "    " << track.from_server << " frames: made by the server, left out\n";
  write_keys(out, track, all_keys);
}

// ---- for machines -------------------------------------------------------------------------------

class Json {
 public:
  Json() : builder_(json_builder_new()) {}

  Json &name(const char *name) {
    json_builder_set_member_name(builder_.get(), name);
    return *this;
  }
  void text(const char *member, const std::string &value) {
    name(member);
    json_builder_add_string_value(builder_.get(), value.c_str());
  }
  void number(const char *member, std::uint64_t value) {
    name(member);
    json_builder_add_int_value(builder_.get(), static_cast<gint64>(value));
  }
  void real(const char *member, double value) {
    name(member);
    json_builder_add_double_value(builder_.get(), value);
  }
  void flag(const char *member, bool value) {
    name(member);
    json_builder_add_boolean_value(builder_.get(), value);
  }
  void time(const char *member, std::int64_t ns) {
    real(member, static_cast<double>(std::max<std::int64_t>(ns, 0)) / 1e9);
  }
  template <typename Fill>
  void object(const Fill &fill) {
    json_builder_begin_object(builder_.get());
    fill();
    json_builder_end_object(builder_.get());
  }
  template <typename List, typename Fill>
  void list(const char *member, const List &items, const Fill &fill) {
    name(member);
    json_builder_begin_array(builder_.get());
    for (const auto &item : items)
      object([&] { fill(item); });
    json_builder_end_array(builder_.get());
  }
  void texts(const char *member, const std::vector<std::string> &items) {
    name(member);
    json_builder_begin_array(builder_.get());
    for (const std::string &item : items)
      json_builder_add_string_value(builder_.get(), item.c_str());
    json_builder_end_array(builder_.get());
  }
  std::string done() const {
    JsonNode *root = json_builder_get_root(builder_.get());
    const CharPtr text(json_to_string(root, TRUE));
    json_node_unref(root);
    return text.get();
  }

 private:
  ObjectPtr<JsonBuilder> builder_;
};

void write_track(Json &json, const TrackReport &track) {
  json.text("media", track.media);
  json.text("codec", track.codec);
  json.number("frames", track.read);
  json.number("opened", track.opened);
  json.number("written", track.written);
  json.number("not-opened", track.closed());
  json.number("malformed", track.malformed);
  json.number("server-frames", track.from_server);
  json.time("first", track.first_ns);
  json.time("last", track.last_ns);
  const auto by_index = [&json](const auto &item) {
    json.number("key-id", item.first);
    json.number("frames", item.second);
  };
  json.list("no-key", track.no_key, by_index);
  json.list("no-match", track.no_match, by_index);
  json.list("keys", track.keys, [&json](const auto &item) {
    const auto &[index, entry, generation] = item.first;
    json.number("key-id", index);
    json.number("key-provider", entry + 1);
    json.number("generation", generation);
    json.text("fingerprint", item.second.fingerprint);
    json.number("frames", item.second.frames);
    json.time("first", item.second.first_ns);
    json.time("last", item.second.last_ns);
  });
}

}  // namespace

std::string report_text(const UnsealReport &report, bool all_keys) {
  std::ostringstream out;
  out << printable(report.output) << ": " << report.opened() << " of " << report.frames()
      << " frames";
  if (!report.participant.empty())
    out << " of " << printable(report.participant);
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
    out << "  " << printable(note) << "\n";
  return out.str();
}

std::string report_json(const UnsealReport &report) {
  Json json;
  json.object([&] {
    json.text("output", report.output);
    json.text("scheme", report.seal.scheme);
    json.text("identity", report.seal.identity);
    json.text("participant", report.participant);
    json.text("room", report.seal.room);
    json.text("started", report.seal.started);
    json.number("frames", report.frames());
    json.number("opened", report.opened());
    json.flag("all-opened", report.all_opened());
    json.flag("complete", report.complete);
    json.number("bytes", report.bytes);
    json.real("seconds", report.seconds);
    json.number("derivations", report.derivations);
    json.list("tracks", report.tracks,
              [&json](const TrackReport &track) { write_track(json, track); });
    json.number("replayed-frames", report.replays);
    json.number("reused-ivs", report.reused_ivs);
    json.list("repeats", report.repeats, [&json](const IvCheck::Repeat &repeat) {
      json.time("time", repeat.time_ns);
      json.number("track", repeat.track);
      json.number("key-id", repeat.key_id);
      json.text("kind", repeat.replay ? "replay" : "iv-reuse");
    });
    json.texts("notes", report.notes);
  });
  return json.done();
}

}  // namespace recorder

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "camera.h"

#include <algorithm>
#include <utility>

#include "common/words.h"

namespace camera {
namespace {

using examples::Failure;
using examples::text_or;

constexpr std::size_t kLongestName = 64, kMostViewers = 32;
constexpr std::int64_t kSuites = 8, kLeastRatchetBits = 3, kMostRatchetBits = 32;
// With tags of 32 bits: for audio alone.
constexpr std::int64_t kShortTags[] = {3, 8};

// A typing mistake must not leave a setting as it is by default.
void check_members(JsonObject *request) {
  static constexpr std::pair<std::string_view, GType> kMembers[] = {
      {"op", G_TYPE_STRING},          {"viewer", G_TYPE_STRING},     {"key-file", G_TYPE_STRING},
      {"nal-format", G_TYPE_STRING},  {"sdp", G_TYPE_STRING},        {"candidate", G_TYPE_STRING},
      {"video-suite", G_TYPE_INT64},  {"audio-suite", G_TYPE_INT64}, {"mline", G_TYPE_INT64},
      {"ratchet-bits", G_TYPE_INT64},
  };
  JsonObjectIter members;
  json_object_iter_init(&members, request);
  const gchar *name = nullptr;
  JsonNode *value = nullptr;
  while (json_object_iter_next(&members, &name, &value)) {
    const auto known =
        std::ranges::find_if(kMembers, [name](const auto &member) { return member.first == name; });
    if (known == std::end(kMembers))
      throw Failure(std::string(1, '"') + name + "\" is nothing that a request has");
    if (json_node_get_value_type(value) != known->second)
      throw Failure(std::string(1, '"') + name + "\" takes a " +
                    (known->second == G_TYPE_STRING ? "text" : "whole number"));
  }
}

std::string name_in(JsonObject *request) {
  const std::string name = text_or(request, "viewer");
  if (name.empty() || name.size() > kLongestName)
    throw Failure("\"viewer\" is the name of the viewer, of 1 to 64 bytes");
  return name;
}

unsigned number_in(JsonObject *request, const char *name, std::int64_t otherwise,
                   std::int64_t lowest, std::int64_t highest) {
  const std::int64_t value = examples::number_or(request, name, otherwise);
  if (value < lowest || value > highest)
    throw Failure(std::string(1, '"') + name + "\" takes " + std::to_string(lowest) + " to " +
                  std::to_string(highest));
  return static_cast<unsigned>(value);
}

std::string key_file_in(JsonObject *request) {
  const std::string file = text_or(request, "key-file");
  if (file.empty())
    throw Failure(
        "\"key-file\" is missing: where the key is to be written, for whoever tells the viewer");
  return file;
}

SessionSettings settings_in(JsonObject *request) {
  SessionSettings settings;
  settings.name = name_in(request);
  settings.video_suite = number_in(request, "video-suite", settings.video_suite, 1, kSuites);
  settings.audio_suite = number_in(request, "audio-suite", settings.audio_suite, 1, kSuites);
  if (std::ranges::find(kShortTags, settings.video_suite) != std::end(kShortTags))
    throw Failure(
        "\"video-suite\" takes no suite with tags of 32 bits (3, 8), which are for audio");
  settings.ratchet_bits = number_in(request, "ratchet-bits", settings.ratchet_bits,
                                    kLeastRatchetBits, kMostRatchetBits);
  settings.nal_format = text_or(request, "nal-format", settings.nal_format);
  if (settings.nal_format != "length4" && settings.nal_format != "byte-stream")
    throw Failure("\"nal-format\" takes length4 or byte-stream");
  settings.key_file = key_file_in(request);
  return settings;
}

}  // namespace

Camera::Camera(const Options &options, std::function<void(const std::string &)> say,
               std::function<void(const std::string &)> failed)
    : options_(options), say_(std::move(say)), encoder_(options, std::move(failed)) {}

void Camera::take(const std::string &line) {
  const examples::JsonNodePtr node = examples::parse_json_object(line);
  JsonObject *request = node ? json_node_get_object(node.get()) : nullptr;
  try {
    if (!request)
      throw Failure("a request is an object of JSON in one line");
    handle(request);
  } catch (const Failure &failure) {
    tell("refused", request ? text_or(request, "viewer") : "",
         {{"op", request ? text_or(request, "op") : ""}, {"why", std::string(failure.what())}});
  }
}

void Camera::handle(JsonObject *request) {
  static constexpr std::pair<const char *, Request> kRequests[] = {
      {"answer", &Camera::answer}, {"candidate", &Camera::candidate}, {"update", &Camera::update},
      {"use", &Camera::use},       {"ratchet", &Camera::ratchet},     {"stats", &Camera::stats},
  };
  check_members(request);
  const std::string op = text_or(request, "op");
  if (op == "open")
    return open(request);
  const std::string name = name_in(request);
  const auto viewer = viewers_.find(name);
  if (viewer == viewers_.end())
    throw Failure("there is no such viewer");
  if (op == "close")
    return close(name, "asked for");
  const auto found =
      std::ranges::find_if(kRequests, [&op](const auto &known) { return op == known.first; });
  if (found == std::end(kRequests))
    throw Failure("\"op\" takes open, answer, candidate, update, use, ratchet, stats or close");
  (this->*found->second)(*viewer->second, request);
}

void Camera::open(JsonObject *request) {
  const SessionSettings settings = settings_in(request);
  if (viewers_.contains(settings.name))
    throw Failure("this viewer has a session: close it first");
  if (viewers_.size() >= kMostViewers)
    throw Failure("there are " + std::to_string(kMostViewers) + " viewers already");
  auto viewer = std::make_unique<Viewer>(settings, options_, encoder_, events_of(settings.name));
  tell_key("opened", request, viewer->first_kid());
  viewers_[settings.name] = std::move(viewer);
}

Viewer::Events Camera::events_of(const std::string &name) {
  return {.offer =
              [this, name](const std::string &sdp) {
                tell("offer", name, {{"sdp", sdp}});
              },
          .candidate =
              [this, name](unsigned mline, const std::string &candidate) {
                tell("candidate", name, {{"mline", std::int64_t{mline}}, {"candidate", candidate}});
              },
          .connected = [this, name] { tell("connected", name); },
          // Not at once: it is the viewer itself that calls.
          .failed =
              [this, name](const std::string &why) {
                failed_[name] = why;
                clean_.start(std::chrono::milliseconds(0), [this] {
                  for (const auto &[viewer, reason] : std::exchange(failed_, {}))
                    close(viewer, reason);
                });
              }};
}

void Camera::answer(Viewer &viewer, JsonObject *request) {
  viewer.take_answer(text_or(request, "sdp"));
}

void Camera::candidate(Viewer &viewer, JsonObject *request) {
  viewer.add_candidate(number_in(request, "mline", 0, 0, G_MAXUINT16),
                       text_or(request, "candidate"));
}

void Camera::update(Viewer &viewer, JsonObject *request) {
  tell_key("updated", request, viewer.keys().draw(key_file_in(request)));
}

void Camera::use(Viewer &viewer, JsonObject *request) {
  tell_key("used", request, viewer.keys().use());
}

void Camera::ratchet(Viewer &viewer, JsonObject *request) {
  tell_key("ratcheted", request, viewer.keys().ratchet());
}

void Camera::stats(Viewer &viewer, JsonObject *request) {
  say_(examples::JsonWriter({{"event", "stats"},
                             {"viewer", name_in(request)},
                             {"encoded", examples::json_unsigned(encoder_.frames())}})
           .set("streams", viewer.streams())
           .line());
}

void Camera::close(const std::string &name, const std::string &why) {
  if (viewers_.erase(name) > 0)
    tell("closed", name, {{"why", why}});
}

void Camera::tell(const char *event, const std::string &viewer,
                  const examples::JsonFields &fields) {
  examples::JsonWriter writer({{"event", std::string(event)}, {"viewer", viewer}});
  for (const auto &[name, value] : fields)
    writer.set(name, value);
  say_(writer.line());
}

void Camera::tell_key(const char *event, JsonObject *request, guint64 kid) {
  tell(event, name_in(request), {{"kid", examples::json_unsigned(kid)}});
}

}  // namespace camera

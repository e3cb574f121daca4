// SPDX-License-Identifier: LGPL-2.1-or-later
//
// e2ee-test-publisher [FOLDER-FOR-CLIPS]: participants of a meeting, told what to do by lines of
// JSON on standard input. Each {"id", "op", ...} is answered by {"id", "result"} or {"id",
// "error"}; connections are told of by {"event", "name", "state"}. Ends with its input. Whoever
// drives it talks to the SFU.
#include <gst/e2ee/e2ee.h>
#include <gst/gst.h>
#include <json-glib/json-glib.h>

#include <chrono>
#include <iostream>
#include <map>
#include <thread>

#include "common/program.h"
#include "participant.h"

namespace publisher {
namespace {

using namespace examples;

constexpr std::chrono::milliseconds kTick{5};
const VideoFormat kScreen{"vp8", 320, 180};

/// Writes lines from any thread.
class Output {
 public:
  void write(JsonBuilder *builder) {
    const std::unique_ptr<JsonNode, FreeWith<&json_node_unref>> root(
        json_builder_get_root(builder));
    const CharPtr text(json_to_string(root.get(), FALSE));
    const std::lock_guard lock(mutex_);
    std::cout << text.get() << std::endl;
  }

 private:
  std::mutex mutex_;
};

using Builder = ObjectPtr<JsonBuilder>;

void member(const Builder &builder, const char *name, const std::string &value) {
  json_builder_set_member_name(builder.get(), name);
  json_builder_add_string_value(builder.get(), value.c_str());
}

/// A request; what is not there has the default of its type.
struct Request {
  JsonObject *object;

  std::string text(const char *name, const char *otherwise = "") const {
    return json_object_get_string_member_with_default(object, name, otherwise);
  }
  unsigned number(const char *name, unsigned otherwise = 0) const {
    return unsigned(json_object_get_int_member_with_default(object, name, otherwise));
  }
  bool flag(const char *name) const {
    return json_object_get_boolean_member_with_default(object, name, FALSE);
  }
  Media media() const { return text("media") == "audio" ? Media::kAudio : Media::kVideo; }
};

class Meeting {
 public:
  Meeting(Output &output, const std::string &clips)
      : output_(output),
        clips_(clips),
        provider_(gst_e2ee_participant_key_provider_new()),
        sender_([this](std::stop_token stop) { send(stop); }) {}

  /// Answers by adding to `answer`, an object that is open.
  void run(const std::string &operation, const Request &request, const Builder &answer) {
    if (operation == "join")
      member(answer, "sdp", join(request));
    else if (operation == "prepare")
      prepare(request);
    else if (operation == "answer")
      of(request).take_answer(request.text("sdp"));
    else if (operation == "leave")
      leave(request.text("name"));
    else if (operation == "report")
      report(request, answer);
    else if (operation == "key" || operation == "use_key" || operation == "ratchet")
      change_key(operation, request);
    else if (operation == "mute")
      paused([&] { of(request).mute(request.media(), request.flag("on")); });
    else if (operation == "size")
      resize(request);
    else
      throw Failure("no such operation: " + operation);
  }

 private:
  void paused(const std::function<void()> &change) {
    const std::lock_guard lock(mutex_);
    change();
  }

  Participant &of(const Request &request) {
    const auto found = participants_.find(request.text("name"));
    if (found == participants_.end())
      throw Failure("no such participant: " + request.text("name"));
    return *found->second;
  }

  void prepare(const Request &request) {
    clips_.video(format_of(request, {}));
    clips_.audio();
  }

  std::string join(const Request &request) {
    const std::string name = request.text("name");
    const std::string protection = request.text("protection", "encrypt");
    Participant::Settings settings;
    settings.identity = request.text("identity", name.c_str());
    settings.format = format_of(request, {});
    settings.video = &clips_.video(settings.format);
    settings.audio = &clips_.audio();
    if (request.flag("screen"))
      settings.screen = &clips_.video(kScreen);
    settings.provider = G_OBJECT(provider_.get());
    settings.manifest = request.text("manifest");
    if (protection != "encrypt")
      settings.protection = Participant::Protection::kNone;
    if (protection == "prerecorded") {
      settings.video = &load_clip(settings.format.codec, *settings.video, settings.identity);
      settings.audio = &load_clip("opus", *settings.audio, settings.identity);
    }
    settings.on_state = [this, name](const char *state) {
      const Builder event(json_builder_new());
      json_builder_begin_object(event.get());
      member(event, "event", "connection");
      member(event, "name", name);
      member(event, "state", state);
      json_builder_end_object(event.get());
      output_.write(event.get());
    };
    auto participant = std::make_unique<Participant>(std::move(settings));
    std::string offer = participant->make_offer();
    paused([&] { participants_[name] = std::move(participant); });
    return offer;
  }

  /// One set of ciphertext for all who load.
  const Clip &load_clip(const std::string &codec, const Clip &clip, const std::string &identity) {
    auto found = load_.find(codec);
    if (found == load_.end())
      found = load_.emplace(codec, encrypted(clip, G_OBJECT(provider_.get()), identity)).first;
    return found->second;
  }

  void leave(const std::string &name) {
    std::unique_ptr<Participant> gone;
    paused([&] {
      if (const auto found = participants_.extract(name))
        gone = std::move(found.mapped());
    });
  }

  void report(const Request &request, const Builder &answer) {
    paused([&] {
      Participant &participant = of(request);
      participant.flush();
      for (const Media media : {Media::kVideo, Media::kAudio}) {
        json_builder_set_member_name(answer.get(), media_name(media));
        json_builder_add_int_value(answer.get(), gint64(participant.sent(media)));
      }
    });
  }

  void change_key(const std::string &operation, const Request &request) {
    const std::string who = request.text("identity");
    const guint index = request.number("index");
    Error error;
    if (operation == "key")
      gst_e2ee_participant_key_provider_set_passphrase(
          provider_.get(), who.c_str(), request.text("passphrase").c_str(), index, error.out());
    else if (operation == "use_key")
      gst_e2ee_participant_key_provider_set_current_index(provider_.get(), who.c_str(), index,
                                                          error.out());
    else
      gst_e2ee_participant_key_provider_ratchet(provider_.get(), who.c_str(), index, error.out());
    error.check(operation);
  }

  static VideoFormat format_of(const Request &request, const VideoFormat &before) {
    return {request.text("codec", before.codec.c_str()), request.number("width", before.width),
            request.number("height", before.height)};
  }

  void resize(const Request &request) {
    const Clip &clip = clips_.video(format_of(request, of(request).settings().format));
    paused([&] { of(request).use_video(clip); });
  }

  void send(std::stop_token stop) {
    auto next = std::chrono::steady_clock::now();
    while (!stop.stop_requested()) {
      paused([&] {
        for (auto &[name, participant] : participants_)
          participant->send_due();
      });
      next += kTick;
      next = std::max(next, std::chrono::steady_clock::now());
      std::this_thread::sleep_until(next);
    }
  }

  Output &output_;
  Clips clips_;
  ObjectPtr<GstE2EEParticipantKeyProvider> provider_;
  std::map<std::string, Clip> load_;
  std::mutex mutex_;  // between the thread that sends and the one that reads commands
  std::map<std::string, std::unique_ptr<Participant>> participants_;
  std::jthread sender_;
};

void serve(Meeting &meeting, Output &output) {
  for (std::string line; std::getline(std::cin, line);) {
    const Builder answer(json_builder_new());
    json_builder_begin_object(answer.get());
    const ObjectPtr<JsonParser> parser(json_parser_new());
    try {
      Error error;
      json_parser_load_from_data(parser.get(), line.c_str(), -1, error.out());
      error.check("standard input");
      const Request request{json_node_get_object(json_parser_get_root(parser.get()))};
      json_builder_set_member_name(answer.get(), "id");
      json_builder_add_int_value(answer.get(), request.number("id"));
      json_builder_set_member_name(answer.get(), "result");
      json_builder_begin_object(answer.get());
      try {
        meeting.run(request.text("op"), request, answer);
        json_builder_end_object(answer.get());
      } catch (const Failure &failure) {
        json_builder_end_object(answer.get());
        member(answer, "error", failure.what());
      }
    } catch (const Failure &failure) {
      member(answer, "error", failure.what());
    }
    json_builder_end_object(answer.get());
    output.write(answer.get());
  }
}

}  // namespace
}  // namespace publisher

int main(int argc, char **argv) {
  return examples::run_program("e2ee-test-publisher", [&] {
    char **folders = nullptr;
    const GOptionEntry entries[] = {
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &folders, nullptr, nullptr}, {}};
    examples::CommandLine line("e2ee-test-publisher", "[FOLDER-FOR-CLIPS]",
                               "Participants of a meeting, told what to do by lines of JSON.", "");
    line.add(entries);
    line.add_group(gst_init_get_option_group());
    line.parse(argc, argv);
    const std::unique_ptr<char *, examples::FreeWith<&g_strfreev>> owned(folders);
    examples::require_elements(examples::kWebrtcElements);
    publisher::Output output;
    publisher::Meeting meeting(output, folders ? folders[0] : "");
    publisher::serve(meeting, output);
    return examples::kDone;
  });
}

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// e2ee-test-publisher [FOLDER-FOR-CLIPS]: participants of a meeting, told what to do by lines of
// JSON on standard input. Each {"id", "op", ...} is answered by {"id", "result"} or {"id",
// "error"}; connections are told of by {"event", "name", "state"}. Ends with its input. Whoever
// drives it talks to the SFU, but for LiveKit's servers: there a participant joins by itself.
#include <gst/e2ee/e2ee.h>
#include <gst/gst.h>

#include <chrono>
#include <map>
#include <thread>

#include "common/program.h"
#include "lines.h"
#include "livekit_seat.h"
#include "participant.h"

namespace publisher {
namespace {

using namespace examples;

constexpr std::chrono::milliseconds kTick{5};
const VideoFormat kScreen{"vp8", 320, 180};

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
      member(answer, "sdp", join(request).make_offer());
    else if (operation == "join-livekit")
      join_livekit(request);
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

  Participant &join(const Request &request) {
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
    if (protection == "none")
      settings.protection = Participant::Protection::kNone;
    if (protection == "prerecorded") {
      settings.protection = Participant::Protection::kEncrypted;
      settings.video = &load_clip(settings.format.codec, *settings.video, settings.identity);
      settings.audio = &load_clip("opus", *settings.audio, settings.identity);
    }
    settings.on_state = [this, name](const char *state) { tell(name, state); };
    auto participant = std::make_unique<Participant>(std::move(settings));
    Participant &joined = *participant;
    paused([&] { participants_[name] = std::move(participant); });
    return joined;
  }

  void join_livekit(const Request &request) {
    const std::string name = request.text("name");
    livekit::Access access;
    access.url = request.text("url");
    access.token = request.text("token");
    seats_[name] = std::make_unique<LiveKitSeat>(
        access, join(request),
        [this, name](const std::string &why) { tell(name, ("failed: " + why).c_str()); });
  }

  void tell(const std::string &name, const char *state) {
    const Builder event(json_builder_new());
    json_builder_begin_object(event.get());
    member(event, "event", "connection");
    member(event, "name", name);
    member(event, "state", state);
    json_builder_end_object(event.get());
    output_.write(event.get());
  }

  /// One set of ciphertext for all who load.
  const Clip &load_clip(const std::string &codec, const Clip &clip, const std::string &identity) {
    auto found = load_.find(codec);
    if (found == load_.end())
      found = load_.emplace(codec, encrypted(clip, G_OBJECT(provider_.get()), identity)).first;
    return found->second;
  }

  void leave(const std::string &name) {
    if (const auto seat = seats_.find(name); seat != seats_.end())
      return seat->second->leave([this, name] {
        remove(name);
        seats_.erase(name);
      });
    remove(name);
  }

  void remove(const std::string &name) {
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
  std::map<std::string, std::unique_ptr<LiveKitSeat>> seats_;  // of those in LiveKit's rooms
  std::jthread sender_;
};

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
    publisher::serve(
        output,
        [&meeting](const std::string &operation, const publisher::Request &request,
                   const publisher::Builder &result) { meeting.run(operation, request, result); });
    return examples::kDone;
  });
}

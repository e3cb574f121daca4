// SPDX-License-Identifier: LGPL-2.1-or-later
#include "call.h"

#include <filesystem>

#include "common/program.h"
#include "common/webrtc.h"
#include "peer.h"
#include "receiver.h"
#include "sender.h"
#include "wait.h"

namespace call {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kConnectTime{20};
constexpr std::chrono::seconds kSpareTime{30};  // on top of the media's length
constexpr std::chrono::seconds kDrainTime{15};
constexpr std::chrono::seconds kQuietTime{4};  // nothing came for so long: nothing will

class Call {
 public:
  Call(const Options &options, SourceInfo source, const Keys &keys, Terminal &terminal,
       const volatile bool &stop);

  CallResult run();

 private:
  void add_receiver(const std::string &name, GstE2EEKeyProvider *provider);
  std::string file_of(const std::string &receiver) const;
  void connect();
  void talk();
  void drain();
  void finish();
  bool all_received() const;
  size_t frames_received() const;
  void show_progress();
  StreamResult result_of(const SentStream &sent) const;
  CallResult collect() const;

  const Options &options_;
  Terminal &terminal_;
  const volatile bool &interrupted_;
  const SourceInfo source_;
  const Clock::time_point start_ = Clock::now();
  BusWatch bus_;  // outlives the pipelines that report to it
  Sender sender_;
  std::vector<std::unique_ptr<Receiver>> receivers_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

Call::Call(const Options &options, SourceInfo source, const Keys &keys, Terminal &terminal,
           const volatile bool &stop)
    : options_(options),
      terminal_(terminal),
      interrupted_(stop),
      source_(source),
      sender_(options, source_, keys.sender.get(), bus_) {
  add_receiver("alice", keys.alice.get());
  add_receiver("nokey", keys.nokey.get());
  add_receiver("wrongkey", keys.wrongkey.get());
}

// Next to alice's file, should anyone else decrypt something.
std::string Call::file_of(const std::string &receiver) const {
  fs::path file(options_.output);
  if (receiver != "alice")
    file.replace_filename(file.stem().string() + "-" + receiver + ".webm");
  return file.string();
}

void Call::add_receiver(const std::string &name, GstE2EEKeyProvider *provider) {
  const std::string file = file_of(name);
  std::error_code ignored;
  fs::remove(file, ignored);  // of an earlier run: must not pass for this one's
  receivers_.push_back(std::make_unique<Receiver>(name, options_.codec, sender_.streams().size(),
                                                  provider, file, bus_));
  GstElement *peer = sender_.add_receiver("sender-to-" + name);
  connections_.push_back(std::make_unique<Connection>(peer, receivers_.back()->peer()));
}

void Call::connect() {
  terminal_.progress("connecting three receivers ...");
  for (auto &receiver : receivers_)
    receiver->start();
  sender_.start();
  for (auto &connection : connections_)
    connection->negotiate();
  const bool connected = wait_until(kConnectTime, [this] {
    bus_.check();
    for (const auto &connection : connections_) {
      if (!connection->connected())
        return false;
    }
    return true;
  });
  if (!connected)
    throw Failure("the receivers were not connected within " +
                  std::to_string(kConnectTime.count()) + " s");
}

void Call::talk() {
  sender_.release_media();
  const bool ended = wait_until(std::chrono::seconds(options_.seconds) + kSpareTime, [this] {
    bus_.check();
    if (interrupted_)
      sender_.stop_media();
    for (auto &receiver : receivers_)
      receiver->poll();
    show_progress();
    return sender_.ended();
  });
  if (!ended)
    throw Failure("the media did not end in time; " + std::to_string(sender_.frames_sent()) +
                  " frames were sent");
}

// Packets are still on their way, or being asked for again.
void Call::drain() {
  size_t last = 0;
  Clock::time_point last_change = Clock::now();
  wait_until(kDrainTime, [&] {
    bus_.check();
    for (auto &receiver : receivers_)
      receiver->poll();
    show_progress();
    const size_t now = frames_received();
    if (now != last)
      last_change = Clock::now();
    last = now;
    return all_received() || Clock::now() - last_change > kQuietTime;
  });
}

bool Call::all_received() const {
  const size_t sent = sender_.frames_sent();
  for (const auto &receiver : receivers_) {
    const E2EEStats stats = receiver->stats();
    if (stats.in < sent || stats.out + stats.refused() < sent)
      return false;
  }
  return true;
}

size_t Call::frames_received() const {
  size_t frames = 0;
  for (const auto &receiver : receivers_)
    frames += receiver->stats().in;
  return frames;
}

void Call::show_progress() {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  char text[32];
  g_snprintf(text, sizeof text, "%5.1f s  ", seconds);
  std::string line = text + std::to_string(sender_.frames_sent()) + " frames sent; decrypted:";
  for (const auto &receiver : receivers_)
    line += " " + receiver->name() + " " + std::to_string(receiver->decrypted());
  terminal_.progress(line);
}

void Call::finish() {
  for (auto &receiver : receivers_) {
    if (!receiver->finish())
      throw Failure(receiver->name() + "'s recording could not be finished");
  }
}

StreamResult Call::result_of(const SentStream &sent) const {
  StreamResult result;
  const std::vector<Digest> plain = sent.plain.digests();
  result.name = media_name(sent.media);
  result.sent = plain.size();
  result.in_clear = count_common(sent.cipher.digests(), plain);
  if (const FrameLog *frames = receivers_.front()->frames(sent.media)) {
    const std::vector<Digest> decrypted = frames->digests();
    result.decrypted = decrypted.size();
    result.equal = count_in_order(plain, decrypted);
  }
  return result;
}

CallResult Call::collect() const {
  CallResult result;
  result.codec = options_.codec;
  result.sender = sender_.stats();
  result.srtp_cipher = connections_.front()->srtp_cipher();
  for (const auto &stream : sender_.streams())
    result.streams.push_back(result_of(*stream));

  const char *const keys[] = {"same", "none", "another"};
  for (size_t i = 0; i < receivers_.size(); ++i) {
    const Receiver &receiver = *receivers_[i];
    ReceiverResult row{
        receiver.name(),         keys[i], i == 0, receiver.stats(), receiver.recorded(),
        file_of(receiver.name())};
    std::error_code ignored;
    if (row.recorded)
      row.file_size = fs::file_size(row.file, ignored);
    result.receivers.push_back(std::move(row));
  }
  return result;
}

CallResult Call::run() {
  try {
    connect();
    talk();
    drain();
    finish();
  } catch (const Failure &) {
    bus_.check();  // an element may have said why
    throw;
  }
  return collect();
}

void play_back(const Options &options, CallResult &result) {
  if (!result.receivers.front().recorded)
    return;
  bool video = false, audio = false;
  for (const StreamResult &stream : result.streams)
    (stream.name == "video" ? video : audio) = stream.decrypted > 0;
  const Played played =
      play_file(options.output, options.codec == Codec::kVp8 ? "vp8dec" : "vp9dec", video, audio);
  result.duration = played.duration;
  for (StreamResult &stream : result.streams)
    stream.played = stream.name == "video" ? played.video_frames : played.audio_buffers;
}

void make_folder(const std::string &file) {
  std::error_code error;
  const fs::path folder = fs::path(file).parent_path();
  if (!folder.empty())
    fs::create_directories(folder, error);
  if (error)
    throw Refused("cannot make " + folder.string() + ": " + error.message());
}

}  // namespace

std::vector<std::string> elements_for(const Options &options) {
  std::vector<std::string> names = {"e2eeencrypt", "e2eedecrypt",   "opusenc",      "opusparse",
                                    "opusdec",     "rtpopuspay",    "rtpopusdepay", "audioconvert",
                                    "audiorate",   "audioresample", "videoconvert", "videorate",
                                    "videoscale",  "webmmux",       "matroskademux"};
  const auto add = [&names](std::initializer_list<const char *> more) {
    names.insert(names.end(), more.begin(), more.end());
  };
  names.insert(names.end(), kWebrtcElements.begin(), kWebrtcElements.end());
  if (options.codec == Codec::kVp8)
    add({"vp8enc", "vp8dec", "rtpvp8pay", "rtpvp8depay"});
  else
    add({"vp9enc", "vp9dec", "rtpe2eepay", "rtpvp9depay"});
  if (options.media_file.empty())
    add({"audiotestsrc", "videotestsrc"});
  else
    add({"uridecodebin"});
  return names;
}

CallResult make_call(const Options &options, const Keys &keys, Terminal &terminal,
                     const volatile bool &interrupted) {
  const SourceInfo source = inspect_source(options);
  make_folder(options.output);
  CallResult result = Call(options, source, keys, terminal, interrupted).run();
  terminal.progress("playing back what alice recorded ...");
  play_back(options, result);
  terminal.end_progress();
  return result;
}

}  // namespace call

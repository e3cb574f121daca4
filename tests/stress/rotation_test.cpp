/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Keys that change while live video and sound run on a machine that is busy otherwise.
#include <condition_variable>
#include <mutex>

#include "stress.h"
#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

constexpr guint kRing = 16;
constexpr char kLaunch[] =
    "videotestsrc is-live=true name=video-source ! video/x-raw,width=320,height=240,framerate=30/1 "
    "! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=60 ! e2eeencrypt name=video-in "
    "participant=alice ! rtpvp8pay ! rtpvp8depay ! e2eedecrypt name=video-out participant=alice ! "
    "fakesink sync=false async=false "
    "audiotestsrc is-live=true name=audio-source samplesperbuffer=960 ! "
    "audio/x-raw,rate=48000,channels=1 ! opusenc ! e2eeencrypt name=audio-in participant=alice ! "
    "rtpopuspay ! rtpopusdepay ! e2eedecrypt name=audio-out participant=alice ! "
    "fakesink sync=false async=false";

/// Alice's video and sound, from encoders to what a receiver with a provider of its own makes of
/// it.
class Call {
 public:
  Call(const Provider &sender, const Provider &receiver) : pipeline_(kLaunch, nullptr) {
    for (const char *name : {"video-in", "audio-in"})
      g_object_set(pipeline_.get(name), "key-provider", sender.get(), nullptr);
    for (const char *name : {"video-out", "audio-out"})
      g_object_set(pipeline_.get(name), "key-provider", receiver.get(), nullptr);
    for (const char *medium : {"video", "audio"}) {
      const std::string name(medium);
      sent_.push_back(&pipeline_.tap((name + "-in").c_str(), "sink"));
      got_.push_back(&pipeline_.tap((name + "-out").c_str(), "src"));
    }
  }

  /// Once all that can be derived beforehand is: senders and receivers in a meeting are there for
  /// a while before the first ratchet.
  void get_ready() {
    gst_element_set_state(pipeline_.pipeline(), GST_STATE_READY);
    let_workers_finish();
  }
  void play() { pipeline_.play(); }
  /// Ratchet steps taken: of the sender, and of the receiver as it saw them.
  unsigned sent_generation() const { return sent_generation_; }
  unsigned got_generation() const { return got_generation_; }
  /// Frames of both media, as they came to the encryptors.
  std::size_t sent_frames() const { return sent_[0]->size() + sent_[1]->size(); }

  /// Lets the sources end and all that is on its way arrive.
  void end() {
    for (const char *name : {"video-source", "audio-source"})
      gst_element_send_event(pipeline_.get(name), gst_event_new_eos());
    // At both sinks: nothing is on its way then.
    GstBus *bus = gst_element_get_bus(pipeline_.pipeline());
    GstMessage *message = gst_bus_timed_pop_filtered(
        bus, 30 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    gst_object_unref(bus);
    EXPECT_TRUE(message != nullptr && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS);
    gst_clear_message(&message);
    sent_generation_ = static_cast<unsigned>(pipeline_.stat("audio-in", "generation"));
    got_generation_ = static_cast<unsigned>(pipeline_.stat("audio-out", "generation"));
    pipeline_.stop();
  }

  void expect_all_arrived(const char *what, unsigned changes) {
    static const char *const kMedia[] = {"VP8", "Opus"};
    for (unsigned i = 0; i < 2; ++i) {
      printf("%s: %u changes, %s: %zu frames sent, %zu lost\n", what, changes, kMedia[i],
             sent_[i]->size(), sent_[i]->size() - std::min(sent_[i]->size(), got_[i]->size()));
      expect_equal(got_[i]->contents(), sent_[i]->contents());
    }
  }

 private:
  Pipeline pipeline_;
  std::vector<Tap *> sent_;
  std::vector<Tap *> got_;
  unsigned sent_generation_ = 0;
  unsigned got_generation_ = 0;
};

Bytes key_of(unsigned change) {
  Bytes key(32, 0x5a);
  key[0] = static_cast<guint8>(change);
  key[1] = static_cast<guint8>(change >> 8);
  return key;
}

}  // namespace

TEST(UnderLoad, RotationEveryTenthOfASecondLosesNothing) {
  const Provider sender = new_ring();
  const Provider receiver = new_ring();
  for (const Provider &provider : {sender, receiver})
    set_key(provider, kAlice, key_of(0));
  Call call(sender, receiver);
  call.get_ready();
  const Load load;
  call.play();
  const Clock::time_point start = Clock::now();
  unsigned changes = 0;
  while (Clock::now() - start < duration(60)) {
    ++changes;
    const guint index = changes % kRing;
    set_key(receiver, kAlice, key_of(changes), index);  // announced
    set_key(sender, kAlice, key_of(changes), index);
    set_current(sender, kAlice, index);  // activated
    std::this_thread::sleep_until(start + std::chrono::milliseconds(100) * changes);
  }
  call.end();
  call.expect_all_arrived("rotation every 100 ms", changes);
  EXPECT_GE(changes, static_cast<unsigned>(duration(60).count()) * 5);
}

TEST(UnderLoad, RatchetEveryFiftyFramesLosesNothing) {
  const Provider sender = new_ring();
  const Provider receiver = new_ring();
  g_object_set(sender.get(), "ratchet-frames", guint64{50}, nullptr);
  for (const Provider &provider : {sender, receiver})
    set_passphrase(provider, kAlice, "correct horse battery staple");
  Call call(sender, receiver);
  call.get_ready();
  const Load load;
  call.play();
  std::this_thread::sleep_for(duration(60));
  call.end();
  call.expect_all_arrived("ratchet every 50 frames", call.sent_generation());
  // The frames before the first step and after the last one make none.
  EXPECT_GE(call.sent_generation() + 2, call.sent_frames() / 50);
  EXPECT_EQ(call.got_generation(), call.sent_generation());
}

}  // namespace e2ee::test

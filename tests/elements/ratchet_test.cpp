/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Keys that move on: ratchets, rotation, and those who join when keys have moved already.
#include <atomic>
#include <mutex>
#include <thread>

#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

/// From a passphrase: a step takes tens of milliseconds, as in real meetings.
Provider slow_ring(bool exportable = false) {
  Provider provider = new_ring();
  g_object_set(provider.get(), "exportable", exportable, nullptr);
  set_passphrase(provider, kAlice, "correct horse battery staple");
  return provider;
}

/// A sender and a receiver with keys of their own, as on two machines.
struct Call {
  Call(const Provider &from, const Provider &to, const char *caps = kOpus)
      : sending(from),
        receiving(to),
        encryptor("e2eeencrypt", from, kAlice, caps),
        decryptor("e2eedecrypt", to, kAlice, caps) {
    let_workers_finish();
  }

  Bytes sealed(unsigned seed = 1) {
    const std::optional<Bytes> out = encryptor.pass(noise(60, seed));
    EXPECT_TRUE(out);
    return out.value_or(Bytes{});
  }
  bool arrives(unsigned seed = 1) { return decryptor.pass(sealed(seed)) == noise(60, seed); }
  /// Again and again: the generations ahead are derived when there is nothing better to do.
  bool arrives_in_the_end(const Bytes &frame) {
    return wait_for([&] { return decryptor.pass(frame).has_value(); });
  }

  Provider sending;
  Provider receiving;
  End encryptor;
  End decryptor;
};

Call quick_call(guint8 fill) {
  return Call(ring_with(fill), ring_with(fill));
}

/// What a provider says of ratchets, on any thread.
class Ratchets {
 public:
  explicit Ratchets(const Provider &provider) : provider_(provider) {
    const auto note = +[](GstE2EEKeyProvider *, const gchar *who, guint64 id, guint64 generation,
                          Ratchets *self) {
      std::lock_guard lock(self->mutex_);
      self->text_ += std::string(who ? who : "-") + " " + std::to_string(id) + " " +
                     std::to_string(generation) + "; ";
    };
    id_ = g_signal_connect(provider.get(), "key-ratcheted", G_CALLBACK(note), this);
  }
  ~Ratchets() { g_signal_handler_disconnect(provider_.get(), id_); }
  std::string text() {
    std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  Provider provider_;
  gulong id_;
  std::mutex mutex_;
  std::string text_;
};

}  // namespace

// ---- steps --------------------------------------------------------------------------------------

TEST(Ratchet, R15_ReceiverFollowsEachStepWithoutLoss) {
  Call call(slow_ring(), slow_ring());
  ASSERT_TRUE(call.arrives());
  for (unsigned step = 1; step <= 5; ++step) {
    let_workers_finish();  // the receiver's derives the next one
    ratchet(call.sending, kAlice);
    EXPECT_TRUE(call.arrives(step)) << step;
    EXPECT_EQ(call.encryptor.stat("generation"), step);
    EXPECT_EQ(call.decryptor.stat("generation"), step);
    EXPECT_EQ(call.decryptor.stat("ratchet-steps"), step);
    EXPECT_EQ(fingerprint(call.receiving, kAlice), fingerprint(call.sending, kAlice));
  }
  EXPECT_EQ(call.decryptor.dropped(), 0U);
}

TEST(Ratchet, R15_ThreeStepsAtOnceAreFollowed) {
  Call call = quick_call(0x11);
  let_workers_finish();
  ratchet(call.sending, kAlice, 3);
  EXPECT_TRUE(call.arrives());
  EXPECT_EQ(call.decryptor.stat("generation"), 3U);
  EXPECT_EQ(call.decryptor.stat("ratchet-steps"), 3U);
}

TEST(Ratchet, R15_NineStepsAreNotFollowedAndChangeNothing) {
  Call call = quick_call(0x12);
  const Bytes first = call.sealed();
  std::vector<Bytes> frames;
  for (unsigned step = 1; step <= 9; ++step) {
    ratchet(call.sending, kAlice);
    frames.push_back(call.sealed(step));
  }
  ASSERT_TRUE(call.decryptor.pass(first));
  const std::string before = fingerprint(call.receiving, kAlice);
  EXPECT_FALSE(wait_for([&] { return call.decryptor.pass(frames[8]).has_value(); },
                        std::chrono::milliseconds(300)));
  EXPECT_EQ(call.decryptor.stat("generation"), 0U);
  EXPECT_EQ(fingerprint(call.receiving, kAlice), before);
  EXPECT_TRUE(call.decryptor.pass(first)) << "generation 0";
  for (unsigned step = 1; step <= 8; ++step)
    EXPECT_TRUE(call.arrives_in_the_end(frames[step - 1])) << step;
  EXPECT_EQ(call.decryptor.stat("generation"), 8U);
}

TEST(Ratchet, R15_EachOfEightGenerationsIsWithinTheWindow) {
  for (unsigned steps = 1; steps <= 8; ++steps) {
    Call call = quick_call(0x13);
    ratchet(call.sending, kAlice, steps);
    EXPECT_TRUE(call.arrives_in_the_end(call.sealed())) << steps;
    EXPECT_EQ(call.decryptor.stat("generation"), steps);
  }
}

// Two streams of one participant, which do not step at the same moment.
TEST(Ratchet, R15_VideoMayLagAStepBehindAudio) {
  Call audio(ring_with(0x14), ring_with(0x14));
  End camera("e2eeencrypt", audio.sending, kAlice, kVp8);
  End screen("e2eedecrypt", audio.receiving, kAlice, kVp8);
  std::vector<Bytes> late;
  for (unsigned i = 0; i < 10; ++i)
    late.push_back(camera.pass(vp8_delta(80, i)).value());
  ASSERT_TRUE(screen.pass(late[0]));
  let_workers_finish();
  ratchet(audio.sending, kAlice);
  ASSERT_TRUE(audio.arrives());
  EXPECT_EQ(audio.decryptor.stat("generation"), 1U);
  for (unsigned i = 1; i < 10; ++i) {
    EXPECT_EQ(screen.pass(late[i]), vp8_delta(80, i)) << "the generation before";
    EXPECT_TRUE(audio.arrives(i)) << "a late frame must not take the key back";
  }
  EXPECT_EQ(screen.pass(camera.pass(vp8_delta(80)).value()), vp8_delta(80));
  EXPECT_EQ(screen.dropped() + audio.decryptor.dropped(), 0U);
  EXPECT_EQ(audio.decryptor.stat("ratchet-steps") + screen.stat("ratchet-steps"), 1U)
      << "two streams, one step";
}

// Audio was silent for a generation that video has sent frames of: 1 comes after 2.
TEST(Ratchet, R15_GenerationThatWasSteppedOverIsStillTheOneBefore) {
  Call call = quick_call(0x1c);
  std::vector<Bytes> frames;
  for (unsigned step = 0; step < 3; ++step) {
    frames.push_back(call.sealed(step));
    ratchet(call.sending, kAlice);
  }
  ASSERT_TRUE(call.arrives_in_the_end(frames[2]));
  EXPECT_EQ(call.decryptor.pass(frames[1]), noise(60, 1));
}

TEST(Ratchet, R15_FailedSearchLeavesTheKeyAsItWas) {
  Call call = quick_call(0x15);
  ASSERT_TRUE(call.arrives());
  const std::string before = fingerprint(call.receiving, kAlice);
  Ratchets heard(call.receiving);
  let_workers_finish();
  for (unsigned i = 0; i < 100; ++i) {
    Bytes forged = call.sealed(i);
    forged[10 + i % 30] ^= 1;
    EXPECT_FALSE(call.decryptor.pass(forged));
    EXPECT_TRUE(call.arrives(i)) << "good frames between bad ones";
  }
  EXPECT_EQ(fingerprint(call.receiving, kAlice), before);
  EXPECT_EQ(call.decryptor.stat("generation") + call.decryptor.stat("ratchet-steps"), 0U);
  EXPECT_EQ(heard.text(), "");
}

TEST(Ratchet, R15_ReplacedKeyIsNotTakenBackByARatchetOfTheOldOne) {
  Call call = quick_call(0x16);
  ASSERT_TRUE(call.arrives());
  let_workers_finish();
  ratchet(call.sending, kAlice);
  const Bytes of_old_key = call.sealed();
  set_key(call.receiving, kAlice, 0x17);
  EXPECT_FALSE(call.decryptor.pass(of_old_key));
  set_key(call.sending, kAlice, 0x17);
  EXPECT_TRUE(call.arrives());
  EXPECT_EQ(call.decryptor.stat("generation"), 0U);
}

TEST(Ratchet, R15_KeyIsReplacedWhileFramesFollowRatchets) {
  Call call = quick_call(0x18);
  std::atomic<bool> stop{false};
  std::thread steps([&] {
    while (!stop) {
      ratchet(call.sending, kAlice);
      call.decryptor.pass(call.sealed());
    }
  });
  for (guint8 i = 0; i < 50; ++i) {
    set_key(call.receiving, kAlice, static_cast<guint8>(0x80 + i));
    set_key(call.sending, kAlice, static_cast<guint8>(0x80 + i));
    sleep_ms(5);
  }
  stop = true;
  steps.join();
  set_key(call.sending, kAlice, 0x19);
  set_key(call.receiving, kAlice, 0x19);
  EXPECT_TRUE(call.arrives());
  EXPECT_EQ(fingerprint(call.receiving, kAlice), fingerprint(call.sending, kAlice));
}

// ---- on its own ---------------------------------------------------------------------------------

// Of raw keys: ten steps a second are more than PBKDF2 gives on a busy machine.
TEST(RatchetFrames, R15_EveryTenOfAHundredWithoutLoss) {
  Call call = quick_call(0x1a);
  g_object_set(call.sending.get(), "ratchet-frames", static_cast<guint64>(10), nullptr);
  for (unsigned i = 0; i < 100; ++i) {
    EXPECT_TRUE(call.arrives(i)) << i;
    sleep_ms(10);
  }
  EXPECT_EQ(call.decryptor.dropped(), 0U);
  EXPECT_GE(call.decryptor.stat("generation"), 7U);
  EXPECT_LE(call.decryptor.stat("generation"), 10U);
}

TEST(RatchetInterval, R15_EveryTenthOfASecondWithoutLoss) {
  Call call = quick_call(0x1b);
  g_object_set(call.sending.get(), "ratchet-interval", static_cast<guint64>(100 * GST_MSECOND),
               nullptr);
  for (unsigned i = 0; i < 100; ++i) {
    EXPECT_TRUE(call.arrives(i)) << i;
    sleep_ms(10);
  }
  EXPECT_EQ(call.decryptor.dropped(), 0U);
  EXPECT_GE(call.decryptor.stat("generation"), 5U);
  g_object_set(call.sending.get(), "ratchet-interval", static_cast<guint64>(0), nullptr);
  sleep_ms(150);  // one that is under way may still be
  let_workers_finish();
  EXPECT_TRUE(call.arrives());
  const guint64 reached = call.decryptor.stat("generation");
  sleep_ms(250);
  EXPECT_TRUE(call.arrives());
  EXPECT_EQ(call.decryptor.stat("generation"), reached) << "0 is never";
}

// ---- rotation -----------------------------------------------------------------------------------

TEST(Rotation, R15_TwentyKeyChangesLoseNothing) {
  Call call = quick_call(0x20);
  std::atomic<bool> stop{false};
  std::atomic<unsigned> sent{0};
  std::atomic<unsigned> arrived{0};
  std::thread frames([&] {
    while (!stop) {
      arrived += call.arrives(sent % 50) ? 1 : 0;
      ++sent;
      sleep_ms(1);
    }
  });
  for (guint change = 1; change <= 20; ++change) {
    const guint index = change % 16;
    const auto fill = static_cast<guint8>(0x20 + change);
    set_key(call.receiving, kAlice, fill, index);
    set_key(call.sending, kAlice, fill, index);
    set_current(call.sending, kAlice, index);
    EXPECT_TRUE(wait_for([&] { return call.encryptor.stat("key-id") == index; })) << index;
    const unsigned before = sent;
    EXPECT_TRUE(wait_for([&] { return sent > before + 2; })) << index;
  }
  stop = true;
  frames.join();
  EXPECT_EQ(arrived, sent);
  EXPECT_EQ(call.decryptor.dropped() + call.encryptor.dropped(), 0U);
}

TEST(Rotation, R15_NextFrameUsesTheActivatedKeyAndLateFramesOfARemovedOneAreDropped) {
  Call call = quick_call(0x40);
  const Bytes late = call.sealed();
  for (const Provider &each : {call.receiving, call.sending})
    set_key(each, kAlice, 0x41, 1);
  EXPECT_EQ(call.sealed().back(), 0) << "announced, not yet active";
  set_current(call.sending, kAlice, 1);
  EXPECT_EQ(call.sealed().back(), 1);
  EXPECT_TRUE(call.arrives());
  EXPECT_TRUE(call.decryptor.pass(late));
  ASSERT_TRUE(
      gst_e2ee_participant_key_provider_remove_key(ring_of(call.receiving), kAlice, 0, nullptr));
  EXPECT_FALSE(call.decryptor.pass(late));
  EXPECT_EQ(call.decryptor.stat("dropped-missing-key"), 1U);
  EXPECT_TRUE(call.arrives());
}

// ---- telling ------------------------------------------------------------------------------------

TEST(Ratchet, R15_SignalsAndMessageTellOfEachStep) {
  Call call = quick_call(0x42);
  Ratchets sender(call.sending);
  Ratchets receiver(call.receiving);
  ASSERT_TRUE(call.arrives());
  let_workers_finish();
  ratchet(call.sending, kAlice, 2);
  EXPECT_EQ(sender.text(), "alice 0 1; alice 0 2; ");
  ASSERT_TRUE(call.arrives());
  EXPECT_TRUE(wait_for([&] { return receiver.text() == "alice 0 2; "; })) << receiver.text();
  const BusLog log = call.decryptor.bus();
  const State *told = log.find("key-ratcheted");
  ASSERT_NE(told, nullptr);
  EXPECT_EQ(told->participant, kAlice);
  EXPECT_EQ(told->key_id, 0U);
  ASSERT_TRUE(call.arrives(2));
  EXPECT_EQ(receiver.text(), "alice 0 2; ") << "a step is told once";
}

// ---- late joiners -------------------------------------------------------------------------------

namespace {

/// As another machine makes it of what it was sent.
Provider joined_with(GstE2EEKeyMaterial *sent, GstE2EEKdf kdf) {
  Error error;
  const BytesRef bytes(gst_e2ee_key_material_get_bytes(sent, error.at()));
  EXPECT_FALSE(error) << error.text();
  g_autoptr(GstE2EEKeyMaterial) made = gst_e2ee_key_material_new_raw(bytes.get(), 0, nullptr);
  EXPECT_TRUE(gst_e2ee_key_material_set_kdf(made, kdf, nullptr));
  EXPECT_TRUE(gst_e2ee_key_material_set_generation(made, gst_e2ee_key_material_get_generation(sent),
                                                   nullptr));
  Provider joined = new_ring();
  EXPECT_TRUE(
      gst_e2ee_participant_key_provider_set_material(ring_of(joined), kAlice, made, error.at()))
      << error.text();
  return joined;
}

}  // namespace

TEST(LateJoiner, R15_DecryptsThePresentGenerationAndFollows) {
  const Provider sender = slow_ring(true);
  Call call(sender, slow_ring());
  ASSERT_TRUE(call.arrives());
  ratchet(sender, kAlice, 9);  // more than the window, so that the passphrase alone is of no use
  Error error;
  g_autoptr(GstE2EEKeyMaterial) sent =
      gst_e2ee_participant_key_provider_get_material(ring_of(sender), kAlice, 0, error.at());
  ASSERT_NE(sent, nullptr) << error.text();
  EXPECT_EQ(gst_e2ee_key_material_get_generation(sent), 9U);
  EXPECT_EQ(gst_e2ee_key_material_get_key_id(sent), 0U);
  const Bytes frame = call.sealed();
  End late("e2eedecrypt", joined_with(sent, GST_E2EE_KDF_PBKDF2), kAlice);
  EXPECT_TRUE(wait_for([&] { return late.pass(frame) == noise(60, 1); }))
      << "began as a passphrase, and stays PBKDF2";
  EXPECT_EQ(late.stat("generation"), 9U);
  End other_kdf("e2eedecrypt", joined_with(sent, GST_E2EE_KDF_HKDF), kAlice);
  EXPECT_FALSE(other_kdf.pass(frame)) << "raw bytes would be HKDF";
  // Inside one process the material itself will do: it knows how it was derived.
  const Provider direct = new_ring();
  ASSERT_TRUE(
      gst_e2ee_participant_key_provider_set_material(ring_of(direct), kAlice, sent, error.at()))
      << error.text();
  End same_process("e2eedecrypt", direct, kAlice);
  EXPECT_TRUE(wait_for([&] { return same_process.pass(frame) == noise(60, 1); }));
  ratchet(sender, kAlice);
  const Bytes next = call.sealed(2);
  EXPECT_TRUE(wait_for([&] { return late.pass(next).has_value(); }));
  EXPECT_EQ(late.stat("generation"), 10U);
}

TEST(LateJoiner, R7_WithoutExportableThereIsAnErrorAndNoKey) {
  const Provider provider = slow_ring();
  Error error;
  EXPECT_EQ(
      gst_e2ee_participant_key_provider_get_material(ring_of(provider), kAlice, 0, error.at()),
      nullptr);
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << error.text();
  EXPECT_NE(error.text().find("exportable"), std::string::npos) << error.text();
  // What a look-up hands to the library is no way around it.
  g_autoptr(GstE2EEKeyMaterial) material =
      gst_e2ee_key_provider_lookup(provider.get(), kAlice, 0, nullptr);
  ASSERT_NE(material, nullptr);
  EXPECT_EQ(gst_e2ee_key_material_get_bytes(material, error.at()), nullptr);
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << error.text();
}

}  // namespace e2ee::test

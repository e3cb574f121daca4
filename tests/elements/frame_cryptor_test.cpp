/* SPDX-License-Identifier: LGPL-2.1-or-later */
// GstE2EEFrameCryptor: frames without a pipeline. tests/inside holds it against the elements byte
// for byte.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "support/custom_provider.h"
#include "support/element.h"
#include "support/frame_cryptor.h"
#include "support/nalunits.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

constexpr char kAvc[] = "video/x-h264, stream-format=avc, alignment=au";

Buffer copy_of(const Buffer &buffer) {
  return Buffer(gst_buffer_copy(buffer.get()));
}

TEST(FrameCryptor, KeepsTimesFlagsAndMetas) {
  FrameCryptor cryptor(raw_provider(0x61));
  cryptor.start(kVp8);
  const Bytes plain = vp8_key(500);
  Buffer frame = buffer_of(plain);
  GST_BUFFER_PTS(frame.get()) = 5 * GST_SECOND;
  GST_BUFFER_FLAG_SET(frame.get(), GST_BUFFER_FLAG_MARKER);
  gst_buffer_add_reference_timestamp_meta(frame.get(), Caps(gst_caps_from_string("test/x")).get(),
                                          7, GST_CLOCK_TIME_NONE);
  const auto is_kept = [](const Buffer &buffer) {
    const auto *meta = gst_buffer_get_reference_timestamp_meta(buffer.get(), nullptr);
    return GST_BUFFER_PTS(buffer.get()) == 5 * GST_SECOND &&
           GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_MARKER) && meta != nullptr &&
           meta->timestamp == 7;
  };
  Buffer sealed = cryptor.encrypt(std::move(frame));
  ASSERT_TRUE(sealed) << cryptor.error.text();
  EXPECT_TRUE(is_kept(sealed));
  EXPECT_FALSE(holds_any_of(bytes_of(sealed.get()), Bytes(plain.begin() + 16, plain.end())));
  const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(sealed.get());
  ASSERT_NE(meta, nullptr);
  EXPECT_TRUE(meta->keyframe);
  const Buffer opened = cryptor.decrypt(std::move(sealed));
  ASSERT_TRUE(opened) << cryptor.error.text();
  EXPECT_TRUE(is_kept(opened));
  EXPECT_EQ(bytes_of(opened.get()), plain);
}

TEST(FrameCryptor, LeavesMemoryAloneThatOthersSee) {
  FrameCryptor cryptor(raw_provider(0x62));
  cryptor.start(kOpus);
  const Bytes plain = noise(200, 3);
  const Buffer kept = buffer_of(plain);
  Buffer sealed = cryptor.encrypt(copy_of(kept));
  EXPECT_EQ(bytes_of(kept.get()), plain);
  const Bytes before = bytes_of(sealed.get());
  ASSERT_TRUE(cryptor.decrypt(copy_of(sealed)));
  EXPECT_EQ(bytes_of(sealed.get()), before);
}

// ---- caps ---------------------------------------------------------------------------------------

TEST(FrameCryptorCaps, WhatASchemeDoesNotCarryIsRefused) {
  const struct {
    const char *scheme, *suite, *caps;
  } refused[] = {{"livekit", "4", "video/x-av1"},
                 {"realtimekit", "4", kH264},
                 {"jitsi", "4", kH265},
                 {"sframe", "3", kVp8},
                 {"livekit", "4", "video/x-h264, stream-format=byte-stream, alignment=nal"}};
  for (const auto &each : refused) {
    FrameCryptor cryptor(raw_provider(0x63),
                         {{"scheme", each.scheme}, {"sframe-suite", each.suite}});
    EXPECT_TRUE(cryptor.set_caps(kOpus)) << cryptor.error.text();
    EXPECT_FALSE(cryptor.set_caps(each.caps)) << each.caps;
    EXPECT_TRUE(cryptor.error.is(GST_E2EE_ERROR_UNSUPPORTED)) << cryptor.error.text();
    EXPECT_EQ(cryptor.encrypt(noise(50, 1)), std::nullopt) << "not as the codec before";
    EXPECT_TRUE(cryptor.error.is(GST_E2EE_ERROR_UNSUPPORTED)) << cryptor.error.text();
  }
}

TEST(FrameCryptorCaps, ACodecDataThatCannotBeReadIsRefused) {
  FrameCryptor cryptor(raw_provider(0x64));
  EXPECT_FALSE(cryptor.set_caps((std::string(kAvc) + ", codec_data=(buffer)0142").c_str()));
  EXPECT_TRUE(cryptor.error.is(GST_E2EE_ERROR_PARSE)) << cryptor.error.text();
}

TEST(FrameCryptorCaps, SayWhatComesOut) {
  FrameCryptor cryptor(raw_provider(0x65));
  ASSERT_TRUE(cryptor.set_caps(kOpus));
  EXPECT_TRUE(gst_caps_is_equal(cryptor.encrypted_caps().get(), cryptor.decrypted_caps().get()));
  ASSERT_TRUE(cryptor.set_caps(kH264));
  const auto format = [](const Caps &caps) {
    return std::string(
        gst_structure_get_string(gst_caps_get_structure(caps.get(), 0), "stream-format"));
  };
  EXPECT_EQ(format(cryptor.encrypted_caps()), "avc");
  EXPECT_EQ(format(cryptor.decrypted_caps()), "byte-stream");
}

TEST(FrameCryptorCaps, ParameterSetsWaitForTheirKeyFrame) {
  FrameCryptor sender(raw_provider(0x66));
  sender.start(kH264);
  const std::vector<Bytes> sets = {{0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d}, {0x68, 0xce, 0x3c, 0x80}};
  EXPECT_EQ(sender.encrypt(nal::stream_of(sets)), std::nullopt);
  EXPECT_FALSE(sender.error) << sender.error.text();
  EXPECT_EQ(sender.stat("frames-in"), 0U);
  const Bytes slice = {0x65, 0x88, 0x84, 0x21, 0x43, 0x65, 0x87};
  const std::optional<Bytes> sealed = sender.encrypt(nal::stream_of({slice}));
  ASSERT_TRUE(sealed) << sender.error.text();
  FrameCryptor receiver(raw_provider(0x66));
  ASSERT_TRUE(receiver.set_caps(sender.encrypted_caps()) && receiver.prepare())
      << receiver.error.text();
  EXPECT_EQ(receiver.decrypt(*sealed), nal::stream_of({sets[0], sets[1], slice}))
      << receiver.error.text();
}

// ---- keys ---------------------------------------------------------------------------------------

TEST(FrameCryptorPrepare, FailsWhenNoKeyComesInTime) {
  FrameCryptor cryptor(empty_provider());
  EXPECT_FALSE(cryptor.prepare(20 * GST_MSECOND));
  EXPECT_TRUE(cryptor.error.is(GST_E2EE_ERROR_MISSING_KEY)) << cryptor.error.text();
}

TEST(FrameCryptorPrepare, EndsWhenAKeyComes) {
  const Provider provider = empty_provider();
  FrameCryptor cryptor(provider);
  ASSERT_TRUE(cryptor.set_caps(kOpus));
  std::thread later([&] { set_raw(provider, 0x67, 2); });
  EXPECT_TRUE(cryptor.prepare(600 * GST_SECOND)) << cryptor.error.text();
  later.join();
  EXPECT_TRUE(cryptor.encrypt(noise(50, 1))) << cryptor.error.text();
  EXPECT_EQ(cryptor.stat("key-id"), 2U);
}

TEST(FrameCryptorPrepare, FindsADerivedPassphrase) {
  FrameCryptor cryptor(passphrase_provider("correct horse"));
  ASSERT_TRUE(cryptor.set_caps(kOpus));
  ASSERT_TRUE(cryptor.prepare()) << cryptor.error.text();
  EXPECT_TRUE(cryptor.encrypt(noise(50, 1))) << "at once: " << cryptor.error.text();
}

TEST(FrameCryptorPrepare, R24_DoesNotWaitForAProviderThatBlocks) {
  std::mutex mutex;
  std::condition_variable released;
  bool is_released = false;
  auto keys = std::make_shared<CustomKeys>();
  keys->current = [&](const std::string &, guint64, GError **) -> GstE2EEKeyMaterial * {
    std::unique_lock lock(mutex);
    released.wait(lock, [&] { return is_released; });
    return raw_material(0x68, 0);
  };
  FrameCryptor cryptor(custom_provider(keys));
  EXPECT_FALSE(cryptor.prepare(20 * GST_MSECOND));
  EXPECT_TRUE(cryptor.error.is(GST_E2EE_ERROR_MISSING_KEY)) << cryptor.error.text();
  {
    std::lock_guard lock(mutex);
    is_released = true;
  }
  released.notify_all();
  EXPECT_TRUE(cryptor.prepare()) << cryptor.error.text();
}

TEST(FrameCryptorErrors, SayWhyAFrameFailed) {
  const Provider provider = raw_provider(0x69, 1);
  FrameCryptor sender(provider);
  FrameCryptor receiver(provider, {{"replay-window", "16"}});
  EXPECT_EQ(sender.encrypt(noise(90, 1)), std::nullopt) << "without caps";
  EXPECT_TRUE(sender.error.is(GST_E2EE_ERROR_UNSUPPORTED)) << sender.error.text();
  sender.start(kOpus);
  receiver.start(kOpus);
  const Bytes sealed = sender.encrypt(noise(90, 1)).value();

  Bytes forged = sealed;
  forged[20] ^= 1;
  EXPECT_EQ(receiver.decrypt(forged), std::nullopt);
  EXPECT_TRUE(receiver.error.is(GST_E2EE_ERROR_AUTH)) << receiver.error.text();
  Bytes other_key = sealed;
  other_key.back() = 9;
  EXPECT_EQ(receiver.decrypt(other_key), std::nullopt);
  EXPECT_TRUE(receiver.error.is(GST_E2EE_ERROR_MISSING_KEY)) << receiver.error.text();
  EXPECT_NE(receiver.error.text().find("key 9"), std::string::npos) << receiver.error.text();
  EXPECT_EQ(receiver.decrypt(noise(5, 1)), std::nullopt);
  EXPECT_TRUE(receiver.error.is(GST_E2EE_ERROR_MALFORMED)) << receiver.error.text();
  EXPECT_EQ(receiver.decrypt(sealed), noise(90, 1)) << receiver.error.text();
  EXPECT_EQ(receiver.decrypt(sealed), std::nullopt);
  EXPECT_TRUE(receiver.error.is(GST_E2EE_ERROR_REPLAYED)) << receiver.error.text();

  for (const char *stat : {"dropped-auth", "dropped-missing-key", "dropped-malformed",
                           "dropped-replayed", "frames-out"})
    EXPECT_EQ(receiver.stat(stat), 1U) << stat;
  EXPECT_EQ(receiver.stat("frames-in"), 5U);
}

TEST(FrameCryptorErrors, SayWhatDoesNotFitTogether) {
  FrameCryptor nobody(nullptr);
  EXPECT_FALSE(nobody.prepare());
  EXPECT_TRUE(nobody.error.is(GST_E2EE_ERROR_INVALID_OPTION)) << nobody.error.text();
  EXPECT_FALSE(nobody.set_caps(kOpus));
  EXPECT_EQ(nobody.encrypt(noise(50, 1)), std::nullopt);
  EXPECT_TRUE(nobody.error.is(GST_E2EE_ERROR_INVALID_OPTION)) << nobody.error.text();
  FrameCryptor no_participant(new_ring());
  EXPECT_FALSE(no_participant.prepare());
  EXPECT_NE(no_participant.error.text().find("participant"), std::string::npos);
}

TEST(FrameCryptorSframe, TakesItsOptionsAsTheElementsDo) {
  const Provider provider = raw_provider(0x6a, 7);
  FrameCryptor sender(provider,
                      {{"scheme", "sframe"}, {"sframe-kid", "7"}, {"clear-header", "none"}});
  FrameCryptor receiver(
      provider, {{"scheme", "sframe"}, {"sframe-kid-map", "plain"}, {"clear-header", "none"}});
  sender.start(kVp8);
  receiver.start(kVp8);
  const Bytes plain = vp8_key(300);
  const std::optional<Bytes> sealed = sender.encrypt(plain);
  ASSERT_TRUE(sealed) << sender.error.text();
  EXPECT_EQ((*sealed)[0] & 0xf0, 0x70) << "a header with KID 7 comes first";
  EXPECT_EQ(receiver.decrypt(*sealed), plain) << receiver.error.text();
}

TEST(FrameCryptorServerFrames, PassAsTheUserWants) {
  const char *const trailer = "000102030405060708";
  const Bytes sealed = FrameCryptor(raw_provider(0x6f)).start(kOpus).encrypt(noise(80, 1)).value();
  Bytes made = noise(60, 2);
  for (guint8 byte = 0; byte < 9; ++byte)
    made.push_back(byte);
  for (const char *wanted : {"drop", "known", "pass"}) {
    FrameCryptor cryptor(raw_provider(0x6f),
                         {{"server-frames", wanted}, {"server-trailer", trailer}});
    cryptor.start(kOpus);
    const Buffer passed = cryptor.decrypt(buffer_of(made));
    EXPECT_EQ(passed != nullptr, wanted == std::string("pass")) << wanted;
    if (passed) {
      EXPECT_EQ(bytes_of(passed.get()), noise(60, 2));
      EXPECT_TRUE(gst_e2ee_buffer_is_unprotected(passed.get()));
    } else {
      EXPECT_TRUE(cryptor.error.is(GST_E2EE_ERROR_MALFORMED)) << cryptor.error.text();
    }
    EXPECT_EQ(cryptor.stat("server-frames"), 1U);
    EXPECT_EQ(cryptor.stat("passed-plaintext"), passed ? 1U : 0U);
    const Buffer opened = cryptor.decrypt(buffer_of(sealed));
    ASSERT_TRUE(opened) << cryptor.error.text();
    EXPECT_FALSE(gst_e2ee_buffer_is_unprotected(opened.get()));
  }
  FrameCryptor short_trailer(raw_provider(0x6f), {{"server-trailer", "0001"}});
  EXPECT_FALSE(short_trailer.set_caps(kOpus));
  EXPECT_TRUE(short_trailer.error.is(GST_E2EE_ERROR_INVALID_OPTION)) << short_trailer.error.text();
}

// ---- threads ------------------------------------------------------------------------------------

TEST(FrameCryptorThreads, WorkSideBySide) {
  constexpr unsigned kThreads = 4;
  constexpr unsigned kFrames = 500;
  FrameCryptor cryptor(raw_provider(0x6b));
  cryptor.start(kOpus);
  std::mutex mutex;
  std::set<Bytes> ivs;
  const auto work = [&](unsigned seed) {
    for (unsigned i = 0; i < kFrames; ++i) {
      const Bytes plain = noise(100 + i % 50, seed);
      Buffer sealed(
          gst_e2ee_frame_cryptor_encrypt(cryptor.get(), buffer_of(plain).release(), nullptr));
      ASSERT_TRUE(sealed);
      const Bytes bytes = bytes_of(sealed.get());
      {
        std::lock_guard lock(mutex);
        ivs.insert(Bytes(bytes.end() - 14, bytes.end() - 2));
      }
      const Buffer opened(gst_e2ee_frame_cryptor_decrypt(cryptor.get(), sealed.release(), nullptr));
      ASSERT_TRUE(opened);
      ASSERT_EQ(bytes_of(opened.get()), plain);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i)
    threads.emplace_back(work, i);
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(ivs.size(), kThreads * kFrames);
  EXPECT_EQ(cryptor.stat("frames-out"), 2 * kThreads * kFrames);
}

TEST(FrameCryptorThreads, R14_NothingIsDecryptedAfterARemovalReturned) {
  constexpr unsigned kRounds = 20;
  for (unsigned round = 0; round < kRounds; ++round) {
    const Provider provider = new_ring();
    set_key(provider, "alice", 0x6c);
    FrameCryptor cryptor(provider, {{"participant", "alice"}});
    cryptor.start(kOpus);
    const Bytes sealed = cryptor.encrypt(noise(2000, 1)).value();
    std::atomic<bool> removed{false};
    std::atomic<unsigned> opened{0};
    std::atomic<unsigned> late{0};
    const auto work = [&] {
      for (unsigned failures = 0; failures < 3;) {
        const bool was_removed = removed;
        const Buffer clear(
            gst_e2ee_frame_cryptor_decrypt(cryptor.get(), buffer_of(sealed).release(), nullptr));
        opened += clear ? 1 : 0;
        late += clear && was_removed ? 1 : 0;
        failures += clear ? 0 : 1;
      }
    };
    std::thread one(work);
    std::thread other(work);
    EXPECT_TRUE(wait_for([&] { return opened > 20; }));
    EXPECT_TRUE(gst_e2ee_participant_key_provider_remove(ring_of(provider), "alice", nullptr));
    removed = true;
    one.join();
    other.join();
    EXPECT_EQ(late, 0U);
    EXPECT_EQ(cryptor.encrypt(noise(50, 1)), std::nullopt);
    EXPECT_TRUE(cryptor.error.is(GST_E2EE_ERROR_MISSING_KEY)) << cryptor.error.text();
  }
}

/// Memory of a frame, and what happens when the cryptor has encrypted it and lets go of it: within
/// the call, right before the result would be handed out.
class Released {
 public:
  Released(Bytes bytes, std::function<void()> call)
      : bytes_(std::move(bytes)), call_(std::move(call)) {}
  Buffer wrap() {
    return Buffer(gst_buffer_new_wrapped_full(
        GST_MEMORY_FLAG_READONLY, bytes_.data(), bytes_.size(), 0, bytes_.size(), this,
        [](gpointer self) { static_cast<Released *>(self)->call_(); }));
  }

 private:
  Bytes bytes_;
  std::function<void()> call_;
};

TEST(FrameCryptorThreads,
     R14_AFrameUnderWayIsNotHandedOutAndTheRemovalDoesNotWaitForTheApplication) {
  const Provider provider = new_ring();
  set_key(provider, "alice", 0x6e);
  FrameCryptor cryptor(provider, {{"participant", "alice"}});
  cryptor.start(kOpus);
  const Bytes sealed = cryptor.encrypt(noise(100, 1)).value();
  for (const bool encrypts : {true, false}) {
    set_key(provider, "alice", 0x6e);
    ASSERT_TRUE(cryptor.prepare()) << cryptor.error.text();
    std::atomic<bool> returned{false};
    std::thread remover;
    // Blocks until the removal is over: the application may do that when its memory is let go.
    const auto remove_elsewhere = [&] {
      remover = std::thread([&] {
        EXPECT_TRUE(gst_e2ee_participant_key_provider_remove(ring_of(provider), "alice", nullptr));
        returned = true;
      });
      EXPECT_TRUE(wait_for([&] { return returned.load(); }));
      EXPECT_TRUE(fingerprint(provider, "alice").empty());
    };
    const guint64 before = cryptor.stat("frames-out");
    Released frame(encrypts ? noise(100, 1) : sealed, remove_elsewhere);
    EXPECT_FALSE(encrypts ? cryptor.encrypt(frame.wrap()) : cryptor.decrypt(frame.wrap()));
    EXPECT_TRUE(cryptor.error.is(GST_E2EE_ERROR_MISSING_KEY)) << cryptor.error.text();
    remover.join();
    EXPECT_EQ(cryptor.stat("frames-out"), before);
  }
}

TEST(FrameCryptorThreads, AKeyCanBeRemovedFromWithinACall) {
  const Provider provider = new_ring();
  set_key(provider, "alice", 0x6d);
  FrameCryptor cryptor(provider, {{"participant", "alice"}});
  cryptor.start(kOpus);
  Released frame(noise(100, 1), [&] {
    EXPECT_TRUE(gst_e2ee_participant_key_provider_remove(ring_of(provider), "alice", nullptr));
  });
  EXPECT_FALSE(cryptor.encrypt(frame.wrap()));
  EXPECT_TRUE(cryptor.error.is(GST_E2EE_ERROR_MISSING_KEY)) << cryptor.error.text();
}

}  // namespace
}  // namespace e2ee::test

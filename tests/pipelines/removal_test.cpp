/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Keys that are taken away while frames flow: when the call has returned, it is over.
#include <atomic>

#include "holding.h"
#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

class Removal : public testing::TestWithParam<guint64> {
 protected:
  Removal() {
    g_object_set(decryptor_.get(), "key-wait", GetParam(), nullptr);
    decryptor_.start(kVp8);
  }

  bool remove_key() {
    return gst_e2ee_shared_key_provider_remove_key(shared(receiver_), 0, nullptr) != 0;
  }

  static constexpr guint8 kFill = 0x31;
  const Provider sender_ = raw_provider(kFill);
  const Provider receiver_ = raw_provider(kFill);
  const std::vector<SealedFrame> frames_ = sealed_frames(30, sender_);
  Element decryptor_{"e2eedecrypt", receiver_};
};

// Removes the key when the decryptor tells that the first frame verified: it is decrypted then and
// not yet pushed.
struct RemoveOnOk {
  std::function<bool()> remove;
  std::thread thread;
  std::atomic<bool> told{false};
  std::atomic<bool> removed{false};

  static GstBusSyncReply on_message(GstBus *, GstMessage *message, gpointer data) {
    auto *self = static_cast<RemoveOnOk *>(data);
    const GstStructure *content = gst_message_get_structure(message);
    if (gst_message_has_name(message, "GstE2EEState") &&
        g_strcmp0(gst_structure_get_string(content, "state"), "ok") == 0 &&
        !self->told.exchange(true)) {
      self->thread = std::thread([self] { self->removed = self->remove(); });
      // A removal that waits for the push has not returned then, and rightly.
      wait_for([self] { return self->removed.load(); }, Milliseconds(300));
    }
    return GST_BUS_PASS;
  }
};

}  // namespace

TEST_P(Removal, NothingIsDecryptedAfterIt) {
  for (std::size_t i = 0; i < 10; ++i)
    EXPECT_EQ(decryptor_.pass(frames_[i].sealed), frames_[i].plain);
  ASSERT_TRUE(remove_key());
  for (std::size_t i = 10; i < 20; ++i)
    EXPECT_FALSE(decryptor_.pass(frames_[i].sealed));
  EXPECT_EQ(decryptor_.stat(GetParam() > 0 ? "held" : "dropped-missing-key"), 10U);
}

TEST_P(Removal, NothingIsPushedAfterItReturned) {
  RemoveOnOk remover{[this] { return remove_key(); }, {}};
  std::atomic<bool> late{false};
  struct Watch {
    RemoveOnOk *remover;
    std::atomic<bool> *late;
  } watch{&remover, &late};
  gst_pad_add_probe(
      decryptor_.harness()->sinkpad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *, gpointer data) {
        const auto *at = static_cast<Watch *>(data);
        *at->late = at->remover->removed.load();
        return GST_PAD_PROBE_OK;
      },
      &watch, nullptr);
  GstBus *bus = gst_element_get_bus(decryptor_.get());
  gst_bus_set_sync_handler(bus, RemoveOnOk::on_message, &remover, nullptr);
  decryptor_.push(frames_[0].sealed);
  gst_bus_set_sync_handler(bus, nullptr, nullptr, nullptr);
  gst_object_unref(bus);
  ASSERT_TRUE(remover.told) << "the frame verified";
  remover.thread.join();
  EXPECT_TRUE(remover.removed);
  EXPECT_FALSE(late) << "a frame left after the removal had returned";
}

// Frames of a stream that runs on another thread. One may be under way; what comes behind it is
// refused.
TEST_P(Removal, HoldsWhileFramesStream) {
  std::atomic<bool> removed{false};
  std::atomic<unsigned> late{0};
  struct Watch {
    std::atomic<bool> *removed;
    std::atomic<unsigned> *late;
  } watch{&removed, &late};
  gst_pad_add_probe(
      decryptor_.harness()->sinkpad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *, gpointer data) {
        const auto *at = static_cast<Watch *>(data);
        *at->late += at->removed->load() ? 1 : 0;
        return GST_PAD_PROBE_OK;
      },
      &watch, nullptr);
  std::atomic<bool> stop{false};
  std::thread streaming([&] {
    for (std::size_t i = 0; !stop; i = (i + 1) % frames_.size())
      decryptor_.push(frames_[i].sealed);
  });
  EXPECT_TRUE(wait_for([&] { return decryptor_.stat("frames-out") > 100; }));
  EXPECT_TRUE(remove_key());
  removed = true;
  sleep_ms(20);
  stop = true;
  streaming.join();
  EXPECT_LE(late, 1U);
}

// ---- a frame that a blocked pad holds -----------------------------------------------------------

namespace {

/// Blocks the source pad of an element, and has another thread push a frame into that.
class Blocked {
 public:
  Blocked(Element &element, const Bytes &frame)
      : pad_(gst_element_get_static_pad(element.get(), "src")) {
    probe_ = gst_pad_add_probe(
        pad_, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
        [](GstPad *, GstPadProbeInfo *, gpointer self) {
          static_cast<Blocked *>(self)->holds_ = true;
          return GST_PAD_PROBE_OK;
        },
        this, nullptr);
    pushes_ = std::thread([&element, frame] { EXPECT_EQ(element.push(frame), GST_FLOW_OK); });
    EXPECT_TRUE(wait_for([this] { return holds_.load(); }));
  }
  ~Blocked() {
    release();
    gst_object_unref(pad_);
  }
  Blocked(const Blocked &) = delete;
  Blocked &operator=(const Blocked &) = delete;

  void release() {
    if (!pushes_.joinable())
      return;
    gst_pad_remove_probe(pad_, probe_);
    pushes_.join();
  }

 private:
  GstPad *pad_;
  gulong probe_;
  std::atomic<bool> holds_{false};
  std::thread pushes_;
};

}  // namespace

TEST_P(Removal, R14_AFrameThatABlockedPadHoldsIsDropped) {
  Blocked blocked(decryptor_, frames_[0].sealed);
  ASSERT_TRUE(remove_key());
  blocked.release();
  EXPECT_FALSE(decryptor_.pull()) << "pushed after the removal had returned";
  EXPECT_EQ(decryptor_.stat("frames-out"), 0U);
  EXPECT_EQ(decryptor_.stat("bytes-out"), 0U);
  EXPECT_EQ(decryptor_.stat("dropped-missing-key"), 1U);
  set_raw(receiver_, kFill, 0);
  EXPECT_EQ(decryptor_.pass(frames_[1].sealed), frames_[1].plain);
  EXPECT_EQ(decryptor_.stat("frames-out"), 1U);
}

TEST_P(Removal, R14_ItStaysDroppedWhenTheKeyIsSetAgainMeanwhile) {
  Blocked blocked(decryptor_, frames_[0].sealed);
  ASSERT_TRUE(remove_key());
  set_raw(receiver_, kFill, 0);
  blocked.release();
  EXPECT_FALSE(decryptor_.pull());
  EXPECT_EQ(decryptor_.pass(frames_[1].sealed), frames_[1].plain);
}

TEST_P(Removal, R14_AFrameOfAnotherKeyIsNot) {
  set_raw(receiver_, 0x32, 1);
  let_workers_finish();
  Blocked blocked(decryptor_, frames_[0].sealed);
  ASSERT_TRUE(gst_e2ee_shared_key_provider_remove_key(shared(receiver_), 1, nullptr));
  blocked.release();
  const Buffer out = decryptor_.pull();
  ASSERT_TRUE(out);
  EXPECT_EQ(bytes_of(out.get()), frames_[0].plain);
}

// What passes without a key is not taken for the frame that was downstream when its key went.
TEST_P(Removal, R14_FramesWithoutContentPassAfterIt) {
  std::function<bool()> remove = [this] { return remove_key(); };
  gst_pad_add_probe(
      decryptor_.harness()->sinkpad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *, gpointer self) {
        (*static_cast<std::function<bool()> *>(self))();
        return GST_PAD_PROBE_REMOVE;
      },
      &remove, nullptr);
  EXPECT_EQ(decryptor_.pass(frames_[0].sealed), frames_[0].plain) << "downstream had it";
  EXPECT_EQ(decryptor_.pass({}), Bytes{});
  EXPECT_EQ(decryptor_.dropped(), 0U);
}

TEST(RemovalAtTheSender, R14_AFrameThatABlockedPadHoldsIsDropped) {
  const Provider provider = raw_provider(0x33);
  Element encryptor("e2eeencrypt", provider);
  encryptor.start(kOpus);
  Blocked blocked(encryptor, noise(40, 1));
  ASSERT_TRUE(gst_e2ee_shared_key_provider_remove_key(shared(provider), 0, nullptr));
  blocked.release();
  EXPECT_FALSE(encryptor.pull());
  EXPECT_EQ(encryptor.stat("dropped-missing-key"), 1U);
}

INSTANTIATE_TEST_SUITE_P(Waits, Removal, testing::Values(0, 20 * GST_SECOND),
                         [](const auto &test) { return test.param > 0 ? "KeyWait" : "None"; });

}  // namespace e2ee::test

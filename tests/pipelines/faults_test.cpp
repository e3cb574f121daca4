/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A network and a server that lose, repeat, exchange and change things: what leaves the decryptor
// was sent.
#include <algorithm>
#include <random>

#include "support/pipeline.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

/// Stands on a source pad and decides what its peer gets.
class Faults {
 public:
  Faults(GstElement *element, unsigned seed) : random_(seed) {
    GstPad *pad = gst_element_get_static_pad(element, "src");
    gst_pad_add_probe(
        pad,
        static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
        on_data, this, nullptr);
    gst_object_unref(pad);
  }
  virtual ~Faults() {
    if (kept_ != nullptr)
      gst_buffer_unref(kept_);
  }
  Faults(const Faults &) = delete;
  Faults &operator=(const Faults &) = delete;

  std::size_t lost = 0, repeated = 0, exchanged = 0, changed = 0;
  /// What the peer got as it was, in order.
  std::vector<Bytes> intact;

 private:
  static GstPadProbeReturn on_data(GstPad *pad, GstPadProbeInfo *info, gpointer self) {
    auto *faults = static_cast<Faults *>(self);
    GstPad *peer = gst_pad_get_peer(pad);
    if ((info->type & GST_PAD_PROBE_TYPE_BUFFER) != 0) {
      faults->handle(peer, GST_PAD_PROBE_INFO_BUFFER(info));
    } else {
      GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
      for (guint i = 0; i < gst_buffer_list_length(list); ++i)
        faults->handle(peer, gst_buffer_ref(gst_buffer_list_get(list, i)));
      gst_buffer_list_unref(list);
    }
    gst_object_unref(peer);
    GST_PAD_PROBE_INFO_FLOW_RETURN(info) = GST_FLOW_OK;
    return GST_PAD_PROBE_HANDLED;
  }

  // Takes the buffer.
  void handle(GstPad *peer, GstBuffer *buffer) {
    switch (random_() % 20) {
      case 0:
        ++lost;
        gst_buffer_unref(buffer);
        break;
      case 1:
        ++repeated;
        deliver(peer, gst_buffer_ref(buffer));
        deliver(peer, buffer);
        break;
      case 2:
        if (kept_ == nullptr) {  // goes behind the next one
          ++exchanged;
          kept_ = buffer;
          return;
        }
        deliver(peer, buffer);
        break;
      case 3:
      case 4:
        ++changed;
        gst_pad_chain(peer, flip_bit(buffer));
        break;
      default:
        deliver(peer, buffer);
    }
    if (kept_ != nullptr)
      deliver(peer, std::exchange(kept_, nullptr));
  }

  void deliver(GstPad *peer, GstBuffer *buffer) {
    intact.push_back(bytes_of(buffer));
    EXPECT_EQ(gst_pad_chain(peer, buffer), GST_FLOW_OK);
  }

  GstBuffer *flip_bit(GstBuffer *buffer) {
    Bytes bytes = bytes_of(buffer);
    bytes[random_() % bytes.size()] ^= static_cast<guint8>(1U << random_() % 8);
    GstBuffer *flipped = buffer_of(bytes).release();
    gst_buffer_copy_into(flipped, buffer, GST_BUFFER_COPY_METADATA, 0, static_cast<gsize>(-1));
    gst_buffer_unref(buffer);
    return flipped;
  }

  std::mt19937 random_;
  GstBuffer *kept_ = nullptr;
};

std::string video_call(const char *decryptor) {
  return "videotestsrc pattern=ball num-buffers=" + std::to_string(is_quick() ? 150 : 400) +
         " ! video/x-raw, format=I420, width=160, height=90, framerate=30/1 ! vp8enc name=encoder "
         "deadline=1 cpu-used=16 keyframe-max-dist=10 ! e2eeencrypt name=encrypt ! rtpvp8pay "
         "name=pay picture-id-mode=15-bit mtu=300 ! rtpvp8depay name=depay ! e2eedecrypt "
         "name=decrypt " +
         decryptor + " ! fakesink sync=false";
}

class FaultsBehindTheDepayloader : public testing::TestWithParam<unsigned> {};

// The frames that the untouched ones stand for.
std::vector<Bytes> plain_of(const std::vector<Bytes> &intact, const std::vector<Bytes> &sealed,
                            const std::vector<Bytes> &plain) {
  std::vector<Bytes> wanted;
  for (const Bytes &frame : intact) {
    const auto at = std::find(sealed.begin(), sealed.end(), frame);
    EXPECT_NE(at, sealed.end());
    if (at != sealed.end())
      wanted.push_back(plain[static_cast<std::size_t>(at - sealed.begin())]);
  }
  return wanted;
}

}  // namespace

TEST_P(FaultsBehindTheDepayloader, UntouchedFramesAndNothingElseComeOut) {
  Pipeline pipeline(video_call(""), raw_provider(0x81));
  const Tap &plain = pipeline.tap("encoder");
  const Tap &sealed = pipeline.tap("encrypt");
  const Tap &opened = pipeline.tap("decrypt");
  Faults faults(pipeline.get("depay"), GetParam());
  ASSERT_TRUE(pipeline.run());
  pipeline.stop();
  EXPECT_GT(faults.lost * faults.repeated * faults.exchanged * faults.changed, 0U);
  expect_equal(opened.contents(), plain_of(faults.intact, sealed.contents(), plain.contents()));
  EXPECT_EQ(pipeline.stat("decrypt", "dropped-auth") +
                pipeline.stat("decrypt", "dropped-malformed") +
                pipeline.stat("decrypt", "dropped-missing-key"),
            faults.changed);
}

TEST_P(FaultsBehindTheDepayloader, WithAReplayWindowNoFrameComesTwice) {
  Pipeline pipeline(video_call("replay-window=64"), raw_provider(0x82));
  const Tap &plain = pipeline.tap("encoder");
  const Tap &opened = pipeline.tap("decrypt");
  Faults faults(pipeline.get("depay"), GetParam());
  ASSERT_TRUE(pipeline.run());
  pipeline.stop();
  EXPECT_EQ(pipeline.stat("decrypt", "dropped-replayed"), faults.repeated);
  EXPECT_EQ(opened.size(), faults.intact.size() - faults.repeated);
  EXPECT_EQ(opened.distinct().size(), opened.size());
  const std::set<Bytes> sent = plain.distinct();
  for (const Bytes &frame : opened.contents())
    EXPECT_EQ(sent.count(frame), 1U);
}

// Between the payloaders a fault hits a packet: frames miss their middle or have it twice.
TEST_P(FaultsBehindTheDepayloader, DamagedPacketsMakeNoWrongFrame) {
  Pipeline pipeline(video_call(""), raw_provider(0x83));
  const Tap &plain = pipeline.tap("encoder");
  const Tap &opened = pipeline.tap("decrypt");
  Faults faults(pipeline.get("pay"), GetParam());
  ASSERT_TRUE(pipeline.run());
  pipeline.stop();
  EXPECT_GT(faults.lost * faults.repeated * faults.exchanged * faults.changed, 0U);
  EXPECT_GT(opened.size(), plain.size() / 4) << "hardly a frame was whole";
  const std::set<Bytes> sent = plain.distinct();
  for (const Bytes &frame : opened.contents())
    EXPECT_EQ(sent.count(frame), 1U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, FaultsBehindTheDepayloader, testing::Values(1U, 2U));

}  // namespace e2ee::test

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Forged frames by the thousand beside good ones.
#include <malloc.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "stress.h"
#include "support/cputime.h"
#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

constexpr unsigned kGoodPerSecond = 30;
constexpr unsigned kBadPerSecond = 10000;
constexpr gsize kFrameSize = 1200;

Provider meeting(guint window) {
  Provider provider = empty_provider();
  g_object_set(provider.get(), "ratchet-window", window, nullptr);  // of keys that are set then
  EXPECT_TRUE(gst_e2ee_shared_key_provider_set_passphrase(
      shared(provider), "correct horse battery staple", 0, nullptr));
  return provider;
}

/// CPU time of single pushes, in nanoseconds.
struct Costs {
  std::vector<std::int64_t> each;
  double median() const {
    std::vector<std::int64_t> sorted = each;
    std::sort(sorted.begin(), sorted.end());
    return static_cast<double>(sorted[sorted.size() / 2]);
  }
  double mean() const {
    return std::accumulate(each.begin(), each.end(), 0.0) / static_cast<double>(each.size());
  }
};

class Receiver {
 public:
  explicit Receiver(const Provider &provider) : decryptor_("e2eedecrypt", provider) {
    decryptor_.start(kVp8);
    // Frames end here, so that the cost is the element's and not that of a test's queue.
    GstPad *pad = gst_element_get_static_pad(decryptor_.get(), "src");
    const auto count = +[](GstPad *, GstPadProbeInfo *, gpointer self) {
      ++static_cast<Receiver *>(self)->came_out_;
      return GST_PAD_PROBE_DROP;
    };
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, count, this, nullptr);
    gst_object_unref(pad);
  }

  /// Returns whether the frame came out.
  bool push(const Bytes &frame, Costs &costs) {
    Buffer buffer = buffer_of(frame);
    const std::int64_t before = thread_cpu();
    const Clock::time_point entered = Clock::now();
    EXPECT_EQ(decryptor_.push(std::move(buffer)), GST_FLOW_OK);
    stay_ = Clock::now() - entered;
    costs.each.push_back(thread_cpu() - before);
    return std::exchange(came_out_, 0) == 1;
  }
  /// Of the last frame, in the element.
  std::chrono::duration<double, std::milli> stay() const { return stay_; }
  Element &element() { return decryptor_; }

 private:
  Element decryptor_;
  Clock::duration stay_{};
  unsigned came_out_ = 0;
};

/// Some good frames in calm, then others with forged ones between them. `before` is called with the
/// number of each good one before the forged ones around it.
template <typename Before>
void flood(const char *what, Receiver &receiver, const std::vector<Bytes> &calm,
           const std::vector<Bytes> &good, Before before) {
  Bytes bad = calm.front();
  bad[kFrameSize / 2] ^= 1;  // right in every respect but the tag
  Costs calm_costs;
  Costs good_costs;
  Costs bad_costs;
  for (const Bytes &frame : calm)
    EXPECT_TRUE(receiver.push(frame, calm_costs));
  double longest_stay = 0;
  unsigned came_out = 0;
  // Each good frame stands between forged ones, or it alone would find cold caches after a sleep.
  constexpr unsigned kBadBetween = (kBadPerSecond + kGoodPerSecond - 1) / kGoodPerSecond;
  const Clock::time_point start = Clock::now();
  for (unsigned i = 0; i < good.size(); ++i) {
    before(i);
    for (unsigned j = 0; j < kBadBetween; ++j) {
      if (j == kBadBetween / 2) {
        came_out += receiver.push(good[i], good_costs);
        longest_stay = std::max(longest_stay, receiver.stay().count());
      }
      EXPECT_FALSE(receiver.push(bad, bad_costs));
    }
    std::this_thread::sleep_until(start +
                                  std::chrono::microseconds(1000000 / kGoodPerSecond) * (i + 1));
  }
  const double took = std::chrono::duration<double>(Clock::now() - start).count();
  const double ratio = bad_costs.mean() / calm_costs.mean();
  printf(
      "%s: %zu forged frames in %.1f s (%.0f a second) beside %zu good ones, %zu lost\n"
      "%s: CPU of a forged frame %.2f us, of a good one without a flood %.2f us: ratio %.2f "
      "(medians %.2f and %.2f); of a good one amid the flood %.2f us\n"
      "%s: longest stay of a good frame in the element %.3f ms\n",
      what, bad_costs.each.size(), took, static_cast<double>(bad_costs.each.size()) / took,
      good.size(), good.size() - came_out, what, bad_costs.mean() / 1000, calm_costs.mean() / 1000,
      ratio, bad_costs.median() / 1000, calm_costs.median() / 1000, good_costs.mean() / 1000, what,
      longest_stay);
  EXPECT_EQ(came_out, good.size());
  EXPECT_LE(ratio, 2.0);
  EXPECT_EQ(receiver.element().stat("dropped-auth"), bad_costs.each.size());
}

}  // namespace

TEST(Flood, R9_TenThousandForgedFramesASecondCostNoGoodOne) {
  const Provider sender = meeting(0);
  std::vector<Bytes> good;
  {
    Element encryptor("e2eeencrypt", sender);
    encryptor.start(kVp8);
    for (unsigned i = 0; i < duration(20).count() * kGoodPerSecond; ++i)
      good.push_back(encryptor.pass(vp8_delta(kFrameSize, i)).value());
  }
  Receiver receiver(meeting(8));
  flood("flood", receiver, good, good, [](unsigned) {});
}

// Alice's sound, which is left alone, is ahead of her flooded picture by a generation and a half,
// one a second: all generations that are kept are there to be tried.
TEST(Flood, R9_NorWhileARatchetStepsAndThePictureIsLate) {
  constexpr unsigned kLate = kGoodPerSecond * 3 / 2;
  const Provider sender = meeting(0);
  std::vector<Bytes> calm;
  std::vector<Bytes> good;
  std::vector<Bytes> sound;  // the first of each generation
  {
    Element encryptor("e2eeencrypt", sender);
    encryptor.start(kVp8);
    for (unsigned i = 0; i < duration(20).count() * kGoodPerSecond; ++i)
      calm.push_back(encryptor.pass(vp8_delta(kFrameSize, i)).value());
    for (unsigned i = 0; i < calm.size(); ++i) {
      if (i % kGoodPerSecond == 0) {
        EXPECT_TRUE(gst_e2ee_shared_key_provider_ratchet(shared(sender), 0, nullptr));
        sound.push_back(seal(sender, kOpus, noise(60, i)));
      }
      good.push_back(encryptor.pass(vp8_delta(kFrameSize, i)).value());
    }
  }
  const Provider receiving = meeting(8);
  Receiver receiver(receiving);
  Element ears("e2eedecrypt", receiving);
  ears.start(kOpus);
  const auto hear = [&](unsigned generation) {
    if (generation < sound.size()) {
      EXPECT_TRUE(wait_for([&] { return ears.pass(sound[generation]).has_value(); }));
    }
  };
  hear(0);
  const auto before = [&](unsigned frame) {
    if (frame == 0 || (frame + kLate) % kGoodPerSecond == 0)
      hear((frame + kLate) / kGoodPerSecond);
  };
  flood("flood, ratchet", receiver, calm, good, before);
  EXPECT_EQ(ears.stat("generation"), sound.size());
}

TEST(Flood, R10_AMillionFramesWithAllKeyIndicesLeaveNothingBehind) {
  const unsigned count = is_quick() ? 100000 : 1000000;
  const Provider sender = meeting(0);
  const Bytes good = seal(sender, kOpus, kPlain);
  Element decryptor("e2eedecrypt", meeting(8));
  decryptor.start(kOpus);
  const auto flood = [&](unsigned frames) {
    for (unsigned i = 0; i < frames; ++i) {
      Bytes bad = good;
      bad[5] ^= static_cast<guint8>(1 + i % 255);
      bad.back() = static_cast<guint8>(i);
      EXPECT_FALSE(decryptor.pass(bad));
      if (i % 10000 == 0)
        decryptor.bus();
    }
  };
  flood(20000);  // until every table has what it is going to have
  const std::size_t before = mallinfo2().uordblks;
  flood(count);
  const std::size_t after = mallinfo2().uordblks;
  const double grown = (static_cast<double>(after) - static_cast<double>(before)) / (1 << 20);
  printf("flood: %u frames with 256 key indices: memory in use grew by %.3f MiB\n", count, grown);
  EXPECT_LT(grown, 1.0);
  EXPECT_EQ(decryptor.pass(good), kPlain);
}

}  // namespace e2ee::test

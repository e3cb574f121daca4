/* SPDX-License-Identifier: LGPL-2.1-or-later */
// How often a provider is told that a key was used, or that one is missing.
#include <atomic>
#include <set>
#include <thread>

#include "provider_custom.h"
#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

gint64 elapsed_ms(const std::function<void()> &work) {
  const gint64 began = g_get_monotonic_time();
  work();
  return (g_get_monotonic_time() - began) / 1000;
}

using CustomNotices = Custom;

// A sender without a key may replay frames of two keys by turns.
TEST_F(CustomNotices, R10_KeyUsedComesOnceASecondHoweverOftenKeysChange) {
  constexpr unsigned kFrames = 2000;
  keys->lookup = [](const std::string &, guint64 id, GError **) {
    return id < 2 ? raw_material(static_cast<guint8>(id), id) : nullptr;
  };
  std::atomic<unsigned> told{0};
  std::atomic<guint64> frames{0};
  std::pair to(&told, &frames);
  auto on_used = +[](GstE2EEKeyProvider *, GstStructure *use, decltype(to) *seen) {
    guint64 count = 0;
    gst_structure_get_uint64(use, "frames", &count);
    *seen->second += count;
    ++*seen->first;
  };
  g_signal_connect(provider.get(), "key-used", G_CALLBACK(on_used), &to);
  gint64 took_ms = 0;
  {
    Element decryptor("e2eedecrypt", provider);
    decryptor.start(kOpus);
    const Bytes sealed[] = {sealed_with(0, 0), sealed_with(1, 1)};
    for (const Bytes &frame : sealed)
      ASSERT_TRUE(wait_for([&] { return decryptor.pass(frame) == kPlain; }));
    took_ms = elapsed_ms([&] {
      for (unsigned i = 0; i < kFrames; ++i)
        EXPECT_EQ(decryptor.pass(sealed[i % 2]), kPlain);
    });
  }
  gst_e2ee_key_provider_sync(provider.get());
  EXPECT_LE(told, 4 + 2 * (took_ms / 1000)) << "of two keys";
  EXPECT_EQ(frames, kFrames + 2) << "each is counted";
}

/// Listens to key-missing.
class Missing {
 public:
  explicit Missing(const Provider &provider) : provider_(provider) {
    const auto on_missing = +[](GstE2EEKeyProvider *, const gchar *, guint64 id, Missing *self) {
      self->id = id;
      ++self->count;
      if (std::this_thread::get_id() == self->ours_)
        self->on_our_thread = true;
    };
    g_signal_connect(provider.get(), "key-missing", G_CALLBACK(on_missing), this);
  }
  ~Missing() { g_signal_handlers_disconnect_by_data(provider_.get(), this); }
  Missing(const Missing &) = delete;
  Missing &operator=(const Missing &) = delete;

  std::atomic<unsigned> count{0};
  std::atomic<guint64> id{0};
  std::atomic<bool> on_our_thread{false};

 private:
  const Provider provider_;
  const std::thread::id ours_ = std::this_thread::get_id();
};

TEST_F(CustomNotices, R10_KeyMissingIsSignalledAtMostOnceASecond) {
  const Missing seen(provider);
  Element decryptor("e2eedecrypt", provider);
  decryptor.start(kOpus);
  const Bytes sealed = sealed_with(1, 6);
  for (int i = 0; i < 500; ++i)
    decryptor.pass(sealed);
  EXPECT_TRUE(wait_for([&] { return seen.count > 0; }));
  sleep_ms(200);
  EXPECT_EQ(seen.count, 1U);
  EXPECT_EQ(seen.id, 6U);
  EXPECT_FALSE(seen.on_our_thread);
}

// A hostile sender names many. All are looked up; a listener hears the first, and once a second the
// one that was named last.
TEST_F(CustomNotices, R10_ManyKeyIdsAreOneKeyMissingASecond) {
  constexpr guint kIds = 30;
  const Missing seen(provider);
  const auto asked = [&] {
    std::lock_guard lock(keys->mutex);
    std::set<guint64> ids;
    for (const auto &[who, id] : keys->asked)
      ids.insert(id);
    return ids;
  };
  Element decryptor("e2eedecrypt", provider);
  decryptor.start(kOpus);
  const std::set<guint64> before = asked();
  gint64 flooded_ms = 0;
  const auto took_ms = elapsed_ms([&] {
    flooded_ms = elapsed_ms([&] {
      Bytes sealed = sealed_with(1, 0);
      for (guint id = 100; id < 100 + kIds; ++id) {
        sealed.back() = static_cast<guint8>(id);
        EXPECT_TRUE(wait_for([&] {
          decryptor.pass(sealed);
          return asked().count(id) == 1;
        }));
      }
    });
    EXPECT_LE(seen.count, 1 + flooded_ms / 1000);
    EXPECT_TRUE(wait_for([&] { return seen.id == 100 + kIds - 1; })) << "the last was not told";
  });
  EXPECT_EQ(asked().size(), before.size() + kIds);
  EXPECT_GE(seen.count, 2U);
  EXPECT_LE(seen.count, 1 + took_ms / 1000);
}

}  // namespace
}  // namespace e2ee::test

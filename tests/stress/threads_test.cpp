/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Keys set, activated, ratcheted and withdrawn by many threads while frames stream: for
// ThreadSanitizer, and to see that it all comes to an end with the streams alive.
#include <random>

#include "stress.h"
#include "support/element.h"

namespace e2ee::test {
namespace {

constexpr unsigned kChangers = 8;
constexpr unsigned kStreams = 4;
constexpr guint kIndices = 4;
const char *const kPeople[] = {"alice", "bob"};

/// Whatever an application may do to keys, by a thread that knows of no other.
void change_keys(const Provider &provider, unsigned seed, const std::atomic<bool> &stop) {
  std::minstd_rand random(seed);
  auto *ring = ring_of(provider);
  while (!stop) {
    const char *who = kPeople[random() % 2];
    const guint index = random() % kIndices;
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
        set_key(provider, who, static_cast<guint8>(random() % 3 + 1), index);
        break;
      case 3:
      case 4:
        gst_e2ee_participant_key_provider_set_current_index(ring, who, index, nullptr);
        break;
      case 5:
        gst_e2ee_participant_key_provider_ratchet(ring, who, index, nullptr);
        break;
      case 6:
        if (random() % 8 == 0)
          gst_e2ee_participant_key_provider_remove_key(ring, who, index, nullptr);
        break;
      default:
        fingerprint(provider, who, index);
    }
  }
}

/// Frames through an encryptor and a decryptor; how many came out, each of which must be right.
guint64 stream(const Provider &provider, const char *who, const std::atomic<bool> &stop) {
  End encryptor("e2eeencrypt", provider, who);
  End decryptor("e2eedecrypt", provider, who);
  guint64 came = 0;
  for (unsigned i = 0; !stop; ++i) {
    const Bytes plain = noise(80, i);
    const std::optional<Bytes> sealed = encryptor.pass(plain);
    const std::optional<Bytes> opened = sealed ? decryptor.pass(*sealed) : std::nullopt;
    if (opened) {
      ++came;
      EXPECT_EQ(*opened, plain);
    }
    if (i % 64 == 0) {
      encryptor.stat("generation");
      decryptor.bus();
      encryptor.bus();
    }
  }
  return came;
}

/// Handlers that call back, as an application's do.
void on_changed(GstE2EEKeyProvider *provider, const gchar *who, guint64 id, gpointer count) {
  g_free(gst_e2ee_key_provider_get_fingerprint(provider, who, id));
  static_cast<std::atomic<unsigned> *>(count)->fetch_add(1);
}

}  // namespace

TEST(Threads, R12_EightChangeKeysUnderFourStreams) {
  const Provider provider = new_ring();
  std::atomic<unsigned> told{0};
  g_signal_connect(provider.get(), "key-changed", G_CALLBACK(on_changed), &told);
  for (const char *who : kPeople)
    set_key(provider, who, 1);

  std::atomic<bool> stop{false};
  std::atomic<guint64> came{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kStreams; ++i)
    threads.emplace_back([&, i] { came += stream(provider, kPeople[i % 2], stop); });
  for (unsigned i = 0; i < kChangers; ++i)
    threads.emplace_back([&, i] { change_keys(provider, i + 1, stop); });
  std::this_thread::sleep_for(duration(20));
  stop = true;
  for (std::thread &thread : threads)
    thread.join();
  printf("threads: %u changes told, %" G_GUINT64_FORMAT " frames came through\n", told.load(),
         came.load());
  EXPECT_GT(told.load(), 100U);
  EXPECT_GT(came.load(), 100U);

  // All is well again once there is a key and nobody takes it away.
  for (const char *who : kPeople) {
    set_key(provider, who, 9, 0);
    set_current(provider, who, 0);
    End encryptor("e2eeencrypt", provider, who);
    End decryptor("e2eedecrypt", provider, who);
    const Bytes plain = noise(80, 1);
    EXPECT_EQ(decryptor.pass(encryptor.pass(plain).value_or(Bytes{})), plain);
  }
}

}  // namespace e2ee::test

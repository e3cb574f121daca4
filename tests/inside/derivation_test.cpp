/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Which threads derive keys.
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "core/kdf.h"
#include "inside.h"
#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

/// What was derived on which thread while this lives.
class Derivations {
 public:
  Derivations() {
    counts_.clear();
    e2ee::set_kdf_hook([](const char *kdf) {
      std::lock_guard lock(mutex_);
      ++counts_[{std::this_thread::get_id(), kdf}];
    });
  }
  ~Derivations() { e2ee::set_kdf_hook(nullptr); }
  Derivations(const Derivations &) = delete;
  Derivations &operator=(const Derivations &) = delete;

  /// Of any kind.
  unsigned on(std::thread::id thread) const {
    return count([&](const Where &where) { return where.first == thread; });
  }
  unsigned of(const std::string &kdf) const {
    return count([&](const Where &where) { return where.second == kdf; });
  }

 private:
  using Where = std::pair<std::thread::id, std::string>;
  template <typename Predicate>
  unsigned count(Predicate counts) const {
    std::lock_guard lock(mutex_);
    unsigned sum = 0;
    for (const auto &[where, times] : counts_)
      sum += counts(where) ? times : 0;
    return sum;
  }

  static inline std::mutex mutex_;
  static inline std::map<Where, unsigned> counts_;
};

Provider passphrase_ring(const char *text) {
  Provider provider = new_ring();
  set_passphrase(provider, kAlice, text);
  return provider;
}

}  // namespace

// This thread pushes: nothing is derived on it, whatever frames say.
TEST(Derivation, R9_FramesOfUnknownKeysAndLaterGenerationsDeriveNothingOnTheirThread) {
  const Provider receiving = passphrase_ring("correct horse");
  const std::vector<Bytes> frames = frames_of_generations(passphrase_ring("correct horse"), 4);
  const Derivations derivations;
  guint window = 0;
  g_object_get(receiving.get(), "ratchet-window", &window, nullptr);
  ASSERT_EQ(window, 8U);
  End decryptor("e2eedecrypt", receiving, kAlice);
  EXPECT_TRUE(decryptor.pass(frames[0]));
  for (unsigned id = 1; id < 256; ++id) {
    Bytes unknown = frames[0];
    unknown.back() = static_cast<guint8>(id);
    EXPECT_FALSE(decryptor.pass(unknown));
  }
  Bytes forged = frames[0];
  forged[20] ^= 1;
  for (unsigned i = 0; i < 100; ++i)
    EXPECT_FALSE(decryptor.pass(forged));
  EXPECT_TRUE(arrives(decryptor, frames[1])) << "derived ahead, or not yet";
  EXPECT_TRUE(arrives(decryptor, frames[3])) << "two steps";
  EXPECT_TRUE(decryptor.pass(frames[1]));
  let_workers_finish();
  EXPECT_GE(derivations.of("pbkdf2"), 4U + 8U) << "the generations that came, and those ahead";
  EXPECT_EQ(derivations.on(std::this_thread::get_id()), 0U);
}

// The application's thread is another one than that which pushes, and so is the worker's.
TEST(Derivation, R9_NewPassphrasesWhileFramesFlowAreDerivedElsewhere) {
  const Derivations derivations;
  const Provider sending = passphrase_ring("first");
  const Provider receiving = passphrase_ring("first");
  std::atomic<bool> stop{false};
  std::atomic<unsigned> pushed{0};
  std::atomic<unsigned> arrived{0};
  std::atomic<std::thread::id> streaming{};
  std::thread frames([&] {
    streaming = std::this_thread::get_id();
    End encryptor("e2eeencrypt", sending, kAlice);
    End decryptor("e2eedecrypt", receiving, kAlice);
    while (!stop) {
      const Bytes plain = noise(60, ++pushed);
      const std::optional<Bytes> frame = encryptor.pass(plain);
      arrived += frame && decryptor.pass(*frame) == plain ? 1 : 0;
    }
    EXPECT_EQ(encryptor.dropped(), 0U);
  });
  EXPECT_TRUE(wait_for([&] { return arrived > 20; }));
  const unsigned before = derivations.of("pbkdf2");
  for (guint index = 1; index <= 3; ++index) {
    for (const Provider &each : {receiving, sending})
      set_passphrase(each, kAlice, std::to_string(index).c_str(), index);
    set_current(sending, kAlice, index);
    const unsigned then = arrived;
    EXPECT_TRUE(wait_for([&] { return arrived > then + 20; })) << index;
  }
  ratchet(sending, kAlice);
  stop = true;
  frames.join();
  EXPECT_GE(derivations.of("pbkdf2"), before + 6);
  EXPECT_EQ(arrived, pushed);
  EXPECT_NE(streaming.load(), std::thread::id());
  EXPECT_EQ(derivations.on(streaming), 0U);
}

}  // namespace e2ee::test

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Refusing a tag takes as long wherever it is wrong. That is counted, not timed: the processor
// traps after each instruction.
#ifdef __x86_64__
#include <x86intrin.h>

#include <csignal>
#include <set>

#include "helpers.h"

namespace e2ee::test {

namespace {

volatile unsigned long g_steps = 0;

void on_step(int) {
  g_steps = g_steps + 1;
}

class StepCounter {
 public:
  StepCounter() {
    struct sigaction action = {};
    action.sa_handler = on_step;
    sigaction(SIGTRAP, &action, &before_);
  }
  ~StepCounter() { sigaction(SIGTRAP, &before_, nullptr); }
  StepCounter(const StepCounter &) = delete;
  StepCounter &operator=(const StepCounter &) = delete;

  template <typename Work>
  unsigned long count(const Work &work) {
    constexpr unsigned long long kTrap = 0x100;
    g_steps = 0;
    __writeeflags(__readeflags() | kTrap);
    work();
    __writeeflags(__readeflags() & ~kTrap);
    return g_steps;
  }

 private:
  struct sigaction before_ = {};
};

}  // namespace

TEST(TagCompare, TakesAsManyStepsWhereverTheTagIsWrong) {
  StepCounter counter;
  for (const AeadBackend *backend : usable_backends()) {
    const auto sealer = backend->create(noise(16), Direction::seal);
    const auto opener = backend->create(noise(16), Direction::open);
    const Bytes plain = noise(64, 2);
    Bytes cipher(plain.size());
    Bytes tag(kTagSize);
    ASSERT_TRUE(sealer->seal(Iv{}, {}, plain, cipher.data(), tag.data()));
    std::set<unsigned long> steps;
    Bytes out(plain.size());
    for (std::size_t wrong = 0; wrong <= kTagSize; ++wrong) {
      Bytes bad = tag;
      bad[wrong % kTagSize] ^= 0x55;
      Reason reason = Reason::ok;
      const auto open_it = [&] { reason = opener->open(Iv{}, {}, cipher, out.data(), bad.data()); };
      const unsigned long taken = counter.count(open_it);
      ASSERT_EQ(reason, Reason::auth_failed);
      ASSERT_GT(taken, 100U) << "nothing was counted";
      if (wrong > 0)  // the first one also finds its functions
        steps.insert(taken);
    }
    EXPECT_EQ(steps.size(), 1U) << backend->name << ": " << *steps.begin() << " to "
                                << *steps.rbegin() << " instructions";
  }
}

}  // namespace e2ee::test
#endif

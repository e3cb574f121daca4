/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <algorithm>
#include <chrono>
#include <numeric>

#include "bench.h"

namespace bench {

namespace {

// Of one way in one round: a thousand times what reading the clock takes, and short beside the
// time for which other work on the machine comes and goes.
constexpr double kBatch = 200e3;  // ns
constexpr unsigned kMinFrames = 3;
constexpr unsigned kMaxFrames = 2000;

// The quickest quarter of the rounds.
std::vector<std::size_t> quiet_rounds(const std::vector<double> &totals) {
  std::vector<std::size_t> rounds(totals.size());
  std::iota(rounds.begin(), rounds.end(), 0);
  std::sort(rounds.begin(), rounds.end(),
            [&](std::size_t a, std::size_t b) { return totals[a] < totals[b]; });
  rounds.resize((rounds.size() + 3) / 4);
  return rounds;
}

double median(const std::vector<double> &all, const std::vector<std::size_t> &of) {
  std::vector<double> values;
  for (const std::size_t i : of)
    values.push_back(all[i]);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

void Rounds::add(std::string name, Work work, const char *baseline) {
  Way way{std::move(name), std::move(work), -1, 0, 0, {}, {}};
  for (std::size_t i = 0; baseline != nullptr && i < ways_.size(); ++i) {
    if (ways_[i].name == baseline)
      way.baseline = static_cast<int>(i);
  }
  good_ &= way.work(kMinFrames);  // keys ciphers, fills heaps
  const std::int64_t start = thread_cpu();
  good_ &= way.work(kMinFrames);
  const double each = static_cast<double>(thread_cpu() - start) / kMinFrames;
  way.frames =
      static_cast<unsigned>(std::clamp(kBatch / each, double{kMinFrames}, double{kMaxFrames}));
  ways_.push_back(std::move(way));
}

void Rounds::run_one() {
  std::vector<std::size_t> order(ways_.size());
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random_);
  for (const std::size_t i : order) {
    Way &way = ways_[i];
    good_ &= way.work(1);  // the way before left the caches to itself
    const std::int64_t start = thread_cpu();
    good_ &= way.work(way.frames);
    way.last = static_cast<double>(thread_cpu() - start) / way.frames;
  }
  double total = 0;
  for (Way &way : ways_) {
    total += way.last * way.frames;
    const double cost =
        way.baseline < 0 ? way.last : way.last - ways_[static_cast<std::size_t>(way.baseline)].last;
    way.costs.push_back(cost);
    way.ratios.push_back(cost / ways_.front().last);
  }
  totals_.push_back(total);
}

void Rounds::measure(benchmark::State &state) {
  using Clock = std::chrono::steady_clock;
  tell_progress();
  for (auto _ : state) {
    const auto start = Clock::now();
    run_one();
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - start).count());
  }
  const std::vector<std::size_t> quiet = quiet_rounds(totals_);
  for (const Way &way : ways_) {
    state.counters[way.name] = median(way.costs, quiet);
    state.counters[way.name + ":ratio"] = median(way.ratios, quiet);
  }
  if (!good_)
    state.SkipWithError("a frame failed or did not come through");
}

}  // namespace bench

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Keys of many participants, on all cores: what passphrases cost, whether first frames find their
// keys, how long a flood delays others, and how many threads there are.
#include <gst/gst.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <latch>
#include <thread>

#include "bench.h"
#include "core/kdf_nettle.h"
#include "support/custom_provider.h"
#include "support/element.h"
#include "support/frame_cryptor.h"
#include "support/waiting.h"

namespace bench {

namespace test = e2ee::test;

namespace {

using test::Bytes;
using test::End;
using test::FrameCryptor;
using test::kOpus;
using test::kPlain;
using test::Provider;

constexpr unsigned kPassphrases = 1000;
constexpr unsigned kStarting = 150;
constexpr unsigned kProviders = 1000;
constexpr unsigned kKeyIds = 256;
constexpr unsigned kLookUpMs = 50;
constexpr unsigned kMoments = 10;

std::string name_of(unsigned participant) {
  return "participant-" + std::to_string(participant);
}

std::string passphrase_of(unsigned participant) {
  return "passphrase of " + std::to_string(participant);
}

double seconds_on(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

unsigned cores() {
  return std::max(1U, std::thread::hardware_concurrency());
}

// Whether passphrases are derived by libnettle here.
bool has_libnettle() {
#ifdef E2EE_HAS_NETTLE
  std::uint8_t out[32];
  return e2ee::nettle_pbkdf2_sha256(kRawKey, kRawKey, 1, out);
#else
  return false;
#endif
}

// Returns when all of them are in use.
void set_passphrases(const Provider &provider) {
  unsigned under_way = kPassphrases;
  for (unsigned i = 0; i < kPassphrases; ++i)
    gst_e2ee_participant_key_provider_set_passphrase_async(
        test::ring_of(provider), name_of(i).c_str(), passphrase_of(i).c_str(), 0, nullptr,
        [](GObject *, GAsyncResult *, gpointer left) { --*static_cast<unsigned *>(left); },
        &under_way);
  while (under_way != 0)
    g_main_context_iteration(nullptr, TRUE);
}

// A passphrase for each of many participants who are there already.
void measure_passphrases(benchmark::State &state) {
  tell_progress();
  const Provider provider = test::new_ring();
  std::vector<std::unique_ptr<FrameCryptor>> cryptors;
  for (unsigned i = 0; i < kPassphrases; ++i) {
    cryptors.push_back(std::make_unique<FrameCryptor>(
        provider, FrameCryptor::Properties{{"participant", name_of(i)}}));
    cryptors.back()->set_caps(kOpus);
  }
  test::let_workers_finish();
  for (auto _ : state) {
    const double cpu = seconds_on(CLOCK_PROCESS_CPUTIME_ID);
    const double wall = seconds_on(CLOCK_MONOTONIC);
    set_passphrases(provider);
    state.counters["cpu_s"] = seconds_on(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    state.counters["wall_s"] = seconds_on(CLOCK_MONOTONIC) - wall;
  }
  state.counters["cores"] = cores();
  state.counters["libnettle"] = has_libnettle();
  for (const auto &cryptor : cryptors) {
    const std::optional<Bytes> sealed = cryptor->encrypt(kPlain);
    if (!sealed || cryptor->decrypt(*sealed) != kPlain) {
      state.SkipWithError("a participant has no key");
      break;
    }
  }
}

// A frame of each participant, from a sender whose keys the receiver does not share.
std::vector<Bytes> first_frames() {
  const Provider sender = test::new_ring();
  g_object_set(sender.get(), "ratchet-window", 0, nullptr);  // nothing is derived ahead
  std::vector<Bytes> frames;
  for (unsigned i = 0; i < kStarting; ++i) {
    test::set_passphrase(sender, name_of(i).c_str(), passphrase_of(i).c_str());
    FrameCryptor cryptor(sender, {{"participant", name_of(i)}});
    frames.push_back(cryptor.start(kOpus).encrypt(kPlain).value_or(Bytes{}));
  }
  return frames;
}

// Decryptors whose first frame comes as soon as they have started, all at the same time.
void count_lost(benchmark::State &state) {
  tell_progress();
  const std::vector<Bytes> frames = first_frames();
  const Provider provider = test::new_ring();
  for (unsigned i = 0; i < kStarting; ++i)
    test::set_passphrase(provider, name_of(i).c_str(), passphrase_of(i).c_str());
  test::let_workers_finish();
  std::vector<std::unique_ptr<End>> decryptors(kStarting);
  std::atomic<unsigned> lost{0};
  for (auto _ : state) {
    std::latch all_there(kStarting);
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < kStarting; ++i)
      threads.emplace_back([&, i] {
        all_there.arrive_and_wait();
        decryptors[i] = std::make_unique<End>("e2eedecrypt", provider, name_of(i).c_str());
        lost += decryptors[i]->pass(frames[i]) != kPlain;
      });
  }
  state.counters["lost"] = lost.load();
}

// A hostile sender names every key id, again and again.
class Flood {
 public:
  Flood(const Provider &provider, Bytes frame)
      : decryptor_("e2eedecrypt", provider, "mallory"), frame_(std::move(frame)) {}

 private:
  void run(const std::stop_token &stop) {
    for (unsigned id = 0; !stop.stop_requested(); id = (id + 1) % kKeyIds) {
      frame_.back() = static_cast<guint8>(id);
      decryptor_.pass(frame_);
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }

  End decryptor_;
  Bytes frame_;
  const std::jthread thread_{[this](const std::stop_token &stop) { run(stop); }};
};

// How long the key of another sender's first frame takes meanwhile, on average over the moments of
// a look-up at which the frame may come.
void measure_flood(benchmark::State &state) {
  tell_progress();
  constexpr guint kGood = 7;
  const auto keys = std::make_shared<test::CustomKeys>();
  keys->lookup = [](const std::string &, guint64 id, GError **) {
    test::sleep_ms(kLookUpMs);
    return id == kGood ? test::raw_material(9, id) : nullptr;
  };
  const Provider provider = test::custom_provider(keys);
  const Bytes sealed = test::seal(test::raw_provider(9, kGood), kOpus, kPlain);
  double seconds = 0;
  for (auto _ : state) {
    const Flood flood(provider, sealed);
    for (unsigned i = 0; i < kMoments; ++i) {
      End other("e2eedecrypt", provider, name_of(i).c_str());
      const unsigned before = keys->calls;
      if (!test::wait_for([&] { return keys->calls > before; })) {
        state.SkipWithError("the flood asks for nothing");
        break;
      }
      test::sleep_ms(i * kLookUpMs / kMoments);
      const double start = seconds_on(CLOCK_MONOTONIC);
      if (!test::wait_for([&] { return other.pass(sealed) == kPlain; })) {
        state.SkipWithError("no frame of the other sender came out");
        break;
      }
      seconds += seconds_on(CLOCK_MONOTONIC) - start;
    }
  }
  state.counters["ms"] = 1e3 * seconds / kMoments;
}

void count_threads(benchmark::State &state) {
  tell_progress();
  std::vector<std::unique_ptr<FrameCryptor>> cryptors;
  unsigned most = 0;
  for (auto _ : state) {
    for (unsigned i = 0; i < kProviders; ++i) {
      const Provider provider = test::raw_provider(static_cast<guint8>(i));
      cryptors.push_back(std::make_unique<FrameCryptor>(provider));
      most = std::max(most, test::threads_named(test::kWorker));
    }
  }
  for (const auto &cryptor : cryptors) {
    if (!cryptor->start(kOpus).encrypt(kPlain)) {
      state.SkipWithError("a provider's key is not there");
      break;
    }
  }
  state.counters["threads"] = most;
  state.counters["cores"] = cores();
}

void register_once(const char *name, void (*measure)(benchmark::State &)) {
  benchmark::RegisterBenchmark((std::string("keys/") + name).c_str(), measure)->Iterations(1);
}

}  // namespace

void register_key_rows(bool quick) {
  if (!quick)
    register_once("passphrases-1000", measure_passphrases);
  register_once("start-150", count_lost);
  register_once("flood-256", measure_flood);
  register_once("providers-1000", count_threads);
}

}  // namespace bench

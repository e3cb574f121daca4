/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What encryption costs: per frame beside bare OpenSSL, in running pipelines beside the encoders,
// and for the keys of many participants. run.sh builds it, runs it and makes sense of its rows.
#include "bench.h"

#include <gst/e2ee/e2ee.h>
#include <sched.h>

#include <chrono>
#include <cstdio>
#include <cstring>

namespace bench {

namespace {

constexpr Pace kThorough = {0.2, 15, 5, 20};
constexpr Pace kQuick = {0.06, 7, 1, 8};

constexpr char kUsage[] =
    "Usage: e2ee-bench [--backends] [--keys] [--quick] [--progress] [--benchmark_...]\n"
    "\n"
    "  --backends   lists the AEAD back ends that GST_E2EE_AEAD can choose here, and nothing else\n"
    "  --keys       keys of many participants, on all cores, instead of frames on one\n"
    "  --quick      a sixth of the time, rougher numbers; of keys not those that take long\n"
    "  --progress   tells how far it is instead of listing rows; for --benchmark_out=FILE\n"
    "\n"
    "Google Benchmark's own options follow, for example --benchmark_filter=frame/\n";

bool g_tell_progress = false;

// For --progress: the file has the results, only what failed is said.
class QuietReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context &) override { return true; }
  void ReportRuns(const std::vector<Run> &runs) override {
    for (const Run &run : runs) {
      if (run.error_occurred)
        std::fprintf(stderr, "%s: %s\n", run.benchmark_name().c_str(), run.error_message.c_str());
    }
  }
};

// Thread CPU time of one core only compares with that of the same core.
void stay_on_this_core() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  const int here = sched_getcpu();
  if (here < 0)
    return;
  CPU_SET(here, &cores);
  if (sched_setaffinity(0, sizeof cores, &cores) != 0)
    std::fprintf(stderr, "cannot stay on one core: expect noise\n");
}

// Names those of the plugin's elements that GStreamer does not find.
bool has_elements() {
  bool all = true;
  for (const char *name : {"e2eeencrypt", "e2eedecrypt"}) {
    GstElementFactory *factory = gst_element_factory_find(name);
    if (factory == nullptr) {
      std::fprintf(stderr,
                   "e2ee-bench: there is no element %s: run this through tests/bench/run.sh or "
                   "meson devenv\n",
                   name);
      all = false;
    }
    gst_clear_object(&factory);
  }
  return all;
}

// Takes `flag` out of the arguments.
bool take_flag(int &argc, char **argv, const char *flag) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], flag) == 0) {
      std::copy(argv + i + 1, argv + argc, argv + i);
      --argc;
      return true;
    }
  }
  return false;
}

}  // namespace

// A line every ten seconds: rows in random order have no result to show until the very end.
void tell_progress() {
  using namespace std::chrono;
  static const auto start = steady_clock::now();
  static auto told = start;
  const auto now = steady_clock::now();
  if (!g_tell_progress || now - told < seconds(10))
    return;
  told = now;
  std::fprintf(stderr, "  measuring for %lld s\n",
               static_cast<long long>(duration_cast<seconds>(now - start).count()));
}

const e2ee::Scheme &livekit() {
  return *e2ee::scheme_for(GST_E2EE_SCHEME_LIVEKIT);
}

e2ee::KeyRef derive(e2ee::ByteView raw, const e2ee::Scheme &scheme) {
  e2ee::Material material;
  material.bytes = e2ee::Secret(raw);
  return e2ee::derive_key(scheme, material, {});
}

e2ee::KeyRing ring_of(const e2ee::KeyRef &key) {
  e2ee::KeyRing ring;
  ring.slot(key->id).keys.push_back(key);
  ring.current = key;
  return ring;
}

const e2ee::CodecRule &codec_of(const char *media_type) {
  return *e2ee::codec_for_media_type(media_type);
}

std::vector<std::uint8_t> seal_frame(const e2ee::KeyRef &key, const e2ee::CodecRule &codec,
                                     e2ee::ByteView frame) {
  std::vector<std::uint8_t> sealed(frame.size() + livekit().overhead);
  e2ee::Sealer sealer(livekit());
  const auto written = sealer.seal(key, codec, codec.frame_type(frame), frame, sealed);
  if (!written)
    g_error("cannot encrypt a frame to decrypt");
  sealed.resize(written->size);
  return sealed;
}

}  // namespace bench

int main(int argc, char **argv) {
  const bool keys = bench::take_flag(argc, argv, "--keys");
  const bool quick = bench::take_flag(argc, argv, "--quick");
  const bool quiet = bench::take_flag(argc, argv, "--progress");
  if (bench::take_flag(argc, argv, "--help")) {
    std::fputs(bench::kUsage, stdout);
    return 0;
  }
  if (bench::take_flag(argc, argv, "--backends")) {
    for (const e2ee::AeadBackend &backend : e2ee::aead_backends()) {
      if (backend.why_not() == nullptr)
        std::puts(backend.name);
    }
    return 0;
  }
  gst_init(&argc, &argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv) || !bench::has_elements())
    return 2;
  const e2ee::AeadChoice aead = e2ee::aead_in_use();
  if (aead.backend == nullptr || !aead.complaint.empty()) {
    std::fprintf(stderr, "e2ee-bench: %s\n", aead.complaint.c_str());
    return 2;
  }
  benchmark::AddCustomContext("backend", aead.backend->name);
  const bench::Pace &pace = quick ? bench::kQuick : bench::kThorough;
  if (keys) {
    bench::register_key_rows(quick);
  } else {
    bench::stay_on_this_core();
    bench::register_frame_rows(pace);
    bench::register_stream_rows(pace);
    bench::register_pipeline_rows(pace);
  }
  if (quiet) {
    bench::g_tell_progress = true;
    bench::QuietReporter reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
  } else {
    benchmark::RunSpecifiedBenchmarks();
  }
  benchmark::Shutdown();
  return 0;
}

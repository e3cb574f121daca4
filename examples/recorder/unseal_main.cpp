// SPDX-License-Identifier: LGPL-2.1-or-later
// e2ee-unseal: opens a sealed recording with the keys of its meeting.
#include <gst/gst.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "common/elements.h"
#include "common/program.h"
#include "common/terminal.h"
#include "common/words.h"
#include "progress.h"
#include "unseal.h"

namespace {

using examples::CharPtr;
using examples::harmless;
using examples::Terminal;
using examples::WrongUsage;
using recorder::UnsealOptions;
using recorder::UnsealProgress;

constexpr int kAllOpened = 0, kFailed = 1, kSomeMissing = 3, kNotTold = 4;
constexpr int kMostRatchet = 1'000'000;

constexpr char kSummary[] =
    "Opens a recording that e2ee-recorder made in sealed mode: writes the frames of IN in the\n"
    "clear, those of a track in the order of the file, without encoding anything anew.\n"
    "\n"
    "Keys: --key-provider takes what the property key-provider of e2eedecrypt takes, for example\n"
    "  shared,passphrase-file=/run/secrets/meeting\n"
    "  participant,keys-file=/run/secrets/keys.ini\n"
    "Where the key indices of a meeting repeat, give one for each time, in order: all keys of an\n"
    "index are tried, and the frame's tag says which one it was. Ratchets are followed.";

constexpr char kDescription[] =
    "Each frame proves which key it was made with. That none is missing, and that they are in the\n"
    "order in which they were sent, is proven by nothing: containers are not authenticated.\n"
    "\n"
    "Exit status: 0 all frames were opened and written, 1 failed and nothing was written, 2 wrong\n"
    "usage, or a file or key that cannot be used, 3 frames are missing in what was written: they\n"
    "did not open, or opened and cannot be in the file (before the first key frame), or IN is cut\n"
    "off, 4 the recording was written, but its report could not be. Frames that the server made\n"
    "and --server-frames drops do not count.";

struct Given {
  char *output = nullptr, *sidecar = nullptr, *participant = nullptr, *server_frames = nullptr;
  char **files = nullptr;
  int max_ratchet = 64;
  gboolean report = FALSE, json = FALSE;
  std::vector<std::string> providers;

  ~Given() {
    g_free(output);
    g_free(sidecar);
    g_free(participant);
    g_free(server_frames);
    g_strfreev(files);
  }
};

std::string keys_file_provider(const std::string &path) {
  std::string text = "participant,keys-file=\"";
  for (const char c : path) {
    if (c == '"' || c == '\\')
      text += '\\';
    text += c;
  }
  return text + "\"";
}

// Both kinds go into one history, in the order in which they were given.
gboolean add_provider(const gchar *option, const gchar *value, gpointer data, GError **) {
  auto *given = static_cast<Given *>(data);
  const bool file = g_strcmp0(option, "--keys-file") == 0;
  given->providers.push_back(file ? keys_file_provider(value) : value);
  return TRUE;
}

void parse(int argc, char **argv, Given &given) {
  const auto callback = reinterpret_cast<gpointer>(&add_provider);
  const GOptionEntry entries[] = {
      {"key-provider", 'k', G_OPTION_FLAG_NONE, G_OPTION_ARG_CALLBACK, callback,
       "Where keys come from; several times: one after the other", "STRING"},
      {"keys-file", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, callback,
       "Short for --key-provider participant,keys-file=FILE", "FILE"},
      {"output", 'o', 0, G_OPTION_ARG_FILENAME, &given.output,
       "What to write; default IN with .open.webm or .open.mkv", "OUT"},
      {"participant", 0, 0, G_OPTION_ARG_STRING, &given.participant,
       "Whose keys, if not the identity that the recording names", "NAME"},
      {"sidecar", 0, 0, G_OPTION_ARG_FILENAME, &given.sidecar,
       "What is said about IN; default: in IN, else IN.json", "FILE"},
      {"max-ratchet", 0, 0, G_OPTION_ARG_INT, &given.max_ratchet,
       "Ratchet steps in a row that may be missing (64)", "N"},
      {"server-frames", 0, 0, G_OPTION_ARG_STRING, &given.server_frames,
       "Frames of the SFU's own: drop (default), known, pass", "WHICH"},
      {"report", 0, 0, G_OPTION_ARG_NONE, &given.report, "Tell every key that was used", nullptr},
      {"json", 0, 0, G_OPTION_ARG_NONE, &given.json, "Write the report as JSON, and nothing else",
       nullptr},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &given.files, nullptr, "IN"},
      {nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr}};
  examples::CommandLine line("e2ee-unseal", nullptr, kSummary, kDescription, &given);
  line.add(entries);
  line.parse(argc, argv);
  if (!given.files || !given.files[0] || given.files[1])
    throw WrongUsage("name one file to open");
  if (given.providers.empty())
    throw WrongUsage("give the keys of the meeting with --key-provider or --keys-file");
  if (given.max_ratchet < 0 || given.max_ratchet > kMostRatchet)
    throw WrongUsage("--max-ratchet takes 0 to " + std::to_string(kMostRatchet));
  if (given.server_frames)
    examples::check_word("--server-frames", given.server_frames,
                         examples::words_of(GST_TYPE_E2EE_SERVER_FRAMES));
}

UnsealOptions options_of(const Given &given) {
  UnsealOptions options;
  options.input = given.files[0];
  options.output = given.output ? given.output : "";
  options.sidecar = given.sidecar ? given.sidecar : "";
  options.participant = given.participant ? given.participant : "";
  options.providers = given.providers;
  options.max_ratchet = static_cast<unsigned>(given.max_ratchet);
  options.server_frames = given.server_frames ? given.server_frames : "drop";
  return options;
}

class Bar {
 public:
  explicit Bar(Terminal &terminal) : terminal_(terminal) {}

  void show(const UnsealProgress &progress) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
    const double share =
        progress.size ? static_cast<double>(progress.bytes) / static_cast<double>(progress.size)
                      : 0;
    const double rate =
        passed.count() > 0 ? static_cast<double>(progress.bytes) / passed.count() : 0;
    const double left =
        rate > 0
            ? static_cast<double>(progress.size - std::min(progress.size, progress.bytes)) / rate
            : 0;
    constexpr std::size_t kWidth = 24;
    constexpr double kLongest = 999'999;
    const auto filled = std::min(kWidth, static_cast<std::size_t>(share * kWidth));
    const std::string bar = std::string(filled, '#') + std::string(kWidth - filled, '.');
    terminal_.progress(
        CharPtr(g_strdup_printf("[%s] %3.0f %%  %" G_GUINT64_FORMAT " frames  %.1f MB/s  %d s left",
                                bar.c_str(), 100 * share, progress.frames, rate / 1e6,
                                static_cast<int>(std::min(left, kLongest))))
            .get());
  }

 private:
  Terminal &terminal_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// ---- being told to stop -------------------------------------------------------------------------

struct Stopped {};
volatile sig_atomic_t stop_signal = 0;

// A second one ends the program at once.
void end_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int number) { stop_signal = number; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int number : {SIGINT, SIGTERM, SIGHUP})
    sigaction(number, &action, nullptr);
}

// Whoever started the program sees that it was the signal.
int ended_by_signal() {
  const int number = stop_signal;
  g_printerr("e2ee-unseal: stopped, nothing was written\n");
  signal(number, SIG_DFL);
  raise(number);
  return kFailed;
}

// Files without a name are held open until all are named.
void allow_many_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

// The exit status. The recording is there already: a full disk or a reader that went away does not
// take it back, and is told.
int tell(const recorder::UnsealReport &report, const Given &given) {
  const std::string text =
      given.json ? recorder::report_json(report) + "\n" : report_text(report, given.report);
  if (fputs(text.c_str(), stdout) < 0 || fflush(stdout) != 0) {
    const int error = errno;
    g_printerr("e2ee-unseal: %s was written, but not its report: %s\n",
               harmless(report.outputs.front()).c_str(), g_strerror(error));
    return kNotTold;
  }
  return report.whole() ? kAllOpened : kSomeMissing;
}

int run(const Given &given) {
  Terminal terminal;
  Bar bar(terminal);
  try {
    const recorder::UnsealReport report =
        recorder::unseal(options_of(given), [&](const UnsealProgress &progress) {
          if (stop_signal != 0)
            throw Stopped();
          if (!given.json)
            bar.show(progress);
        });
    terminal.end_progress();
    return tell(report, given);
  } catch (const Stopped &) {
    terminal.end_progress();
    return ended_by_signal();
  }
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(nullptr, nullptr);
  return examples::run_program("e2ee-unseal", [&] {
    Given given;
    parse(argc, argv, given);
    examples::require_elements({"matroskademux", "appsink", "e2eevp9merge"});
    end_on_signals();
    allow_many_files();
    return run(given);
  });
}

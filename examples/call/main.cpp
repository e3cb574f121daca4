// SPDX-License-Identifier: LGPL-2.1-or-later
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "common/program.h"

namespace {

constexpr unsigned kWatchdogSeconds = 180;  // on top of the media's length

volatile bool interrupted = false;

void on_interrupt(int) {
  interrupted = true;
}

// Every step has its own time limit; this one is for what nobody thought of.
void on_alarm(int) {
  constexpr char kText[] = "\ne2ee-call: hangs, giving up\n";
  [[maybe_unused]] auto written = write(STDERR_FILENO, kText, sizeof kText - 1);
  _exit(examples::kFailed);
}

void handle(int signal_number, void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(signal_number, &action, nullptr);
}

int run(const call::Options &options) {
  examples::require_elements(call::elements_for(options));
  const call::Keys keys = call::make_keys(options.passphrase_file);
  call::Terminal terminal;
  const call::CallResult result = call::make_call(options, keys, terminal, interrupted);
  const std::vector<std::string> faults = call::find_faults(result);
  call::print_report(result, faults, terminal);
  return faults.empty() ? examples::kDone : examples::kFailed;
}

}  // namespace

int main(int argc, char **argv) {
  return examples::run_program("e2ee-call", [&] {
    const call::Options options = call::parse_options(argc, argv);
    handle(SIGINT, on_interrupt, SA_RESETHAND);  // a second Ctrl-C kills
    handle(SIGALRM, on_alarm, 0);
    alarm(options.seconds + kWatchdogSeconds);
    return run(options);
  });
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stop_signals.h"

#include <glib-unix.h>

#include <csignal>
#include <utility>

namespace examples {

template <int Signal>
int StopSignals::on_signal(void *data) {
  auto *self = static_cast<StopSignals *>(data);
  if (std::exchange(self->stopping_, true)) {
    signal(Signal, SIG_DFL);
    raise(Signal);
  }
  self->stop_();
  return G_SOURCE_CONTINUE;
}

StopSignals::StopSignals(std::function<void()> stop)
    : stop_(std::move(stop)),
      interrupt_(g_unix_signal_add(SIGINT, &StopSignals::on_signal<SIGINT>, this)),
      terminate_(g_unix_signal_add(SIGTERM, &StopSignals::on_signal<SIGTERM>, this)) {}

StopSignals::~StopSignals() {
  g_source_remove(interrupt_);
  g_source_remove(terminate_);
}

}  // namespace examples

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "figures.h"

namespace recorder {

using examples::Metric;

Figures &Figures::operator+=(const Figures &other) {
  frames += other.frames;
  bytes += other.bytes;
  not_decrypted += other.not_decrypted;
  not_written += other.not_written;
  packets_lost += other.packets_lost;
  return *this;
}

std::vector<Metric> metrics_of(const Figures &figures, std::uint64_t participants,
                               std::uint64_t reconnects) {
  const auto counter = [](const char *name, const char *help, std::uint64_t value) {
    return Metric{.name = name, .help = help, .samples = {{{}, value}}};
  };
  return {counter("e2ee_frames_total", "Frames recorded.", figures.frames),
          counter("e2ee_bytes_total", "Bytes of the files.", figures.bytes),
          {.name = "e2ee_dropped_total",
           .help = "Frames that arrived and are in no file.",
           .samples = {{{{"reason", "not-decrypted"}}, figures.not_decrypted},
                       {{{"reason", "not-written"}}, figures.not_written}}},
          {.name = "e2ee_participants",
           .type = Metric::Type::kGauge,
           .help = "Participants that are recorded now.",
           .samples = {{{}, participants}}},
          counter("e2ee_reconnects_total", "Times that the room was lost.", reconnects),
          counter("e2ee_packets_lost_total", "Packets that never came, or too late.",
                  figures.packets_lost)};
}

}  // namespace recorder

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>

// What a service tells systemd: the protocol of sd_notify(3), without its library.
namespace examples {

// Sends lines as "READY=1". Nothing where no service manager listens.
void notify(const std::string &state);
// STATUS= with a text that may be from elsewhere: it stays one line.
void notify_status(std::string text);

// How often the manager wants to hear WATCHDOG=1: twice in the time that it allows. None: it does
// not watch this process.
std::optional<std::chrono::milliseconds> watchdog_interval();

}  // namespace examples

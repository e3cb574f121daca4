// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "audit.h"
#include "common/json.h"
#include "progress.h"

namespace recorder {

using namespace examples;

// The one place through which everything goes that happens: into the audit log, before note()
// returns, and to whoever watches, as a line of text or of JSON. Any thread.
//
// What is printed is printed by a thread of its own: a pipe that nobody reads must stop neither
// recordings nor withdrawals. Lines that pile up behind it are left out in the end, the log has
// them.
class Journal {
 public:
  // `failed`: the audit log cannot be written any more, so that recording must end. Any thread.
  Journal(Progress::Style style, std::function<void(const std::string &)> failed);
  ~Journal();  // prints what is left
  Journal(const Journal &) = delete;
  Journal &operator=(const Journal &) = delete;

  void keep(AuditLog *log);  // from here on; null: no log

  // `text`: for people; empty: not worth a line. `serious`: something that should be in the files
  // is not.
  void note(const std::string &event, const JsonFields &fields, const std::string &text = {},
            bool serious = false);
  // Of what ends the program: on standard error, before what is noted later.
  void complain(const std::string &text);
  void show(const std::vector<ProgressRow> &rows);
  void end(const std::vector<ProgressRow> &rows);  // shows the last figures for good
  bool anything_serious() const { return serious_; }

  // Whether everything is printed, or will be within this time. If not, whatever is printed to
  // takes nothing, and the end of the program would wait for it as well.
  bool is_printed(std::chrono::milliseconds within);

 private:
  using Print = std::function<void(Progress &)>;
  void print(Print line, std::size_t most);
  void run();

  const std::function<void(const std::string &)> failed_;
  AuditLog *log_ = nullptr;
  std::atomic<bool> serious_{false};
  Progress progress_;  // of the printing thread
  std::mutex mutex_;
  std::condition_variable wake_, printed_;
  std::deque<Print> waiting_;
  bool printing_ = false;
  bool over_ = false;
  std::thread printer_;
};

}  // namespace recorder

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

#include <functional>
#include <string>

namespace camera {

// Lines of standard input, one call each. On the default main context.
class Lines {
 public:
  // `ended`: no more will come.
  Lines(std::function<void(const std::string &line)> take, std::function<void()> ended);
  ~Lines();
  Lines(const Lines &) = delete;
  Lines &operator=(const Lines &) = delete;

 private:
  gboolean read();

  const std::function<void(const std::string &)> take_;
  const std::function<void()> ended_;
  std::string begun_;  // of a line whose end has not come yet
  guint source_;
};

}  // namespace camera

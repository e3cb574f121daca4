// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <set>
#include <string>

namespace examples {

// Media sections of offers in which nothing is sent. webrtcbin 1.22 cannot open a section again
// once it has closed, so to webrtcbin they stay open.
class OpenSections {
 public:
  // The offer as webrtcbin sees it.
  std::string open(const std::string &offer);
  // webrtcbin's answer as the other side sees it.
  std::string close(const std::string &answer) const;

 private:
  std::set<std::size_t> closed_;  // of the last offer, as split_sdp() counts them
};

}  // namespace examples

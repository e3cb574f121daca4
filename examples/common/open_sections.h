// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <set>
#include <string>

namespace examples {

// Media sections of offers that send nothing for now. A webrtcbin of release 1.22 cannot open a
// section again once it has closed, so to webrtcbin they stay open.
class OpenSections {
 public:
  // The offer as webrtcbin sees it.
  std::string open(const std::string &offer);
  // webrtcbin's answer as the other side sees it.
  std::string close(const std::string &answer) const;

 private:
  std::set<unsigned> closed_;  // in the last offer
};

}  // namespace examples

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace recorder {

// A media section of an offer, as far as it says what is sent there.
struct Section {
  std::string kind;  // audio, video, application
  bool sends = false;
  // Of its msid; empty: none.
  std::string stream, track;

  bool operator==(const Section &) const = default;
};

std::vector<Section> sections_of(const std::string &sdp);

// Which of the sections of its kind this one is, from 0.
unsigned place_of(const std::vector<Section> &sections, unsigned mline);

}  // namespace recorder

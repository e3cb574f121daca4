// SPDX-License-Identifier: LGPL-2.1-or-later
#include "offer.h"

#include <algorithm>
#include <sstream>

namespace recorder {
namespace {

constexpr std::string_view kMsid = "a=msid:";

void take_line(const std::string &line, Section &section) {
  if (line == "a=inactive" || line == "a=recvonly") {
    section.sends = false;
  } else if (line.starts_with(kMsid)) {
    std::istringstream words(line.substr(kMsid.size()));
    words >> section.stream >> section.track;
  }
}

}  // namespace

std::vector<Section> sections_of(const std::string &sdp) {
  std::vector<Section> sections;
  std::istringstream lines(sdp);
  for (std::string line; std::getline(lines, line);) {
    while (line.ends_with('\r'))
      line.pop_back();
    if (line.starts_with("m=")) {
      // Port 0: the section is not used.
      std::istringstream words(line.substr(2));
      std::string kind, port;
      words >> kind >> port;
      sections.push_back({.kind = kind, .sends = port != "0", .stream = {}, .track = {}});
    } else if (!sections.empty()) {
      take_line(line, sections.back());
    }
  }
  return sections;
}

unsigned place_of(const std::vector<Section> &sections, unsigned mline) {
  if (mline >= sections.size())
    return 0;
  return static_cast<unsigned>(
      std::count_if(sections.begin(), sections.begin() + mline,
                    [&](const Section &section) { return section.kind == sections[mline].kind; }));
}

}  // namespace recorder

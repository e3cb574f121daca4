// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sdp_text.h"

#include <sstream>

namespace examples {

SdpSections split_sdp(const std::string &sdp) {
  SdpSections sections(1);
  std::istringstream lines(sdp);
  for (std::string line; std::getline(lines, line);) {
    while (line.ends_with('\r'))
      line.pop_back();
    if (line.starts_with("m="))
      sections.emplace_back();
    if (!line.empty())
      sections.back().push_back(line);
  }
  return sections;
}

std::string join_sdp(const SdpSections &sections) {
  std::string sdp;
  for (const auto &section : sections)
    for (const std::string &line : section)
      sdp += line + "\r\n";
  return sdp;
}

}  // namespace examples

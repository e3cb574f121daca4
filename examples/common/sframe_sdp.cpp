// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sframe_sdp.h"

#include <algorithm>
#include <vector>

#include "sdp_text.h"

namespace examples {
namespace {

using Section = std::vector<std::string>;

bool has_sframe(const Section &section) {
  return std::find(section.begin(), section.end(), "a=sframe") != section.end();
}

// "m=video 0 UDP/TLS/RTP/SAVPF 96": the second word is the port.
bool is_rejected(const Section &section) {
  const std::string &line = section.front();
  const std::size_t port = line.find(' ');
  return port != std::string::npos && line.compare(port, 3, " 0 ") == 0;
}

// "video" of "m=video 9 ...".
std::string kind_of(const Section &section) {
  const std::string &line = section.front();
  return line.substr(2, line.find(' ') - 2);
}

std::string of_section(std::size_t number, const Section &section) {
  return "media section " + std::to_string(number) + " (" + kind_of(section) + ")";
}

}  // namespace

std::string sframe_disagreement(const std::string &offer, const std::string &answer) {
  const SdpSections offered = split_sdp(offer);
  const SdpSections answered = split_sdp(answer);
  for (std::size_t i = 1; i < std::max(offered.size(), answered.size()); ++i) {
    const bool offers = i < offered.size() && has_sframe(offered[i]);
    const bool takes = i < answered.size() && has_sframe(answered[i]);
    if (offers == takes || (i < answered.size() && is_rejected(answered[i])))
      continue;
    if (offers)
      return "the answer takes no SFrame (a=sframe) for " + of_section(i, offered[i]);
    return "the answer has SFrame (a=sframe) for " + of_section(i, answered[i]) +
           ", for which none was offered";
  }
  return "";
}

}  // namespace examples

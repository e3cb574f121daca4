// SPDX-License-Identifier: LGPL-2.1-or-later
#include "open_sections.h"

#include "sdp_text.h"

namespace examples {

std::string OpenSections::open(const std::string &offer) {
  SdpSections sections = split_sdp(offer);
  closed_.clear();
  for (std::size_t i = 1; i < sections.size(); ++i)
    for (std::string &line : sections[i])
      if (line == "a=inactive" || line == "a=recvonly") {
        closed_.insert(i);
        line = "a=sendonly";
      }
  return join_sdp(sections);
}

std::string OpenSections::close(const std::string &answer) const {
  SdpSections sections = split_sdp(answer);
  for (const std::size_t i : closed_)
    if (i < sections.size())
      for (std::string &line : sections[i])
        if (line == "a=recvonly")
          line = "a=inactive";
  return join_sdp(sections);
}

}  // namespace examples

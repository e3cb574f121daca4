// SPDX-License-Identifier: LGPL-2.1-or-later
#include "open_sections.h"

#include <functional>
#include <sstream>

namespace examples {
namespace {

// Lines in front of the first media section have none.
std::string with_lines(
    const std::string &sdp,
    const std::function<std::string(unsigned section, const std::string &line)> &line_for) {
  std::string changed;
  unsigned sections = 0;
  std::istringstream lines(sdp);
  for (std::string line; std::getline(lines, line);) {
    while (line.ends_with('\r'))
      line.pop_back();
    sections += line.starts_with("m=");
    if (!line.empty())
      changed += (sections > 0 ? line_for(sections - 1, line) : line) + "\r\n";
  }
  return changed;
}

}  // namespace

std::string OpenSections::open(const std::string &offer) {
  closed_.clear();
  return with_lines(offer, [this](unsigned section, const std::string &line) -> std::string {
    if (line != "a=inactive" && line != "a=recvonly")
      return line;
    closed_.insert(section);
    return "a=sendonly";
  });
}

std::string OpenSections::close(const std::string &answer) const {
  return with_lines(answer, [this](unsigned section, const std::string &line) -> std::string {
    return line == "a=recvonly" && closed_.contains(section) ? "a=inactive" : line;
  });
}

}  // namespace examples

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace recorder {

// A media section of an offer, as far as it says what is sent there.
struct Section {
  std::string kind;  // audio, video, application
  bool sends = false;
  // Of its msid; empty: none.
  std::string stream, track;
  std::vector<unsigned> ssrcs;

  bool operator==(const Section &) const = default;
};

std::vector<Section> sections_of(const std::string &sdp);

// Which of the sections of its kind this one is, from 0.
unsigned place_of(const std::vector<Section> &sections, unsigned mline);

// The offer with one codec in each section, and what retransmits it: webrtcbin 1.22 answers with
// the first codec of a section, whichever is sent. `codec_of` names it by the number of the
// section, as "vp8"; empty: the section stays as it is.
std::string keep_codecs(const std::string &sdp,
                        const std::function<std::string(unsigned)> &codec_of);

// The answer with every codec of the offer that can be recorded: a server takes those of the first
// answer for all that will ever be understood.
std::string accept_codecs(const std::string &answer, const std::string &offer);

}  // namespace recorder

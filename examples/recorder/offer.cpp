// SPDX-License-Identifier: LGPL-2.1-or-later
#include "offer.h"

#include <glib.h>

#include <algorithm>
#include <sstream>

#include "codecs.h"
#include "common/sdp_text.h"

namespace recorder {
namespace {

constexpr std::string_view kMsid = "a=msid:";
constexpr std::string_view kSsrc = "a=ssrc:";

void take_line(const std::string &line, Section &section) {
  if (line == "a=inactive" || line == "a=recvonly") {
    section.sends = false;
  } else if (line.starts_with(kMsid)) {
    std::istringstream words(line.substr(kMsid.size()));
    words >> section.stream >> section.track;
  } else if (line.starts_with(kSsrc)) {
    const auto ssrc = static_cast<unsigned>(g_ascii_strtoull(&line[kSsrc.size()], nullptr, 10));
    if (std::ranges::find(section.ssrcs, ssrc) == section.ssrcs.end())
      section.ssrcs.push_back(ssrc);
  }
}

// A payload type of a section.
struct Payload {
  std::string number, encoding, parameters;

  bool is(const std::string &codec) const {
    return g_ascii_strcasecmp(encoding.c_str(), codec.c_str()) == 0;
  }
};

using Lines = examples::SdpSections::value_type;

std::vector<Payload> payloads_of(const Lines &section) {
  std::vector<Payload> payloads;
  std::istringstream words(section.front());
  std::string word;
  words >> word >> word >> word;  // kind, port, protocol
  while (words >> word)
    payloads.push_back({.number = word, .encoding = {}, .parameters = {}});
  for (Payload &payload : payloads) {
    const std::string rtpmap = "a=rtpmap:" + payload.number + " ";
    const std::string fmtp = "a=fmtp:" + payload.number + " ";
    for (const std::string &line : section) {
      if (line.starts_with(rtpmap))
        payload.encoding = line.substr(rtpmap.size(), line.find('/') - rtpmap.size());
      else if (line.starts_with(fmtp))
        payload.parameters = line.substr(fmtp.size());
    }
  }
  return payloads;
}

// Of several forms of H.264 the one that every sender uses.
const Payload *best_of(const std::vector<Payload> &payloads, const std::string &codec) {
  const Payload *best = nullptr;
  for (const Payload &payload : payloads) {
    if (!payload.is(codec))
      continue;
    const bool in_fragments = payload.parameters.find("packetization-mode=1") != std::string::npos;
    if (!best ||
        (in_fragments && best->parameters.find("packetization-mode=1") == std::string::npos))
      best = &payload;
  }
  return best;
}

bool is_about(const std::string &line, const std::string &number) {
  return line.starts_with("a=rtpmap:" + number + " ") ||
         line.starts_with("a=fmtp:" + number + " ") ||
         line.starts_with("a=rtcp-fb:" + number + " ");
}

// A codec of an offer, and what sends its lost packets again.
std::vector<std::string> numbers_of(const std::vector<Payload> &payloads,
                                    const std::string &codec) {
  const Payload *best = best_of(payloads, codec);
  if (!best)
    return {};
  std::vector<std::string> numbers = {best->number};
  for (const Payload &payload : payloads)
    if (payload.is("rtx") && payload.parameters == "apt=" + best->number)
      numbers.push_back(payload.number);
  return numbers;
}

// A codec of the offer in the answer. Its parameters are those that were offered: webrtcbin leaves
// the profile of H.264 out, and the server does not take that for the same codec.
void accept_payload(Lines &answered, const Lines &offered, const std::string &number) {
  const std::string parameters = "a=fmtp:" + number + " ";
  const bool is_answered = std::ranges::any_of(answered, [&number](const std::string &line) {
    return line.starts_with("a=rtpmap:" + number + " ");
  });
  if (!is_answered)
    answered.front() += " " + number;
  std::erase_if(answered,
                [&parameters](const std::string &line) { return line.starts_with(parameters); });
  for (const std::string &line : offered)
    if (line.starts_with(parameters) ||
        (!is_answered && is_about(line, number) && !line.ends_with(" goog-remb")))
      answered.push_back(line);
}

void keep_codec(Lines &section, const std::string &codec) {
  const std::vector<Payload> payloads = payloads_of(section);
  const std::vector<std::string> kept = numbers_of(payloads, codec);
  if (kept.empty())
    return;
  std::istringstream words(section.front());
  std::string kind, port, protocol;
  words >> kind >> port >> protocol;
  section.front() = kind + " " + port + " " + protocol;
  for (const std::string &number : kept)
    section.front() += " " + number;
  for (const Payload &payload : payloads)
    if (std::ranges::find(kept, payload.number) == kept.end())
      std::erase_if(section,
                    [&payload](const std::string &line) { return is_about(line, payload.number); });
}

}  // namespace

std::string keep_codecs(const std::string &sdp,
                        const std::function<std::string(unsigned)> &codec_of) {
  examples::SdpSections sections = examples::split_sdp(sdp);
  for (std::size_t i = 1; i < sections.size(); ++i)
    if (const std::string codec = codec_of(static_cast<unsigned>(i - 1)); !codec.empty())
      keep_codec(sections[i], codec);
  return examples::join_sdp(sections);
}

std::string accept_codecs(const std::string &answer, const std::string &offer) {
  examples::SdpSections answered = examples::split_sdp(answer);
  const examples::SdpSections offered = examples::split_sdp(offer);
  for (std::size_t i = 1; i < std::min(answered.size(), offered.size()); ++i)
    for (const Codec &codec : codecs())
      for (const std::string &number : numbers_of(payloads_of(offered[i]), codec.rtp_name))
        accept_payload(answered[i], offered[i], number);
  return examples::join_sdp(answered);
}

std::vector<Section> sections_of(const std::string &sdp) {
  const examples::SdpSections media = examples::split_sdp(sdp);
  std::vector<Section> sections;
  for (std::size_t i = 1; i < media.size(); ++i) {
    // Port 0: the section is not used.
    std::istringstream words(media[i].front().substr(2));
    std::string kind, port;
    words >> kind >> port;
    Section &section = sections.emplace_back();
    section.kind = kind;
    section.sends = port != "0";
    for (const std::string &line : media[i])
      take_line(line, section);
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Both ends of a session over SFrame over RTP, without the RTP.
#pragma once

#include "support/element.h"
#include "support/records.h"

namespace e2ee::test::session {

inline constexpr char kMark[] = ", e2ee=(string)sframe-rtp";
inline std::string marked(const std::string &caps) {
  return caps + kMark;
}

// Names and values of properties.
using Settings = std::vector<std::pair<const char *, std::string>>;

// One base key, as both ends of a session have it.
inline const Settings kSession = {{"sframe-suite", "6"}, {"sframe-ratchet-bits", "8"}};

inline std::unique_ptr<Element> make(const char *factory, const Provider &provider,
                                     const Settings &more = {}) {
  auto element = element_of(factory, provider, "sframe");
  for (const Settings &settings : {kSession, more}) {
    for (const auto &[name, value] : settings)
      element->set(name, value);
  }
  return element;
}

/// As a payloader with payload-format=sframe takes frames of these caps.
inline std::unique_ptr<Element> sender_of(const Provider &provider, const std::string &caps,
                                          const Settings &more = {}, const std::string &sink = {}) {
  auto element = make("e2eeencrypt", provider, more);
  element->start(nullptr);
  gst_harness_set_sink_caps_str(element->harness(), marked(sink.empty() ? caps : sink).c_str());
  element->set_caps(caps.c_str());
  return element;
}

inline std::unique_ptr<Element> receiver_of(const Provider &provider, const std::string &caps,
                                            const Settings &more = {}) {
  auto element = make("e2eedecrypt", provider, more);
  element->start(marked(caps).c_str());
  return element;
}

inline std::string caps_behind(const Element &element) {
  const ObjectPtr<GstPad> pad(gst_element_get_static_pad(element.get(), "src"));
  const Caps caps(gst_pad_get_current_caps(pad.get()));
  return caps ? std::string(CharPtr(gst_caps_to_string(caps.get())).get()) : "";
}

}  // namespace e2ee::test::session

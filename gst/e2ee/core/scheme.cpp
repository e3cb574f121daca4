/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/scheme.h"

#include "core/sframe.h"
#include "core/trailer.h"

namespace e2ee {

extern const Scheme kLivekit, kRealtimekit, kJitsi;
const Scheme *sframe_scheme(const SchemeOptions &options);

std::span<const Scheme *const> schemes() {
  static const Scheme *const table[] = {&kLivekit, &kRealtimekit, &kJitsi, sframe_scheme({})};
  return table;
}

const Scheme *scheme_for(std::size_t id, const SchemeOptions &options) {
  if (id >= schemes().size())
    return nullptr;
  const Scheme *scheme = schemes()[id];
  return scheme->layout == Layout::sframe ? sframe_scheme(options) : scheme;
}

bool Scheme::recognises(ByteView frame) const {
  return layout != Layout::trailer || has_trailer(frame);
}

const ClearRule *Scheme::rule_for(const CodecRule &codec) const {
  for (const ClearRule &rule : codec.whole ? rtp_rules : clear_rules) {
    if (rule.codec == codec.id)
      return &rule;
  }
  return nullptr;
}

namespace {

std::string fault_of(const Scheme &scheme, const Material &material) {
  if (material.key_id > scheme.max_key_id)
    return "its key ids are 0 to " + std::to_string(scheme.max_key_id) +
           (scheme.drawn_kids ? " unless the KID is an explicit one" : "");
  if (scheme.key_bits != 0 && material.key_bits != 0 && material.key_bits != scheme.key_bits)
    return "its keys have " + std::to_string(scheme.key_bits) +
           " bits; set key-size=" + std::to_string(scheme.key_bits);
  if (material.scheme != nullptr && !material.scheme->same_keys(scheme))
    return "this material was ratcheted under another scheme";
  const char *why = scheme.refuses != nullptr ? scheme.refuses(material) : nullptr;
  return why != nullptr ? why : "";
}

}  // namespace

std::string Scheme::why_refused(const Material &material) const {
  const std::string fault = fault_of(*this, material);
  return fault.empty() ? fault
                       : "scheme " + std::string(name) + " cannot use key " +
                             std::to_string(material.key_id) + ": " + fault;
}

}  // namespace e2ee

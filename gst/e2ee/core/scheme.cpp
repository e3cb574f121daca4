/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/scheme.h"

namespace e2ee {

extern const Scheme kLivekit;

const Scheme *scheme_for(SchemeId id) {
  static const Scheme *const table[] = {&kLivekit};
  for (const Scheme *scheme : table) {
    if (scheme->id == id)
      return scheme;
  }
  return nullptr;
}

const ClearRule *Scheme::rule_for(CodecId codec) const {
  for (const ClearRule &rule : clear_rules) {
    if (rule.codec == codec)
      return &rule;
  }
  return nullptr;
}

}  // namespace e2ee

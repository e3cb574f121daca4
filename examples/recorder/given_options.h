// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

#include <climits>
#include <string>
#include <vector>

#include "options.h"

namespace recorder {

// Strings that GOption hands out.
class Text {
 public:
  ~Text() { g_free(text_); }
  Text() = default;
  Text(const Text &) = delete;
  Text &operator=(const Text &) = delete;
  char **out() { return &text_; }
  explicit operator bool() const { return text_ != nullptr; }
  void to(std::string &value) const {
    if (text_)
      value = text_;
  }

 private:
  char *text_ = nullptr;
};

// Everything that GOption fills, and how it becomes Options.
struct Given {
  Text livekit, api_key_file, identity;
  Text url, room, pin_file, api_secret_file, token_file, ca_file, name, identity_from, output, mode,
      key_provider, scheme, server_frames, audit_key, control, metrics, stun, turn_file, public_key,
      kdf, salt, kid_map, clear_header, server_trailer;
  int latency = 1000, suite = 4;
  static constexpr int kNotGiven = INT_MIN;
  int replay_window = kNotGiven, key_size = kNotGiven, ring = kNotGiven;
  double key_wait = kNotGiven, keys_grace = kNotGiven, seconds = 0;
  gboolean no_audit = FALSE, loopback_only = FALSE, json = FALSE, allow_unencrypted = FALSE,
           unannounced = FALSE;
  char **words = nullptr;
  const std::string schemes = examples::alternatives(GST_TYPE_E2EE_SCHEME);  // for --help
  ~Given() { g_strfreev(words); }

  // They fill this, and end with an empty one.
  std::vector<GOptionEntry> main_entries();
  std::vector<GOptionEntry> format_entries();
  std::vector<GOptionEntry> network_entries();

  // Throws WrongUsage for a value that an option does not take.
  void to(Options &options) const;

 private:
  void to_sfu(Options &options) const;
  void to_open(Options &options) const;
  void to_sealed(Options &options) const;
};

}  // namespace recorder

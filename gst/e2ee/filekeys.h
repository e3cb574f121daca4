/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "keysfile.h"
#include "workers.h"

namespace e2ee {

class RingProvider;

/// The keys of a provider that came from a keys file: loading it again takes away what it no longer
/// has, and leaves what was set by call.
class FileKeys {
 public:
  explicit FileKeys(RingProvider &ring) : ring_(ring) {}

  bool load(const char *path, GError **error);
  /// The file that was to be loaded last; null before that.
  gchar *copy_path();

 private:
  // Noted one by one, so that a load that fails on its way forgets none.
  using Places = std::map<std::string, std::set<std::uint64_t>>;

  void note(const std::string &identity, std::uint64_t id);
  void remove(const std::string &identity, const std::set<std::uint64_t> &ids);
  bool take(const std::string &identity, FileRing &keys, const Done &done, GError **error);
  Done when_loaded(std::uint64_t load, const FileRings &now, const Places &before, Done told);
  void remove_absent(const Places &now, const Places &before);

  RingProvider &ring_;
  std::mutex mutex_;
  std::optional<std::string> path_;
  Places places_;
  bool had_some_ = false;  // once
  std::uint64_t loads_ = 0;
  std::uint64_t failed_ = 0;  // the load that removes nothing
};

}  // namespace e2ee

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <set>
#include <string>

namespace recorder {

// Who must not be recorded, by command. Kept in the output folder, so that no restart forgets it.
class Withdrawn {
 public:
  // Reads what an earlier recorder left. Throws Failure when that cannot be read: nobody knows then
  // who may be recorded.
  explicit Withdrawn(const std::string &folder);

  const std::set<std::string> &identities() const { return identities_; }
  bool contains(const std::string &identity) const { return identities_.contains(identity); }

  // It holds even when Failure says that it could not be kept for the next start.
  void insert(const std::string &identity);
  void erase(const std::string &identity);

 private:
  void keep() const;

  const std::string path_;
  std::set<std::string> identities_;
};

}  // namespace recorder

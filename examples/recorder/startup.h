// SPDX-License-Identifier: LGPL-2.1-or-later
// What a recorder needs of this machine before it begins. Files that cannot be used are Refused.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "options.h"
#include "receive.h"
#include "room.h"

namespace recorder {

// Descriptor of the output folder, made if it is missing. Throws Failure: what stands in the way,
// as a disk that is not mounted, may pass.
class Folder {
 public:
  explicit Folder(const std::string &path);
  ~Folder();
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

// A room that is joined when it is made, with the secrets and certificates that its files hold.
struct Entrance {
  std::string room;
  std::function<std::unique_ptr<Room>(const ReceiveSettings &, Room::Events)> enter;
};
Entrance entrance(const Options &options);

// Without the provider. Running time begins now.
ReceiveSettings receive_settings(const Options &options);

}  // namespace recorder

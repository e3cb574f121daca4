// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "common/gst_ptr.h"
#include "common/json.h"
#include "journal.h"
#include "livekit/texts.h"

namespace recorder {

using namespace examples;

// What is written in a room, beside the recordings: a line of JSON for each message, in a file that
// is made with the first one. In sealed mode the lines hold what came, for later. A disk that is
// full costs messages. On the main context.
class ChatLog {
 public:
  struct Settings {
    int folder = -1;                                       // descriptor, not owned
    GstE2EEKeyProvider *provider = nullptr;                // not owned; null: sealed
    std::chrono::milliseconds key_wait{0};                 // for a key that comes late
    std::function<bool(const std::string &identity)> may;  // be written down now
  };

  ChatLog(Settings settings, Journal &journal);
  ~ChatLog();
  ChatLog(const ChatLog &) = delete;
  ChatLog &operator=(const ChatLog &) = delete;

  // An encrypted packet of a data channel, as it came.
  void take(const std::string &identity, const std::string &packet);
  void tick();   // tries again what waits for its key
  void close();  // gives up what waits

 private:
  using Clock = std::chrono::steady_clock;
  using CryptorPtr = ObjectPtr<GstE2EEDataCryptor>;
  struct Held {
    std::string identity;
    livekit::wire::EncryptedPacket packet;
    std::int64_t came_us;  // since 1970
    Clock::time_point until;
  };

  bool is_repeated(const Held &held);
  bool open(const Held &held);
  GstE2EEDataCryptor *cryptor_of(const std::string &identity);
  void write_payload(const Held &held, const std::string &payload);
  void write_sealed(const Held &held);
  void write(const JsonFields &fields);
  void append(const std::string &line);
  void give_up(const Held &held);
  void drop_first();
  void tell(const std::string &identity, const std::string &problem);

  const Settings settings_;
  Journal &journal_;
  std::map<std::string, CryptorPtr> cryptors_;
  livekit::Texts texts_;
  std::deque<Held> held_;
  std::size_t held_bytes_ = 0;
  std::deque<std::string> seen_;  // identity, key index and IV of messages that were opened
  std::string file_;
  int fd_ = -1;
  std::uint64_t messages_ = 0, not_decrypted_ = 0;
};

}  // namespace recorder

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A decryptor that waits for its key.
#pragma once

#include "holding.h"
#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {

/// How much later than its deadline something may happen on a machine with much else to do.
constexpr Milliseconds kLeeway(400);

class KeyWait : public testing::Test {
 protected:
  // Whatever a test did, each frame that came is accounted for.
  void TearDown() override {
    const auto stat = [this](const char *name) { return decryptor_.stat(name); };
    EXPECT_TRUE(wait_for([&] {
      return stat("frames-in") == stat("frames-out") + decryptor_.dropped() + stat("held");
    })) << stat("frames-in")
        << " came, " << stat("frames-out") << " left, " << decryptor_.dropped() << " were dropped, "
        << stat("held") << " are held";
  }

  Element &start(guint64 wait) {
    g_object_set(decryptor_.get(), "key-wait", wait, nullptr);
    return decryptor_.start(kVp8);
  }

  void set_key() { set_raw(receiver_, kFill, 0); }

  void push(const std::vector<SealedFrame> &frames, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i)
      ASSERT_EQ(decryptor_.push(frames[i].sealed), GST_FLOW_OK) << "frame " << i;
  }

  /// Names of Order for frames from..to-1 and what comes behind them.
  static std::vector<std::string> sequence(std::size_t from, std::size_t to,
                                           const char *end = nullptr) {
    std::vector<std::string> names;
    for (std::size_t i = from; i < to; ++i)
      names.push_back("frame " + std::to_string(i));
    if (end != nullptr)
      names.push_back(end);
    return names;
  }

  static constexpr guint8 kFill = 0x61;
  const Provider sender_ = raw_provider(kFill);
  const Provider receiver_ = empty_provider();
  Element decryptor_{"e2eedecrypt", receiver_};
};

}  // namespace e2ee::test

// SPDX-License-Identifier: LGPL-2.1-or-later
// A session at a server of this process.
#pragma once

#include <gtest/gtest.h>

#include "fake_janus.h"
#include "recorder/janus_room.h"

namespace fake {

class Janus : public testing::Test {
 protected:
  void open() {
    settings.url = server.url();
    session = std::make_unique<recorder::JanusSession>(
        settings, recorder::JanusSession::Events{.up = [this] { up = true; },
                                                 .lost =
                                                     [this](const std::string &why) {
                                                       ++losses;
                                                       lost = why;
                                                     }});
  }
  void open_and_wait() {
    open();
    ASSERT_TRUE(run_until([this] { return up; }));
  }
  static examples::JsonObjectPtr body() {
    examples::JsonObjectPtr object(json_object_new());
    json_object_set_string_member(object.get(), "request", "test");
    return object;
  }

  FakeJanus server;
  recorder::JanusSession::Settings settings;
  std::unique_ptr<recorder::JanusSession> session;
  bool up = false;
  int losses = 0;
  std::string lost;
};

}  // namespace fake

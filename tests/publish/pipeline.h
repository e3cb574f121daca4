// SPDX-License-Identifier: LGPL-2.1-or-later
// What tests of the publisher share.
#pragma once

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "common/elements.h"
#include "common/program.h"
#include "support/main_context.h"

namespace publish {

using e2ee::test::run_until;

/// A small picture that moves, I420. `more`: further caps.
inline std::string pictures(const std::string &properties = "is-live=true",
                            const std::string &caps = "format=I420") {
  return "videotestsrc pattern=ball " + properties +
         " ! video/x-raw,width=160,height=96,framerate=30/1," + caps;
}

/// A pipeline that runs until it is out of scope.
class Running {
 public:
  explicit Running(const std::string &line) {
    examples::Error error;
    pipeline_.reset(gst_parse_launch(line.c_str(), error.out()));
    error.check(line);
  }

  GstElement *operator[](const char *name) const {
    GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline_.get()), name);
    EXPECT_NE(element, nullptr) << name;
    gst_object_unref(element);  // the pipeline has it
    return element;
  }
  void play() const { gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING); }
  /// Until it has ended, or failed; which of both.
  GstMessageType finish() const {
    const examples::ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline_.get()));
    const examples::MessagePtr message(gst_bus_timed_pop_filtered(
        bus.get(), 60 * GST_SECOND,
        static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    return message ? GST_MESSAGE_TYPE(message.get()) : GST_MESSAGE_UNKNOWN;
  }

 private:
  examples::PipelinePtr pipeline_;
};

/// What it is refused with; empty: it is not.
inline std::string refusal_of(const std::function<void()> &run) {
  try {
    run();
  } catch (const examples::Refused &refused) {
    return refused.what();
  }
  return "";
}

}  // namespace publish

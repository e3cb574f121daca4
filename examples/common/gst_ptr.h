// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/owned.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

namespace examples {

using e2ee::BufferPtr;
using e2ee::CapsPtr;
using e2ee::CharPtr;
using e2ee::ErrorPtr;
using e2ee::FreeWith;
using e2ee::MessagePtr;
using e2ee::ObjectPtr;
using e2ee::PromisePtr;
using e2ee::SamplePtr;
using e2ee::StructurePtr;
using e2ee::Unref;

// A pipeline that stops when it goes out of scope.
struct StopPipeline {
  void operator()(GstElement *pipeline) const {
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
  }
};
using PipelinePtr = std::unique_ptr<GstElement, StopPipeline>;

// What went wrong, in words for whoever ran the program.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A GError that becomes an exception: pass `out()` to the call, then `check()`.
class Error {
 public:
  ~Error() { g_clear_error(&error_); }
  Error() = default;
  Error(const Error &) = delete;
  Error &operator=(const Error &) = delete;

  GError **out() { return &error_; }
  explicit operator bool() const { return error_ != nullptr; }
  bool is(GQuark domain, int code) const { return g_error_matches(error_, domain, code); }
  // `doing` comes in front of the message, unless it is empty.
  template <typename Thrown = Failure>
  void check(const std::string &doing = "") const {
    if (error_)
      throw Thrown((doing.empty() ? "" : doing + ": ") + message());
  }
  // GLib quotes with signs that not every terminal has.
  std::string message() const {
    std::string text = error_->message;
    for (const char *sign : {"\u201c", "\u201d"})
      for (std::size_t at = 0; (at = text.find(sign, at)) != std::string::npos;)
        text.replace(at, std::strlen(sign), "\"");
    return text;
  }

 private:
  GError *error_ = nullptr;
};

}  // namespace examples

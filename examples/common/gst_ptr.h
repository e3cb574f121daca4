// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>
#include <gst/gst.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

// Owners of GStreamer things: what GLib's g_autoptr does, in types that can be members and moved.
namespace examples {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T *thing) const {
    Free(thing);
  }
};

// gst_caps_unref and the like are inline: a type made of one would be another in every file.
struct Unref {
  template <typename T>
  void operator()(T *thing) const {
    gst_mini_object_unref(GST_MINI_OBJECT_CAST(thing));
  }
};

template <typename T>
using ObjectPtr = std::unique_ptr<T, FreeWith<&g_object_unref>>;
using CapsPtr = std::unique_ptr<GstCaps, Unref>;
using MessagePtr = std::unique_ptr<GstMessage, Unref>;
using PromisePtr = std::unique_ptr<GstPromise, Unref>;
using StructurePtr = std::unique_ptr<GstStructure, FreeWith<&gst_structure_free>>;
using CharPtr = std::unique_ptr<char, FreeWith<&g_free>>;
using ErrorPtr = std::unique_ptr<GError, FreeWith<&g_error_free>>;

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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Owners of GLib's and GStreamer's things: what g_autoptr does, in types that can be members and be
// moved. Shared by library, elements, examples and tests, and not installed.
#pragma once

#include <gst/gst.h>

#include <memory>

namespace e2ee {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T *thing) const {
    Free(thing);
  }
};

/// Of mini objects. gst_caps_unref() and the like are inline: a type made of one would be another
/// in every file.
struct Unref {
  template <typename T>
  void operator()(T *thing) const {
    gst_mini_object_unref(GST_MINI_OBJECT_CAST(thing));
  }
};

template <typename T>
using ObjectPtr = std::unique_ptr<T, FreeWith<&g_object_unref>>;
using BufferPtr = std::unique_ptr<GstBuffer, Unref>;
using CapsPtr = std::unique_ptr<GstCaps, Unref>;
using EventPtr = std::unique_ptr<GstEvent, Unref>;
using MessagePtr = std::unique_ptr<GstMessage, Unref>;
using PromisePtr = std::unique_ptr<GstPromise, Unref>;
using SamplePtr = std::unique_ptr<GstSample, Unref>;
using StructurePtr = std::unique_ptr<GstStructure, FreeWith<&gst_structure_free>>;
using CharPtr = std::unique_ptr<char, FreeWith<&g_free>>;
using StrvPtr = std::unique_ptr<char *, FreeWith<&g_strfreev>>;
using ErrorPtr = std::unique_ptr<GError, FreeWith<&g_error_free>>;

}  // namespace e2ee

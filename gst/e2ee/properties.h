/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Tables of properties, for class_init.
#pragma once

#include <gst/gst.h>

#include <span>

namespace e2ee {

constexpr GParamFlags property_flags(int flags) {
  return static_cast<GParamFlags>(flags | G_PARAM_STATIC_STRINGS);
}
inline constexpr GParamFlags kReadOnly = property_flags(G_PARAM_READABLE);
inline constexpr GParamFlags kReadWrite = property_flags(G_PARAM_READWRITE);
inline constexpr GParamFlags kConstructOnly =
    property_flags(G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY);
inline constexpr GParamFlags kSetInReady =
    property_flags(G_PARAM_READWRITE | GST_PARAM_MUTABLE_READY);
inline constexpr GParamFlags kSetAnyTime =
    property_flags(G_PARAM_READWRITE | GST_PARAM_MUTABLE_PLAYING);

struct Property {
  guint id;
  GParamFlags flags;
  GParamSpec *(*make)(GParamFlags flags);
};

inline void install_properties(GObjectClass *klass, std::span<const Property> properties) {
  for (const Property &each : properties)
    g_object_class_install_property(klass, each.id, each.make(each.flags));
}

}  // namespace e2ee

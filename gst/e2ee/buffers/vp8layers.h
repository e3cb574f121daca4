/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include <optional>

namespace e2ee {

struct Vp8Layers {
  guint temporal_layer = 0;
  gboolean layer_sync = FALSE;
};

inline bool is_vp8_meta(const GstMeta *meta) {
  return gst_meta_info_is_custom(meta->info) &&
         gst_custom_meta_has_name(reinterpret_cast<GstCustomMeta *>(const_cast<GstMeta *>(meta)),
                                  "GstVP8Meta");
}

/// What vp8enc says of a frame; none where it makes no temporal layers. Asking the buffer for the
/// meta by name would cost a look into a table of the process.
inline std::optional<Vp8Layers> vp8_layers_of(GstBuffer *buffer) {
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta(buffer, &state)) {
    if (!is_vp8_meta(meta))
      continue;
    const GstStructure *fields =
        gst_custom_meta_get_structure(reinterpret_cast<GstCustomMeta *>(meta));
    gboolean scaled = FALSE;
    if (!gst_structure_get_boolean(fields, "use-temporal-scaling", &scaled) || !scaled)
      return std::nullopt;
    Vp8Layers layers;
    gst_structure_get_uint(fields, "layer-id", &layers.temporal_layer);
    gst_structure_get_boolean(fields, "layer-sync", &layers.layer_sync);
    return layers;
  }
  return std::nullopt;
}

}  // namespace e2ee

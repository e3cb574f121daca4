/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What the library itself may do with material.
#pragma once

#include <gst/e2ee/gste2eekeymaterial.h>

#include <memory>

#include "core/key.h"
#include "owned.h"

namespace e2ee {

using MaterialPtr = std::unique_ptr<GstE2EEKeyMaterial, FreeWith<&gst_e2ee_key_material_unref>>;

inline constexpr guint kMaxRatchetWindow = 64;

/// What options a provider fills in where the material leaves them open.
struct MaterialDefaults {
  Kdf kdf = Kdf::automatic;
  std::optional<std::string> salt;
  unsigned key_bits = 0;
  unsigned ratchet_window = 0;
  bool exportable = false;
};

const Material &material_of(const GstE2EEKeyMaterial *material);
MaterialPtr material_ref(GstE2EEKeyMaterial *material);
MaterialPtr material_new(Material material);

/// From here on setters fail.
void material_freeze(GstE2EEKeyMaterial *material);

/// A frozen copy with the open options filled in, and a lineage of its own. Exportable if both are.
MaterialPtr material_with_defaults(const GstE2EEKeyMaterial *material,
                                   const MaterialDefaults &defaults);

/// Frozen material of the generation that `key` belongs to, which was reached by ratcheting from
/// `from`; null when it was not.
MaterialPtr material_of_key(const Material &from, const Key &key, const Scheme &scheme);

/// Whether both would derive the same keys; of two that a shipped provider holds, whether they
/// come from the same setting of a key.
bool same_material(const Material &a, const Material &b);

/// Takes a passphrase; text and error as gst_e2ee_key_material_new_passphrase().
MaterialPtr material_from_passphrase(ByteView text, guint64 key_id, GError **error);
MaterialPtr material_from_bytes(ByteView bytes, guint64 key_id, GError **error);

}  // namespace e2ee

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The owners of gst/e2ee/owned.h under short names, those of the library's types, and errors.
#pragma once

#include <gst/e2ee/e2ee.h>
#include <gst/e2ee/owned.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "support/bytes.h"

namespace e2ee::test {

using Buffer = BufferPtr;
using Caps = CapsPtr;
using Structure = StructurePtr;
using Text = CharPtr;
using BytesRef = std::unique_ptr<GBytes, FreeWith<&g_bytes_unref>>;
using Material = std::unique_ptr<GstE2EEKeyMaterial, FreeWith<&gst_e2ee_key_material_unref>>;

inline BytesRef bytes_ref(const Bytes &bytes) {
  return BytesRef(g_bytes_new(bytes.data(), bytes.size()));
}
inline BytesRef bytes_ref(std::string_view text) {
  return BytesRef(g_bytes_new(text.data(), text.size()));
}

/// A copy of what `bytes` hold.
inline Bytes bytes_of(GBytes *bytes) {
  gsize size = 0;
  const auto *data = static_cast<const guint8 *>(g_bytes_get_data(bytes, &size));
  return Bytes(data, data + size);
}

/// Receives a GError; `error.at()` goes where a GError ** is asked for.
class Error {
 public:
  ~Error() { g_clear_error(&error_); }
  GError **at() {
    g_clear_error(&error_);
    return &error_;
  }
  bool is(GstE2EEError code) const { return g_error_matches(error_, GST_E2EE_ERROR, code); }
  explicit operator bool() const { return error_ != nullptr; }
  std::string text() const { return error_ ? error_->message : ""; }

 private:
  GError *error_ = nullptr;
};

}  // namespace e2ee::test

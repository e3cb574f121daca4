/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/frame_cryptor.h"

namespace e2ee::test {

// They can be set as the object is made only: each value is read from its text for that.
FrameCryptor::FrameCryptor(const Provider &provider, const Properties &properties) {
  auto *klass = static_cast<GObjectClass *>(g_type_class_ref(GST_TYPE_E2EE_FRAME_CRYPTOR));
  std::vector<const char *> names = {"key-provider"};
  std::vector<GValue> values(properties.size() + 1, GValue G_VALUE_INIT);
  g_value_init(&values[0], GST_TYPE_E2EE_KEY_PROVIDER);
  g_value_set_object(&values[0], provider.get());
  for (const auto &[name, text] : properties) {
    GValue &value = values[names.size()];
    g_value_init(&value, g_object_class_find_property(klass, name)->value_type);
    EXPECT_TRUE(gst_value_deserialize(&value, text.c_str())) << name;
    names.push_back(name);
  }
  cryptor_ = GST_E2EE_FRAME_CRYPTOR(g_object_new_with_properties(
      GST_TYPE_E2EE_FRAME_CRYPTOR, static_cast<guint>(names.size()), names.data(), values.data()));
  for (GValue &value : values)
    g_value_unset(&value);
  g_type_class_unref(klass);
}

bool FrameCryptor::set_caps(const Caps &caps) {
  GstCaps *encrypted = nullptr;
  GstCaps *decrypted = nullptr;
  const bool done =
      gst_e2ee_frame_cryptor_set_caps(cryptor_, caps.get(), &encrypted, &decrypted, error.at());
  encrypted_.reset(encrypted);
  decrypted_.reset(decrypted);
  EXPECT_EQ(done, encrypted != nullptr && decrypted != nullptr);
  return done;
}

FrameCryptor &FrameCryptor::start(const char *caps) {
  EXPECT_TRUE(set_caps(caps)) << error.text();
  EXPECT_TRUE(prepare()) << error.text();
  return *this;
}

}  // namespace e2ee::test

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// R22: what a provider does not export stays unreadable, whoever it is handed to.
#include "support/custom_provider.h"
#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

Provider exporting_provider() {
  const Provider provider = empty_provider();
  g_object_set(provider.get(), "exportable", TRUE, "ratchet-window", 4, nullptr);
  return provider;
}

Material held_by(const Provider &provider) {
  return Material(gst_e2ee_key_provider_lookup(provider.get(), nullptr, 0, nullptr));
}

bool is_readable(GstE2EEKeyMaterial *material) {
  Error error;
  const BytesRef bytes(gst_e2ee_key_material_get_bytes(material, error.at()));
  EXPECT_NE(bytes == nullptr, !error) << "either bytes or an error";
  EXPECT_TRUE(bytes || error.is(GST_E2EE_ERROR_INVALID_OPTION)) << error.text();
  return bytes != nullptr;
}

void set_material(const Provider &provider, GstE2EEKeyMaterial *material) {
  Error error;
  EXPECT_TRUE(gst_e2ee_shared_key_provider_set_material(shared(provider), material, error.at()))
      << error.text();
}

void ratchet(const Provider &provider) {
  Error error;
  EXPECT_TRUE(gst_e2ee_shared_key_provider_ratchet(shared(provider), 0, error.at()))
      << error.text();
}

/// Whether get_material() and get_bytes() give the secret away.
bool gives_away(const Provider &provider) {
  Error error;
  const Material material =
      Material(gst_e2ee_shared_key_provider_get_material(shared(provider), 0, error.at()));
  EXPECT_NE(material == nullptr, !error);
  return material && is_readable(material.get());
}

}  // namespace

TEST(Exportable, R22_ASecondProviderMakesNothingReadable) {
  const Provider closed = raw_provider(0x51);
  const Provider second = exporting_provider();
  set_material(second, held_by(closed).get());
  EXPECT_FALSE(gives_away(second));
  EXPECT_FALSE(is_readable(held_by(second).get()));
  const Provider third = exporting_provider();
  set_material(third, held_by(second).get());
  EXPECT_FALSE(gives_away(third));
  EXPECT_TRUE(same_key(closed, third)) << "it is still the key";
}

TEST(Exportable, R22_NorDoesARatchetThere) {
  const Provider closed = raw_provider(0x52);
  const Provider second = exporting_provider();
  set_material(second, held_by(closed).get());
  ratchet(second);
  EXPECT_FALSE(is_readable(held_by(second).get())) << "a step that nobody has derived";
  Element user("e2eedecrypt", second);
  user.start(kOpus);
  ratchet(second);
  EXPECT_FALSE(is_readable(held_by(second).get())) << "material of the new generation";
  EXPECT_FALSE(gives_away(second));
}

TEST(Exportable, R22_NorDoesAskingForItLater) {
  const Provider provider = raw_provider(0x53);
  g_object_set(provider.get(), "exportable", TRUE, nullptr);
  EXPECT_FALSE(gives_away(provider));
  ratchet(provider);
  EXPECT_FALSE(is_readable(held_by(provider).get()));
  set_raw(provider, 0x54, 0);
  EXPECT_TRUE(gives_away(provider)) << "a key that was set afterwards";
  g_object_set(provider.get(), "exportable", FALSE, nullptr);
  EXPECT_TRUE(gives_away(provider)) << "it belongs to the key";
}

TEST(Exportable, R22_NorDoesAnApplicationsProviderThatIsToldOfARatchet) {
  for (const bool mine : {false, true}) {
    const Provider closed = raw_provider(0x55);
    const auto keys = std::make_shared<CustomKeys>();
    keys->current = keys->lookup = [&](const std::string &, guint64, GError **) {
      GstE2EEKeyMaterial *material = mine ? raw_material(0x55, 0) : held_by(closed).release();
      if (mine) {
        EXPECT_TRUE(gst_e2ee_key_material_set_ratchet_window(material, 4, nullptr));
      }
      return material;
    };
    g_object_set(closed.get(), "ratchet-window", 4, nullptr);
    set_raw(closed, 0x55, 0);
    const Provider sender = raw_provider(0x55);
    ratchet(sender);
    const Provider receiver = custom_provider(keys);
    Element decryptor("e2eedecrypt", receiver);
    decryptor.start(kOpus);
    const Bytes sealed = seal(sender, kOpus, kPlain);
    ASSERT_TRUE(wait_for([&] { return decryptor.pass(sealed) == kPlain; }));
    ASSERT_TRUE(wait_for([&] {
      std::lock_guard lock(keys->mutex);
      return !keys->ratcheted.empty();
    }));
    EXPECT_EQ(is_readable(keys->ratcheted[0].material.get()), mine)
        << "what the application made stays readable to it, and nothing else is";
    const Provider second = exporting_provider();
    set_material(second, keys->ratcheted[0].material.get());
    EXPECT_EQ(gives_away(second), mine);
  }
}

TEST(Exportable, MaterialOfAnApplicationGoesThroughExportingProviders) {
  const Material made(raw_material(0x56, 0));
  EXPECT_TRUE(is_readable(made.get()));
  const Provider first = exporting_provider();
  set_material(first, made.get());
  ASSERT_TRUE(gives_away(first));
  const Provider second = exporting_provider();
  set_material(second, held_by(first).get());
  EXPECT_TRUE(gives_away(second));
  EXPECT_TRUE(is_readable(made.get())) << "its maker has the bytes anyway";
}

}  // namespace e2ee::test

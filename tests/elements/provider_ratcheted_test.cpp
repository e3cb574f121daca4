/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Providers that applications write, told that a sender has ratcheted.
#include <mutex>
#include <thread>

#include "support/custom_provider.h"
#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

/// Of a key whose generations ahead are looked for.
std::shared_ptr<CustomKeys> keys_with_window(guint8 fill, guint64 id, guint window) {
  const auto keys = std::make_shared<CustomKeys>();
  keys->current = keys->lookup = [=](const std::string &, guint64, GError **) {
    GstE2EEKeyMaterial *material = raw_material(fill, id);
    EXPECT_TRUE(gst_e2ee_key_material_set_ratchet_window(material, window, nullptr));
    return material;
  };
  return keys;
}

}  // namespace

TEST(Ratcheted, R15_IsToldOfAProvenRatchetOnItsWorkerWithMaterialThatGoesOn) {
  const auto keys = keys_with_window(0x31, 3, 4);
  const Provider provider = custom_provider(keys);
  const Provider sender = raw_provider(0x31, 3);
  Element encryptor("e2eeencrypt", sender);
  Element decryptor("e2eedecrypt", provider);
  g_object_set(decryptor.get(), "participant", "alice", nullptr);
  encryptor.start(kOpus);
  decryptor.start(kOpus);
  const Bytes first = encryptor.pass(kPlain).value();
  ASSERT_EQ(decryptor.pass(first), kPlain);
  for (int step = 0; step < 2; ++step)
    ASSERT_TRUE(gst_e2ee_shared_key_provider_ratchet(shared(sender), 3, nullptr));
  const Bytes sealed = encryptor.pass(kPlain).value();
  Bytes forged = sealed;
  forged[20] ^= 1;
  EXPECT_EQ(decryptor.pass(forged), std::nullopt);
  let_workers_finish();
  EXPECT_EQ(keys->ratcheted.size(), 0U) << "nothing is proven by a key, nor by a forged frame";
  ASSERT_TRUE(wait_for([&] { return decryptor.pass(sealed) == kPlain; }));
  ASSERT_TRUE(wait_for([&] {
    std::lock_guard lock(keys->mutex);
    return !keys->ratcheted.empty();
  }));
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(decryptor.pass(sealed), kPlain);
  let_workers_finish();
  std::lock_guard lock(keys->mutex);
  ASSERT_EQ(keys->ratcheted.size(), 1U) << "two steps that one frame proved, told once";
  const CustomKeys::Ratcheted told = keys->ratcheted[0];
  EXPECT_EQ(told.participant, "alice");
  EXPECT_EQ(told.key_id, 3U);
  EXPECT_EQ(told.generation, 2U);
  EXPECT_EQ(gst_e2ee_key_material_get_generation(told.material.get()), 2U);
  EXPECT_EQ(gst_e2ee_key_material_get_key_id(told.material.get()), 3U);
  EXPECT_NE(told.thread, std::this_thread::get_id()) << "the streaming thread";
  EXPECT_EQ(keys->threads.count(std::this_thread::get_id()), 0U) << "nor is it asked there";

  // Whoever has that material from now on opens this generation and follows to the next, and has
  // nothing of the one before.
  const auto later = std::make_shared<CustomKeys>();
  later->current = later->lookup = [&](const std::string &, guint64, GError **) {
    return gst_e2ee_key_material_ref(told.material.get());
  };
  Element joined("e2eedecrypt", custom_provider(later));
  joined.start(kOpus);
  EXPECT_TRUE(wait_for([&] { return joined.pass(sealed) == kPlain; }));
  EXPECT_EQ(joined.stat("generation"), 2U);
  EXPECT_EQ(joined.pass(first), std::nullopt);
  ASSERT_TRUE(gst_e2ee_shared_key_provider_ratchet(shared(sender), 3, nullptr));
  const Bytes next = encryptor.pass(kPlain).value();
  EXPECT_TRUE(wait_for([&] { return joined.pass(next) == kPlain; }));
  EXPECT_EQ(joined.stat("generation"), 3U);
}

TEST(Ratcheted, R15_IsToldOfASharedKeyWithoutAParticipant) {
  const auto keys = keys_with_window(0x32, 0, 2);
  const Provider provider = custom_provider(keys);
  const Provider sender = raw_provider(0x32);
  Element decryptor("e2eedecrypt", provider);
  decryptor.start(kOpus);
  ASSERT_TRUE(gst_e2ee_shared_key_provider_ratchet(shared(sender), 0, nullptr));
  const Bytes sealed = seal(sender, kOpus, kPlain);
  ASSERT_TRUE(wait_for([&] { return decryptor.pass(sealed) == kPlain; }));
  ASSERT_TRUE(wait_for([&] {
    std::lock_guard lock(keys->mutex);
    return !keys->ratcheted.empty();
  }));
  EXPECT_EQ(keys->ratcheted[0].participant, std::nullopt);
  EXPECT_EQ(keys->ratcheted[0].generation, 1U);
}

}  // namespace e2ee::test

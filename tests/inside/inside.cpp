/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inside.h"
#include "support/element.h"
#include "support/waiting.h"

G_BEGIN_DECLS
GST_PLUGIN_STATIC_DECLARE(e2ee);
G_END_DECLS

namespace e2ee::test {

namespace {

class BuiltIn : public testing::Environment {
 public:
  void SetUp() override { GST_PLUGIN_STATIC_REGISTER(e2ee); }
};

[[maybe_unused]] const testing::Environment *const built_in =
    testing::AddGlobalTestEnvironment(new BuiltIn);

}  // namespace

void pass_time(const Provider &provider, e2ee::Clock::duration time) {
  e2ee::Clock::advance_for_tests(time);
  // The first wakes the worker, the second comes after what was due.
  gst_e2ee_key_provider_sync(provider.get());
  gst_e2ee_key_provider_sync(provider.get());
}

std::vector<Bytes> frames_of_generations(const Provider &sending, unsigned count,
                                         const char *caps) {
  End encryptor("e2eeencrypt", sending, kAlice, caps);
  std::vector<Bytes> frames;
  for (unsigned generation = 0; generation < count; ++generation) {
    if (generation != 0)
      ratchet(sending, kAlice);
    frames.push_back(encryptor.pass(noise(60, generation)).value());
    EXPECT_EQ(encryptor.stat("generation"), generation);
  }
  return frames;
}

bool arrives(End &decryptor, const Bytes &frame) {
  return wait_for([&] { return decryptor.pass(frame).has_value(); });
}

}  // namespace e2ee::test

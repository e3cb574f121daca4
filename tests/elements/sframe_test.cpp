/* SPDX-License-Identifier: LGPL-2.1-or-later */
// SFrame through the elements: KIDs, suites, layouts, replays, buffers.
#include <algorithm>
#include <set>

#include "support/custom_provider.h"
#include "support/element.h"
#include "support/records.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

// The numbers of a header, read by the letter of RFC 9605 section 4.3.
struct Header {
  guint64 kid = 0;
  guint64 counter = 0;
};
Header header_of(const Bytes &frame, gsize at = 0) {
  const auto number = [&frame](unsigned half, gsize &from) {
    if (half < 8)
      return static_cast<guint64>(half);
    guint64 value = 0;
    for (unsigned i = 0; i <= (half & 7); ++i)
      value = value << 8 | frame.at(from++);
    return value;
  };
  gsize from = at + 1;
  Header header;
  header.kid = number(frame.at(at) >> 4, from);
  header.counter = number(frame.at(at) & 15, from);
  return header;
}

std::unique_ptr<Element> make(
    const char *factory, const Provider &provider,
    std::initializer_list<std::pair<const char *, std::string>> set = {}) {
  auto element = element_of(factory, provider, "sframe");
  for (const auto &[name, value] : set)
    element->set(name, value.c_str());
  return element;
}

}  // namespace

TEST(Sframe, EverySuiteCodecAndLayout) {
  const Provider provider = raw_provider(0x17, 5);
  for (unsigned suite = 1; suite <= 8; ++suite) {
    for (const char *layout : {"scheme", "none"}) {
      for (const char *caps : {kVp8, kVp9, kOpus}) {
        if ((suite == 3 || suite == 8) && caps != kOpus)
          continue;
        SCOPED_TRACE(std::string(caps) + ", suite " + std::to_string(suite) + ", " + layout);
        const std::string id = std::to_string(suite);
        const auto encryptor =
            make("e2eeencrypt", provider, {{"sframe-suite", id}, {"clear-header", layout}});
        const auto decryptor =
            make("e2eedecrypt", provider, {{"sframe-suite", id}, {"clear-header", layout}});
        encryptor->start(caps);
        decryptor->start(caps);
        for (gsize size : {gsize{10}, gsize{11}, gsize{1000}, gsize{70000}}) {
          const Bytes plain = vp8_key(size);
          const std::optional<Bytes> sealed = encryptor->pass(plain);
          ASSERT_TRUE(sealed);
          const gsize clear = caps == kVp8 && std::string(layout) == "scheme" ? 10 : 0;
          EXPECT_TRUE(std::equal(plain.begin(), plain.begin() + long(clear), sealed->begin()));
          EXPECT_EQ(header_of(*sealed, clear).kid & 255, 5U << 4);
          EXPECT_EQ(decryptor->pass(*sealed), plain);
        }
        EXPECT_EQ(decryptor->stat("key-id"), 5U);
        EXPECT_EQ(decryptor->dropped(), 0U);
      }
    }
  }
}

TEST(Sframe, ShortTagsAreForAudio) {
  for (const char *factory : {"e2eeencrypt", "e2eedecrypt"}) {
    for (const char *suite : {"3", "8"}) {
      const auto element = make(factory, raw_provider(1), {{"sframe-suite", suite}});
      element->start(nullptr);
      gst_harness_push_event(element->harness(), gst_event_new_stream_start("refused"));
      EXPECT_FALSE(element->send_caps(kVp8));
      const BusLog log = element->bus();
      ASSERT_EQ(log.errors.size(), 1U);
      EXPECT_NE(log.errors[0].find("sframe-suite to 4"), std::string::npos) << log.errors[0];
    }
  }
}

// A buffer that nobody shares and that has room in front and behind is worked on where it lies, in
// both directions; any other gives the same.
TEST(Sframe, BuffersWithAndWithoutRoom) {
  const Provider provider = raw_provider(0x17);
  const auto encryptor = make("e2eeencrypt", provider);
  const auto decryptor = make("e2eedecrypt", provider);
  encryptor->start(kVp8);
  decryptor->start(kVp8);
  const Bytes plain = vp8_key(200);
  for (gsize room : {gsize{0}, gsize{5}, gsize{16}, gsize{17}, gsize{40}}) {
    Buffer buffer(gst_buffer_new_allocate(nullptr, room + plain.size() + room, nullptr));
    gst_buffer_fill(buffer.get(), room, plain.data(), plain.size());
    gst_buffer_resize(buffer.get(), static_cast<gssize>(room), static_cast<gssize>(plain.size()));
    GST_BUFFER_PTS(buffer.get()) = 77;
    ASSERT_EQ(encryptor->push(std::move(buffer)), GST_FLOW_OK);
    Buffer sealed = encryptor->pull();
    ASSERT_TRUE(sealed);
    EXPECT_EQ(GST_BUFFER_PTS(sealed.get()), 77U);
    Buffer shared_one(gst_buffer_copy(sealed.get()));  // the same memory
    EXPECT_EQ(decryptor->push(std::move(shared_one)), GST_FLOW_OK);
    EXPECT_EQ(bytes_of(decryptor->pull().get()), plain) << room;
    EXPECT_EQ(decryptor->push(std::move(sealed)), GST_FLOW_OK);
    EXPECT_EQ(bytes_of(decryptor->pull().get()), plain) << room;
  }
}

TEST(Sframe, R3_TwoEncryptorsAndARestartedOneNeverUseANumberTwice) {
  const Provider provider = raw_provider(0x18);
  std::set<std::pair<guint64, guint64>> used;
  const auto drawn = make("e2eeencrypt", provider);
  const auto second = make("e2eeencrypt", provider);
  for (int start = 0; start < 3; ++start) {
    for (Element *element : {drawn.get(), second.get()}) {
      if (start == 0) {
        element->start(kOpus);
      } else {
        gst_element_set_state(element->get(), GST_STATE_NULL);
        gst_element_set_state(element->get(), GST_STATE_PLAYING);
        element->set_caps(kOpus);
      }
      for (int i = 0; i < 20; ++i) {
        const std::optional<Bytes> sealed = element->pass(noise(20, 1));
        ASSERT_TRUE(sealed);
        const Header header = header_of(*sealed);
        EXPECT_TRUE(used.emplace(header.kid, header.counter).second);
      }
    }
  }
}

TEST(Sframe, R3_AnExplicitKidGoesOnCountingInAnotherElement) {
  const Provider provider = raw_provider(0x19);
  guint64 counter = 0;
  for (int element = 0; element < 3; ++element) {
    const auto encryptor = make("e2eeencrypt", provider, {{"sframe-kid", "300"}});
    encryptor->start(kOpus);
    for (int i = 0; i < 5; ++i) {
      const Header header = header_of(encryptor->pass(noise(20, 1)).value());
      EXPECT_EQ(header.kid, 300U);
      EXPECT_EQ(header.counter, counter++);
    }
  }
}

TEST(Sframe, PlainKidsAreLookedUpAsKeyIds) {
  const guint64 kid = 0x123456789abcdef0;
  const Provider provider = provider_of_kid(kid, Bytes(32, 0x29));
  const auto encryptor = make("e2eeencrypt", provider, {{"sframe-kid", std::to_string(kid)}});
  const auto decryptor =
      make("e2eedecrypt", provider, {{"sframe-kid-map", "plain"}, {"key-wait", "2000000000"}});
  encryptor->start(kOpus);
  decryptor->start(kOpus);
  const Bytes plain = noise(60, 2);
  const std::optional<Bytes> sealed = encryptor->pass(plain);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(decryptor->push(*sealed), GST_FLOW_OK);
  Buffer out;
  ASSERT_TRUE(wait_for([&] { return (out = decryptor->pull()) != nullptr; }));
  EXPECT_EQ(bytes_of(out.get()), plain);
  EXPECT_EQ(decryptor->stat("key-id"), kid);
}

TEST(Sframe, R9_ForgedKidsDoNotKeepAProviderFromBeingAsked) {
  const Provider sender = provider_of_kid(7, Bytes(32, 0x2a));
  const auto encryptor = make("e2eeencrypt", sender, {{"sframe-kid", "7"}});
  encryptor->start(kOpus);
  const Bytes good = encryptor->pass(noise(60, 3)).value();
  const auto keys = std::make_shared<CustomKeys>();
  keys->lookup = [](const std::string &, guint64 id, GError **) -> GstE2EEKeyMaterial * {
    return id == 7 ? raw_material(0x2a, id) : nullptr;
  };
  const auto decryptor = make("e2eedecrypt", custom_provider(keys), {{"sframe-kid-map", "plain"}});
  decryptor->start(kOpus);
  for (guint i = 0; i < 400; ++i) {
    // A KID of two bytes, a counter of none, and what may be a tag.
    Bytes forged = {0x90, static_cast<guint8>(1 + i / 200), static_cast<guint8>(i)};
    forged.resize(60, 1);
    EXPECT_FALSE(decryptor->pass(forged));
  }
  EXPECT_TRUE(wait_for([&] { return decryptor->pass(good).has_value(); }));
}

TEST(Sframe, RatchetAndRotationAreFollowed) {
  const auto make_provider = [] {
    const Provider provider = empty_provider();
    g_object_set(provider.get(), "ratchet-window", 4, nullptr);
    set_raw(provider, 0x20, 3);
    set_raw(provider, 0x21, 4);
    return provider;
  };
  const Provider theirs = make_provider();
  const Provider ours = make_provider();
  const auto encryptor = make("e2eeencrypt", theirs);
  const auto decryptor = make("e2eedecrypt", ours);
  encryptor->start(kOpus);
  decryptor->start(kOpus);
  const Bytes plain = noise(60, 2);
  const auto arrives = [&] {
    const std::optional<Bytes> sealed = encryptor->pass(plain);
    return sealed && decryptor->pass(*sealed) == plain;
  };
  EXPECT_TRUE(arrives());
  for (guint generation = 1; generation <= 20; ++generation) {
    ASSERT_TRUE(gst_e2ee_shared_key_provider_ratchet(shared(theirs), 3, nullptr));
    ASSERT_TRUE(wait_for(arrives)) << generation;
    EXPECT_EQ(decryptor->stat("generation"), generation);
    EXPECT_EQ(header_of(encryptor->pass(plain).value()).kid & 255, 3U << 4 | generation % 16);
  }
  EXPECT_EQ(decryptor->stat("ratchet-steps"), 20U);
  ASSERT_TRUE(gst_e2ee_shared_key_provider_set_current_index(shared(theirs), 4, nullptr));
  EXPECT_TRUE(arrives());
  EXPECT_EQ(decryptor->stat("key-id"), 4U);
}

TEST(Sframe, R5_ReplayWindowIsATrueOne) {
  const Provider provider = raw_provider(0x22);
  const auto encryptor = make("e2eeencrypt", provider);
  const auto decryptor = make("e2eedecrypt", provider, {{"replay-window", "8"}});
  encryptor->start(kOpus);
  decryptor->start(kOpus);
  std::vector<Bytes> sealed;
  for (int i = 0; i < 20; ++i)
    sealed.push_back(encryptor->pass(noise(30, 1)).value());
  EXPECT_TRUE(decryptor->pass(sealed[10]));
  EXPECT_FALSE(decryptor->pass(sealed[10]));
  EXPECT_TRUE(decryptor->pass(sealed[3]));
  EXPECT_FALSE(decryptor->pass(sealed[2])) << "older than the window";
  EXPECT_TRUE(decryptor->pass(sealed[19]));
  EXPECT_FALSE(decryptor->pass(sealed[11]));
  EXPECT_TRUE(decryptor->pass(sealed[12]));
  EXPECT_EQ(decryptor->stat("dropped-replayed"), 3U);
}

// Both stand for one key: a step of the provider is one step, whichever form of it runs.
TEST(Sframe, OneRatchetStepIsOneStepInEveryForm) {
  const Provider provider = raw_provider(0x23);
  const auto drawn = make("e2eeencrypt", provider);
  const auto plain = make("e2eedecrypt", provider, {{"sframe-kid-map", "plain"}});
  const auto livekit = element_of("e2eeencrypt", provider, "livekit");
  for (Element *element : {drawn.get(), plain.get(), livekit.get()})
    element->start(kOpus);
  ASSERT_TRUE(gst_e2ee_shared_key_provider_ratchet(shared(provider), 0, nullptr));
  drawn->pass(noise(30, 1));
  livekit->pass(noise(30, 1));
  EXPECT_EQ(drawn->stat("generation"), 1U);
  EXPECT_EQ(livekit->stat("generation"), 1U);
  EXPECT_EQ(plain->stat("generation"), 1U);
}

}  // namespace e2ee::test

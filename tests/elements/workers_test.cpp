/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Who waits for whom: providers that block, senders that ask for every key, processes that end or
// fork, and machines that give no thread.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "support/custom_provider.h"
#include "support/element.h"
#include "support/sanitizer.h"
#include "support/waiting.h"

namespace {
std::atomic<bool> no_threads{false};
}

// In front of the C library's.
extern "C" int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                              void *(*run)(void *), void *data) {
  static auto *real =
      reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  return no_threads ? EAGAIN : real(thread, attributes, run, data);
}

namespace e2ee::test {
namespace {

unsigned more_than_cores() {
  return std::thread::hardware_concurrency() + 8;
}

/// Has its keys looked up, and does not wait for them as a start does.
std::unique_ptr<Element> asking(const Provider &provider) {
  auto element = std::make_unique<Element>("e2eedecrypt", provider);
  gst_element_set_state(element->get(), GST_STATE_READY);
  return element;
}

Bytes naming_key(const Bytes &sealed, guint8 index) {
  Bytes frame = sealed;
  frame.back() = index;
  return frame;
}

}  // namespace

TEST(Workers, R24_ProvidersThatBlockTakeNoWorkerFromOthers) {
  std::vector<Provider> blocked;
  std::vector<std::unique_ptr<Element>> elements;
  Blocking blocking;
  for (unsigned i = 0; i < more_than_cores(); ++i) {
    blocked.push_back(blocking.provider());
    elements.push_back(asking(blocked.back()));
  }
  ASSERT_TRUE(wait_for([&] { return blocking.inside() == blocked.size(); }));
  const Provider good = empty_provider();
  set_text(good, "meeting", 0);
  Element encryptor("e2eeencrypt", good);
  encryptor.start(kOpus);
  EXPECT_TRUE(encryptor.pass(kPlain).has_value()) << "the first frame already";
  set_text(good, "another", 1);
  EXPECT_NE(fingerprint(good, nullptr, 1), "") << "in use when the setter returns";
}

// As many as cores and one to step in, beside those that wait for a core inside a look-up: to the
// library they look as if they were blocked.
TEST(Workers, AreFewHoweverManyProvidersThereAre) {
  const unsigned providers_made = 30 * more_than_cores();
  std::vector<Provider> providers;
  std::vector<std::unique_ptr<Element>> elements;
  unsigned most = 0;
  for (unsigned i = 0; i < providers_made; ++i) {
    providers.push_back(raw_provider(static_cast<guint8>(i), 0));
    elements.push_back(asking(providers.back()));
    most = std::max(most, threads_named(kWorker));
  }
  for (const auto &element : elements)
    element->start(kOpus);
  EXPECT_LT(most, providers_made / 4);
}

// PBKDF2 for each: they take seconds together.
TEST(Workers, AnElementThatStartsGoesBeforeKeysThatWereSet) {
  const unsigned count = 8 * more_than_cores();
  const auto keys = std::make_shared<CustomKeys>();
  keys->lookup = [](const std::string &who, guint64 id, GError **) {
    return id == 0 ? gst_e2ee_key_material_new_passphrase(who.c_str(), id, nullptr) : nullptr;
  };
  const Provider provider = custom_provider(keys);
  std::vector<std::unique_ptr<Element>> others;
  std::vector<std::string> names;
  for (unsigned i = 0; i < count; ++i) {
    names.push_back("other" + std::to_string(i));
    others.push_back(std::make_unique<Element>("e2eedecrypt", provider));
    g_object_set(others.back()->get(), "participant", names.back().c_str(), nullptr);
    others.back()->start(kOpus);
  }
  for (const std::string &name : names)
    gst_e2ee_key_provider_changed(provider.get(), name.c_str(), 0);
  keys->current = keys->lookup;
  Element encryptor("e2eeencrypt", provider);
  g_object_set(encryptor.get(), "participant", "alice", nullptr);
  encryptor.start(kOpus);
  EXPECT_TRUE(encryptor.pass(kPlain).has_value()) << "the first frame already";
  const auto derived = [&] {
    return static_cast<unsigned>(std::count_if(
        names.begin(), names.end(),
        [&](const std::string &name) { return !fingerprint(provider, name.c_str()).empty(); }));
  };
  EXPECT_LT(derived(), count) << "those still wait";
  EXPECT_TRUE(wait_for([&] { return derived() == count; }));
}

/// One sender's frames name all key ids, the other's one.
class Flood : public testing::Test {
 protected:
  Flood() {
    keys->lookup = [](const std::string &, guint64 id, GError **) -> GstE2EEKeyMaterial * {
      g_usleep(10000);
      return id == kGood ? raw_material(9, id) : nullptr;
    };
  }

  void floods_and_delays_by_one_look_up(Element &hostile, Element &other) {
    const Bytes sealed = seal(raw_provider(9, kGood), kOpus, kPlain);
    for (unsigned id = 0; id < 256; ++id) {
      if (id != kGood)
        hostile.pass(naming_key(sealed, static_cast<guint8>(id)));
    }
    const auto asked = [&] {
      std::lock_guard lock(keys->mutex);
      return keys->asked;
    };
    ASSERT_TRUE(wait_for([&] { return asked().size() >= 3; }));
    const std::size_t before = asked().size();
    EXPECT_EQ(other.pass(sealed), std::nullopt);
    EXPECT_TRUE(wait_for([&] { return other.pass(sealed) == kPlain; }));
    const auto all = asked();
    const auto at = std::find_if(all.begin(), all.end(),
                                 [](const auto &look_up) { return look_up.second == kGood; });
    EXPECT_LE(static_cast<std::size_t>(at - all.begin()), before + 1)
        << "behind the one that was under way, or that began just now";
    const auto so_far = static_cast<std::size_t>(at - all.begin()) + 1;
    EXPECT_TRUE(wait_for([&] { return asked().size() > so_far; })) << "the flood went on";
  }

  std::unique_ptr<Element> decryptor(const char *who) {
    auto element = std::make_unique<Element>("e2eedecrypt", provider);
    g_object_set(element->get(), "participant", who, nullptr);
    element->start(kOpus);
    return element;
  }

  static constexpr guint kGood = 7;
  const std::shared_ptr<CustomKeys> keys = std::make_shared<CustomKeys>();
  const Provider provider = custom_provider(keys);
};

TEST_F(Flood, R19_DelaysOtherParticipantsByOneLookUp) {
  floods_and_delays_by_one_look_up(*decryptor("mallory"), *decryptor("bob"));
}

TEST_F(Flood, R19_DelaysOtherElementsThatNameNobodyByOneLookUp) {
  floods_and_delays_by_one_look_up(*decryptor(nullptr), *decryptor(nullptr));
}

/// In a process of its own, which starts anew.
class Processes : public testing::Test {
 protected:
  Processes() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(Processes, R24_EndWhileAProviderBlocks) {
  const auto end = [] {
    static Blocking blocking;
    static const Provider provider = blocking.provider();
    static const std::unique_ptr<Element> element = asking(provider);
    if (!wait_for([&] { return blocking.inside() == 1; }))
      std::_Exit(1);
    alarm(30);
    std::exit(0);
  };
  gint64 shortest = G_MAXINT64;
  for (int i = 0; i < 3; ++i) {
    const gint64 began = g_get_monotonic_time();
    EXPECT_EXIT(end(), testing::ExitedWithCode(0), "");
    shortest = std::min(shortest, g_get_monotonic_time() - began);
  }
  EXPECT_LT(shortest, G_USEC_PER_SEC) << "nobody waits for the look-up";
}

TEST_F(Processes, R24_WithoutThreadsDeriveWhereAKeyIsWaitedFor) {
  const auto derive = [] {
    const Provider provider = empty_provider();
    no_threads = true;
    set_text(provider, "meeting", 0);
    {
      Element encryptor("e2eeencrypt", provider);
      encryptor.start(kOpus);
      if (!encryptor.pass(kPlain))
        std::_Exit(1);
      set_text(provider, "another", 1);
      if (fingerprint(provider, nullptr, 1).empty() || threads_named(kWorker) != 0)
        std::_Exit(2);
    }
    no_threads = false;
    Element encryptor("e2eeencrypt", provider);
    encryptor.start(kOpus);
    std::_Exit(encryptor.pass(kPlain) ? 0 : 3);
  };
  EXPECT_EXIT(derive(), testing::ExitedWithCode(0), "");
}

TEST_F(Processes, R24_WithoutThreadsSettersDoNotCallAProviderThatBlocks) {
  const auto set = [] {
    static Blocking blocking;
    const Provider blocked = blocking.provider();
    const Provider provider = empty_provider();
    no_threads = true;
    alarm(20);
    const std::unique_ptr<Element> asks = asking(blocked);
    const std::unique_ptr<Element> element = asking(provider);
    set_text(provider, "meeting", 0);
    std::_Exit(!fingerprint(provider, nullptr, 0).empty() && blocking.inside() == 0 ? 0 : 1);
  };
  EXPECT_EXIT(set(), testing::ExitedWithCode(0), "");
}

// A handler on a worker ends the process, and handlers that were there before the library run last.
TEST_F(Processes, EndOnAWorkerWithHandlersThatRemoveKeys) {
  const auto end = [] {
    static Provider *provider = nullptr;
    std::atexit([] {
      gst_e2ee_shared_key_provider_remove_key(shared(*provider), 0, nullptr);
      std::_Exit(7);
    });
    provider = new Provider(empty_provider());
    alarm(20);
    g_signal_connect(
        provider->get(), "key-missing",
        G_CALLBACK(+[](GstE2EEKeyProvider *, const gchar *, guint64, gpointer) { std::exit(0); }),
        nullptr);
    set_text(*provider, "meeting", 0);
    Element decryptor("e2eedecrypt", *provider);
    decryptor.start(kOpus);
    decryptor.pass(naming_key(seal(raw_provider(1, 0), kOpus, kPlain), 9));
    for (;;)
      pause();
  };
  EXPECT_EXIT(end(), testing::ExitedWithCode(7), "");
}

TEST_F(Processes, ForkedWhileWorkersWorkDeriveKeysOfTheirOwn) {
  if (has_address_sanitizer())
    GTEST_SKIP() << "AddressSanitizer's allocator may stay locked in a forked child";
  const auto derive = [] {
    const Provider parent = empty_provider();
    Element busy("e2eeencrypt", parent);
    busy.start(kOpus);
    set_text(parent, "meeting", 0);
    for (int i = 0; i < 10; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        alarm(30);
        const Provider provider = empty_provider();
        set_text(provider, "of the child", 0);
        Element encryptor("e2eeencrypt", provider);
        encryptor.start(kOpus);
        std::_Exit(encryptor.pass(kPlain) ? 0 : 1);
      }
      int status = -1;
      if (waitpid(child, &status, 0) != child || status != 0)
        std::_Exit(1);
    }
    std::_Exit(0);
  };
  EXPECT_EXIT(derive(), testing::ExitedWithCode(0), "");
}

}  // namespace e2ee::test

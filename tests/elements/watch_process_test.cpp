/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The thread that follows files: when there is one, and how processes end and fork beside it.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/element.h"
#include "support/files.h"
#include "support/sanitizer.h"
#include "support/waiting.h"
#include "watch.h"

namespace e2ee::test {
namespace {

bool has_watch_thread() {
  return threads_named("e2ee-watch") != 0;
}

}  // namespace

TEST(WatchThread, IsOneAndEndsWithTheLastWatch) {
  EXPECT_TRUE(wait_for([] { return !has_watch_thread(); }));
  const KeyFile file("key.bin", raw('a'));
  {
    const Provider one = parsed(watching(file.path()));
    const Provider two = parsed(watching(file.path()) + ",key-index=1");
    EXPECT_TRUE(wait_for(has_watch_thread));
  }
  EXPECT_TRUE(wait_for([] { return !has_watch_thread(); }));
  const Provider again = parsed(watching(file.path()));
  file.replace(raw('b'));
  EXPECT_TRUE(wait_for([&] { return same_key(again, raw_provider('b')); }));
}

TEST(WatchThread, AProviderMayGoWhileItsFileChanges) {
  const KeyFile file("key.bin", raw('a'));
  for (unsigned i = 0; i < 200; ++i) {
    Provider provider = parsed(watching(file.path()));
    ASSERT_TRUE(provider);
    file.replace(raw(static_cast<char>('b' + i % 20)));
    if (i % 20 == 0)
      wait_for([&] { return same_key(provider, raw_provider(static_cast<guint8>('b' + i % 20))); });
  }
  EXPECT_TRUE(wait_for([] { return !has_watch_thread(); }));
}

class WatchProcess : public testing::Test {
 protected:
  // The child starts anew, with threads of its own.
  WatchProcess() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  static constexpr rlim_t kLessThanAStack = 2 << 20;
  static rlim_t memory_in_use() {
    gchar *pages = nullptr;
    EXPECT_TRUE(g_file_get_contents("/proc/self/statm", &pages, nullptr, nullptr));
    return g_ascii_strtoull(Text(pages).get(), nullptr, 10) *
           static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
  }

  static bool follows(const KeyFile &file, const Provider &provider) {
    file.replace(raw('b'));
    return wait_for([&] { return same_key(provider, raw_provider('b')); });
  }
};

TEST_F(WatchProcess, EndsAtOnce) {
  const auto exit_while_watching = [] {
    const KeyFile file("key.bin", raw('a'));
    static const Provider provider = parsed(watching(file.path()));
    file.replace(raw('b'));
    std::exit(0);
  };
  EXPECT_EXIT(exit_while_watching(), testing::ExitedWithCode(0), "");
}

// It is the application's code, on a worker.
TEST_F(WatchProcess, R24_EndsWhileAHandlerBlocksForEver) {
  const auto exit_while_blocked = [] {
    const KeyFile file("key.bin", raw('a'));
    static const Provider provider = parsed(watching(file.path()));
    static std::atomic<bool> blocked{false};
    const auto block = +[](GstE2EEKeyProvider *, const char *, guint64, gpointer) {
      blocked = true;
      for (;;)
        pause();
    };
    g_signal_connect(provider.get(), "key-changed", G_CALLBACK(block), nullptr);
    file.replace(raw('b'));
    if (!wait_for([] { return blocked.load(); }))
      std::_Exit(1);
    alarm(10);
    std::exit(0);
  };
  EXPECT_EXIT(exit_while_blocked(), testing::ExitedWithCode(0), "");
}

TEST_F(WatchProcess, AForkedChildHasItsOwn) {
  if (has_address_sanitizer())
    GTEST_SKIP() << "AddressSanitizer's allocator may stay locked in a forked child";
  const auto fork_while_watching = [] {
    const KeyFile file("key.bin", raw('a'));
    Provider provider = parsed(watching(file.path()));
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);
      provider.reset();  // of the parent's thread
      const KeyFile own("key.bin", raw('a'));
      std::_Exit(follows(own, parsed(watching(own.path()))) ? 0 : 1);
    }
    int status = -1;
    if (waitpid(child, &status, 0) != child || status != 0)
      std::_Exit(1);
    std::_Exit(follows(file, provider) ? 0 : 2);
  };
  EXPECT_EXIT(fork_while_watching(), testing::ExitedWithCode(0), "");
}

TEST_F(WatchProcess, R24_WithoutAThreadItIsRefused) {
  if (has_address_sanitizer())
    GTEST_SKIP() << "AddressSanitizer needs more address space than it has";
  const auto watch_without_threads = [] {
    const KeyFile file("key.bin", raw('a'));
    const Provider before = parsed("shared,key-file=" + file.path());
    rlimit old;
    getrlimit(RLIMIT_AS, &old);
    const rlimit none{memory_in_use() + kLessThanAStack, old.rlim_max};
    setrlimit(RLIMIT_AS, &none);
    Error error;
    GstE2EEKeyProvider *made =
        gst_e2ee_key_provider_new_from_string(watching(file.path()).c_str(), error.at());
    setrlimit(RLIMIT_AS, &old);
    g_printerr("%s\n", error.text().c_str());
    std::_Exit(made == nullptr && error.is(GST_E2EE_ERROR_LIMIT) &&
                       same_key(parsed(watching(file.path())), raw_provider('a'))
                   ? 0
                   : 1);
  };
  EXPECT_EXIT(watch_without_threads(), testing::ExitedWithCode(0), "watch: ");
}

}  // namespace e2ee::test

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A FIFO that nobody writes to is not waited for without end.
#include <glib/gstdio.h>
#include <sys/stat.h>

#include <future>

#include "inside.h"
#include "support/files.h"
#include "support/waiting.h"

namespace e2ee::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Fifo, R24_ThatNobodyWritesToIsGivenUp) {
  const KeyFile beside("key", "");
  const std::string path = beside.path() + ".fifo";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const auto reading = std::async(std::launch::async, [&] {
    Error error;
    GstE2EEKeyProvider *made = gst_e2ee_key_provider_new_from_string(
        ("shared,passphrase-file=" + path).c_str(), error.at());
    EXPECT_EQ(made, nullptr);
    EXPECT_TRUE(error.is(GST_E2EE_ERROR_IO)) << error.text();
    EXPECT_NE(error.text().find(path), std::string::npos) << error.text();
  });
  while (reading.wait_for(milliseconds(10)) != std::future_status::ready)
    e2ee::Clock::advance_for_tests(seconds(1));
  g_unlink(path.c_str());
}

}  // namespace e2ee::test

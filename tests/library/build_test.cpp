/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A library and a plugin of different builds say so.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "private.h"

namespace library {
namespace {

constexpr unsigned kOtherVersion = 7;  // of other/private-version.h

/// The warnings of plugin and library, instead of on the terminal.
class Warnings {
 public:
  Warnings() : handler_(g_log_set_handler("GstE2EE", G_LOG_LEVEL_WARNING, take, this)) {}
  ~Warnings() { g_log_remove_handler("GstE2EE", handler_); }
  Warnings(const Warnings &) = delete;
  Warnings &operator=(const Warnings &) = delete;

  const std::string &text() const { return text_; }

 private:
  static void take(const gchar *, GLogLevelFlags, const gchar *message, gpointer self) {
    static_cast<Warnings *>(self)->text_ += message;
  }

  std::string text_;
  guint handler_;
};

bool has(const std::string &text, unsigned version) {
  return text.find("inside " + std::to_string(version)) != std::string::npos;
}

TEST(PrivateTable, IsThereForTheSameBuild) {
  g_autoptr(GError) error = nullptr;
  const e2ee::PrivateTable *table = gst_e2ee_private(e2ee::kPrivateVersion, "1.2.3", &error);
  ASSERT_NE(table, nullptr) << error->message;
  EXPECT_NE(table->open, nullptr);
}

TEST(PrivateTable, IsRefusedToAnotherBuildWithBothVersions) {
  g_autoptr(GError) error = nullptr;
  EXPECT_EQ(gst_e2ee_private(kOtherVersion, "1.2.3", &error), nullptr);
  ASSERT_TRUE(g_error_matches(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION));
  EXPECT_TRUE(has(error->message, kOtherVersion)) << error->message;
  EXPECT_TRUE(has(error->message, e2ee::kPrivateVersion)) << error->message;
  EXPECT_NE(std::string(error->message).find("1.2.3"), std::string::npos) << error->message;
}

TEST(Plugin, OfAnotherBuildIsNotLoadedAndSaysWhatToDo) {
  const Warnings warnings;
  g_autoptr(GError) error = nullptr;
  g_autoptr(GstPlugin) plugin = gst_plugin_load_file(std::getenv("E2EE_OTHER_PLUGIN"), &error);
  EXPECT_EQ(plugin, nullptr);
  EXPECT_TRUE(g_error_matches(error, GST_PLUGIN_ERROR, GST_PLUGIN_ERROR_MODULE));
  EXPECT_TRUE(has(warnings.text(), kOtherVersion)) << warnings.text();
  EXPECT_TRUE(has(warnings.text(), e2ee::kPrivateVersion)) << warnings.text();
  EXPECT_NE(warnings.text().find("Install both from one build"), std::string::npos)
      << warnings.text();
}

TEST(Plugin, OfThisBuildIsLoaded) {
  const Warnings warnings;
  g_autoptr(GError) error = nullptr;
  g_autoptr(GstPlugin) plugin = gst_plugin_load_file(std::getenv("E2EE_PLUGIN"), &error);
  ASSERT_NE(plugin, nullptr) << error->message;
  g_autoptr(GstElement) element = gst_element_factory_make("e2eeencrypt", nullptr);
  EXPECT_NE(element, nullptr);
  EXPECT_EQ(warnings.text(), "");
}

}  // namespace
}  // namespace library

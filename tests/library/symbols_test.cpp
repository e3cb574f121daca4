/* SPDX-License-Identifier: LGPL-2.1-or-later */
// R23: what the built library and plugin export.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace library {
namespace {

std::string output_of(const std::string &command) {
  const std::unique_ptr<FILE, int (*)(FILE *)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  char part[4096];
  while (const std::size_t size = pipe ? std::fread(part, 1, sizeof part, pipe.get()) : 0)
    text.append(part, size);
  return text;
}

std::string path_of(const char *variable) {
  const char *path = std::getenv(variable);
  return path != nullptr ? std::string("'") + path + "'" : std::string();
}

std::vector<std::string> exported_by(const char *variable) {
  std::istringstream lines(output_of("nm -D --defined-only -P " + path_of(variable)));
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);)
    names.push_back(line.substr(0, line.find(' ')));
  return names;
}

TEST(Symbols, R23_TheLibraryExportsItsCApiAlone) {
  const std::vector<std::string> names = exported_by("E2EE_LIBRARY");
  const auto exports = [&](const char *name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  EXPECT_TRUE(exports("gst_e2ee_key_provider_get_type"));
  EXPECT_TRUE(exports("gst_e2ee_private"));
  for (const std::string &name : names) {
    EXPECT_EQ(name.rfind("gst_e2ee_", 0), 0U) << name;
    EXPECT_EQ(name.find("test"), std::string::npos) << name;
  }
}

TEST(Symbols, R23_ThePluginExportsWhatGStreamerLooksFor) {
  std::vector<std::string> names = exported_by("E2EE_PLUGIN");
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names,
            (std::vector<std::string>{"gst_plugin_e2ee_get_desc", "gst_plugin_e2ee_register"}));
}

// Workers and types may be at work in it.
TEST(Symbols, R24_TheLibraryStaysWhenItIsClosed) {
  const std::string dynamic = output_of("readelf -d " + path_of("E2EE_LIBRARY"));
  EXPECT_NE(dynamic.find("NODELETE"), std::string::npos) << dynamic;
}

TEST(Symbols, ProgramsAskForTheSoversionThatIsDocumented) {
  const std::string dynamic = output_of("readelf -d " + path_of("E2EE_LIBRARY"));
  EXPECT_NE(dynamic.find("soname: [libgste2ee-1.0.so.0]"), std::string::npos) << dynamic;
}

}  // namespace
}  // namespace library

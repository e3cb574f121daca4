// SPDX-License-Identifier: LGPL-2.1-or-later
#include "options.h"

#include <glib.h>
#include <gst/gst.h>

#include <filesystem>
#include <string_view>

#include "common.h"
#include "common/program.h"

namespace call {
namespace {

constexpr int kMaxSeconds = 3600;

constexpr const char *kSummary =
    "Makes an end-to-end encrypted call on this machine: one sender and three receivers, each "
    "over\n"
    "ICE and DTLS-SRTP on 127.0.0.1. \"alice\" has the key and records, \"nokey\" has none and\n"
    "\"wrongkey\" has another; they must get nothing. Without FILE a test picture and a tone are "
    "sent.";

struct Given {
  char *codec = nullptr;
  char *output = nullptr;
  char *passphrase_file = nullptr;
  char **files = nullptr;
  int seconds = 10;

  ~Given() {
    g_free(codec);
    g_free(output);
    g_free(passphrase_file);
    g_strfreev(files);
  }
};

Options take(const Given &given) {
  Options options;
  if (given.codec && std::string_view(given.codec) == "vp9")
    options.codec = Codec::kVp9;
  else if (given.codec && std::string_view(given.codec) != "vp8")
    throw WrongUsage(std::string("--codec takes vp8 or vp9, not \"") + given.codec + '"');

  if (given.seconds < 1 || given.seconds > kMaxSeconds)
    throw WrongUsage("--seconds takes 1 to " + std::to_string(kMaxSeconds));
  options.seconds = static_cast<unsigned>(given.seconds);

  if (given.output)
    options.output = given.output;
  if (options.output.empty())
    throw WrongUsage("--output needs a file name");
  if (g_file_test(options.output.c_str(), G_FILE_TEST_IS_DIR))
    throw WrongUsage("--output takes a file, and " + options.output + " is a folder");
  if (given.passphrase_file)
    options.passphrase_file = given.passphrase_file;

  if (given.files && given.files[0]) {
    if (given.files[1])
      throw WrongUsage("more than one media file");
    options.media_file = given.files[0];
    if (!g_file_test(given.files[0], G_FILE_TEST_IS_REGULAR))
      throw Refused("no such file: " + options.media_file);
    std::error_code ignored;
    if (std::filesystem::equivalent(options.media_file, options.output, ignored))
      throw Refused("the output would overwrite " + options.media_file);
  }
  return options;
}

}  // namespace

Options parse_options(int argc, char **argv) {
  Given given;
  const GOptionEntry entries[] = {
      {"codec", 'c', 0, G_OPTION_ARG_STRING, &given.codec, "vp8 (default) or vp9", "CODEC"},
      {"seconds", 's', 0, G_OPTION_ARG_INT, &given.seconds, "how much to send (default 10)", "N"},
      {"output", 'o', 0, G_OPTION_ARG_FILENAME, &given.output,
       "what alice records (default recordings/demo.webm)", "FILE"},
      {"passphrase-file", 'p', 0, G_OPTION_ARG_FILENAME, &given.passphrase_file,
       "the call's passphrase (default: drawn for each run, never shown)", "FILE"},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &given.files, nullptr, nullptr},
      {},
  };
  CommandLine line("e2ee-call", "[FILE]", kSummary,
                   "Exit status: 0 = everything held, 1 = it did not, 2 = wrong usage, or a file "
                   "that cannot be used.");
  line.add(entries);
  line.add_group(gst_init_get_option_group());
  line.parse(argc, argv);
  return take(given);
}

}  // namespace call

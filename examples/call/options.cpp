// SPDX-License-Identifier: LGPL-2.1-or-later
#include "options.h"

#include <glib.h>
#include <gst/gst.h>

#include <filesystem>
#include <memory>
#include <string_view>

#include "common.h"

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
  gboolean version = FALSE;

  ~Given() {
    g_free(codec);
    g_free(output);
    g_free(passphrase_file);
    g_strfreev(files);
  }
};

Parsed wrong(const std::string &why) {
  g_printerr("e2ee-call: %s\nTry --help.\n", why.c_str());
  return Parsed::kWrong;
}

Parsed take(const Given &given, Options &options) {
  if (given.codec && std::string_view(given.codec) == "vp9")
    options.codec = Codec::kVp9;
  else if (given.codec && std::string_view(given.codec) != "vp8")
    return wrong(std::string("unknown codec \"") + given.codec + "\", use vp8 or vp9");

  if (given.seconds < 1 || given.seconds > kMaxSeconds)
    return wrong("--seconds takes 1 to " + std::to_string(kMaxSeconds));
  options.seconds = static_cast<unsigned>(given.seconds);

  if (given.output)
    options.output = given.output;
  if (options.output.empty())
    return wrong("--output needs a file name");
  if (given.passphrase_file)
    options.passphrase_file = given.passphrase_file;

  if (given.files && given.files[0]) {
    if (given.files[1])
      return wrong("more than one media file");
    options.media_file = given.files[0];
    if (!g_file_test(given.files[0], G_FILE_TEST_IS_REGULAR))
      return wrong("no such file: " + options.media_file);
    std::error_code ignored;
    if (std::filesystem::equivalent(options.media_file, options.output, ignored))
      return wrong("the output would overwrite " + options.media_file);
  }
  return Parsed::kRun;
}

}  // namespace

Parsed parse_options(int argc, char **argv, Options &options) {
  Given given;
  const GOptionEntry entries[] = {
      {"codec", 'c', 0, G_OPTION_ARG_STRING, &given.codec, "vp8 (default) or vp9", "CODEC"},
      {"seconds", 's', 0, G_OPTION_ARG_INT, &given.seconds, "how much to send (default 10)", "N"},
      {"output", 'o', 0, G_OPTION_ARG_FILENAME, &given.output,
       "what alice records (default recordings/demo.webm)", "FILE"},
      {"passphrase-file", 'p', 0, G_OPTION_ARG_FILENAME, &given.passphrase_file,
       "the call's passphrase (default: drawn for each run, never shown)", "FILE"},
      {"version", 0, 0, G_OPTION_ARG_NONE, &given.version, "print the version", nullptr},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &given.files, nullptr, nullptr},
      {},
  };

  std::unique_ptr<GOptionContext, FreeWith<&g_option_context_free>> context(
      g_option_context_new("[FILE]"));
  g_option_context_set_summary(context.get(), kSummary);
  g_option_context_set_description(
      context.get(), "Exit status: 0 = everything held, 1 = it did not, 2 = wrong usage.");
  g_option_context_add_main_entries(context.get(), entries, nullptr);
  g_option_context_add_group(context.get(), gst_init_get_option_group());

  GError *error = nullptr;
  if (!g_option_context_parse(context.get(), &argc, &argv, &error)) {
    ErrorPtr owned(error);
    return wrong(owned->message);
  }
  if (given.version) {
    g_print("e2ee-call " E2EE_CALL_VERSION "\n");
    return Parsed::kDone;
  }
  return take(given, options);
}

}  // namespace call

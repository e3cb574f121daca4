// SPDX-License-Identifier: LGPL-2.1-or-later
#include "report.h"

#include <stdio.h>

namespace call {
namespace {

using Number = unsigned long long;

std::string formatted(const char *format, double value) {
  char text[32];
  snprintf(text, sizeof text, format, value);
  return text;
}

std::string size_text(guint64 bytes) {
  constexpr double kKilo = 1000;
  return bytes < kKilo * kKilo ? formatted("%.0f kB", bytes / kKilo)
                               : formatted("%.1f MB", bytes / kKilo / kKilo);
}

std::string refusal_text(const E2EEStats &stats) {
  std::string text = std::to_string(stats.refused());
  if (stats.missing_key > 0)
    text += " no key";
  if (stats.failed > 0)
    text += " wrong key";
  if (stats.other > 0)
    text += " other";
  return text;
}

std::string recording_text(const ReceiverResult &receiver, GstClockTime duration) {
  if (!receiver.recorded)
    return "nothing";
  return receiver.file + ", " +
         examples::seconds_text(std::chrono::milliseconds(duration / GST_MSECOND)) + ", " +
         size_text(receiver.file_size);
}

std::string codecs_text(const CallResult &result) {
  std::string text;
  for (const StreamResult &stream : result.streams) {
    const char *video = result.codec == Codec::kVp8 ? "VP8" : "VP9";
    text += (text.empty() ? "" : " and ") + std::string(stream.name == "video" ? video : "Opus");
  }
  return text;
}

void print_row(const ReceiverResult &receiver, const CallResult &result) {
  const E2EEStats &stats = receiver.stats;
  printf("%-9s %-8s %6llu %9llu %10llu  %-14s  %s\n", receiver.name.c_str(), receiver.key.c_str(),
         Number{result.sender.out}, Number{stats.in}, Number{stats.out},
         refusal_text(stats).c_str(), recording_text(receiver, result.duration).c_str());
}

void print_fingerprint(const char *name, const E2EEStats &stats) {
  printf("%-9s %s\n", name, stats.fingerprint.empty() ? "-" : stats.fingerprint.c_str());
}

void print_stream(const StreamResult &stream) {
  printf(
      "%-9s %zu sent, %zu in the clear; alice: %zu decrypted, %zu equal to the original, "
      "%zu played back\n",
      stream.name.c_str(), stream.sent, stream.in_clear, stream.decrypted, stream.equal,
      stream.played);
}

}  // namespace

void print_report(const CallResult &result, const std::vector<std::string> &faults,
                  const Terminal &terminal) {
  printf("\n%s, end to end encrypted, inside ICE and DTLS-SRTP (%s) on 127.0.0.1\n\n",
         codecs_text(result).c_str(),
         result.srtp_cipher.empty() ? "off" : result.srtp_cipher.c_str());

  printf("%s\n", terminal
                     .strong("receiver  key        sent  received  decrypted  refused         "
                             "recorded")
                     .c_str());
  for (const ReceiverResult &receiver : result.receivers)
    print_row(receiver, result);

  printf("\n%s\n", terminal.strong("frames").c_str());
  for (const StreamResult &stream : result.streams)
    print_stream(stream);

  printf("\n%s\n", terminal.strong("key fingerprint").c_str());
  print_fingerprint("sender", result.sender);
  for (const ReceiverResult &receiver : result.receivers)
    print_fingerprint(receiver.name.c_str(), receiver.stats);

  printf("\n");
  for (const std::string &fault : faults)
    printf("%s: %s\n", terminal.bad("FAIL").c_str(), fault.c_str());
  const guint64 lost = result.sender.out - result.receivers.front().stats.in;
  if (lost > 0)
    printf("%llu frames were lost on the way to alice\n", Number{lost});
  if (faults.empty())
    printf("%s: only who has the key got pictures and sound\n", terminal.good("PASS").c_str());
  fflush(stdout);
}

}  // namespace call

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "report.h"

namespace call {
namespace {

// One in so many frames may get lost on the way: UDP does that on a busy machine, also to
// 127.0.0.1.
constexpr guint64 kToleratedLoss = 20;

using Faults = std::vector<std::string>;

std::string of(size_t part, size_t whole) {
  return std::to_string(part) + " of " + std::to_string(whole);
}

void judge_sender(const CallResult &result, Faults &faults) {
  if (result.srtp_cipher.empty())
    faults.push_back("the packets were not encrypted by DTLS-SRTP");
  if (result.sender.in == 0)
    faults.push_back("nothing was sent");
  if (result.sender.out != result.sender.in)
    faults.push_back("the encryptor let through " + of(result.sender.out, result.sender.in) +
                     " frames (" + std::to_string(result.sender.missing_key) + " without a key, " +
                     std::to_string(result.sender.other) + " refused)");
  if (result.sender.unprotected > 0)
    faults.push_back(std::to_string(result.sender.unprotected) + " frames were not encrypted");
}

void judge_stream(const StreamResult &stream, Faults &faults) {
  if (stream.sent == 0)
    faults.push_back("no " + stream.name + " was sent");
  if (stream.in_clear > 0)
    faults.push_back(of(stream.in_clear, stream.sent) + " " + stream.name +
                     " frames left the encryptor in the clear");
  if (stream.decrypted == 0)
    faults.push_back("alice decrypted no " + stream.name);
  if (stream.equal != stream.decrypted)
    faults.push_back("only " + of(stream.equal, stream.decrypted) + " decrypted " + stream.name +
                     " frames are equal to what was sent");
  if (stream.played != stream.decrypted)
    faults.push_back(of(stream.played, stream.decrypted) + " recorded " + stream.name +
                     " frames could be played");
}

void judge_keyholder(const ReceiverResult &receiver, guint64 sent, Faults &faults) {
  if (!receiver.recorded)
    faults.push_back(receiver.name + " recorded nothing");
  if (receiver.stats.refused() > 0)
    faults.push_back(receiver.name + " refused " + of(receiver.stats.refused(), receiver.stats.in) +
                     " frames in spite of the key");
  if (receiver.stats.out < sent - sent / kToleratedLoss)
    faults.push_back(receiver.name + " decrypted only " + of(receiver.stats.out, sent) +
                     " frames that were sent");
}

void judge_outsider(const ReceiverResult &receiver, Faults &faults) {
  if (receiver.stats.in == 0)
    faults.push_back(receiver.name + " received nothing, so its silence proves nothing");
  if (receiver.stats.out > 0 || receiver.recorded)
    faults.push_back(receiver.name + " got " + std::to_string(receiver.stats.out) + " frames");
  if (receiver.stats.refused() != receiver.stats.in)
    faults.push_back(receiver.name + " refused only " +
                     of(receiver.stats.refused(), receiver.stats.in) + " frames");
}

}  // namespace

std::vector<std::string> find_faults(const CallResult &result) {
  Faults faults;
  judge_sender(result, faults);
  for (const StreamResult &stream : result.streams)
    judge_stream(stream, faults);
  for (const ReceiverResult &receiver : result.receivers) {
    if (receiver.has_key)
      judge_keyholder(receiver, result.sender.out, faults);
    else
      judge_outsider(receiver, faults);
  }
  return faults;
}

}  // namespace call

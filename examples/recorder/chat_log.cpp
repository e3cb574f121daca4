// SPDX-License-Identifier: LGPL-2.1-or-later
#include "chat_log.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "names.h"
#include "recorded_file.h"

namespace recorder {

namespace wire = livekit::wire;

namespace {

// A server could make anybody write.
constexpr std::size_t kMostHeld = 1000;
constexpr std::size_t kMostHeldBytes = 16 << 20;
constexpr std::size_t kMostSeen = 4096;
constexpr std::size_t kMostParticipants = 1000;

using BytesPtr = std::unique_ptr<GBytes, FreeWith<&g_bytes_unref>>;

BytesPtr bytes_of(const std::string &text) {
  return BytesPtr(g_bytes_new(text.data(), text.size()));
}

std::string base64(const std::string &bytes) {
  const CharPtr text(g_base64_encode(reinterpret_cast<const guchar *>(bytes.data()), bytes.size()));
  return text.get();
}

bool is_text(const std::string &text) {
  return g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr);
}

}  // namespace

ChatLog::ChatLog(Settings settings, Journal &journal) : settings_(settings), journal_(journal) {}

ChatLog::~ChatLog() {
  close();
}

void ChatLog::take(const std::string &identity, const std::string &packet) {
  wire::DataPacket data;
  if (!data.ParseFromString(packet) || !data.has_encrypted_packet())
    return;
  Held held{.identity = identity,
            .packet = data.encrypted_packet(),
            .came_us = g_get_real_time(),
            .until = Clock::now() + settings_.key_wait};
  if (!settings_.provider)
    return write_sealed(held);
  // In order: a text stream is several packets.
  if (held_.empty() && open(held))
    return;
  held_bytes_ += held.packet.ByteSizeLong();
  held_.push_back(std::move(held));
  while (held_.size() > kMostHeld || held_bytes_ > kMostHeldBytes) {
    give_up(held_.front());
    drop_first();
  }
}

void ChatLog::drop_first() {
  held_bytes_ -= held_.front().packet.ByteSizeLong();
  held_.pop_front();
}

void ChatLog::tick() {
  while (!held_.empty()) {
    if (!open(held_.front())) {
      if (Clock::now() < held_.front().until)
        return;
      give_up(held_.front());
    }
    drop_first();
  }
}

void ChatLog::close() {
  for (const Held &held : std::exchange(held_, {}))
    give_up(held);
  if (fd_ < 0)
    return;
  ::close(std::exchange(fd_, -1));
  journal_.note("chat-ended", {{"file", file_},
                               {"messages", static_cast<std::int64_t>(messages_)},
                               {"not-decrypted", static_cast<std::int64_t>(not_decrypted_)}});
}

void ChatLog::tell(const std::string &identity, const std::string &problem) {
  journal_.note("chat-trouble", {{"participant", identity}, {"problem", problem}},
                identity + ": " + problem, true);
}

void ChatLog::give_up(const Held &held) {
  ++not_decrypted_;
  tell(held.identity, "a message could not be decrypted with key index " +
                          std::to_string(held.packet.key_index()));
}

GstE2EEDataCryptor *ChatLog::cryptor_of(const std::string &identity) {
  const auto known = cryptors_.find(identity);
  if (known != cryptors_.end())
    return known->second.get();
  CryptorPtr cryptor(gst_e2ee_data_cryptor_new(settings_.provider, identity.c_str(), nullptr));
  if (!cryptor)
    return nullptr;
  if (cryptors_.size() == kMostParticipants)
    cryptors_.clear();
  return cryptors_.emplace(identity, std::move(cryptor)).first->second.get();
}

// A server that gives a message again would have it said twice.
bool ChatLog::is_repeated(const Held &held) {
  const std::string name =
      held.identity + '\n' + std::to_string(held.packet.key_index()) + '\n' + held.packet.iv();
  if (std::ranges::find(seen_, name) != seen_.end())
    return true;
  seen_.push_back(name);
  if (seen_.size() > kMostSeen)
    seen_.pop_front();
  return false;
}

// Whether nothing more is to be done about it.
bool ChatLog::open(const Held &held) {
  if (!settings_.may(held.identity))
    return true;
  GstE2EEDataCryptor *cryptor = cryptor_of(held.identity);
  if (!cryptor)
    return false;
  const BytesPtr plain(gst_e2ee_data_cryptor_decrypt(
      cryptor, bytes_of(held.packet.encrypted_value()).get(), bytes_of(held.packet.iv()).get(),
      held.packet.key_index(), nullptr));
  if (!plain)
    return false;
  if (is_repeated(held)) {
    tell(held.identity, "a message came again: it is left out");
    return true;
  }
  gsize size = 0;
  const auto *data = static_cast<const char *>(g_bytes_get_data(plain.get(), &size));
  write_payload(held, std::string(data, size));
  return true;
}

// ---- Lines

void ChatLog::write_payload(const Held &held, const std::string &payload) {
  wire::DataPayload content;
  if (!content.ParseFromString(payload))
    return tell(held.identity, "a message is none of LiveKit's");
  std::string trouble;
  const std::optional<livekit::Text> text = texts_.take(held.identity, content, trouble);
  if (!trouble.empty())
    tell(held.identity, trouble);
  if (!text)
    return;
  JsonFields fields{{"time", time_text(held.came_us)}, {"participant", held.identity}};
  if (text->sent_ms > 0 && text->sent_ms < G_MAXINT64 / 1000)
    fields.emplace_back("sent", time_text(text->sent_ms * 1000));
  if (!text->id.empty())
    fields.emplace_back("id", text->id);
  if (!text->topic.empty())
    fields.emplace_back("topic", text->topic);
  if (is_text(text->text))
    fields.emplace_back("message", text->text);
  else
    fields.emplace_back("data", base64(text->text));
  fields.emplace_back("key-id", std::int64_t{held.packet.key_index()});
  write(fields);
}

void ChatLog::write_sealed(const Held &held) {
  write({{"time", time_text(held.came_us)},
         {"participant", held.identity},
         {"key-id", std::int64_t{held.packet.key_index()}},
         {"iv", base64(held.packet.iv())},
         {"encrypted", base64(held.packet.encrypted_value())}});
}

void ChatLog::write(const JsonFields &fields) {
  try {
    append(JsonWriter(fields).line() + "\n");
    ++messages_;
  } catch (const Failure &failure) {
    journal_.note("chat-trouble", {{"problem", failure.what()}}, failure.what(), true);
  }
}

void ChatLog::append(const std::string &line) {
  if (fd_ < 0) {
    const CreatedFile created = create_file(settings_.folder, "chat-" + now_text(), "jsonl");
    fd_ = created.fd;
    file_ = created.name;
    journal_.note("chat-started", {{"file", file_}}, "writing the chat into " + file_);
  }
  const off_t start = lseek(fd_, 0, SEEK_CUR);
  for (std::size_t at = 0; at < line.size();) {
    const ssize_t wrote = ::write(fd_, line.data() + at, line.size() - at);
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote < 0) {
      const WriteFailure failure("writing " + file_, errno);
      // Half a line would spoil the next one, too.
      if (ftruncate(fd_, start) != 0 || lseek(fd_, start, SEEK_SET) < 0)
        ::close(std::exchange(fd_, -1));
      throw failure;
    }
    at += static_cast<std::size_t>(wrote);
  }
}

}  // namespace recorder

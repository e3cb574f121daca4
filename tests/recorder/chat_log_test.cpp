// SPDX-License-Identifier: LGPL-2.1-or-later
// What of a chat is written down.
#include "recorder/chat_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "files.h"
#include "media.h"

namespace {

using namespace std::chrono_literals;
using recorder::ChatLog;
namespace wire = livekit::wire;

constexpr char kSender[] = "alice";

class ChatLogTest : public testing::Test {
 protected:
  ChatLogTest() {
    set_key(sent_.get(), "the sender's passphrase");
    cryptor_.reset(gst_e2ee_data_cryptor_new(GST_E2EE_KEY_PROVIDER(sent_.get()), kSender, nullptr));
  }

  using ProviderPtr = examples::ObjectPtr<GstE2EEParticipantKeyProvider>;

  static void set_key(GstE2EEParticipantKeyProvider *provider, const char *passphrase) {
    EXPECT_TRUE(gst_e2ee_participant_key_provider_set_passphrase(provider, kSender, passphrase, 3,
                                                                 nullptr));
  }

  void open(bool sealed = false, std::chrono::milliseconds key_wait = 0ms) {
    chat_ = std::make_unique<ChatLog>(
        ChatLog::Settings{.folder = folder_.fd(),
                          .provider = sealed ? nullptr : GST_E2EE_KEY_PROVIDER(received_.get()),
                          .key_wait = key_wait,
                          .may = [this](const std::string &) { return may_; }},
        journal_);
  }

  std::string packet(const wire::DataPayload &payload) const {
    const std::string text = payload.SerializeAsString();
    GBytes *const plain = g_bytes_new(text.data(), text.size());
    GBytes *encrypted = nullptr, *iv = nullptr;
    guint key_index = 0;
    EXPECT_TRUE(
        gst_e2ee_data_cryptor_encrypt(cryptor_.get(), plain, &encrypted, &iv, &key_index, nullptr));
    g_bytes_unref(plain);
    wire::DataPacket packet;
    auto *parts = packet.mutable_encrypted_packet();
    parts->set_encrypted_value(taken(encrypted));
    parts->set_iv(taken(iv));
    parts->set_key_index(key_index);
    return packet.SerializeAsString();
  }
  static wire::DataPayload said(const std::string &text, std::int64_t sent_ms = 0) {
    wire::DataPayload payload;
    payload.mutable_chat_message()->set_message(text);
    payload.mutable_chat_message()->set_timestamp(sent_ms);
    return payload;
  }
  void take(const wire::DataPayload &payload) { chat_->take(kSender, packet(payload)); }

  // Of the only file; empty: there is none.
  std::string written() const {
    const auto names = folder_.names();
    EXPECT_LE(names.size(), 1U);
    return names.empty() ? "" : recorder::read_file(folder_ / names[0]);
  }
  bool was_written(const std::string &text) const {
    return written().find(text) != std::string::npos;
  }
  std::ptrdiff_t lines() const { return std::ranges::count(written(), '\n'); }

  media::Folder folder_;
  recorder::Journal journal_{recorder::Progress::Style::kJson, [](const std::string &) {}};
  ProviderPtr sent_{gst_e2ee_participant_key_provider_new()};
  ProviderPtr received_{gst_e2ee_participant_key_provider_new()};
  examples::ObjectPtr<GstE2EEDataCryptor> cryptor_;
  bool may_ = true;
  std::unique_ptr<ChatLog> chat_;

 private:
  static std::string taken(GBytes *bytes) {
    gsize size = 0;
    const auto *data = static_cast<const char *>(g_bytes_get_data(bytes, &size));
    std::string text(data, size);
    g_bytes_unref(bytes);
    return text;
  }
};

TEST_F(ChatLogTest, WritesWhatSomebodySays) {
  set_key(received_.get(), "the sender's passphrase");
  open();
  EXPECT_TRUE(folder_.names().empty());
  take(said("first", 1000));
  take(said("second"));
  EXPECT_EQ(lines(), 2);
  EXPECT_TRUE(was_written("\"message\":\"first\"")) << written();
  EXPECT_TRUE(was_written("\"sent\":\"1970-01-01T00:00:01")) << written();
  EXPECT_FALSE(journal_.anything_serious());
}

TEST_F(ChatLogTest, LeavesOutWhatComesAgain) {
  set_key(received_.get(), "the sender's passphrase");
  open();
  const std::string twice = packet(said("once"));
  chat_->take(kSender, twice);
  chat_->take(kSender, twice);
  EXPECT_EQ(lines(), 1);
  EXPECT_TRUE(journal_.anything_serious());
}

TEST_F(ChatLogTest, WaitsForAKey) {
  open(false, 1min);
  take(said("first"));
  take(said("second"));
  chat_->tick();
  EXPECT_EQ(written(), "");
  set_key(received_.get(), "the sender's passphrase");
  chat_->tick();
  EXPECT_EQ(lines(), 2);
  EXPECT_LT(written().find("first"), written().find("second"));
  EXPECT_FALSE(journal_.anything_serious());
}

TEST_F(ChatLogTest, TellsOfWhatItCannotDecrypt) {
  open();
  take(said("never"));
  chat_->tick();
  EXPECT_EQ(written(), "");
  EXPECT_TRUE(journal_.anything_serious());
}

// Who withdraws while a message of theirs waits for its key.
TEST_F(ChatLogTest, WritesNothingOfThoseWhoAreNotRecorded) {
  open(false, 1min);
  take(said("before"));
  may_ = false;
  set_key(received_.get(), "the sender's passphrase");
  chat_->tick();
  take(said("after"));
  EXPECT_EQ(written(), "");
}

TEST_F(ChatLogTest, WritesNoHalfText) {
  set_key(received_.get(), "the sender's passphrase");
  open();
  wire::DataPayload header, chunk, trailer;
  header.mutable_stream_header()->set_stream_id("x");
  header.mutable_stream_header()->set_mime_type("text/plain");
  header.mutable_stream_header()->set_total_length(10);
  chunk.mutable_stream_chunk()->set_stream_id("x");
  chunk.mutable_stream_chunk()->set_content("half");
  trailer.mutable_stream_trailer()->set_stream_id("x");
  for (const wire::DataPayload &part : {header, chunk, trailer})
    take(part);
  EXPECT_EQ(written(), "");
  EXPECT_TRUE(journal_.anything_serious());
}

TEST_F(ChatLogTest, TakesAnyTimeOfASender) {
  set_key(received_.get(), "the sender's passphrase");
  open();
  for (const std::int64_t time :
       {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max() / 1000 - 1})
    take(said("text", time));
  EXPECT_EQ(lines(), 3);
}

TEST_F(ChatLogTest, KeepsWhatIsEncryptedWithoutKeys) {
  open(true);
  take(said("secret"));
  EXPECT_EQ(lines(), 1);
  EXPECT_TRUE(was_written("\"encrypted\":\"")) << written();
  EXPECT_TRUE(was_written("\"iv\":\"")) << written();
  EXPECT_FALSE(was_written("secret"));
}

TEST_F(ChatLogTest, LeavesNoHalfLineOnAFullDisk) {
  set_key(received_.get(), "the sender's passphrase");
  open();
  take(said("first"));
  const std::string first = written();
  {
    const media::FileLimit limit(first.size() + 20);
    take(said("too much"));
  }
  EXPECT_EQ(written(), first);
  EXPECT_TRUE(journal_.anything_serious());
  take(said("last"));
  EXPECT_EQ(lines(), 2);
  EXPECT_TRUE(written().starts_with(first));
}

}  // namespace

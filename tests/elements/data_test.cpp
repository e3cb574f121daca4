/* SPDX-License-Identifier: LGPL-2.1-or-later */
// GstE2EEDataCryptor: messages in LiveKit's data format.
#include <set>
#include <thread>

#include "support/cipher.h"
#include "support/custom_provider.h"
#include "support/element.h"
#include "support/frame_cryptor.h"
#include "support/vectors.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

struct Message {
  Bytes payload;
  Bytes iv;
  guint key_index = 0;
};

class Data {
 public:
  explicit Data(const Provider &provider, const char *who = nullptr) {
    Error error;
    cryptor_ = gst_e2ee_data_cryptor_new(provider.get(), who, error.at());
    EXPECT_NE(cryptor_, nullptr) << error.text();
  }
  ~Data() { g_clear_object(&cryptor_); }
  Data(const Data &) = delete;
  Data &operator=(const Data &) = delete;

  std::optional<Message> encrypt(const Bytes &text) {
    GBytes *payload = nullptr;
    GBytes *iv = nullptr;
    Message message;
    if (!gst_e2ee_data_cryptor_encrypt(cryptor_, bytes_ref(text).get(), &payload, &iv,
                                       &message.key_index, error_.at())) {
      EXPECT_EQ(payload, nullptr);
      EXPECT_EQ(iv, nullptr);
      return std::nullopt;
    }
    message.payload = bytes_of(BytesRef(payload).get());
    message.iv = bytes_of(BytesRef(iv).get());
    return message;
  }
  std::optional<Bytes> decrypt(const Message &message) {
    const BytesRef text(gst_e2ee_data_cryptor_decrypt(cryptor_, bytes_ref(message.payload).get(),
                                                      bytes_ref(message.iv).get(),
                                                      message.key_index, error_.at()));
    return text ? std::optional(bytes_of(text.get())) : std::nullopt;
  }
  const Error &error() const { return error_; }
  GstE2EEDataCryptor *get() const { return cryptor_; }

 private:
  GstE2EEDataCryptor *cryptor_ = nullptr;
  Error error_;
};

const Bytes kText = {'h', 'e', 'l', 'l', 'o'};

/// By OpenSSL alone; none when the tag does not verify.
std::optional<Bytes> open_by_hand(const Bytes &key, const Message &message) {
  return aes_gcm(false, key, {{}, message.payload, message.iv});
}

}  // namespace

TEST(DataCryptor, RoundTripOfAllSizes) {
  Data sender(passphrase_provider("a meeting"));
  Data receiver(passphrase_provider("a meeting"));
  for (const gsize size : {1, 2, 15, 16, 17, 1000, 65536}) {
    const Bytes text = noise(size, static_cast<unsigned>(size));
    const auto message = sender.encrypt(text);
    ASSERT_TRUE(message) << sender.error().text();
    EXPECT_EQ(message->payload.size(), size + 16);
    EXPECT_EQ(message->iv.size(), 12U);
    EXPECT_EQ(message->key_index, 0U);
    EXPECT_EQ(receiver.decrypt(*message), text) << receiver.error().text();
  }
}

TEST(DataCryptor, IsAesGcmWithTheMediaKeyAndNoAdditionalData) {
  unsigned used = 0;
  for (const vectors::Record &record : vectors::load({"livekit-keyschedule.json"})) {
    ASSERT_EQ(record.error, "");
    if (!record.key.passphrase() || record.key.key_size != 128 || record.steps.empty() ||
        record.key.salt != "LKFrameEncryptionKey" || record.steps.front().ratchets != 0)
      continue;
    Data sender(passphrase_provider(record.key.value.c_str()));
    const auto message = sender.encrypt(kText);
    ASSERT_TRUE(message) << record.id;
    EXPECT_EQ(open_by_hand(record.steps.front().key, *message), kText) << record.id;
    ++used;
  }
  EXPECT_GT(used, 0U);
}

TEST(DataCryptor, R3_NoIvComesTwiceBesideMediaEither) {
  const Provider provider = raw_provider(0x21);
  Data one(provider);
  Data two(provider);
  Element media("e2eeencrypt", provider);
  media.start(kOpus);
  std::set<Bytes> ivs;
  for (unsigned i = 0; i < 1000; ++i) {
    EXPECT_TRUE(ivs.insert(one.encrypt(kText).value().iv).second);
    EXPECT_TRUE(ivs.insert(two.encrypt(kText).value().iv).second);
    const Bytes frame = media.pass(noise(40, i)).value();
    EXPECT_TRUE(ivs.insert(Bytes(frame.end() - 14, frame.end() - 2)).second);
  }
  EXPECT_EQ(ivs.size(), 3000U);
}

TEST(DataCryptor, EveryFlippedBitAndEveryOtherLengthIsRefused) {
  Data cryptor(raw_provider(0x22));
  const Message message = cryptor.encrypt(kText).value();
  for (gsize bit = 0; bit < message.payload.size() * 8; ++bit) {
    Message bad = message;
    bad.payload[bit / 8] ^= static_cast<guint8>(1 << bit % 8);
    EXPECT_FALSE(cryptor.decrypt(bad));
    EXPECT_TRUE(cryptor.error().is(GST_E2EE_ERROR_AUTH)) << cryptor.error().text();
  }
  for (gsize size = 0; size < 40; ++size) {
    Message bad = message;
    bad.payload.resize(size);
    if (size != message.payload.size()) {
      EXPECT_FALSE(cryptor.decrypt(bad)) << size;
      EXPECT_TRUE(cryptor.error().is(size < 16 ? GST_E2EE_ERROR_MALFORMED : GST_E2EE_ERROR_AUTH));
    }
    bad = message;
    bad.iv.resize(size);
    if (size != 12) {
      EXPECT_FALSE(cryptor.decrypt(bad)) << size;
      EXPECT_TRUE(cryptor.error().is(GST_E2EE_ERROR_MALFORMED)) << cryptor.error().text();
    }
  }
  EXPECT_EQ(cryptor.decrypt(message), kText);
}

TEST(DataCryptor, EmptyMessagesAreRefused) {
  Data cryptor(raw_provider(0x23));
  EXPECT_FALSE(cryptor.encrypt({}));
  EXPECT_TRUE(cryptor.error().is(GST_E2EE_ERROR_INVALID_OPTION)) << cryptor.error().text();
}

TEST(DataCryptor, AKeyIndexOfItsOwn) {
  const Provider provider = raw_provider(0x24, 0);
  set_raw(provider, 0x25, 7);
  Data sender(provider);
  g_object_set(sender.get(), "key-index", 7, nullptr);
  const Message message = sender.encrypt(kText).value();
  EXPECT_EQ(message.key_index, 7U);
  Element media("e2eeencrypt", provider);
  media.start(kOpus);
  EXPECT_EQ(media.pass(noise(40, 1)).value().back(), 0) << "media goes on with the current one";
  const Provider other = raw_provider(0x25, 7);
  EXPECT_EQ(Data(other).decrypt(message), kText);
  g_object_set(sender.get(), "key-index", 9, nullptr);
  EXPECT_FALSE(sender.encrypt(kText));
  EXPECT_TRUE(sender.error().is(GST_E2EE_ERROR_MISSING_KEY)) << sender.error().text();
}

TEST(DataCryptor, R1_NoKeyNoMessage) {
  Data cryptor(empty_provider());
  EXPECT_FALSE(cryptor.encrypt(kText));
  EXPECT_TRUE(cryptor.error().is(GST_E2EE_ERROR_MISSING_KEY)) << cryptor.error().text();
  const Message message = Data(raw_provider(0x26)).encrypt(kText).value();
  EXPECT_FALSE(cryptor.decrypt(message));
  EXPECT_TRUE(cryptor.error().is(GST_E2EE_ERROR_MISSING_KEY)) << cryptor.error().text();
  EXPECT_FALSE(Data(raw_provider(0x27)).decrypt(message)) << "another key";
  Message far = message;
  far.key_index = 70000;
  EXPECT_FALSE(cryptor.decrypt(far));
}

TEST(DataCryptor, FailsWithTheCodesAndWordsOfTheFrameCryptor) {
  const Provider provider = raw_provider(0x29, 3);
  Data messages(provider);
  FrameCryptor frames(provider);
  frames.start(kOpus);
  Message forged = messages.encrypt(kText).value();
  forged.payload[0] ^= 1;
  Bytes forged_frame = frames.encrypt(kPlain).value();
  forged_frame[20] ^= 1;
  Message unknown = forged;
  unknown.key_index = 9;
  Bytes unknown_frame = forged_frame;
  unknown_frame.back() = 9;
  const auto is_same = [&](const Message &message, const Bytes &frame) {
    return !messages.decrypt(message) && !frames.decrypt(frame) &&
           messages.error().text() == frames.error.text();
  };
  EXPECT_TRUE(is_same(forged, forged_frame))
      << messages.error().text() << " and " << frames.error.text();
  EXPECT_TRUE(frames.error.is(GST_E2EE_ERROR_AUTH) && messages.error().is(GST_E2EE_ERROR_AUTH));
  EXPECT_NE(messages.error().text().find("key 3: "), std::string::npos);
  EXPECT_TRUE(is_same(unknown, unknown_frame))
      << messages.error().text() << " and " << frames.error.text();
  EXPECT_TRUE(frames.error.is(GST_E2EE_ERROR_MISSING_KEY) &&
              messages.error().is(GST_E2EE_ERROR_MISSING_KEY));
  EXPECT_NE(messages.error().text().find("key 9: "), std::string::npos);

  Data silent(empty_provider());
  FrameCryptor still(empty_provider());
  ASSERT_TRUE(still.set_caps(kOpus));
  EXPECT_FALSE(silent.encrypt(kText) || still.encrypt(kPlain));
  EXPECT_EQ(silent.error().text(), still.error.text());
  EXPECT_EQ(still.error.text().find("key 0"), std::string::npos) << "there is none to name";
}

TEST(DataCryptor, NothingOnceARemovalHasReturned) {
  const Provider provider = raw_provider(0x28);
  Data cryptor(provider);
  const Message message = cryptor.encrypt(kText).value();
  ASSERT_TRUE(cryptor.decrypt(message));
  ASSERT_TRUE(gst_e2ee_shared_key_provider_remove_key(shared(provider), 0, nullptr));
  EXPECT_FALSE(cryptor.decrypt(message));
  EXPECT_FALSE(cryptor.encrypt(kText));
}

TEST(DataCryptor, R14_EachParticipantHasKeysOfTheirOwn) {
  const Provider ring = new_ring();
  set_key(ring, "alice", 0x31);
  set_key(ring, "bob", 0x32);
  const Message message = Data(ring, "alice").encrypt(kText).value();
  EXPECT_EQ(Data(ring, "alice").decrypt(message), kText);
  EXPECT_FALSE(Data(ring, "bob").decrypt(message));
  Error error;
  EXPECT_EQ(gst_e2ee_data_cryptor_new(ring.get(), nullptr, error.at()), nullptr);
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << error.text();
}

TEST(DataCryptor, ASendersRatchetIsFollowed) {
  const Provider sending = new_ring();
  const Provider receiving = new_ring();
  for (const Provider &ring : {sending, receiving})
    set_key(ring, "alice", 0x33);
  Data sender(sending, "alice");
  Data receiver(receiving, "alice");
  ASSERT_EQ(receiver.decrypt(sender.encrypt(kText).value()), kText);
  ratchet(sending, "alice", 2);
  const Message message = sender.encrypt(kText).value();
  EXPECT_TRUE(wait_for([&] { return receiver.decrypt(message) == kText; }));
}

TEST(DataCryptor, AProviderIsAskedForTheKeyThatAMessageNames) {
  const Message message = [] {
    const Provider sender = raw_provider(0x34, 5);
    return Data(sender).encrypt(kText).value();
  }();
  const auto keys = std::make_shared<CustomKeys>();
  keys->lookup = [](const std::string &, guint64 id, GError **) {
    sleep_ms(50);
    return id == 5 ? raw_material(0x34, id) : nullptr;
  };
  Data receiver(custom_provider(keys));
  EXPECT_EQ(receiver.decrypt(message), kText) << "it waits for the look-up";
}

TEST(DataCryptor, MadeWithoutAProviderSaysWhatToDo) {
  auto *bare = static_cast<GstE2EEDataCryptor *>(g_object_new(GST_TYPE_E2EE_DATA_CRYPTOR, nullptr));
  const BytesRef text = bytes_ref(Bytes(16, 1));
  GBytes *payload = nullptr;
  GBytes *iv = nullptr;
  guint index = 0;
  Error error;
  EXPECT_FALSE(gst_e2ee_data_cryptor_encrypt(bare, text.get(), &payload, &iv, &index, error.at()));
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << error.text();
  EXPECT_EQ(gst_e2ee_data_cryptor_decrypt(bare, text.get(), text.get(), 0, error.at()), nullptr);
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << error.text();
  g_object_unref(bare);
}

TEST(DataCryptor, FailsInEachCallAsNewDoesWhenMadeWithProperties) {
  const Provider provider = new_ring();
  Error error;
  EXPECT_EQ(gst_e2ee_data_cryptor_new(provider.get(), nullptr, error.at()), nullptr);
  const std::string why = error.text();
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << why;
  auto *made = static_cast<GstE2EEDataCryptor *>(
      g_object_new(GST_TYPE_E2EE_DATA_CRYPTOR, "key-provider", provider.get(), nullptr));
  const BytesRef text = bytes_ref(Bytes(16, 1));
  EXPECT_EQ(gst_e2ee_data_cryptor_decrypt(made, text.get(), text.get(), 0, error.at()), nullptr);
  EXPECT_EQ(error.text(), why);
  g_object_unref(made);
}

TEST(DataCryptor, TellsWhatItWasMadeFor) {
  const Provider provider = new_ring();
  set_key(provider, "alice", 0x2a);
  auto *made = static_cast<GstE2EEDataCryptor *>(
      g_object_new(GST_TYPE_E2EE_DATA_CRYPTOR, "key-provider", provider.get(), "participant",
                   "alice", "key-index", 0, nullptr));
  g_autoptr(GstE2EEKeyProvider) held = nullptr;
  g_autofree gchar *participant = nullptr;
  g_object_get(made, "key-provider", &held, "participant", &participant, nullptr);
  EXPECT_EQ(held, provider.get());
  EXPECT_STREQ(participant, "alice");
  for (const char *name : {"key-provider", "participant"}) {
    const GParamSpec *pspec = g_object_class_find_property(G_OBJECT_GET_CLASS(made), name);
    EXPECT_TRUE(pspec->flags & G_PARAM_CONSTRUCT_ONLY) << name;
  }
  GBytes *payload = nullptr;
  GBytes *iv = nullptr;
  guint index = 0;
  Error error;
  const BytesRef text = bytes_ref(kText);
  EXPECT_TRUE(gst_e2ee_data_cryptor_encrypt(made, text.get(), &payload, &iv, &index, error.at()))
      << error.text();
  const Message message{bytes_of(BytesRef(payload).get()), bytes_of(BytesRef(iv).get()), index};
  EXPECT_EQ(Data(provider, "alice").decrypt(message), kText);
  g_object_run_dispose(G_OBJECT(made));
  EXPECT_FALSE(gst_e2ee_data_cryptor_encrypt(made, text.get(), &payload, &iv, &index, error.at()));
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << error.text();
  g_object_unref(made);
}

TEST(DataCryptor, R9_WhoeverNamesManyKeysIsAnsweredAndNotWaitedFor) {
  Message message = Data(raw_provider(0x36)).encrypt(kText).value();
  const auto keys = std::make_shared<CustomKeys>();
  std::atomic<bool> blocks{false};
  keys->lookup = [&](const std::string &, guint64, GError **) {
    if (blocks)
      sleep_ms(300);
    return static_cast<GstE2EEKeyMaterial *>(nullptr);
  };
  Data receiver(custom_provider(keys));
  blocks = true;
  const gint64 began = g_get_monotonic_time();
  for (message.key_index = 1; message.key_index < 20; ++message.key_index)
    EXPECT_FALSE(receiver.decrypt(message));
  // One look-up is waited for, not nineteen.
  EXPECT_LT(g_get_monotonic_time() - began, 3 * G_TIME_SPAN_SECOND);
}

TEST(DataCryptor, AKeyThatDataUsedFirstStillRatchetsWithTheFrames) {
  const Provider ring = new_ring();
  g_object_set(ring.get(), "ratchet-frames", guint64{5}, nullptr);
  set_key(ring, "alice", 0x37, 0);
  set_key(ring, "alice", 0x38, 1);
  Data data(ring, "alice");
  g_object_set(data.get(), "key-index", 1, nullptr);
  for (unsigned i = 0; i < 10; ++i)
    EXPECT_TRUE(data.encrypt(kText));
  let_workers_finish();
  set_current(ring, "alice", 1);
  End media("e2eeencrypt", ring, "alice");
  for (unsigned i = 0; i < 30; ++i) {
    EXPECT_TRUE(media.pass(noise(40, i)));
    let_workers_finish();
  }
  EXPECT_GE(media.stat("generation"), 4U);
}

TEST(DataCryptor, ManyThreadsAtATime) {
  Data cryptor(raw_provider(0x35));
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (unsigned j = 0; j < 500; ++j) {
        GBytes *payload = nullptr;
        GBytes *iv = nullptr;
        guint index = 0;
        const BytesRef text = bytes_ref(kText);
        ASSERT_TRUE(gst_e2ee_data_cryptor_encrypt(cryptor.get(), text.get(), &payload, &iv, &index,
                                                  nullptr));
        const BytesRef own_payload(payload);
        const BytesRef own_iv(iv);
        const BytesRef out(
            gst_e2ee_data_cryptor_decrypt(cryptor.get(), payload, iv, index, nullptr));
        ASSERT_NE(out, nullptr);
        ASSERT_TRUE(g_bytes_equal(out.get(), text.get()));
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}

}  // namespace e2ee::test

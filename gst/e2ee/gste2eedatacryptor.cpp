/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/gste2eedatacryptor.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "buffers/framesettings.h"
#include "core/aead.h"
#include "core/clock.h"
#include "core/secret.h"
#include "errors.h"
#include "properties.h"
#include "reasonerror.h"

namespace e2ee {

extern const CodecRule kData;

namespace {

constexpr std::chrono::milliseconds kStartPatience{3000};
constexpr std::chrono::milliseconds kLookupPatience{1000};
// Whoever sends messages can name any key: waiting in vain is rare.
constexpr std::chrono::seconds kBetweenWaits{10};
constexpr guint kKeyIndices = 256;
constexpr gsize kMaxMessage = G_MAXINT - 64;

ByteView view_of(GBytes *bytes) {
  gsize size = 0;
  const auto *data = static_cast<const std::uint8_t *>(g_bytes_get_data(bytes, &size));
  return {data, size};
}

/// One direction, for one thread at a time.
struct Side {
  std::mutex mutex;
  std::unique_ptr<FrameCryptor> cryptor;
  Clock::time_point next_wait{};  // for a look-up; under DataCryptor's keys_mutex
};

}  // namespace

// A message is a frame of a codec without clear bytes: what LiveKit's frames carry behind the tag
// travels beside it.
struct DataCryptor {
  ~DataCryptor() { close(); }

  Side sending;
  Side receiving;
  int key_index = -1;

  std::mutex keys_mutex;
  std::condition_variable keys_changed;
  unsigned changes = 0;  // keys that came, and look-ups that were answered

  int chosen_index() {
    std::lock_guard lock(sending.mutex);
    return key_index;
  }
  bool open(GstE2EEKeyProvider *provider, const gchar *participant, GError **error);
  void close();
  Reason encrypt(ByteView data, GBytes **payload, GBytes **iv, std::uint64_t &key_id);
  Reason encrypt_once(ByteView data, GBytes **payload, GBytes **iv, std::uint64_t &key_id);
  Reason decrypt(ByteView payload, ByteView iv, guint key_index, GBytes **data);
  Reason decrypt_once(ByteView frame, ByteSpan out, std::size_t &size);
  unsigned changes_so_far();
  bool wait_for_key(Side &side, unsigned seen);
  Reason when_keyed(Side &side, const std::function<Reason()> &once);
};

bool DataCryptor::open(GstE2EEKeyProvider *provider, const gchar *participant, GError **error) {
  for (Side *side : {&sending, &receiving}) {
    side->cryptor = open_frame_cryptor(
        provider,
        {.participant = participant != nullptr ? participant : "", .encrypts = side == &sending},
        error);
    if (!side->cryptor)
      return false;
  }
  const auto note = [this] {
    std::lock_guard lock(keys_mutex);
    ++changes;
    keys_changed.notify_all();
  };
  receiving.cryptor->on(FrameCryptor::Event::keys_changed, note);
  receiving.cryptor->on(FrameCryptor::Event::looked_up, note);
  sending.cryptor->wait_ready(kStartPatience);
  return true;
}

void DataCryptor::close() {
  if (receiving.cryptor) {
    receiving.cryptor->on(FrameCryptor::Event::keys_changed, {});
    receiving.cryptor->on(FrameCryptor::Event::looked_up, {});
  }
  sending.cryptor.reset();
  receiving.cryptor.reset();
}

Reason DataCryptor::encrypt_once(ByteView data, GBytes **payload, GBytes **iv,
                                 std::uint64_t &key_id) {
  std::lock_guard lock(sending.mutex);
  std::vector<std::uint8_t> frame(data.size() + sending.cryptor->facts.overhead);
  const FrameCryptor::Result result =
      sending.cryptor->encrypt(kData, FrameType::delta, data, frame, key_index);
  key_id = result.key_id;
  if (result.reason != Reason::ok)
    return result.reason;
  if (!result.passage.is_open())
    return Reason::missing_key;
  const std::size_t body = data.size() + kTagSize;
  *payload = g_bytes_new(frame.data(), body);
  *iv = g_bytes_new(frame.data() + body, kIvSize);
  return Reason::ok;
}

Reason DataCryptor::encrypt(ByteView data, GBytes **payload, GBytes **iv, std::uint64_t &key_id) {
  return when_keyed(sending, [&] { return encrypt_once(data, payload, iv, key_id); });
}

Reason DataCryptor::decrypt_once(ByteView frame, ByteSpan out, std::size_t &size) {
  std::lock_guard lock(receiving.mutex);
  const FrameCryptor::Result result = receiving.cryptor->decrypt(kData, frame, out);
  size = result.size;
  if (result.reason == Reason::ok && !result.passage.is_open())
    return Reason::missing_key;  // whoever owns `out` wipes it
  return result.reason;
}

unsigned DataCryptor::changes_so_far() {
  std::lock_guard lock(keys_mutex);
  return changes;
}

// Whether something has changed since `seen`. Waits until the provider has answered.
bool DataCryptor::wait_for_key(Side &side, unsigned seen) {
  std::unique_lock lock(keys_mutex);
  const Clock::time_point now = Clock::now();
  if (changes != seen || now < side.next_wait)
    return changes != seen;
  side.next_wait = now + kBetweenWaits;
  return keys_changed.wait_for(lock, kLookupPatience, [&] { return changes != seen; });
}

// Tries it again when what it lacks has come.
Reason DataCryptor::when_keyed(Side &side, const std::function<Reason()> &once) {
  const Clock::time_point until = Clock::now() + kLookupPatience;
  unsigned seen = changes_so_far();
  Reason reason = once();
  if (reason != Reason::missing_key)
    return reason;
  while (reason == Reason::missing_key && wait_for_key(side, seen) && Clock::now() < until) {
    seen = changes_so_far();
    reason = once();
  }
  if (reason == Reason::ok) {
    std::lock_guard lock(keys_mutex);
    side.next_wait = {};  // it was not in vain
  }
  return reason;
}

Reason DataCryptor::decrypt(ByteView payload, ByteView iv, guint index, GBytes **data) {
  if (payload.size() < kTagSize || payload.size() > kMaxMessage || iv.size() != kIvSize)
    return Reason::malformed;
  std::vector<std::uint8_t> frame;
  frame.reserve(payload.size() + kIvSize + 2);
  frame.insert(frame.end(), payload.begin(), payload.end());
  frame.insert(frame.end(), iv.begin(), iv.end());
  frame.push_back(kIvSize);
  frame.push_back(static_cast<std::uint8_t>(index));
  std::vector<std::uint8_t> out(frame.size());
  struct Wipe {
    ByteSpan bytes;
    ~Wipe() { cleanse(bytes); }
  } wipe{out};

  std::size_t size = 0;
  const Reason reason = when_keyed(receiving, [&] { return decrypt_once(frame, out, size); });
  if (reason == Reason::ok)
    *data = g_bytes_new(out.data(), size);
  return reason;
}

}  // namespace e2ee

using e2ee::Reason;

enum { PROP_0, PROP_KEY_PROVIDER, PROP_PARTICIPANT, PROP_KEY_INDEX };

struct _GstE2EEDataCryptor {
  GObject parent;
  GstE2EEKeyProvider *provider;
  gchar *participant;
  GError *error;  // why it cannot be used
  e2ee::DataCryptor *cryptor;
};

G_DEFINE_TYPE(GstE2EEDataCryptor, gst_e2ee_data_cryptor, G_TYPE_OBJECT)

static void gst_e2ee_data_cryptor_set_property(GObject *object, guint id, const GValue *value,
                                               GParamSpec *pspec) {
  GstE2EEDataCryptor *self = GST_E2EE_DATA_CRYPTOR(object);
  switch (id) {
    case PROP_KEY_PROVIDER:
      self->provider = static_cast<GstE2EEKeyProvider *>(g_value_dup_object(value));
      break;
    case PROP_PARTICIPANT:
      self->participant = g_value_dup_string(value);
      break;
    case PROP_KEY_INDEX: {
      std::lock_guard lock(self->cryptor->sending.mutex);
      self->cryptor->key_index = g_value_get_int(value);
      break;
    }
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

static void gst_e2ee_data_cryptor_get_property(GObject *object, guint id, GValue *value,
                                               GParamSpec *pspec) {
  GstE2EEDataCryptor *self = GST_E2EE_DATA_CRYPTOR(object);
  switch (id) {
    case PROP_KEY_PROVIDER:
      g_value_set_object(value, self->provider);
      break;
    case PROP_PARTICIPANT:
      g_value_set_string(value, self->participant);
      break;
    case PROP_KEY_INDEX:
      g_value_set_int(value, self->cryptor->chosen_index());
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

static void gst_e2ee_data_cryptor_constructed(GObject *object) {
  GstE2EEDataCryptor *self = GST_E2EE_DATA_CRYPTOR(object);
  G_OBJECT_CLASS(gst_e2ee_data_cryptor_parent_class)->constructed(object);
  if (self->provider == nullptr)
    e2ee::fail(&self->error, GST_E2EE_ERROR_INVALID_OPTION,
               "the data cryptor was made without a key provider: set key-provider");
  else
    self->cryptor->open(self->provider, self->participant, &self->error);
}

static void gst_e2ee_data_cryptor_dispose(GObject *object) {
  GstE2EEDataCryptor *self = GST_E2EE_DATA_CRYPTOR(object);
  if (self->error == nullptr)
    e2ee::fail(&self->error, GST_E2EE_ERROR_INVALID_OPTION,
               "the data cryptor was disposed of: make another one");
  self->cryptor->close();
  g_clear_object(&self->provider);
  G_OBJECT_CLASS(gst_e2ee_data_cryptor_parent_class)->dispose(object);
}

static void gst_e2ee_data_cryptor_finalize(GObject *object) {
  GstE2EEDataCryptor *self = GST_E2EE_DATA_CRYPTOR(object);
  delete self->cryptor;
  g_free(self->participant);
  g_clear_error(&self->error);
  G_OBJECT_CLASS(gst_e2ee_data_cryptor_parent_class)->finalize(object);
}

static void gst_e2ee_data_cryptor_class_init(GstE2EEDataCryptorClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = gst_e2ee_data_cryptor_set_property;
  object_class->get_property = gst_e2ee_data_cryptor_get_property;
  object_class->constructed = gst_e2ee_data_cryptor_constructed;
  object_class->dispose = gst_e2ee_data_cryptor_dispose;
  object_class->finalize = gst_e2ee_data_cryptor_finalize;
  static constexpr e2ee::Property kProperties[] = {
      {PROP_KEY_PROVIDER, e2ee::kConstructOnly, e2ee::key_provider_property},
      {PROP_PARTICIPANT, e2ee::kConstructOnly, e2ee::participant_property},
      {PROP_KEY_INDEX, e2ee::kReadWrite, [](GParamFlags flags) {
         return g_param_spec_int("key-index", "Key index",
                                 "Key index to encrypt with, one that media does not use if "
                                 "possible; -1: the current one. May be changed at any time",
                                 -1, e2ee::kKeyIndices - 1, -1, flags);
       }}};
  e2ee::install_properties(object_class, kProperties);
}

static void gst_e2ee_data_cryptor_init(GstE2EEDataCryptor *self) {
  self->cryptor = new e2ee::DataCryptor;
}

static bool check_usable(const GstE2EEDataCryptor *self, GError **error) {
  if (self->error != nullptr && error != nullptr)
    *error = g_error_copy(self->error);
  return self->error == nullptr;
}

GstE2EEDataCryptor *gst_e2ee_data_cryptor_new(GstE2EEKeyProvider *provider,
                                              const gchar *participant, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_KEY_PROVIDER(provider), nullptr);
  auto *self = GST_E2EE_DATA_CRYPTOR(g_object_new(GST_TYPE_E2EE_DATA_CRYPTOR, "key-provider",
                                                  provider, "participant", participant, nullptr));
  if (!check_usable(self, error))
    g_clear_object(&self);
  return self;
}

gboolean gst_e2ee_data_cryptor_encrypt(GstE2EEDataCryptor *self, GBytes *data, GBytes **payload,
                                       GBytes **iv, guint *key_index, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_DATA_CRYPTOR(self) && data != nullptr, FALSE);
  g_return_val_if_fail(payload != nullptr && iv != nullptr && key_index != nullptr, FALSE);
  *payload = nullptr;
  *iv = nullptr;
  *key_index = 0;
  if (!check_usable(self, error))
    return FALSE;
  if (g_bytes_get_size(data) > e2ee::kMaxMessage)
    return e2ee::fail(error, GST_E2EE_ERROR_INVALID_OPTION,
                      "a message has less than two gigabytes");
  if (g_bytes_get_size(data) == 0)
    return e2ee::fail(error, GST_E2EE_ERROR_INVALID_OPTION,
                      "there is nothing to encrypt: the message is empty");
  std::uint64_t key_id = 0;
  const Reason reason = self->cryptor->encrypt(e2ee::view_of(data), payload, iv, key_id);
  if (reason == Reason::ok) {
    *key_index = static_cast<guint>(key_id);
    return TRUE;
  }
  if (reason == Reason::missing_key && self->cryptor->chosen_index() < 0)
    e2ee::set_reason_error(error, reason, {});  // there is no current key, and none to name
  else
    e2ee::set_reason_error(error, reason, key_id);
  return FALSE;
}

GBytes *gst_e2ee_data_cryptor_decrypt(GstE2EEDataCryptor *self, GBytes *payload, GBytes *iv,
                                      guint key_index, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_DATA_CRYPTOR(self), nullptr);
  g_return_val_if_fail(payload != nullptr && iv != nullptr, nullptr);
  if (!check_usable(self, error))
    return nullptr;
  if (key_index >= e2ee::kKeyIndices) {
    e2ee::fail(error, GST_E2EE_ERROR_INVALID_INDEX,
               "there is no key index %u: messages name one from 0 to %u", key_index,
               e2ee::kKeyIndices - 1);
    return nullptr;
  }
  GBytes *data = nullptr;
  const Reason reason =
      self->cryptor->decrypt(e2ee::view_of(payload), e2ee::view_of(iv), key_index, &data);
  if (reason != Reason::ok)
    e2ee::set_reason_error(error, reason, key_index);
  if (reason == Reason::malformed)
    g_prefix_error(error, "a payload has 16 bytes or more and an IV 12: ");
  return data;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "framecryptor.h"

#include "core/cryptor.h"
#include "registry.h"

namespace e2ee {

struct FrameCryptor::Private final : KeyUser {
  Private(GstE2EEKeyProvider *from, std::shared_ptr<KeyBinding> keys)
      : provider(GST_E2EE_KEY_PROVIDER(g_object_ref(from))),
        binding(std::move(keys)),
        sealer(binding->scheme()),
        opener(binding->scheme()) {
    binding->attach(this);
  }
  ~Private() {
    binding->detach(this);
    binding.reset();
    g_object_unref(provider);
  }

  // A keyed cipher holds the key: those whose key is no longer in the ring go at once.
  void keys_withdrawn() override {
    std::lock_guard lock(mutex);
    ring.reset();
    take_ring();
    sealer.retain(*ring);
    opener.retain(*ring);
    if (last && !ring->holds(*last))
      last.reset();
  }

  void keys_changed() override {
    std::lock_guard lock(call_mutex);
    if (call)
      call();
  }

  // Mutex held. The snapshot is taken anew only when the keys changed.
  void take_ring() {
    const unsigned now = binding->version();
    if (!ring || version != now) {
      version = now;
      ring = binding->ring();
    }
  }

  // Mutex held.
  void note_key(const KeyRef &key, Result &result) {
    result.key_id = key->id;
    result.near_limit = key->usage->frames() >= KeyUsage::kSoftLimit;
    if (last != key) {
      result.key_changed = true;
      last = key;
    }
  }

  GstE2EEKeyProvider *const provider;
  std::shared_ptr<KeyBinding> binding;

  mutable std::mutex mutex;  // held while a frame is worked on, never while one is pushed
  Sealer sealer;
  Opener opener;
  KeyRingRef ring;
  unsigned version = 0;
  KeyRef last;
  bool told_protected = false;

  std::mutex call_mutex;
  std::function<void()> call;
};

FrameCryptor::FrameCryptor(std::unique_ptr<Private> priv) : priv_(std::move(priv)) {}
FrameCryptor::~FrameCryptor() = default;

std::unique_ptr<FrameCryptor> FrameCryptor::open(GstE2EEKeyProvider *provider, GstE2EEScheme id,
                                                 const char *participant, GError **error) {
  const Scheme *scheme = scheme_for(static_cast<SchemeId>(id));
  if (scheme == nullptr) {
    g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION,
                        "this version does not speak that scheme yet; there is: livekit");
    return nullptr;
  }
  if (!gst_e2ee_key_provider_check(provider, error))
    return nullptr;
  auto binding = ProviderState::of(provider)->bind(*scheme, participant);
  return std::unique_ptr<FrameCryptor>(
      new FrameCryptor(std::make_unique<Private>(provider, std::move(binding))));
}

void FrameCryptor::wait_ready(std::chrono::milliseconds limit) {
  priv_->binding->wait_started(limit);
}

bool FrameCryptor::supports(const CodecRule &codec) const {
  return priv_->binding->scheme().rule_for(codec.id) != nullptr;
}

std::size_t FrameCryptor::overhead() const {
  return priv_->binding->scheme().overhead;
}

FrameCryptor::Result FrameCryptor::encrypt(const CodecRule &codec, FrameType type, ByteView frame,
                                           ByteSpan out) {
  Result result;
  std::lock_guard lock(priv_->mutex);
  priv_->take_ring();
  const KeyRef key = priv_->ring->current;
  result.reason = priv_->sealer.seal(key, codec, type, frame, out, result.size);
  if (result.reason == Reason::ok && !frame.empty())
    priv_->note_key(key, result);
  else if (key)
    result.key_id = key->id;
  return result;
}

FrameCryptor::Result FrameCryptor::decrypt(const CodecRule &codec, ByteView frame, ByteSpan out) {
  Result result;
  Opened opened;
  {
    std::lock_guard lock(priv_->mutex);
    priv_->take_ring();
    result.reason = priv_->opener.open(*priv_->ring, codec, frame, out, opened);
    result.size = opened.size;
    result.key_id = opened.key_id;
    if (result.reason == Reason::ok && opened.key)
      priv_->note_key(opened.key, result);
  }
  if (result.reason == Reason::missing_key)
    priv_->binding->want(opened.key_id);
  if (result.reason == Reason::ok && opened.key && !priv_->told_protected) {
    priv_->told_protected = true;
    priv_->binding->state().protect(priv_->binding->owner());
  }
  return result;
}

bool FrameCryptor::recognises(ByteView frame) const {
  return priv_->binding->scheme().recognises(frame);
}

bool FrameCryptor::is_protected() const {
  return priv_->binding->state().is_protected(priv_->binding->owner());
}

std::vector<std::string> FrameCryptor::take_notices() {
  return priv_->binding->state().take_notices();
}

KeyInfo FrameCryptor::key_info() const {
  std::lock_guard lock(priv_->mutex);
  KeyRef key = priv_->last;
  if (!key)
    key = priv_->binding->ring()->current;
  return key ? KeyInfo{key->id, key->generation, key->fingerprint} : KeyInfo{};
}

void FrameCryptor::set_replay_window(std::size_t window) {
  std::lock_guard lock(priv_->mutex);
  priv_->opener.set_replay_window(window);
}

void FrameCryptor::on_keys_changed(std::function<void()> call) {
  std::lock_guard lock(priv_->call_mutex);
  priv_->call = std::move(call);
}

}  // namespace e2ee

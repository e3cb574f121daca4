/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "framecryptor.h"

#include <array>
#include <thread>

#include "core/cryptor.h"
#include "cryptoroptions.h"
#include "keyuse.h"
#include "providerstate.h"

namespace e2ee {

namespace {

SchemeFacts facts_of(const Scheme &scheme) {
  return {scheme.carries, scheme.overhead, scheme.headroom, scheme.server_trailer};
}

// The back end of this scheme's cipher. The suites with CTR and HMAC know OpenSSL alone.
const char *aead_name(const Scheme &scheme) {
  if (scheme.suite != nullptr && scheme.suite->make == make_ctr_hmac)
    return "openssl";
  const AeadBackend *backend = aead_in_use().backend;
  return backend != nullptr ? backend->name : "";
}

/// The cryptor at work: the keys of a binding, and what was keyed with them.
class KeyedCryptor final : public FrameCryptor, KeyUser {
 public:
  KeyedCryptor(GstE2EEKeyProvider *provider, std::shared_ptr<KeyBinding> binding,
               const CryptorOptions &options)
      : FrameCryptor(facts_of(binding->scheme())),
        provider_(GST_E2EE_KEY_PROVIDER(g_object_ref(provider))),
        binding_(std::move(binding)),
        sealer_(scheme(), random_bytes, options.sframe_kid),
        opener_(scheme()),
        use_(provider_, *binding_, aead_name(scheme())),
        fixed_kid_(scheme().suite != nullptr && (options.sframe_kid || !scheme().drawn_kids)) {
    sealer_.set_stream(options.ssrc);
    opener_.set_stream(options.ssrc);
    if (options.accepted)
      opener_.exchange_accepted(options.accepted);
    binding_->attach(this);
  }
  ~KeyedCryptor() override {
    binding_->detach(this);
    use_.report();
    binding_.reset();
    g_object_unref(provider_);
  }

  void wait_ready(std::chrono::milliseconds limit) override { binding_->wait_started(limit); }
  bool supports(const CodecRule &codec) const override {
    return scheme().rule_for(codec) != nullptr;
  }
  void set_ssrc(std::optional<std::uint32_t> ssrc) override {
    std::lock_guard lock(mutex_);
    sealer_.set_stream(ssrc);
    opener_.set_stream(ssrc);
  }
  FreshMemory allocate(std::size_t size) override {
    if (G_UNLIKELY(!memory_user_))
      memory_user_.emplace();
    return new_frame_memory(size);
  }
  bool recognises(ByteView frame) const override { return scheme().recognises(frame); }
  bool is_protected() const override { return binding_->state().is_protected(binding_->owner()); }
  std::vector<std::string> take_notices() override { return binding_->state().take_notices(); }
  bool has_key() const override;
  KeyInfo key_info() const override;

  Result encrypt(const CodecRule &codec, FrameType type, ByteView frame, ByteSpan out,
                 int key_id) override;
  Result decrypt(const CodecRule &codec, ByteView frame, ByteSpan out) override;
  void set_replay_window(std::size_t window) override;
  void forget_accepted() override;
  std::shared_ptr<AcceptedFrames> take_accepted() override;
  std::optional<std::uint64_t> withdrawn_key() override;

  void on(Event event, std::function<void()> call) override {
    std::lock_guard lock(call_mutex_);
    calls_[static_cast<std::size_t>(event)] = std::move(call);
  }

 private:
  bool may_leave(unsigned removals) override;
  void frame_done() override;

  // A keyed cipher holds the key: those whose key is no longer in the ring go at once.
  void keys_withdrawn() override {
    std::lock_guard lock(mutex_);
    ring_.reset();
    take_ring();
    sealer_.retain(*ring_);
    opener_.retain(*ring_);
    use_.retain(*ring_);
    if (last_ && !ring_->holds(*last_))
      last_.reset();
  }

  void finish_withdrawal(RealClock::time_point last) override {
    if (worker_.load() != std::this_thread::get_id()) {
      std::unique_lock lock(mutex_);
      waiting_ = true;
      done_.wait_until(lock, last, [this] { return worker_.load() == std::thread::id(); });
      waiting_ = false;
    }
    tell(Event::keys_withdrawn);
  }

  void keys_changed() override { tell(Event::keys_changed); }
  void looked_up() override { tell(Event::looked_up); }

  void tell(Event event) {
    std::lock_guard lock(call_mutex_);
    if (const auto &call = calls_[static_cast<std::size_t>(event)])
      call();
  }

  const Scheme &scheme() const { return binding_->scheme(); }

  // Mutex held. The snapshot is taken anew only when the keys changed.
  void take_ring() {
    const unsigned now = binding_->version();
    if (!ring_ || version_ != now) {
      version_ = now;
      ring_ = binding_->ring();
    }
  }

  // Mutex held. The current key, or that of another index, which is asked for when it is missing.
  // It stays in the ring while the mutex is held.
  const KeyRef &sealing_key(int key_id) {
    static const KeyRef none;
    if (G_LIKELY(key_id < 0))
      return ring_->current;
    const KeySlot *slot = ring_->find(static_cast<std::uint64_t>(key_id));
    if (slot != nullptr && !slot->keys.empty())
      return slot->keys.front();
    binding_->want(static_cast<std::uint64_t>(key_id), *this);
    return none;
  }

  // Mutex held. Once for each frame that passes.
  void note_key(const KeyRef &key, bool encrypts, unsigned removals, Result &result) {
    if (last_ != key) {
      last_ = key;
      if (encrypts && fixed_kid_)
        binding_->state().warn_of_fixed_kid();
    }
    result.key_id = last_id_ = key->id;
    result.near_limit = key->usage->frames() >= KeyUsage::kSoftLimit;
    result.has_notices = binding_->state().has_notices();
    // Others read it under the mutex; this thread sees its own.
    worker_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    result.passage = Passage(*this, removals);
    use_.passed(key, encrypts);
  }

  // Mutex held. For each frame whose tag does not verify.
  void note_failure(Result &result) {
    const KeyRef &key = ring_->find(result.key_id)->keys.front();
    key->usage->fail();
    use_.failed(key);
    const int tolerance = ring_->failure_tolerance;
    result.backing_off = tolerance >= 0 && opener_.failures() > static_cast<unsigned>(tolerance);
  }

  GstE2EEKeyProvider *provider_;
  std::shared_ptr<KeyBinding> binding_;
  std::optional<FrameMemoryUser> memory_user_;  // once there are frames; streaming thread

  mutable std::mutex mutex_;  // held while a frame is worked on, never while one is pushed
  std::condition_variable done_;
  std::atomic<std::thread::id> worker_{};  // has a frame on its way out
  std::atomic<bool> waiting_{false};       // a removal does, for that frame
  Sealer sealer_;
  Opener opener_;
  KeyRingRef ring_;
  unsigned version_ = 0;
  KeyRef last_;                // of the frame that passed last, until it is taken away
  std::uint64_t last_id_ = 0;  // its key id
  KeyUse use_;
  const bool fixed_kid_;  // of frames sent: not drawn
  bool told_protected_ = false;

  std::mutex call_mutex_;
  std::array<std::function<void()>, 3> calls_;  // by Event
};

FrameCryptor::Result KeyedCryptor::encrypt(const CodecRule &codec, FrameType type, ByteView frame,
                                           ByteSpan out, int key_id) {
  Result result;
  KeyRef due;  // a key that is to be ratcheted
  {
    std::lock_guard lock(mutex_);
    const unsigned removals = binding_->removals();
    take_ring();
    const KeyRef &key = sealing_key(key_id);
    const e2ee::Result<Written> written = sealer_.seal(key, codec, type, frame, out);
    if (key)
      result.key_id = key->id;
    else if (key_id >= 0)
      result.key_id = static_cast<std::uint64_t>(key_id);
    if (!written)
      result.reason = written.refusal();
    if (!written || frame.empty())
      return result;
    result.offset = written->offset;
    result.size = written->size;
    note_key(key, true, removals, result);
    if (G_UNLIKELY(binding_->state().count_sealed(*binding_, *key)))
      due = key;
  }
  if (G_UNLIKELY(due != nullptr))
    binding_->state().ratchet_due(binding_, due);
  return result;
}

FrameCryptor::Result KeyedCryptor::decrypt(const CodecRule &codec, ByteView frame, ByteSpan out) {
  Result result;
  KeyRef later;  // the key of a generation that the sender has ratcheted to
  {
    std::lock_guard lock(mutex_);
    const unsigned removals = binding_->removals();
    take_ring();
    const e2ee::Result<Opened, Unopened> opened = opener_.open(*ring_, codec, frame, out);
    if (!opened) {
      result.reason = opened.refusal().reason;
      result.key_id = opened.refusal().key_id;
      if (result.reason == Reason::auth_failed)
        note_failure(result);
    } else if (opened->key) {
      result.offset = opened->offset;
      result.size = opened->size;
      const KeyRef &key = *opened->key;
      note_key(key, false, removals, result);
      if (opened->slot->keys.front()->generation < key->generation)
        later = key;
    }
  }
  if (later)
    result.ratchet_steps = binding_->follow(later);
  if (result.reason == Reason::missing_key)
    binding_->want(result.key_id, *this);
  if (result.reason == Reason::ok && !frame.empty() && !told_protected_) {
    told_protected_ = true;
    binding_->state().protect(binding_->owner());
  }
  return result;
}

bool KeyedCryptor::may_leave(unsigned removals) {
  return G_LIKELY(binding_->removals() == removals) || !withdrawn_key();
}

std::optional<std::uint64_t> KeyedCryptor::withdrawn_key() {
  std::lock_guard lock(mutex_);
  take_ring();
  const bool on_its_way = worker_.load() != std::thread::id();
  if (!on_its_way || (last_ && ring_->holds(*last_)))
    return {};
  return last_id_;
}

void KeyedCryptor::frame_done() {
  worker_ = std::thread::id();
  if (!waiting_)
    return;
  std::lock_guard lock(mutex_);
  done_.notify_all();
}

bool KeyedCryptor::has_key() const {
  const KeyRingRef ring = binding_->ring();
  return ring->current || !ring->slots.empty();
}

KeyInfo KeyedCryptor::key_info() const {
  std::lock_guard lock(mutex_);
  KeyRef key = last_;
  if (!key)
    key = binding_->ring()->current;
  KeyInfo info;
  if (key)
    info = {key->id, key->generation, key->fingerprint, key->usage->failures()};
  info.aead = aead_name(scheme());
  return info;
}

void KeyedCryptor::set_replay_window(std::size_t window) {
  std::lock_guard lock(mutex_);
  opener_.set_replay_window(window);
}

void KeyedCryptor::forget_accepted() {
  std::lock_guard lock(mutex_);
  opener_.forget_accepted();
}

std::shared_ptr<AcceptedFrames> KeyedCryptor::take_accepted() {
  std::lock_guard lock(mutex_);
  return opener_.exchange_accepted(std::make_shared<AcceptedFrames>());
}

}  // namespace

std::unique_ptr<FrameCryptor> open_frame_cryptor(GstE2EEKeyProvider *provider,
                                                 const CryptorOptions &options, GError **error) {
  const Scheme *scheme = check_options(provider, options, error);
  if (scheme == nullptr)
    return nullptr;
  auto binding = ProviderState::of(provider)->bind(*scheme, name_or_null(options.participant));
  return std::make_unique<KeyedCryptor>(provider, std::move(binding), options);
}

}  // namespace e2ee

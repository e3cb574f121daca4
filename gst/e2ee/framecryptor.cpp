/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "framecryptor.h"

#include <ctime>
#include <thread>

#include "core/cryptor.h"
#include "registry.h"

namespace e2ee {

namespace {

constexpr std::chrono::milliseconds kPushPatience{100};
constexpr gint64 kReportInterval = 10 * G_USEC_PER_SEC;

// Coarse clock: off by a few milliseconds, ten times cheaper. Called for every frame.
gint64 coarse_now() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

// What an audit wants to know of a key: told with the provider's key-used signal.
struct KeyUse {
  KeyRef key;
  bool encrypts = false;
  gint64 first = 0;  // Unix time, microseconds
  gint64 last = 0;
  std::uint64_t frames = 0;
  std::uint64_t failures = 0;
};

}  // namespace

struct FrameCryptor::Private final : KeyUser {
  Private(GstE2EEKeyProvider *from, std::shared_ptr<KeyBinding> keys,
          std::optional<std::uint64_t> kid)
      : provider(GST_E2EE_KEY_PROVIDER(g_object_ref(from))),
        binding(std::move(keys)),
        sealer(binding->scheme(), random_bytes, kid),
        opener(binding->scheme()) {
    binding->attach(this);
  }
  ~Private() {
    binding->detach(this);
    report_use();
    binding.reset();
    g_object_unref(provider);
  }

  // A keyed cipher holds the key: those whose key is no longer in the ring go at once.
  void keys_withdrawn(bool wait) override {
    {
      std::unique_lock lock(mutex);
      ring.reset();
      take_ring();
      sealer.retain(*ring);
      opener.retain(*ring);
      if (last && !ring->holds(*last)) {
        report_use();
        last.reset();
      }
      // What takes longer is inside downstream already, and so was pushed before.
      if (wait && worker.load() != std::this_thread::get_id()) {
        waiting = true;
        done.wait_for(lock, kPushPatience, [this] { return worker.load() == std::thread::id(); });
        waiting = false;
      }
    }
    if (wait)
      run(withdrawn_call);
  }

  void keys_changed() override { run(changed_call); }
  void looked_up() override { run(looked_up_call); }

  void run(const std::function<void()> &call) {
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

  // Mutex held. The current key, or that of another index, which is asked for when it is missing.
  KeyRef sealing_key(int key_id) {
    if (G_LIKELY(key_id < 0))
      return ring->current;
    const KeySlot *slot = ring->find(static_cast<std::uint64_t>(key_id));
    if (slot != nullptr && !slot->keys.empty())
      return slot->keys.front();
    binding->want(static_cast<std::uint64_t>(key_id), *this);
    return nullptr;
  }

  // Mutex held. Once for each frame that passes.
  void note_key(const KeyRef &key, bool encrypts, Result &result) {
    result.key_id = key->id;
    result.near_limit = key->usage->frames() >= KeyUsage::kSoftLimit;
    worker = std::this_thread::get_id();
    const gint64 now = coarse_now();
    if (last != key) {
      result.key_changed = true;
      last = key;
    }
    if (use.key && (use.key != key || now - use.first >= kReportInterval))
      report_use();
    if (!use.key) {
      use.key = key;
      use.encrypts = encrypts;
      use.first = now;
    }
    use.last = now;
    ++use.frames;
  }

  // Mutex held. Also of a key under which no frame has ever verified.
  void note_failure(const KeyRef &key) {
    if (!use.key) {
      use.key = key;
      use.first = coarse_now();
    }
    if (use.key->id == key->id) {
      use.last = coarse_now();
      ++use.failures;
    }
  }

  // Mutex held. Tells the provider's listeners on its worker.
  void report_use() {
    KeyUse told = std::exchange(use, {});
    if (!told.key)
      return;
    auto *keep = static_cast<GstE2EEKeyProvider *>(g_object_ref(provider));
    const KeyInfo info{told.key->id, told.key->generation, told.key->fingerprint};
    told.key.reset();  // a key that was withdrawn does not live on in a task
    binding->state().queue().post(Urgency::set, [keep, told, info, owner = binding->owner()] {
      const ForeignCall call;
      GstStructure *report = gst_structure_new(
          "GstE2EEKeyUse", "participant", G_TYPE_STRING, owner.c_str(), "key-id", G_TYPE_UINT64,
          info.id, "generation", G_TYPE_UINT64, info.generation, "fingerprint", G_TYPE_STRING,
          info.fingerprint.c_str(), "identity", G_TYPE_STRING, owner.empty() ? "asserted" : "key",
          "direction", G_TYPE_STRING, told.encrypts ? "encrypt" : "decrypt", "first", G_TYPE_INT64,
          told.first, "last", G_TYPE_INT64, told.last, "frames", G_TYPE_UINT64, told.frames,
          "failures", G_TYPE_UINT64, told.failures, nullptr);
      g_signal_emit_by_name(keep, "key-used", report);
      gst_structure_free(report);
      g_object_unref(keep);
    });
  }

  GstE2EEKeyProvider *provider;
  std::shared_ptr<KeyBinding> binding;

  mutable std::mutex mutex;  // held while a frame is worked on, never while one is pushed
  std::condition_variable done;
  std::atomic<std::thread::id> worker{};  // has a frame on its way out
  std::atomic<bool> waiting{false};       // a removal does, for that frame
  Sealer sealer;
  Opener opener;
  KeyRingRef ring;
  unsigned version = 0;
  KeyRef last;
  KeyUse use;
  bool told_protected = false;

  std::mutex call_mutex;
  std::function<void()> changed_call;
  std::function<void()> looked_up_call;
  std::function<void()> withdrawn_call;
};

FrameCryptor::FrameCryptor(std::unique_ptr<Private> priv) : priv_(std::move(priv)) {}
FrameCryptor::~FrameCryptor() = default;

namespace {

// Providers with key rings tell how large these are; others hand out what they like, and each key
// is looked at as it comes.
bool check_ring(GstE2EEKeyProvider *provider, const Scheme &scheme, GError **error) {
  const struct {
    const char *property;
    unsigned wanted;
  } fixed[] = {{"keyring-size", scheme.ring_size}, {"key-size", scheme.key_bits}};
  for (const auto &[property, wanted] : fixed) {
    const GParamSpec *pspec = g_object_class_find_property(G_OBJECT_GET_CLASS(provider), property);
    guint set = wanted;
    if (wanted != 0 && pspec != nullptr && G_IS_PARAM_SPEC_UINT(pspec))
      g_object_get(provider, property, &set, nullptr);
    if (set != wanted && wanted != 0) {
      g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION,
                  "all peers of scheme %s have a %s of %u: set %s=%u on the key provider, not %u",
                  scheme.name, property, wanted, property, wanted, set);
      return false;
    }
  }
  return true;
}

bool check_wishes(const Scheme &scheme, const CryptorOptions &options, GError **error) {
  if (scheme.trailer || (!options.allow_plaintext && !options.packet_trailer))
    return true;
  g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION, "scheme %s: %s", scheme.name,
              options.allow_plaintext
                  ? "its frames cannot be told from ones in the clear; leave allow-plaintext off"
                  : "its frames have no packet trailer; leave frame-metadata off");
  return false;
}

// Where a look-up may block, each key is looked at as it comes. Who decrypts may have other keys
// beside one with an index that the scheme does not know.
bool check_current_key(GstE2EEKeyProvider *provider, const Scheme &scheme,
                       const CryptorOptions &options, GError **error) {
  if (!ProviderState::of(provider)->traits().answers_at_once)
    return true;
  const MaterialPtr current(
      gst_e2ee_key_provider_lookup_current(provider, options.participant, nullptr));
  if (current && !options.encrypts && material_of(current.get()).key_id > scheme.max_key_id)
    return true;
  const std::string why = current ? scheme.why_refused(material_of(current.get())) : "";
  if (!why.empty())
    g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_KEY, why.c_str());
  return why.empty();
}

}  // namespace

std::unique_ptr<FrameCryptor> FrameCryptor::open(GstE2EEKeyProvider *provider,
                                                 const CryptorOptions &options, GError **error) {
  if (!gst_e2ee_key_provider_check(provider, error)) {
    g_prefix_error(error, "key-provider: ");
    return nullptr;
  }
  // A KID that the application chose carries no key index.
  const Scheme *scheme =
      scheme_for(static_cast<SchemeId>(options.scheme),
                 {.sframe_suite = options.sframe_suite,
                  .plain_kids = options.plain_kids || options.sframe_kid.has_value(),
                  .clear_header = options.clear_header});
  if (scheme == nullptr) {
    g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION,
                "sframe-suite: there is no cipher suite %u", options.sframe_suite);
    return nullptr;
  }
  if (!check_ring(provider, *scheme, error) || !check_wishes(*scheme, options, error))
    return nullptr;
  if (ProviderState::of(provider)->traits().needs_participant && options.participant == nullptr) {
    g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION,
                        "the key provider has a key for each participant: set participant to the "
                        "identity whose key this is");
    return nullptr;
  }
  if (!check_current_key(provider, *scheme, options, error))
    return nullptr;
  auto binding = ProviderState::of(provider)->bind(*scheme, options.participant);
  return std::unique_ptr<FrameCryptor>(new FrameCryptor(
      std::make_unique<Private>(provider, std::move(binding), options.sframe_kid)));
}

void FrameCryptor::wait_ready(std::chrono::milliseconds limit) {
  priv_->binding->wait_started(limit);
}

bool FrameCryptor::supports(const CodecRule &codec) const {
  return priv_->binding->scheme().rule_for(codec.id) != nullptr;
}

const char *FrameCryptor::carries() const {
  return priv_->binding->scheme().carries;
}

std::size_t FrameCryptor::overhead() const {
  return priv_->binding->scheme().overhead;
}

std::size_t FrameCryptor::headroom() const {
  return priv_->binding->scheme().headroom;
}

ByteView FrameCryptor::server_trailer() const {
  return priv_->binding->scheme().server_trailer;
}

FrameCryptor::Result FrameCryptor::encrypt(const CodecRule &codec, FrameType type, ByteView frame,
                                           ByteSpan out, int key_id) {
  Result result;
  KeyRef key;
  {
    std::lock_guard lock(priv_->mutex);
    result.removals = priv_->binding->removals();
    priv_->take_ring();
    key = priv_->sealing_key(key_id);
    result.reason = priv_->sealer.seal(key, codec, type, frame, out, result.size);
    if (key)
      result.key_id = key->id;
    else if (key_id >= 0)
      result.key_id = static_cast<std::uint64_t>(key_id);
    if (result.reason != Reason::ok || frame.empty())
      return result;
    if (headroom() > 0)  // it ends where the output ends
      result.offset = frame.size() + overhead() - result.size;
    priv_->note_key(key, true, result);
  }
  priv_->binding->state().frame_sealed(priv_->binding, key);
  return result;
}

FrameCryptor::Result FrameCryptor::decrypt(const CodecRule &codec, ByteView frame, ByteSpan out) {
  Result result;
  Opened opened;
  bool later_generation = false;
  {
    std::lock_guard lock(priv_->mutex);
    result.removals = priv_->binding->removals();
    priv_->take_ring();
    const KeyRing &ring = *priv_->ring;
    result.reason = priv_->opener.open(ring, codec, frame, out, opened);
    result.offset = opened.offset;
    result.size = opened.size;
    result.key_id = opened.key_id;
    if (result.reason == Reason::ok && opened.key) {
      priv_->note_key(opened.key, false, result);
      later_generation =
          ring.find(opened.key_id)->keys.front()->generation < opened.key->generation;
    } else if (result.reason == Reason::auth_failed) {
      priv_->note_failure(opened.key);
      const unsigned tolerance = static_cast<unsigned>(ring.failure_tolerance);
      result.backing_off = ring.failure_tolerance >= 0 && priv_->opener.failures() > tolerance;
    }
  }
  if (later_generation)
    result.ratchet_steps = priv_->binding->follow(opened.key);
  if (result.reason == Reason::missing_key)
    priv_->binding->want(opened.key_id, *priv_);
  if (result.reason == Reason::ok && opened.key && !priv_->told_protected) {
    priv_->told_protected = true;
    priv_->binding->state().protect(priv_->binding->owner());
  }
  return result;
}

bool FrameCryptor::may_leave(const Result &result) const {
  if (G_LIKELY(priv_->binding->removals() == result.removals))
    return true;
  std::lock_guard lock(priv_->mutex);
  priv_->take_ring();
  return priv_->last && priv_->ring->holds(*priv_->last);
}

void FrameCryptor::frame_done() {
  priv_->worker = std::thread::id();
  if (!priv_->waiting)
    return;
  std::lock_guard lock(priv_->mutex);
  priv_->done.notify_all();
}

bool FrameCryptor::recognises(ByteView frame) const {
  const Scheme &scheme = priv_->binding->scheme();
  return scheme.recognises(scheme, frame);
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

bool FrameCryptor::set_key_uses_for_tests(std::uint64_t frames) {
  const KeyRef key = priv_->binding->ring()->current;
  if (key)
    key->usage->set_for_tests(frames);
  return key != nullptr;
}

void FrameCryptor::set_replay_window(std::size_t window) {
  std::lock_guard lock(priv_->mutex);
  priv_->opener.set_replay_window(window);
}

void FrameCryptor::on_keys_changed(std::function<void()> call) {
  std::lock_guard lock(priv_->call_mutex);
  priv_->changed_call = std::move(call);
}

void FrameCryptor::on_looked_up(std::function<void()> call) {
  std::lock_guard lock(priv_->call_mutex);
  priv_->looked_up_call = std::move(call);
}

void FrameCryptor::on_keys_withdrawn(std::function<void()> call) {
  std::lock_guard lock(priv_->call_mutex);
  priv_->withdrawn_call = std::move(call);
}

}  // namespace e2ee

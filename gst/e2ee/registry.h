/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The key registry: what the library keeps for a provider. Material goes in through look-ups on the
// provider's worker; rings of derived keys come out as snapshots that streaming threads take.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <set>
#include <string>

#include "core/scheme.h"
#include "gste2eekeyprovider.h"
#include "material-private.h"
#include "workqueue.h"

namespace e2ee {

class KeyBinding;

/// Works with the keys of a binding.
class KeyUser {
 public:
  /// Keys left the ring: drop the ciphers that were keyed with them, now.
  virtual void keys_withdrawn() = 0;
  /// Keys came; on a worker, without a lock of the registry's that set or take keys need.
  virtual void keys_changed() = 0;

 protected:
  ~KeyUser() = default;
};

/// What the library keeps beside a provider, from the first use until it is finalised.
class ProviderState : public std::enable_shared_from_this<ProviderState> {
 public:
  static std::shared_ptr<ProviderState> of(GstE2EEKeyProvider *provider);

  explicit ProviderState(GstE2EEKeyProvider *provider);
  ~ProviderState();

  /// The ring of `participant` under `scheme`; shared by all elements that ask for the same.
  std::shared_ptr<KeyBinding> bind(const Scheme &scheme, const char *participant);

  /// Looks up again. With `wait`, returns when running elements have the result.
  void changed(const char *participant, std::uint64_t key_id, bool wait);
  void removed(const char *participant, std::uint64_t key_id);

  std::string fingerprint(const char *participant, std::uint64_t key_id);

  /// Whether this participant has ever had a key or a verified frame.
  bool is_protected(const std::string &participant);
  void protect(const std::string &participant);

  /// Why the provider could not be configured; set once, before anyone else sees it.
  void set_error(GError *error) { error_ = error; }
  const GError *error() const { return error_; }

  /// Things to tell the user once, such as a key file that others can read.
  void add_notice(std::string text);
  std::vector<std::string> take_notices();

  WorkQueue &queue() { return *queue_; }
  /// A strong reference, for tasks; null while the provider is being finalised.
  GstE2EEKeyProvider *ref_provider();
  /// Who a participant's keys belong to: nobody in particular with a shared provider.
  std::string owner_of(const char *participant) const;

 private:
  std::vector<std::shared_ptr<KeyBinding>> bindings_of(const std::string &owner);

  GWeakRef provider_;
  bool shared_;
  GError *error_ = nullptr;
  std::shared_ptr<WorkQueue> queue_ = std::make_shared<WorkQueue>();

  std::mutex mutex_;
  std::map<std::pair<std::string, const Scheme *>, std::weak_ptr<KeyBinding>> bindings_;
  std::map<std::string, std::set<std::uint64_t>> announced_;
  std::set<std::string> protected_;
  std::vector<std::string> notices_;
};

/// The derived keys of one participant under one scheme.
class KeyBinding : public std::enable_shared_from_this<KeyBinding> {
 public:
  KeyBinding(std::shared_ptr<ProviderState> state, const Scheme &scheme, std::string owner)
      : state_(std::move(state)), scheme_(scheme), owner_(std::move(owner)) {}

  const Scheme &scheme() const { return scheme_; }
  const std::string &owner() const { return owner_; }
  ProviderState &state() { return *state_; }

  /// The keys as they are now. version() changes with them: a relaxed read tells a streaming thread
  /// that its snapshot is still the latest.
  KeyRingRef ring();
  unsigned version() const { return version_.load(std::memory_order_acquire); }

  /// Queues the look-ups of the current key and of `ids`.
  void start(const std::set<std::uint64_t> &ids);

  /// Waits until what start() queued is done, at most `limit`.
  void wait_started(std::chrono::milliseconds limit);

  /// Asks for a key that a frame names, at most once a second for each. Cheap: called for each bad
  /// frame on the streaming thread.
  void want(std::uint64_t key_id);

  void attach(KeyUser *user);
  void detach(KeyUser *user);

  // On the worker:
  void refresh(GstE2EEKeyProvider *provider, std::uint64_t key_id);
  void refresh_current(GstE2EEKeyProvider *provider);

  /// On any thread: takes keys out and waits until no user works with them.
  void withdraw(std::uint64_t key_id);

 private:
  struct Entry {
    MaterialPtr material;
    KeyRef key;
  };

  KeyRef key_for(MaterialPtr material, unsigned epoch);
  void tell_changed();
  void look_up_again(std::uint64_t key_id);
  unsigned epoch();
  void publish(std::shared_ptr<KeyRing> ring);
  std::shared_ptr<KeyRing> copy_of_ring();

  const std::shared_ptr<ProviderState> state_;
  const Scheme &scheme_;
  const std::string owner_;

  std::mutex mutex_;
  std::condition_variable started_;
  bool is_started_ = false;
  KeyRingRef ring_ = std::make_shared<KeyRing>();
  std::map<std::uint64_t, Entry> entries_;
  unsigned epoch_ = 0;  // of removals: a look-up that began before one is void
  std::map<std::uint64_t, std::chrono::steady_clock::time_point> wanted_;
  std::atomic<unsigned> version_{0};

  std::mutex users_mutex_;
  std::vector<KeyUser *> users_;
};

}  // namespace e2ee

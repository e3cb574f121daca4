/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/budget.h"
#include "core/scheme.h"
#include "gste2eekeyprovider.h"
#include "material-private.h"
#include "workers.h"

namespace e2ee {

class ProviderState;

/// Works with the keys of a binding.
class KeyUser {
 public:
  // None of these may attach or detach users.
  /// Keys left the ring: drop the ciphers that were keyed with them.
  virtual void keys_withdrawn() = 0;
  /// After keys_withdrawn() of all users, when keys were removed: returns when no frame that was
  /// decrypted with them is on its way out any more, or at `last`.
  virtual void finish_withdrawal(RealClock::time_point last) = 0;
  /// Keys came; on a worker.
  virtual void keys_changed() = 0;
  /// Called on a worker when a look-up triggered by a frame has finished, whether or not it found a
  /// key.
  virtual void looked_up() {}

  /// What its frames ask for, bounded.
  struct Asking {
    TokenBucket rate;
    unsigned pending = 0;
  };

 protected:
  ~KeyUser() = default;

 private:
  friend class KeyBinding;
  const std::shared_ptr<Asking> asking_ = std::make_shared<Asking>();  // under the binding's mutex
};

/// An owner of keys as vfuncs and signals name it: null for the shared ring.
inline const char *name_or_null(const std::string &owner) {
  return owner.empty() ? nullptr : owner.c_str();
}

/// Why a key is looked up.
struct LookUp {
  Urgency urgency = Urgency::set;
  Done done;                 // goes when the key can be used
  bool derive_here = false;  // and not by the workers
};

/// The derived keys of one participant under one scheme.
class KeyBinding : public std::enable_shared_from_this<KeyBinding> {
 public:
  KeyBinding(std::shared_ptr<ProviderState> state, const Scheme &scheme, std::string owner)
      : state_(std::move(state)), scheme_(scheme), owner_(std::move(owner)) {}

  const Scheme &scheme() const { return scheme_; }
  const std::string &owner() const { return owner_; }
  ProviderState &state() { return *state_; }

  /// The keys as they are now. version() changes with them: a cheap read tells a streaming thread
  /// that its snapshot is still the latest.
  KeyRingRef ring();
  unsigned version() const { return version_.load(std::memory_order_acquire); }

  /// How many times keys were withdrawn.
  unsigned removals() const { return removals_.load(std::memory_order_acquire); }

  /// Queues the look-ups of the current key and of `ids`.
  void start(const std::set<std::uint64_t> &ids);

  /// Waits until the keys that start() looked up are derived, at most `limit`.
  void wait_started(std::chrono::milliseconds limit);

  /// Asks for a key that a frame of `user` names, at most once a second for each. Cheap: called for
  /// each bad frame on the streaming thread.
  void want(std::uint64_t key_id, const KeyUser &user);

  /// A frame has verified under `key`, which the ring had as one of the future: it is the present
  /// now, unless the key was replaced meanwhile. Returns the steps taken. Cheap; any thread.
  std::uint64_t follow(const KeyRef &key);

  void attach(KeyUser *user);
  void detach(KeyUser *user);

  // On the provider's queue:
  /// False when the provider has no such key, or one that cannot be used.
  bool refresh(GstE2EEKeyProvider *provider, std::uint64_t key_id, const LookUp &look_up);
  void refresh_current(GstE2EEKeyProvider *provider, const LookUp &look_up);
  /// One step forward with a key; its new generation, or null when there is no such key.
  KeyRef ratchet(GstE2EEKeyProvider *provider, std::uint64_t key_id);

  /// What is being derived keeps `done` until it is there.
  void note_derivations(const Done &done);

  /// Whether a timer for Provider's ratchet-interval runs.
  std::atomic<bool> ratchets_by_time{false};

  /// On any thread: takes keys out and waits until no user works with them.
  void withdraw(std::uint64_t key_id);

 private:
  struct Entry {
    MaterialPtr given;  // what the provider handed out
    KeyRef key;         // derived from it, perhaps some steps later
  };
  /// A key on its way: the latest look-up of a key id counts.
  struct Derivation {
    std::uint64_t number;
    MaterialPtr material;
    Urgency urgency;
    std::vector<Done> done;
  };

  void refuse(const std::string &why);
  void drop_replaced(std::uint64_t key_id);
  void look_up_asked(std::uint64_t key_id);
  void note_asked(std::uint64_t key_id);
  void note_missing(std::uint64_t key_id);
  void tell_missing();
  KeyRef known_key(const Material &material) const;
  std::optional<std::uint64_t> begin_derivation(MaterialPtr material, const LookUp &look_up);
  bool take(MaterialPtr material, unsigned began, const LookUp &look_up);
  void derive(std::uint64_t key_id, std::uint64_t number);
  bool install(MaterialPtr material, const KeyRef &key, std::uint64_t number,
               std::vector<Done> &done, bool &is_replaced);
  bool take_out(std::uint64_t key_id);
  bool set_current(KeyRef key);
  void walk(std::uint64_t key_id, std::uint64_t lineage, std::uint64_t generation);
  KeyRef next_of(const KeyRef &from, const Material &given);
  bool advance(const KeyRef &from, const KeyRef &key);
  void announce_ratchet(GstE2EEKeyProvider *provider, const KeyRef &key);
  void end_grace_later(const std::vector<KeyRef> &left);
  void look_ahead(std::uint64_t key_id);
  void derive_ahead(std::uint64_t key_id);
  void look_up_again(std::uint64_t key_id, const LookUp &look_up);
  void publish(std::shared_ptr<KeyRing> ring);
  std::shared_ptr<KeyRing> copy_of_ring();
  void tell(void (KeyUser::*what)());
  void tell_removed();

  const std::shared_ptr<ProviderState> state_;
  const Scheme &scheme_;
  const std::string owner_;
  const Completion started_;

  std::mutex mutex_;
  bool is_started_ = false;
  KeyRingRef ring_ = std::make_shared<KeyRing>();
  std::map<std::uint64_t, Entry> entries_;
  std::map<std::uint64_t, Derivation> derivations_;
  std::uint64_t last_derivation_ = 0;
  std::optional<std::uint64_t> current_id_;  // of the key that is current once it is derived
  std::set<std::uint64_t> looking_ahead_;
  std::set<std::string> refused_;      // what was told
  std::atomic<unsigned> removals_{0};  // a look-up that began before one is void
  std::map<std::uint64_t, Clock::time_point> wanted_;
  // Of key-missing: what to tell, what was told last, and when the next one may come.
  std::optional<std::uint64_t> missing_;
  std::optional<std::uint64_t> missing_again_;
  std::optional<std::uint64_t> told_missing_;
  bool tells_missing_ = false;
  Clock::time_point next_missing_{};
  std::deque<std::uint64_t> asked_;  // key ids that frames named and the provider knew
  std::atomic<unsigned> version_{0};

  std::mutex users_mutex_;
  std::vector<KeyUser *> users_;
};

}  // namespace e2ee

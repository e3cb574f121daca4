/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The key registry: what the library keeps for a provider. Material goes in through look-ups on the
// provider's queue; rings of derived keys come out as snapshots that streaming threads take.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "askedlookups.h"
#include "keybinding.h"

namespace e2ee {

struct ProviderUnref {
  void operator()(GstE2EEKeyProvider *provider) const {
    const ForeignCall call;  // it may be the last one
    g_object_unref(provider);
  }
};
using ProviderRef = std::unique_ptr<GstE2EEKeyProvider, ProviderUnref>;

/// What the library keeps beside a provider, from the first use until it is finalised.
class ProviderState : public std::enable_shared_from_this<ProviderState> {
 public:
  static std::shared_ptr<ProviderState> of(GstE2EEKeyProvider *provider);

  explicit ProviderState(GstE2EEKeyProvider *provider);
  ~ProviderState();
  /// The provider is being finalised.
  void close();

  /// The ring of `participant` under `scheme`; shared by all elements that ask for the same.
  std::shared_ptr<KeyBinding> bind(const Scheme &scheme, const char *participant);

  /// Looks up again. `done` goes when running elements have the result.
  void changed(const char *participant, std::uint64_t key_id, Done done = nullptr);
  /// The same, and waits for that.
  void changed_now(const char *participant, std::uint64_t key_id);
  void removed(const char *participant, std::uint64_t key_id);

  /// One ratchet step with all running forms of a key. Calls `then`, on a worker perhaps, with its
  /// new generation, or with nothing when no element has it derived; waits for that.
  void ratchet(const char *participant, std::uint64_t key_id,
               std::function<void(GstE2EEKeyProvider *, std::optional<std::uint64_t>)> then);

  /// Whether elements use this participant's keys under more than one scheme.
  bool has_several_schemes(const char *participant);

  std::string fingerprint(const char *participant, std::uint64_t key_id);

  /// What is to be known of a provider to work with it. It says so as it is made; those that
  /// applications write are as here.
  struct Traits {
    bool one_ring = false;           // the same keys for all participants
    bool needs_participant = false;  // has no key for nobody in particular
    bool answers_at_once = false;    // its look-ups do not block
  };
  void set_traits(const Traits &traits) { traits_ = traits; }
  const Traits &traits() const { return traits_; }
  /// It was made from text: what it holds is the same after each start.
  void set_from_text() { from_text_ = true; }

  // Options of the provider that concern running keys.
  int failure_tolerance() const { return failure_tolerance_; }
  void set_failure_tolerance(int failures) { failure_tolerance_ = failures; }

  // When the participant that sends here ratchets, 0 for never: after so many frames under a key,
  // and after so many nanoseconds. `due` is called in the queue; set it before anything else.
  using RatchetDue =
      std::function<void(GstE2EEKeyProvider *, const char *participant, std::uint64_t key_id)>;
  void set_ratchet_due(RatchetDue due) { ratchet_due_ = std::move(due); }
  void set_ratchet_frames(std::uint64_t frames) { ratchet_frames_ = frames; }
  std::uint64_t ratchet_frames() const { return ratchet_frames_; }
  void set_ratchet_interval(std::uint64_t nanoseconds) { ratchet_interval_ = nanoseconds; }
  std::uint64_t ratchet_interval() const { return ratchet_interval_; }

  /// From an encryptor, for each frame that it sealed with a key of the binding. Whether that key
  /// is due to be ratcheted: then ratchet_due() follows.
  bool count_sealed(const KeyBinding &binding, const Key &key) const;
  void ratchet_due(const std::shared_ptr<KeyBinding> &binding, const KeyRef &key);

  /// Whether this participant has ever had a key or a verified frame.
  bool is_protected(const std::string &participant);
  void protect(const std::string &participant);
  /// Takes the other's place: whom that protected is protected here.
  void protect_as(ProviderState &other);

  /// Why the provider could not be configured; set once, before anyone else sees it.
  void set_error(GError *error) { error_ = error; }
  const GError *error() const { return error_; }

  /// Things to tell the user once, such as a key file that others can read. They go to the log, and
  /// wait for an element that posts them.
  void add_notice(std::string text);
  /// An encryptor has a KID that is not drawn. Says once that a key from text does not go with it.
  void warn_of_fixed_kid();
  bool has_notices() const { return has_notices_.load(std::memory_order_relaxed); }
  std::vector<std::string> take_notices();

  /// Where the provider's vfuncs are called.
  WorkQueue &queue() { return *queue_; }
  AskedLookups &asked() { return *asked_; }
  /// A strong reference, for tasks; null while the provider is being finalised.
  ProviderRef ref_provider();
  /// Waits until what was queued up to now is done.
  void sync();
  /// Who a participant's keys belong to: nobody in particular with one ring for all.
  std::string owner_of(const char *participant) const;

 private:
  using Bindings = std::vector<std::shared_ptr<KeyBinding>>;

  Bindings bindings_of(const std::string &owner);
  Bindings announce(const std::string &owner, std::uint64_t key_id);
  std::function<void(const Done &)> look_up_again(Bindings bindings, std::uint64_t key_id);
  void ratchet_if_current(const std::shared_ptr<KeyBinding> &binding, const KeyRef &key);
  void ratchet_after_interval(std::weak_ptr<KeyBinding> binding);

  GWeakRef provider_;
  RatchetDue ratchet_due_;
  Traits traits_;
  std::atomic<int> failure_tolerance_{-1};
  std::atomic<std::uint64_t> ratchet_frames_{0};
  std::atomic<std::uint64_t> ratchet_interval_{0};
  GError *error_ = nullptr;
  const std::shared_ptr<WorkQueue> queue_ = std::make_shared<WorkQueue>();
  const std::shared_ptr<AskedLookups> asked_ = std::make_shared<AskedLookups>(queue_);

  std::mutex mutex_;
  std::map<std::pair<std::string, const Scheme *>, std::weak_ptr<KeyBinding>> bindings_;
  std::map<std::string, std::set<std::uint64_t>> announced_;
  std::set<std::string> protected_;
  std::vector<std::string> notices_;
  std::atomic<bool> has_notices_{false};
  std::atomic<bool> from_text_{false};
  std::atomic<bool> told_of_fixed_kid_{false};
};

}  // namespace e2ee

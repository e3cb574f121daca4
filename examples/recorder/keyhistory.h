// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "opener.h"

namespace recorder {

// A key of the history with its ratchet: generations are derived as they are needed and kept where
// they may be needed again, which is around the places where tracks are and from the base on, since
// a sender that starts anew begins there.
class RatchetKey {
 public:
  RatchetKey(const Sealing &sealing, std::size_t entry, MaterialPtr material, unsigned reach);

  std::size_t entry() const { return entry_; }
  std::uint64_t base() const { return base_; }
  // Derived unless it is there. Throws.
  OpenerKey &at(std::uint64_t generation, unsigned track, GstCaps *caps);
  // A tag has verified.
  void prove(std::uint64_t generation, unsigned track);
  // Where frames of this track are expected before anything is searched for.
  std::vector<std::uint64_t> likely(unsigned track) const;
  // Where they may be besides, nearest to what is likely first.
  std::vector<std::uint64_t> possible(unsigned track) const;
  std::uint64_t derivations() const { return derivations_; }

 private:
  struct Scout {
    std::unique_ptr<OpenerKey> key;  // goes forward only
    std::uint64_t at = 0;
  };
  bool keeps(std::uint64_t generation) const;

  const Sealing &sealing_;
  std::size_t entry_;
  MaterialPtr material_;
  std::uint64_t base_, proven_, reach_;
  std::map<std::uint64_t, std::unique_ptr<OpenerKey>> generations_;
  std::map<unsigned, std::uint64_t> places_;  // by track
  std::map<unsigned, Scout> scouts_;          // by track
  std::uint64_t derivations_ = 0;
};

// The keys of a meeting in the order in which they were used: several providers whose key indices
// repeat. For each index the one that fitted last is tried first, then those after it, then those
// before it.
class KeyHistory {
 public:
  struct Match {
    BufferPtr frame;  // none: no key fitted
    examples::CapsPtr caps;
    std::uint64_t key_index = 0;  // that the frame's KID stands for
    bool has_key = false;         // whether there was any key of this index
    std::size_t entry = 0;
    std::uint64_t generation = 0;
    std::string fingerprint;
  };

  // `texts`: provider strings in order. What they leave open of the derivation is taken from the
  // recording. Throws.
  KeyHistory(const std::vector<std::string> &texts, Sealing &sealing, unsigned max_ratchet);

  // What a frame names comes from the file, where anyone can have written any number.
  static bool is_possible(std::uint64_t key_index);
  Match open(unsigned track, GstCaps *caps, GstBuffer *frame, std::uint64_t kid);
  // From any thread: open() throws soon.
  void cancel() { cancelled_ = true; }
  // How many generations were derived, to show that frames which do not open derive nothing new.
  std::uint64_t derivations() const;

 private:
  using Keys = std::vector<std::unique_ptr<RatchetKey>>;

  Keys &keys_of(std::uint64_t key_id, unsigned track, GstCaps *caps);
  bool try_one(RatchetKey &key, std::uint64_t generation, unsigned track, GstCaps *caps,
               GstBuffer *frame, Match &match);

  std::vector<ProviderPtr> providers_;
  Sealing &sealing_;
  const bool names_ratchet_step_;  // the KID does
  unsigned max_ratchet_;
  std::atomic<bool> cancelled_{false};
  std::map<std::uint64_t, Keys> keys_;
  // Which of those of this index fitted last, by track and key id.
  std::map<std::pair<unsigned, std::uint64_t>, std::size_t> last_;
};

// A provider string with what the recording says of the derivation, where it does not say itself.
std::string with_defaults(const std::string &text, const Seal &seal);

}  // namespace recorder

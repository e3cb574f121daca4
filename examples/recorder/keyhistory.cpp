// SPDX-License-Identifier: LGPL-2.1-or-later
#include "keyhistory.h"

#include <algorithm>
#include <set>

#include "common/program.h"
#include "common/provider.h"

namespace recorder {

using examples::Refused;

namespace {

// A frame may be late.
constexpr std::uint64_t kKeptBehind = 16;

constexpr unsigned kRounds = 100000;
constexpr std::uint64_t kMaxKeyId = 255;

std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    result += c;
  }
  return result + '"';
}

// Names of the fields, and the kind as the first of them.
std::set<std::string> names_in(const std::string &text) {
  std::set<std::string> names;
  std::string name;
  bool in_value = false, in_quotes = false;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (in_quotes && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_quotes = !in_quotes;
    } else if (c == ',' && !in_quotes) {
      names.insert(name);
      name.clear();
      in_value = false;
    } else if (c == '=' && !in_value) {
      in_value = true;
    } else if (!in_value && !g_ascii_isspace(c)) {
      name += c;
    }
  }
  return names;
}

}  // namespace

std::string with_defaults(const std::string &text, const Seal &seal) {
  const std::set<std::string> names = names_in(text);
  if (!names.count("shared") && !names.count("participant"))
    return text;
  std::string result = text;
  const auto add = [&](const char *name, const std::string &value, const std::string &usual) {
    if (!names.count(name) && value != usual)
      result += std::string(",") + name + "=" + quoted(value);
  };
  add("kdf", seal.kdf, "auto");
  add("ratchet-salt", seal.ratchet_salt, "");
  add("key-size", std::to_string(seal.key_size), "128");
  add("keyring-size", std::to_string(seal.keyring_size), "16");
  return result;
}

// ---- one key ------------------------------------------------------------------------------------

RatchetKey::RatchetKey(const Sealing &sealing, std::size_t entry, MaterialPtr material,
                       unsigned reach)
    : sealing_(sealing),
      entry_(entry),
      material_(std::move(material)),
      base_(gst_e2ee_key_material_get_generation(material_.get())),
      proven_(base_),
      reach_(reach) {}

OpenerKey &RatchetKey::at(std::uint64_t generation, unsigned track, GstCaps *caps) {
  const auto found = generations_.find(generation);
  if (found != generations_.end())
    return *found->second;
  if (generation == base_) {
    ++derivations_;
    return *(generations_[base_] = std::make_unique<OpenerKey>(sealing_, material_.get()));
  }
  Scout &scout = scouts_[track];
  if (!scout.key || scout.at >= generation)
    scout = {std::make_unique<OpenerKey>(sealing_, material_.get()), base_};
  MaterialPtr next;
  for (; scout.at < generation; ++scout.at, ++derivations_)
    next = scout.key->ratchet(track, caps);
  return *(generations_[generation] = std::make_unique<OpenerKey>(sealing_, next.get()));
}

bool RatchetKey::keeps(std::uint64_t generation) const {
  const auto is_near = [&](std::uint64_t place) {
    return generation + kKeptBehind >= place && generation <= place + reach_;
  };
  return is_near(base_) || is_near(proven_) ||
         std::any_of(places_.begin(), places_.end(),
                     [&](const auto &place) { return is_near(place.second); });
}

void RatchetKey::prove(std::uint64_t generation, unsigned track) {
  const auto [place, added] = places_.try_emplace(track, generation);
  if (!added && place->second == generation)
    return;
  place->second = generation;
  proven_ = std::max(proven_, generation);
  std::erase_if(generations_, [&](const auto &entry) { return !keeps(entry.first); });
}

std::vector<std::uint64_t> RatchetKey::likely(unsigned track) const {
  std::vector<std::uint64_t> found;
  if (const auto place = places_.find(track); place != places_.end())
    found.push_back(place->second);
  for (const std::uint64_t generation : {proven_, base_}) {
    if (std::find(found.begin(), found.end(), generation) == found.end())
      found.push_back(generation);
  }
  return found;
}

std::vector<std::uint64_t> RatchetKey::possible(unsigned track) const {
  const std::vector<std::uint64_t> starts = likely(track);
  std::set<std::uint64_t> seen(starts.begin(), starts.end());
  std::vector<std::uint64_t> found;
  const auto add = [&](std::uint64_t generation) {
    if (seen.insert(generation).second)
      found.push_back(generation);
  };
  for (const std::uint64_t start : starts) {
    for (std::uint64_t step = 1; step <= reach_; ++step)
      add(start + step);
  }
  for (auto entry = generations_.rbegin(); entry != generations_.rend(); ++entry)
    add(entry->first);
  return found;
}

// ---- all of them --------------------------------------------------------------------------------

KeyHistory::KeyHistory(const std::vector<std::string> &texts, Sealing &sealing,
                       unsigned max_ratchet)
    : sealing_(sealing),
      names_ratchet_step_(sealing.seal.names_ratchet_step()),
      max_ratchet_(max_ratchet) {
  if (sealing.seal.pbkdf2_iterations != kRounds)
    throw Failure("the keys were derived with " + std::to_string(sealing.seal.pbkdf2_iterations) +
                  " rounds of PBKDF2, this version does " + std::to_string(kRounds) +
                  ": use a newer e2ee-unseal");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string which = "key provider " + std::to_string(i + 1);
    ProviderPtr provider = examples::make_provider(with_defaults(texts[i], sealing.seal), which);
    const bool own = !GST_IS_E2EE_SHARED_KEY_PROVIDER(provider.get());
    if (own && sealing.participant.empty())
      throw Refused(which +
                    " has keys for each participant and the recording does not say whose "
                    "it is: add --participant NAME");
    if (i > 0 && own != sealing.has_own_keys)
      throw Refused(
          "shared keys and keys of participants are not used in one meeting: give key "
          "providers of one kind");
    sealing.has_own_keys = own;
    providers_.push_back(std::move(provider));
  }
}

// Those that are given twice are tried once.
KeyHistory::Keys &KeyHistory::keys_of(std::uint64_t key_id, unsigned track, GstCaps *caps) {
  const auto found = keys_.find(key_id);
  if (found != keys_.end())
    return found->second;
  Keys &keys = keys_[key_id];
  std::set<std::string> known;
  for (std::size_t i = 0; i < providers_.size(); ++i) {
    const char *who = sealing_.has_own_keys ? sealing_.participant.c_str() : nullptr;
    MaterialPtr material(gst_e2ee_key_provider_lookup(providers_[i].get(), who, key_id, nullptr));
    if (!material)
      continue;
    auto key = std::make_unique<RatchetKey>(sealing_, i, std::move(material), max_ratchet_);
    OpenerKey &opener = key->at(key->base(), track, caps);
    opener.derive(track, caps);
    if (known.insert(opener.fingerprint()).second)
      keys.push_back(std::move(key));
  }
  return keys;
}

bool KeyHistory::is_possible(std::uint64_t key_index) {
  return key_index <= kMaxKeyId;
}

bool KeyHistory::try_one(RatchetKey &key, std::uint64_t generation, unsigned track, GstCaps *caps,
                         GstBuffer *frame, Match &match) {
  if (cancelled_)
    throw Failure("cancelled");
  OpenerKey &opener = key.at(generation, track, caps);
  match.frame = opener.open(track, caps, frame);
  if (!match.frame)
    return false;
  match.caps = opener.caps(track);
  match.entry = key.entry();
  match.generation = generation;
  match.fingerprint = opener.fingerprint();
  key.prove(generation, track);
  return true;
}

KeyHistory::Match KeyHistory::open(unsigned track, GstCaps *caps, GstBuffer *frame,
                                   std::uint64_t kid) {
  const std::uint64_t key_id = names_ratchet_step_ ? kid >> 4 & 15 : kid;
  Match match;
  match.key_index = key_id;
  if (!is_possible(key_id))
    return match;
  Keys &keys = keys_of(key_id, track, caps);
  match.has_key = !keys.empty();
  std::size_t &last = last_[{track, key_id}];
  std::vector<std::size_t> order;
  for (std::size_t i = last; i < keys.size(); ++i)
    order.push_back(i);
  for (std::size_t i = last; i-- > 0;)
    order.push_back(i);

  const auto fits = [&](std::size_t at, std::uint64_t generation) {
    // Where the frame itself names the step, others need not be tried.
    if (names_ratchet_step_ && (generation & 15) != (kid & 15))
      return false;
    if (!try_one(*keys[at], generation, track, caps, frame, match))
      return false;
    last = at;
    return true;
  };
  // First what was seen before, of each key.
  for (const std::size_t at : order) {
    for (const std::uint64_t generation : keys[at]->likely(track)) {
      if (fits(at, generation))
        return match;
    }
  }
  for (const std::size_t at : order) {
    for (const std::uint64_t generation : keys[at]->possible(track)) {
      if (fits(at, generation))
        return match;
    }
  }
  return match;
}

std::uint64_t KeyHistory::derivations() const {
  std::uint64_t sum = 0;
  for (const auto &[id, keys] : keys_) {
    for (const auto &key : keys)
      sum += key->derivations();
  }
  return sum;
}

}  // namespace recorder

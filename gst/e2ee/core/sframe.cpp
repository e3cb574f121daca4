/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/sframe.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <mutex>

namespace e2ee {

// ---- header -------------------------------------------------------------------------------------

namespace {

constexpr std::uint8_t kExtended = 8;  // of each half of the first byte: a length follows, less one

std::size_t length_of(std::uint64_t value) {
  std::size_t length = 1;
  while ((value >>= 8) != 0)
    ++length;
  return length;
}

// Half of the first byte; `at` moves behind the bytes it announces.
std::optional<std::uint64_t> read_number(ByteView bytes, unsigned half, std::size_t &at) {
  if ((half & kExtended) == 0)
    return half;
  const std::size_t length = (half & 7) + 1;
  if (bytes.size() - at < length)
    return {};
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < length; ++i)
    value = value << 8 | bytes[at + i];
  at += length;
  if (value < kExtended || length_of(value) != length)
    return {};
  return value;
}

std::uint8_t write_number(std::uint64_t value, std::uint8_t *&to) {
  if (value < kExtended)
    return static_cast<std::uint8_t>(value);
  const std::size_t length = length_of(value);
  for (std::size_t i = length; i-- > 0;)
    *to++ = static_cast<std::uint8_t>(value >> 8 * i);
  return static_cast<std::uint8_t>(kExtended | (length - 1));
}

}  // namespace

std::optional<SframeHeader> parse_sframe_header(ByteView bytes) {
  if (bytes.empty())
    return {};
  SframeHeader header;
  header.size = 1;
  const auto kid = read_number(bytes, bytes[0] >> 4, header.size);
  if (!kid)
    return {};
  const auto counter = read_number(bytes, bytes[0] & 15, header.size);
  if (!counter)
    return {};
  header.kid = *kid;
  header.counter = *counter;
  return header;
}

std::size_t write_sframe_header(std::uint64_t kid, std::uint64_t counter, std::uint8_t *to) {
  std::uint8_t *end = to + 1;
  const std::uint8_t high = write_number(kid, end);
  const std::uint8_t low = write_number(counter, end);
  *to = static_cast<std::uint8_t>(high << 4 | low);
  return static_cast<std::size_t>(end - to);
}

// ---- suites -------------------------------------------------------------------------------------

namespace {

std::unique_ptr<Aead> make_gcm(ByteView key, Direction direction, std::size_t) {
  return make_aead(key, direction);
}

bool expand_label(const SframeSuite &suite, ByteView secret, std::string_view label,
                  std::uint64_t kid, ByteSpan out) {
  std::vector<std::uint8_t> info(label.begin(), label.end());
  info.resize(label.size() + 10);
  store_be64(info.data() + label.size(), kid);
  info[label.size() + 9] = static_cast<std::uint8_t>(suite.id);
  return hkdf_expand(suite.hash, secret, info, out);
}

}  // namespace

std::span<const SframeSuite> sframe_suites() {
  static const SframeSuite table[] = {
      {1, Hash::sha256, 32, 48, 10, make_ctr_hmac}, {2, Hash::sha256, 32, 48, 8, make_ctr_hmac},
      {3, Hash::sha256, 32, 48, 4, make_ctr_hmac},  {4, Hash::sha256, 32, 16, 16, make_gcm},
      {5, Hash::sha512, 64, 32, 16, make_gcm},      {6, Hash::sha512, 64, 96, 10, make_ctr_hmac},
      {7, Hash::sha512, 64, 96, 8, make_ctr_hmac},  {8, Hash::sha512, 64, 96, 4, make_ctr_hmac},
  };
  return table;
}

std::unique_ptr<SframeKey> SframeKey::expand(const SframeSuite &suite, ByteView secret,
                                             std::uint64_t kid, Direction direction) {
  auto made = std::make_unique<SframeKey>();
  std::array<std::uint8_t, 96> bytes{};
  const ByteSpan key = ByteSpan(bytes).first(suite.key_size);
  if (secret.size() == suite.secret_size &&
      expand_label(suite, secret, "SFrame 1.0 Secret key ", kid, key) &&
      expand_label(suite, secret, "SFrame 1.0 Secret salt ", kid, made->salt))
    made->aead = suite.make(key, direction, suite.tag_size);
  cleanse(bytes);
  return made->aead ? std::move(made) : nullptr;
}

SframeKey::~SframeKey() {
  cleanse(salt);
}

Iv SframeKey::nonce(std::uint64_t counter) const {
  Iv nonce = salt;
  for (std::size_t i = kIvSize; i-- > kIvSize - 8; counter >>= 8)
    nonce[i] ^= static_cast<std::uint8_t>(counter);
  return nonce;
}

// ---- streams ------------------------------------------------------------------------------------

namespace {

// Generations that may come late, and are derived from where the stream is settled.
constexpr std::uint64_t kLateSteps = 8;

}  // namespace

bool StreamKeys::extract(const Secret &stream_key, Secret &secret) const {
  secret = Secret(suite_.secret_size);
  return hkdf_extract(suite_.hash, stream_key.view(), {}, secret.span());
}

std::optional<StreamKeys::Point> StreamKeys::walk(const Key &key, std::uint32_t ssrc,
                                                  std::uint64_t steps) const {
  Point at{key.usage, ssrc, 0, Secret(suite_.secret_size)};
  Secret secret(suite_.secret_size);
  if (is_settled(key, ssrc) && settled_.steps <= steps) {
    at.steps = settled_.steps;
    at.key = settled_.key.clone();
  } else {
    std::uint8_t salt[4];
    store_be32(salt, ssrc);
    if (!hkdf_extract(suite_.hash, key.next.view(), salt, secret.span()) ||
        !hkdf_expand(suite_.hash, secret.view(), bytes_of("SFrame 1.0 RTP Stream"), at.key.span()))
      return {};
  }
  for (; at.steps < steps; ++at.steps) {
    if (!extract(at.key, secret) ||
        !hkdf_expand(suite_.hash, secret.view(), bytes_of(kSframeRatchetLabel), at.key.span()))
      return {};
  }
  return at;
}

Secret StreamKeys::secret_of(const Key &key, std::uint32_t ssrc) const {
  Secret secret;
  const std::optional<Point> at = walk(key, ssrc, key.stream_steps);
  return at && extract(at->key, secret) ? std::move(secret) : Secret();
}

void StreamKeys::settle(const Key &key, std::uint32_t ssrc) {
  const std::uint64_t steps = key.stream_steps - std::min(key.stream_steps, kLateSteps);
  // Further than the key: a forged frame named a step that never came.
  if (is_settled(key, ssrc) && settled_.steps >= steps && settled_.steps <= key.stream_steps)
    return;
  if (std::optional<Point> at = walk(key, ssrc, steps))
    settled_ = std::move(*at);
}

void StreamKeys::retain(const KeyRing &ring) {
  const auto is_base = [&](const KeyRef &key) { return key && key->usage == settled_.base; };
  const bool held = is_base(ring.current) ||
                    std::any_of(ring.slots.begin(), ring.slots.end(), [&](const KeySlot &slot) {
                      return std::any_of(slot.keys.begin(), slot.keys.end(), is_base);
                    });
  if (!held)
    settled_ = {};
}

// ---- sending ------------------------------------------------------------------------------------

bool SframeCounter::take(std::uint64_t &counter) {
  if (fork_ != fork_generation())
    return false;
  std::uint64_t next = next_.load(std::memory_order_relaxed);
  do {
    if (next == std::numeric_limits<std::uint64_t>::max())
      return false;
  } while (!next_.compare_exchange_weak(next, next + 1, std::memory_order_relaxed));
  counter = next;
  return true;
}

Result<std::shared_ptr<SframeCounter>> counter_of(const SframeSuite &suite, ByteView secret,
                                                  std::uint64_t kid, bool alone) {
  using Name = std::array<std::uint8_t, 32>;
  constexpr std::size_t kMost = std::size_t{1} << 22;
  static std::mutex mutex;
  static auto *const table = new std::map<Name, std::shared_ptr<SframeCounter>>;
  Secret named(secret.size() + 16);
  std::copy(secret.begin(), secret.end(), named.span().begin());
  store_be64(named.span().data() + secret.size(), suite.id);
  store_be64(named.span().data() + secret.size() + 8, kid);
  Name name;
  if (secret.empty() || !sha256(named.view(), name))
    return Reason::internal;
  std::lock_guard lock(mutex);
  const auto found = table->find(name);
  if (found == table->end()) {
    if (table->size() >= kMost)
      return Reason::internal;
    return table->emplace(name, std::make_shared<SframeCounter>()).first->second;
  }
  if (alone && found->second.use_count() > 1)
    return Reason::stream_in_use;
  return found->second;
}

// Two streams may share a counter; two that have one SSRC are a mistake.
Result<KidSource::Kid> KidSource::counted(const Scheme &scheme, const Key &key,
                                          ByteView secret) const {
  const std::uint64_t step_mask = (std::uint64_t{1} << scheme.step_bits) - 1;
  Kid kid{explicit_.value_or(key.id << scheme.step_bits), nullptr};
  kid.kid = (kid.kid & ~step_mask) | (key.generation & step_mask);
  auto counter = counter_of(*scheme.suite, secret, kid.kid, scheme.per_ssrc);
  if (!counter)
    return counter.refusal();
  kid.counter = std::move(*counter);
  return kid;
}

Result<KidSource::Kid> KidSource::kid_for(const Scheme &scheme, const Key &key, ByteView secret) {
  if (secret.empty())
    return Reason::internal;
  if (!scheme.drawn_kids || explicit_)
    return counted(scheme, key, secret);
  const unsigned fork = fork_generation();
  if (!counter_ || fork != fork_) {
    std::array<std::uint8_t, 7> bits{};
    counter_.reset();
    if (!random_(bits))
      return Reason::internal;
    drawn_ = 0;
    for (std::uint8_t byte : bits)
      drawn_ = drawn_ << 8 | byte;
    drawn_ <<= kKidBitsBelowDrawn;
    fork_ = fork;
    counter_ = std::make_shared<SframeCounter>();
  }
  return Kid{drawn_ | (key.id & 15) << 4 | (key.generation & 15), counter_};
}

}  // namespace e2ee

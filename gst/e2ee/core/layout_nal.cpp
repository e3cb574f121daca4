/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames of NAL units: clear up to two bytes into the first slice, everything behind that is one
// RBSP, escaped as a whole.
#include <algorithm>
#include <array>
#include <cstring>

#include "core/nal.h"
#include "core/trailer.h"

namespace e2ee {

namespace {

using Places = std::vector<std::size_t>;

// Tries of one frame. Nearly every IV will do; so many in a row that will not mean that something
// is broken.
constexpr unsigned kMaxTries = 256;

// ---- sealing ------------------------------------------------------------------------------------

// Whether a receiver that reads the IV before it takes escapes out could read this one. An IV that
// ends like the trailer would leave open what a frame that lost a trailing zero ends with.
bool suits_trailer(const Iv &iv) {
  Places escapes;
  find_escapes(iv, 0, escapes);
  return escapes.empty() && iv.back() != kIvSize;
}

// Whether clear bytes and ciphertext together look like a start code where they meet. Escaping
// begins anew there.
bool meet_well(ByteView clear, const std::uint8_t *body) {
  const bool zero = clear.back() == 0;
  const bool two_zeros = zero && clear[clear.size() - 2] == 0;
  return !(zero && body[0] == 0 && body[1] <= 3) && !(two_zeros && body[0] <= 3);
}

// The parameter set of a key slice, for receivers that look for it before they decrypt, where the
// two clear bytes do not reach it: x264 and encoders in hardware begin an IDR slice so that they
// end right in front of it.
class SetOfSlice {
 public:
  SetOfSlice(ByteView slice, const NalRule &rule)
      : rule_(rule), size_(std::min(slice.size(), sizeof bytes_)) {
    std::copy_n(slice.begin(), size_, bytes_);
    if (rule.set_of_slice != nullptr && !rule.set_of_slice(ByteView(bytes_).first(kClear)))
      hidden_ = rule.set_of_slice(view());
  }
  ~SetOfSlice() { cleanse(bytes_); }

  // Whether the ciphertext names the same one. To seal the first bytes alone costs less than to
  // seal all of them in vain. A number of many bits does not come out: then the frame has to do
  // without.
  bool stays_under(const Iv &iv, Aead &aead, unsigned tries) const {
    if (!hidden_ || tries >= kMaxTries / 2)
      return true;
    std::uint8_t tag[kTagSize];
    SetOfSlice sealed = *this;
    return aead.seal(iv, view().first(kClear), view().subspan(kClear), sealed.bytes_ + kClear,
                     tag) &&
           rule_.set_of_slice(sealed.view()) == hidden_;
  }

 private:
  static constexpr std::size_t kClear = 2;

  ByteView view() const { return ByteView(bytes_).first(size_); }

  const NalRule &rule_;
  std::uint8_t bytes_[8] = {};
  std::size_t size_;
  std::optional<unsigned> hidden_;
};

// Whether picture data would stay in the clear in front of the first slice.
bool shows_picture(ByteView frame, const NalUnit &slice, const NalRule &rule) {
  NalReader reader(frame);
  for (NalUnit unit; reader.next(unit, &rule) && unit.begin < slice.begin;) {
    if (rule.kind(frame[unit.begin]) == NalKind::strange_slice)
      return true;
  }
  return false;
}

class NalSealer final : public LayoutSealer {
 public:
  explicit NalSealer(const SealerParts &parts) : rule_(*parts.codec.nal), cipher_(parts.random) {}

  Result<Written> seal(const KeyRef &key, FrameType type, ByteView frame, ByteSpan out) override;
  void retain(const KeyRing &ring) override { cipher_.retain(ring); }

 private:
  std::optional<std::size_t> seal_escaped(const SetOfSlice &set, ByteView clear, ByteView plain,
                                          ByteSpan out);

  const NalRule &rule_;
  TrailerCipher cipher_;
};

Result<Written> NalSealer::seal(const KeyRef &key, FrameType, ByteView frame, ByteSpan out) {
  const std::optional<NalUnit> slice = first_slice(frame, rule_);
  // The peer would leave ten or three bytes in the clear and not escape the rest, which RTP does
  // not carry.
  if (!slice)
    return NalReader(frame).stray() ? Reason::malformed : Reason::unsupported;
  if (shows_picture(frame, *slice, rule_))
    return Reason::unsupported;
  const ClearHeader header(frame, *slice, rule_);
  std::vector<std::uint8_t> clear(header.size());
  header.write(clear.data());
  ByteView plain = frame.subspan(clear_of(*slice));
  if (out.size() < clear.size() + plain.size() + kTrailerOverhead || !cipher_.use(key))
    return Reason::internal;
  const SetOfSlice set(frame.subspan(slice->begin), rule_);
  const ByteSpan body = out.subspan(clear.size());
  if (out.data() == frame.data() && body.data() != plain.data()) {
    std::memmove(body.data(), plain.data(), plain.size());
    plain = body.first(plain.size());
  }
  const std::optional<std::size_t> size = seal_escaped(set, clear, plain, body);
  if (!size)
    return Reason::internal;
  std::copy(clear.begin(), clear.end(), out.begin());
  return Written{0, clear.size() + *size};
}

// Seals `plain` at the start of `out` until nothing but ciphertext has to be escaped, and that with
// the room there is. Gives what was written.
std::optional<std::size_t> NalSealer::seal_escaped(const SetOfSlice &set, ByteView clear,
                                                   ByteView plain, ByteSpan out) {
  const std::size_t size = plain.size() + kTrailerOverhead;
  const std::size_t spare = out.size() - size;
  Places escapes;
  for (unsigned tries = 0; tries < kMaxTries; ++tries) {
    const std::optional<Iv> iv = cipher_.ivs().next();
    if (!iv)
      return {};
    if (!suits_trailer(*iv)) {
      // Zeros in its upper bytes would stay there for longer than anyone waits.
      if (iv->back() != kIvSize)
        cipher_.ivs().restart();
      continue;
    }
    if (!set.stays_under(*iv, cipher_.aead(), tries))
      continue;
    if (!cipher_.seal(*iv, clear, plain, out.data()))
      return {};
    find_escapes(out.first(size), spare, escapes);
    const bool in_tail = !escapes.empty() && escapes.back() >= plain.size();
    if (!in_tail && escapes.size() <= spare && meet_well(clear, out.data())) {
      insert_escapes(out.data(), size, escapes);
      return size + escapes.size();
    }
    // Counter mode undoes itself; the IV is spent all the same.
    std::uint8_t tag[kTagSize];
    if (plain.data() == out.data() && !cipher_.aead().seal(*iv, clear, plain, out.data(), tag))
      return {};
  }
  return {};
}

// ---- opening ------------------------------------------------------------------------------------

// The end of a frame as it was received.
struct Tail {
  std::uint64_t key_id;
  std::size_t size;  // of IV length and key index
};

// Tools that take a frame for a NAL unit cut zeros off its end, and so key index 0.
// `has_key_12`: an end that can be read in two ways is then taken for that key's.
std::optional<Tail> tail_of(ByteView frame, bool has_key_12) {
  const std::size_t size = frame.size();
  if (size >= kTrailerOverhead && frame[size - 2] == kIvSize &&
      (frame[size - 1] != kIvSize || has_key_12))
    return Tail{frame[size - 1], 2};
  if (size >= kTrailerOverhead - 1 && frame[size - 1] == kIvSize)
    return Tail{0, 1};
  return {};
}

// Clear bytes as the sender may have authenticated them: with long start codes, and then either as
// they came or without what RTP elements and parsers put in.
class Headers {
 public:
  static constexpr std::size_t kMax = 3;

  Headers(ByteView received, const NalRule &rule) : received_(received) {
    made_[0] = with_long_codes(received);
    if (made_[0].size() != received.size()) {
      readings_ = {made_[0], received};
      count_ = 2;
      return;
    }
    readings_[0] = made_[0];
    for (const auto shortened : {without_added_sets, without_added_delimiter})
      if (std::optional<std::vector<std::uint8_t>> header = shortened(received, rule)) {
        made_[count_] = std::move(*header);
        readings_[count_] = made_[count_];
        ++count_;
      }
  }
  Headers(const Headers &) = delete;
  Headers &operator=(const Headers &) = delete;

  std::size_t count() const { return count_; }
  ByteView operator[](std::size_t i) const { return readings_[i]; }

  /// What becomes the header of the plaintext: received start codes stay as they are.
  ByteView plain(std::size_t i) const { return i == 0 ? received_ : readings_[i]; }

 private:
  ByteView received_;
  std::size_t count_ = 1;
  std::array<std::vector<std::uint8_t>, kMax> made_;
  std::array<ByteView, kMax> readings_;
};

class NalOpener final : public LayoutOpener {
 public:
  explicit NalOpener(const OpenerParts &parts)
      : rule_(*parts.codec.nal), ciphers_(parts.memory), without_slice_(parts) {}

  Result<Opened, Unopened> open(const KeyRing &ring, ByteView frame, ByteSpan out) override;
  void retain(const KeyRing &ring) override {
    ciphers_.retain(ring);
    without_slice_.retain(ring);
  }

 private:
  const NalRule &rule_;
  TrailerCiphers ciphers_;
  TrailerOpener without_slice_;
};

Result<Opened, Unopened> NalOpener::open(const KeyRing &ring, ByteView frame, ByteSpan out) {
  const std::optional<Tail> tail = tail_of(frame, ring.find(kIvSize) != nullptr);
  if (!tail)
    return Unopened(Reason::malformed);
  const std::uint64_t key_id = tail->key_id;
  const std::optional<NalUnit> slice = first_slice(frame, rule_);
  // The peer takes the first bytes of a frame without a slice for VP8's, by a frame type that is
  // not in the frame.
  if (!slice)
    return without_slice_.open(ring, key_id, frame.first(frame.size() - tail->size), out);

  const std::size_t clear = clear_of(*slice);
  if (frame.size() < clear + tail->size)
    return Unopened(Reason::malformed, key_id);
  ByteView body = frame.subspan(clear, frame.size() - clear - tail->size);
  Places escaped;
  find_escaped(body, escaped);
  if (body.size() - escaped.size() < kTagSize + kIvSize)
    return Unopened(Reason::malformed, key_id);
  const KeySlot *slot = ring.find(key_id);
  if (slot == nullptr || slot->keys.empty())
    return Unopened(Reason::missing_key, key_id);

  // From here on the frame is ours to change. Escapes are taken out once, whatever is tried then.
  const Headers headers(frame.first(clear), rule_);
  std::uint8_t *const plain = out.data() + clear;
  if (!escaped.empty())
    body = {plain, remove_escaped(body, escaped, plain)};
  std::array<Reading, Headers::kMax> readings;
  for (std::size_t i = 0; i < headers.count(); ++i)
    readings[i] = reading_of(headers[i], body, 0, plain);
  const Result<KeySearch::Found> found =
      ciphers_.open(ring, *slot, std::span(readings).first(headers.count()));
  if (!found)
    return Unopened(found.refusal(), key_id);
  const std::size_t size = readings[found->reading].ciphertext.size();
  const ByteView header = headers.plain(found->reading);
  if (header.size() != clear)
    std::memmove(out.data() + header.size(), plain, size);
  if (header.data() != out.data())
    std::copy(header.begin(), header.end(), out.begin());
  return Opened{0, header.size() + size, found->key, slot};
}

// Bytes in front of the tail among which IV and tag are, escapes included.
constexpr std::size_t kEndInSight = 64;

}  // namespace

std::unique_ptr<LayoutSealer> nal_sealer(const SealerParts &parts) {
  return std::make_unique<NalSealer>(parts);
}

std::unique_ptr<LayoutOpener> nal_opener(const OpenerParts &parts) {
  return std::make_unique<NalOpener>(parts);
}

std::optional<TrailerFields> nal_read_trailer(const NalRule &rule, ByteView frame) {
  const std::optional<Tail> tail = tail_of(frame, true);
  if (!tail)
    return {};
  // Without a slice nothing is escaped. Behind one, two zeros and a three are always an escape,
  // wherever one begins to read.
  std::size_t clear = 0;
  Places escaped;
  std::vector<std::uint8_t> end;
  ByteView body = frame.first(frame.size() - tail->size);
  if (const std::optional<NalUnit> slice = first_slice(frame, rule)) {
    clear = clear_of(*slice);
    if (body.size() < clear)
      return {};
    body = body.subspan(std::max(clear, body.size() - std::min(body.size(), kEndInSight)));
    find_escaped(body, escaped);
    end.resize(body.size());
    body = {end.data(), remove_escaped(body, escaped, end.data())};
  }
  if (body.size() < kTagSize + kIvSize)
    return {};
  TrailerFields fields;
  fields.key_id = tail->key_id;
  std::copy_n(body.end() - kIvSize, kIvSize, fields.iv.begin());
  return fields;
}

}  // namespace e2ee

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// SFrame, RFC 9605, with the clear bytes of VP8 in front as its metadata:
//
//   clear bytes | header 1..17 | ciphertext | tag
//
// The AAD is the header, then the clear bytes.
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "core/cryptor.h"
#include "core/kdf.h"

namespace e2ee {

std::span<const Scheme> sframe_variants();

namespace {

constexpr ClearRule kHeaderRules[] = {
    {CodecId::vp8, 10, 3}, {CodecId::vp9, 0, 0}, {CodecId::opus, 0, 0}};
constexpr ClearRule kPureRules[] = {
    {CodecId::vp8, 0, 0}, {CodecId::vp9, 0, 0}, {CodecId::opus, 0, 0}};
// A tag of 32 bits is guessed too soon where many frames a second may be tried.
constexpr ClearRule kAudioRules[] = {{CodecId::opus, 0, 0}};
constexpr std::size_t kLongTag = 8;

// RFC 9605 knows no passphrases: this is a profile of our own.
constexpr std::string_view kPassphraseSalt = "SFrame 1.0 gst-e2ee passphrase";
constexpr std::size_t kPassphraseKeySize = 32;

// What of a key does not depend on the KID: `secret` is HKDF's extract of the base key, of which
// the keys of each KID are expanded, and so is the base key of the next generation (section 5.1).
bool derive(const DeriveRequest &request, Key &key) {
  const SframeSuite &suite = *request.scheme.suite;
  const Material &material = request.material;
  ByteView base = request.bytes;
  Secret stretched;
  // A raw key of a later generation is what a ratchet made, wherever that was.
  const bool raw_stretched = material.kdf == Kdf::pbkdf2 && material.generation == 0;
  if (!request.ratcheted && (material.passphrase || raw_stretched)) {
    stretched = Secret(kPassphraseKeySize);
    const auto salt = material.salt ? std::string_view(*material.salt) : kPassphraseSalt;
    if (!pbkdf2_sha256(base, bytes_of(salt), kPbkdf2Rounds, stretched.span()))
      return false;
    base = stretched.view();
  }
  key.secret = Secret(suite.secret_size);
  key.next = Secret(suite.secret_size);
  return hkdf_extract(suite.hash, base, {}, key.secret.span()) &&
         hkdf_expand(suite.hash, key.secret.view(), bytes_of("SFrame 1.0 Ratchet"),
                     key.next.span());
}

// The AAD of a frame; clear bytes are counted in a byte.
class Aad {
 public:
  Aad(ByteView header, ByteView clear) : size_(header.size() + clear.size()) {
    std::copy(clear.begin(), clear.end(), std::copy(header.begin(), header.end(), bytes_));
  }
  ByteView view() const { return {bytes_, size_}; }

 private:
  std::uint8_t bytes_[kMaxSframeHeader + 255];
  std::size_t size_;
};

// ---- sealing ------------------------------------------------------------------------------------

bool ready(SframeSender &sender, SealState &state, const SframeSuite &suite) {
  const unsigned fork = fork_generation();
  if (sender.key && sender.fork == fork)
    return true;
  sender.key.reset();
  sender.kid = state.kids().kid_for(suite, state.key());
  if (sender.kid.counter)
    sender.key =
        SframeKey::expand(suite, state.key().secret.view(), sender.kid.kid, Direction::seal);
  sender.fork = fork;
  return sender.key != nullptr;
}

Reason seal(SealState &state, const SealRequest &request, ByteSpan out, std::size_t &written) {
  const SframeSuite &suite = *request.scheme.suite;
  const std::size_t clear = request.clear.length(request.type);
  if (request.frame.size() < clear)
    return Reason::malformed;
  SframeSender &sender = state.sframe();
  if (!ready(sender, state, suite))
    return Reason::internal;
  std::uint64_t counter = 0;
  if (!sender.kid.counter->take(counter))
    return Reason::key_limit;
  std::uint8_t header[kMaxSframeHeader];
  const std::size_t header_size = write_sframe_header(sender.kid.kid, counter, header);
  const Aad aad({header, header_size}, request.frame.first(clear));
  // Where the body of a frame lies that is encrypted in place.
  const ByteView plain = request.frame.subspan(clear);
  std::uint8_t *body = out.data() + request.scheme.headroom + clear;
  if (!sender.key->aead->seal(sender.key->nonce(counter), aad.view(), plain, body,
                              body + plain.size()))
    return Reason::internal;
  std::uint8_t *start = body - header_size - clear;
  std::memmove(start, request.frame.data(), clear);
  std::memcpy(start + clear, header, header_size);
  written = clear + header_size + plain.size() + suite.tag_size;
  return Reason::ok;
}

// ---- opening ------------------------------------------------------------------------------------

struct Layout {
  std::size_t clear = 0;
  SframeHeader header;
  std::size_t body = 0;  // bytes of plaintext behind the clear ones
  std::size_t at = 0;    // of the ciphertext
};

std::optional<Layout> lay_out(const SframeSuite &suite, ByteView frame, std::size_t clear) {
  if (frame.size() <= clear)
    return {};
  const auto header = parse_sframe_header(frame.subspan(clear));
  if (!header || frame.size() - clear - header->size < suite.tag_size)
    return {};
  const std::size_t at = clear + header->size;
  return Layout{clear, *header, frame.size() - at - suite.tag_size, at};
}

// The keys that a KID may mean. With the profile that is a generation, of which its four bits may
// fit an earlier one and one to come: the nearest first, the other one as a search.
struct Candidates {
  LikelyKeys first;
  std::vector<const KeyRef *> rest;
};

Candidates candidates_for(const Scheme &scheme, const OpenStates &states, const KeySlot &slot,
                          std::uint64_t kid) {
  Candidates found;
  if (slot.keys.empty())
    return found;
  if (scheme.plain_kids) {
    found.first = states.likely(slot);
    if (slot.keys.size() > found.first.view().size())
      found.rest = found.first.others_of(slot.keys);
    return found;
  }
  const auto named = [&](const KeyRef &key) { return (key->generation & 15) == step_of_kid(kid); };
  for (const std::vector<KeyRef> *keys : {&slot.keys, &slot.ahead}) {
    const auto at = std::find_if(keys->begin(), keys->end(), named);
    if (at == keys->end())
      continue;
    if (found.first.view().empty())
      found.first.add(*at);
    else
      found.rest.push_back(&*at);
  }
  return found;
}

Reason open_with(OpenStates &states, const KeyRef &key, const OpenRequest &request,
                 const Layout &layout, bool again, ByteSpan out) {
  SframeReceiver &receiver = states.sframe();
  SframeReceiver::Sender *sender = receiver.find(key, layout.header.kid);
  std::unique_ptr<SframeKey> fresh;
  if (sender == nullptr) {
    if (!receiver.may_expand(layout.header.kid))
      return Reason::auth_failed;
    fresh = SframeKey::expand(*request.scheme.suite, key->secret.view(), layout.header.kid,
                              Direction::open);
    if (!fresh)
      return Reason::internal;
  }
  const SframeKey &cipher = sender != nullptr ? *sender->cipher : *fresh;
  const ByteView frame = request.frame;
  const Iv nonce = cipher.nonce(layout.header.counter);
  const Aad aad(frame.subspan(layout.clear, layout.header.size), frame.first(layout.clear));
  const ByteView body = frame.subspan(layout.at, layout.body);
  const std::uint8_t *tag = frame.data() + layout.at + layout.body;
  const Reason reason = cipher.aead->open(nonce, aad.view(), body, out.data() + layout.at, tag,
                                          again ? OnMismatch::restore : OnMismatch::wipe);
  if (reason != Reason::ok)
    return reason;
  if (sender == nullptr)
    sender = &receiver.keep({key, layout.header.kid, std::move(fresh)});
  receiver.used(*sender);
  return states.accepted().accept(*key, layout.header.kid, layout.header.counter)
             ? Reason::ok
             : Reason::replayed;
}

Reason open_with_any(OpenStates &states, KeysToTry keys, const OpenRequest &request,
                     const Layout &layout, bool again, ByteSpan out, Opened &opened) {
  Reason reason = Reason::auth_failed;
  for (const KeyRef *key : keys) {
    opened.key = *key;
    reason = open_with(states, *key, request, layout, again || key != keys.back(), out);
    if (reason != Reason::auth_failed)
      break;
  }
  return reason;
}

Reason open(OpenStates &states, const KeyRing &ring, const OpenRequest &request, ByteSpan out,
            Opened &opened) {
  const ByteView frame = request.frame;
  const auto layout =
      lay_out(*request.scheme.suite, frame, request.clear.length(request.codec.frame_type(frame)));
  if (!layout)
    return Reason::malformed;
  const std::uint64_t kid = layout->header.kid;
  opened.key_id = request.scheme.plain_kids ? kid : key_index_of_kid(kid);
  const KeySlot *slot = ring.find(opened.key_id);
  const Candidates keys =
      slot != nullptr ? candidates_for(request.scheme, states, *slot, kid) : Candidates();
  if (keys.first.view().empty())
    return Reason::missing_key;

  const bool search = !keys.rest.empty() && states.searches().allows(ring.failure_tolerance);
  Reason reason = open_with_any(states, keys.first.view(), request, *layout, search, out, opened);
  if (reason == Reason::auth_failed && search) {
    states.searches().take();
    reason = open_with_any(states, keys.rest, request, *layout, false, out, opened);
  }
  if (reason == Reason::ok) {
    std::memmove(out.data() + layout->header.size, frame.data(), layout->clear);
    opened.offset = layout->header.size;
    opened.size = layout->clear + layout->body;
    states.passed(opened.key);
  } else {
    cleanse(out.subspan(layout->at, layout->body));
    if (reason == Reason::auth_failed)
      states.failed();
  }
  return reason;
}

// Any bytes may be one: nothing is told apart from a frame in the clear.
bool recognises(const Scheme &, ByteView) {
  return true;
}

std::vector<Scheme> make_variants() {
  std::vector<Scheme> variants;
  for (const SframeSuite &suite : sframe_suites()) {
    const bool audio_only = suite.tag_size < kLongTag;
    for (bool plain_kids : {false, true}) {
      for (bool clear_header : {true, false}) {
        const std::span<const ClearRule> rules =
            clear_header ? std::span<const ClearRule>(kHeaderRules) : kPureRules;
        variants.push_back({
            .id = SchemeId::sframe,
            .name = "sframe",
            .clear_rules = audio_only ? std::span<const ClearRule>(kAudioRules) : rules,
            .carries = audio_only ? "suite 3 has a 32-bit tag, too short for video: set "
                                    "sframe-suite to 4, or use Opus"
                                  : "use VP8, VP9 or Opus",
            .overhead = kMaxSframeHeader + suite.tag_size,
            .headroom = kMaxSframeHeader,
            .max_key_id = plain_kids ? ~std::uint64_t{0} : 15,
            .max_window = 15,  // a KID has four bits for the step
            .trailer = false,
            .suite = &suite,
            .plain_kids = plain_kids,
            .clear_header = clear_header,
            .derive = derive,
            .seal = seal,
            .open = open,
            .recognises = recognises,
        });
      }
    }
  }
  return variants;
}

}  // namespace

std::span<const Scheme> sframe_variants() {
  static const auto *const variants = new std::vector<Scheme>(make_variants());
  return *variants;
}

}  // namespace e2ee

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// SFrame, RFC 9605 and draft-ietf-avtcore-rtp-sframe: key schedule and variants. How its frames are
// laid out is in layout_sframe.cpp.
#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>

#include "core/kdf.h"
#include "core/scheme.h"
#include "core/sframe.h"

namespace e2ee {

const Scheme *sframe_scheme(const SchemeOptions &options);

namespace {

constexpr ClearRule kHeaderRules[] = {
    {CodecId::vp8, 10, 3}, {CodecId::vp9, 0, 0}, {CodecId::opus, 0, 0}};
constexpr ClearRule kPureRules[] = {
    {CodecId::vp8, 0, 0}, {CodecId::vp9, 0, 0}, {CodecId::opus, 0, 0}};
// A payload of SFrame over RTP is ciphertext from its first byte.
constexpr ClearRule kRtpRules[] = {{CodecId::vp8, 0, 0},  {CodecId::vp9, 0, 0},
                                   {CodecId::opus, 0, 0}, {CodecId::h264, 0, 0},
                                   {CodecId::h265, 0, 0}, {CodecId::av1, 0, 0}};
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
  if (!hkdf_extract(suite.hash, base, {}, key.secret.span()))
    return false;
  // The ratchet is each stream's own, and begins with the base key.
  if (request.scheme.per_ssrc) {
    key.next = Secret(base);
    return true;
  }
  key.next = Secret(suite.secret_size);
  return hkdf_expand(suite.hash, key.secret.view(), bytes_of(kSframeRatchetLabel), key.next.span());
}

const char *carries(bool audio_only) {
  return audio_only ? "suites 3 and 8 have a 32-bit tag, too short for video: set sframe-suite to "
                      "4 or 6, or use Opus"
                    : "use VP8, VP9 or Opus. H.264, H.265 and AV1 go over RTP through rtpe2eepay "
                      "and rtpe2eedepay with payload-format=sframe alone";
}

Scheme make_variant(const SframeSuite &suite, const SchemeOptions &options) {
  const bool audio_only = suite.tag_size < kLongTag;
  const std::span<const ClearRule> header = kHeaderRules;
  const std::span<const ClearRule> rules = options.clear_header ? header : kPureRules;
  const std::span<const ClearRule> audio = kAudioRules;
  Scheme scheme = {
      .name = "sframe",
      .description = "SFrame, RFC 9605",
      .clear_rules = audio_only ? audio : rules,
      .rtp_rules = audio_only ? audio : kRtpRules,
      .carries = carries(audio_only),
      .overhead = kMaxSframeHeader + suite.tag_size,
      .headroom = kMaxSframeHeader,
      .max_key_id = ~std::uint64_t{0},
      .layout = Layout::sframe,
      .suite = &suite,
      .per_ssrc = options.per_ssrc,
      .clear_header = options.clear_header,
      .derive = derive,
  };
  if (options.ratchet_bits != 0) {
    scheme.step_bits = options.ratchet_bits;
    scheme.max_key_id >>= options.ratchet_bits;
  } else if (!options.plain_kids) {
    scheme.step_bits = 4;
    scheme.max_key_id = 15;
    scheme.drawn_kids = true;
  }
  // A step further ahead would read like one that was.
  if (scheme.step_bits != 0 && scheme.step_bits < 8)
    scheme.max_window = std::min(scheme.max_window, (1U << scheme.step_bits) - 1);
  return scheme;
}

}  // namespace

// Made when first asked for and kept: keys and streams refer to them.
const Scheme *sframe_scheme(const SchemeOptions &options) {
  using Choice = std::tuple<unsigned, bool, bool, unsigned, bool>;
  static std::mutex mutex;
  static auto *const made = new std::map<Choice, Scheme>;
  const auto suites = sframe_suites();
  const auto suite = std::find_if(suites.begin(), suites.end(), [&](const SframeSuite &each) {
    return each.id == options.sframe_suite;
  });
  const unsigned bits = options.ratchet_bits;
  if (suite == suites.end() || (bits != 0 && (bits < kLeastRatchetBits || bits > kMostRatchetBits)))
    return nullptr;
  const bool plain = options.plain_kids && bits == 0;
  const Choice choice{suite->id, plain, options.clear_header, bits, options.per_ssrc};
  std::lock_guard lock(mutex);
  const auto at = made->find(choice);
  if (at != made->end())
    return &at->second;
  return &made->emplace(choice, make_variant(*suite, options)).first->second;
}

}  // namespace e2ee

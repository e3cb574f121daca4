/* SPDX-License-Identifier: LGPL-2.1-or-later */
// SFrame, RFC 9605: key schedule and variants. How its frames are laid out is in layout_sframe.cpp.
#include <vector>

#include "core/kdf.h"
#include "core/scheme.h"
#include "core/sframe.h"

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

std::vector<Scheme> make_variants() {
  std::vector<Scheme> variants;
  for (const SframeSuite &suite : sframe_suites()) {
    const bool audio_only = suite.tag_size < kLongTag;
    for (bool plain_kids : {false, true}) {
      for (bool clear_header : {true, false}) {
        const std::span<const ClearRule> rules =
            clear_header ? std::span<const ClearRule>(kHeaderRules) : kPureRules;
        variants.push_back({
            .name = "sframe",
            .description = "SFrame, RFC 9605",
            .clear_rules = audio_only ? std::span<const ClearRule>(kAudioRules) : rules,
            .carries = audio_only ? "suite 3 has a 32-bit tag, too short for video: set "
                                    "sframe-suite to 4, or use Opus"
                                  : "use VP8, VP9 or Opus",
            .overhead = kMaxSframeHeader + suite.tag_size,
            .headroom = kMaxSframeHeader,
            .max_key_id = plain_kids ? ~std::uint64_t{0} : 15,
            .max_window = 15,  // a KID has four bits for the step
            .layout = Layout::sframe,
            .suite = &suite,
            .plain_kids = plain_kids,
            .clear_header = clear_header,
            .derive = derive,
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

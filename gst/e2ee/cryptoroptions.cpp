/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cryptoroptions.h"

#include <mutex>

#include "core/aead.h"
#include "debug.h"
#include "errors.h"
#include "providerstate.h"

namespace e2ee {

namespace {

// False, with an error, when the one that GST_E2EE_AEAD names cannot be had.
bool check_aead(GError **error) {
  static std::once_flag told;
  const AeadChoice choice = aead_in_use();
  if (choice.backend == nullptr)
    return fail(error, GST_E2EE_ERROR_CRYPTO, "%s", choice.complaint.c_str());
  std::call_once(told, [&] {
    GST_CAT_INFO(debug_category(), "AES-GCM comes from %s", choice.backend->name);
    for (const AeadBackend &backend : aead_backends()) {
      if (const char *why = backend.why_not())
        GST_CAT_INFO(debug_category(), "%s cannot be used: %s", backend.name, why);
      else if (!backend.worthwhile())
        GST_CAT_INFO(debug_category(), "%s is not faster on this processor", backend.name);
    }
  });
  return true;
}

// Providers with key rings tell how large these are; others hand out what they like, and each key
// is looked at as it comes.
bool check_ring(GstE2EEKeyProvider *provider, const Scheme &scheme, GError **error) {
  const struct {
    const char *property;
    unsigned wanted;
  } fixed[] = {{"keyring-size", scheme.ring_size}, {"key-size", scheme.key_bits}};
  for (const auto &[property, wanted] : fixed) {
    const GParamSpec *pspec = g_object_class_find_property(G_OBJECT_GET_CLASS(provider), property);
    guint set = wanted;
    if (wanted != 0 && pspec != nullptr && G_IS_PARAM_SPEC_UINT(pspec))
      g_object_get(provider, property, &set, nullptr);
    if (set != wanted && wanted != 0)
      return fail(error, GST_E2EE_ERROR_INVALID_OPTION,
                  "all peers of scheme %s have a %s of %u: set %s=%u on the key provider, not %u",
                  scheme.name, property, wanted, property, wanted, set);
  }
  return true;
}

bool check_wishes(const Scheme &scheme, const CryptorOptions &options, GError **error) {
  if (scheme.layout == Layout::trailer || (!options.allow_plaintext && !options.packet_trailer))
    return true;
  return fail(error, GST_E2EE_ERROR_INVALID_OPTION, "scheme %s: %s", scheme.name,
              options.allow_plaintext
                  ? "its frames cannot be told from ones in the clear; leave allow-plaintext off"
                  : "its frames have no packet trailer; leave frame-metadata off");
}

// Where a look-up may block, each key is looked at as it comes. Who decrypts may have other keys
// beside one with an index that the scheme does not know.
bool check_current_key(GstE2EEKeyProvider *provider, const Scheme &scheme, const char *participant,
                       bool encrypts, GError **error) {
  if (!ProviderState::of(provider)->traits().answers_at_once)
    return true;
  const MaterialPtr current(gst_e2ee_key_provider_lookup_current(provider, participant, nullptr));
  if (current && !encrypts && material_of(current.get()).key_id > scheme.max_key_id)
    return true;
  const std::string why = current ? scheme.why_refused(material_of(current.get())) : "";
  if (!why.empty())
    fail(error, GST_E2EE_ERROR_INVALID_KEY, "%s", why.c_str());
  return why.empty();
}

// What has to fit together of SFrame's numbers. False, with an error, where it does not.
bool check_sframe(const CryptorOptions &options, const Scheme &scheme, GError **error) {
  if (options.encrypts && scheme.per_ssrc && !options.ssrc)
    return fail(error, GST_E2EE_ERROR_INVALID_OPTION,
                "sframe-per-ssrc: the keys follow from the stream's SSRC; set sframe-ssrc to the "
                "one that the payloader has");
  const std::uint64_t step_mask = (std::uint64_t{1} << options.ratchet_bits) - 1;
  if (options.sframe_kid && (*options.sframe_kid & step_mask) != 0)
    return fail(error, GST_E2EE_ERROR_INVALID_OPTION,
                "sframe-kid: its lowest %u bits are the ratchet step, which sframe-ratchet-bits "
                "sets aside; they have to be 0",
                options.ratchet_bits);
  return true;
}

// Null, with an error, when there is no such scheme.
const Scheme *find_scheme(const CryptorOptions &options, GError **error) {
  // A KID that the application chose carries no key index.
  const Scheme *scheme = scheme_for(
      options.scheme, {.sframe_suite = options.sframe_suite,
                       .plain_kids = options.plain_kids || options.sframe_kid.has_value(),
                       .clear_header = options.clear_header,
                       .ratchet_bits = options.ratchet_bits,
                       .per_ssrc = options.per_ssrc || options.ssrc.has_value()});
  if (scheme == nullptr && options.ratchet_bits != 0 &&
      (options.ratchet_bits < kLeastRatchetBits || options.ratchet_bits > kMostRatchetBits))
    fail(error, GST_E2EE_ERROR_INVALID_OPTION,
         "sframe-ratchet-bits: %u bits cannot be the ratchet step; set 0 or %u to %u",
         options.ratchet_bits, kLeastRatchetBits, kMostRatchetBits);
  else if (scheme == nullptr)
    fail(error, GST_E2EE_ERROR_INVALID_OPTION, "sframe-suite: there is no cipher suite %u",
         options.sframe_suite);
  else if (scheme->suite == nullptr || check_sframe(options, *scheme, error))
    return scheme;
  return nullptr;
}

}  // namespace

const Scheme *check_options(GstE2EEKeyProvider *provider, const CryptorOptions &options,
                            GError **error) {
  if (!gst_e2ee_key_provider_check(provider, error)) {
    g_prefix_error(error, "key-provider: ");
    return nullptr;
  }
  if (!check_aead(error))
    return nullptr;
  const Scheme *scheme = find_scheme(options, error);
  if (scheme == nullptr || !check_ring(provider, *scheme, error) ||
      !check_wishes(*scheme, options, error))
    return nullptr;
  const char *participant = name_or_null(options.participant);
  if (ProviderState::of(provider)->traits().needs_participant && participant == nullptr) {
    fail(error, GST_E2EE_ERROR_INVALID_OPTION,
         "the key provider has a key for each participant: set participant to the identity whose "
         "key this is");
    return nullptr;
  }
  return check_current_key(provider, *scheme, participant, options.encrypts, error) ? scheme
                                                                                    : nullptr;
}

}  // namespace e2ee

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reasonerror.h"

#include "errors.h"

namespace e2ee {

namespace {

constexpr GstE2EEError kCodes[kReasonCount] = {
    /* ok */ {},
    /* missing_key */ GST_E2EE_ERROR_MISSING_KEY,
    /* auth_failed */ GST_E2EE_ERROR_AUTH,
    /* malformed */ GST_E2EE_ERROR_MALFORMED,
    /* replayed */ GST_E2EE_ERROR_REPLAYED,
    /* plaintext */ GST_E2EE_ERROR_MALFORMED,
    /* unsupported */ GST_E2EE_ERROR_UNSUPPORTED,
    /* key_limit */ GST_E2EE_ERROR_LIMIT,
    /* held_too_long */ GST_E2EE_ERROR_MISSING_KEY,
    /* internal */ GST_E2EE_ERROR_CRYPTO,
    /* stream_in_use */ GST_E2EE_ERROR_INVALID_OPTION,
};

}  // namespace

void set_reason_error(GError **error, Reason reason, std::optional<std::uint64_t> key_id) {
  const GstE2EEError code = kCodes[static_cast<std::size_t>(reason)];
  const ReasonNames &names = names_of(reason);
  if (names.names_key && key_id)
    fail(error, code, "key %" G_GUINT64_FORMAT ": %s", *key_id, names.text);
  else
    fail(error, code, "%s", names.text);
}

}  // namespace e2ee

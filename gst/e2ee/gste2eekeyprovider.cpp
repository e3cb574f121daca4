/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/gste2eekeyprovider.h>

#include "errors.h"
#include "providerstate.h"

using e2ee::ProviderState;

G_DEFINE_INTERFACE(GstE2EEKeyProvider, gst_e2ee_key_provider, G_TYPE_OBJECT)

enum { KEY_CHANGED, KEY_REMOVED, KEY_MISSING, KEY_RATCHETED, KEY_USED, N_SIGNALS };
static guint signals[N_SIGNALS];

// Those about a key: whose, and its id, is said first.
static const struct {
  const char *name;
  guint parameters;
} key_signals[] = {
    /**
     * GstE2EEKeyProvider::key-changed:
     * @provider: the provider
     * @participant: (nullable): identity, %NULL for the shared key
     * @key_id: the key that is new or different, or has become current
     *
     * On the thread that made the change, or on a worker after an `_async` setter and for keys of a
     * file; without a lock held.
     *
     * Since: 0.1
     */
    {"key-changed", 2},
    /**
     * GstE2EEKeyProvider::key-removed:
     * @provider: the provider
     * @participant: (nullable): identity, %NULL for the shared key
     * @key_id: the key that is gone, or %GST_E2EE_ALL_KEYS
     *
     * On the thread that removed it, without a lock held.
     *
     * Since: 0.1
     */
    {"key-removed", 2},
    /**
     * GstE2EEKeyProvider::key-missing:
     * @provider: the provider
     * @participant: (nullable): identity, %NULL for the shared key
     * @key_id: the key that a frame names
     *
     * A frame came whose key the provider does not have. From a worker thread, at most once a
     * second for each participant: of several keys the one that was looked up last. A hostile
     * sender can name any key id.
     *
     * Since: 0.1
     */
    {"key-missing", 2},
    /**
     * GstE2EEKeyProvider::key-ratcheted:
     * @provider: the provider
     * @participant: (nullable): identity, %NULL for the shared key
     * @key_id: the key that moved
     * @generation: its generation now
     *
     * A key went one or more generations forward: by a call, by interval or number of frames, or
     * because a received frame proved that its sender did. On a worker or on the calling thread.
     *
     * Since: 0.1
     */
    {"key-ratcheted", 3},
};

static void gst_e2ee_key_provider_default_init(GstE2EEKeyProviderInterface *iface) {
  const GType type = G_TYPE_FROM_INTERFACE(iface);
  GType of_key[] = {G_TYPE_STRING, G_TYPE_UINT64, G_TYPE_UINT64};
  for (guint i = 0; i < G_N_ELEMENTS(key_signals); ++i)
    signals[i] = g_signal_newv(key_signals[i].name, type, G_SIGNAL_RUN_LAST, nullptr, nullptr,
                               nullptr, nullptr, G_TYPE_NONE, key_signals[i].parameters, of_key);
  /**
   * GstE2EEKeyProvider::key-used:
   * @provider: the provider
   * @use: `participant`, `key-id`, `generation`, `fingerprint`, `identity` (`key` when
   *   the participant has a key of its own, `asserted` under a shared key), `direction` (`encrypt`
   *   or `decrypt`), `first` and `last` (Unix time in microseconds), `frames`, `failures` (frames
   *   that named this key meanwhile and did not verify), `aead` (whose AES worked with it:
   *   `openssl` or `ipsec-mb`)
   *
   * For audit: an element used a key. Told when it changes to another key, when the key is
   * withdrawn, when it stops, and every ten seconds between. The periods of one element and key
   * follow each other without a gap. From a worker thread; gst_e2ee_key_provider_sync() waits for
   * those that are on their way.
   *
   * Since: 0.1
   */
  // GST_TYPE_STRUCTURE is a variable that gst_init() fills; classes may be made before that.
  signals[KEY_USED] = g_signal_new("key-used", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr,
                                   nullptr, G_TYPE_NONE, 1, gst_structure_get_type());
}

GstE2EEKeyMaterial *gst_e2ee_key_provider_lookup_current(GstE2EEKeyProvider *provider,
                                                         const gchar *participant, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_KEY_PROVIDER(provider), nullptr);
  GstE2EEKeyProviderInterface *iface = GST_E2EE_KEY_PROVIDER_GET_IFACE(provider);
  return iface->lookup_current ? iface->lookup_current(provider, participant, error) : nullptr;
}

GstE2EEKeyMaterial *gst_e2ee_key_provider_lookup(GstE2EEKeyProvider *provider,
                                                 const gchar *participant, guint64 key_id,
                                                 GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_KEY_PROVIDER(provider), nullptr);
  if (key_id == GST_E2EE_ALL_KEYS) {
    e2ee::fail(error, GST_E2EE_ERROR_INVALID_INDEX,
               "GST_E2EE_ALL_KEYS is no key: look up one key id");
    return nullptr;
  }
  GstE2EEKeyProviderInterface *iface = GST_E2EE_KEY_PROVIDER_GET_IFACE(provider);
  return iface->lookup ? iface->lookup(provider, participant, key_id, error) : nullptr;
}

void gst_e2ee_key_provider_changed(GstE2EEKeyProvider *provider, const gchar *participant,
                                   guint64 key_id) {
  g_return_if_fail(GST_IS_E2EE_KEY_PROVIDER(provider) && key_id != GST_E2EE_ALL_KEYS);
  ProviderState::of(provider)->changed(participant, key_id);
  g_signal_emit(provider, signals[KEY_CHANGED], 0, participant, key_id);
}

void gst_e2ee_key_provider_removed(GstE2EEKeyProvider *provider, const gchar *participant,
                                   guint64 key_id) {
  g_return_if_fail(GST_IS_E2EE_KEY_PROVIDER(provider));
  ProviderState::of(provider)->removed(participant, key_id);
  const e2ee::ForeignCall call;
  g_signal_emit(provider, signals[KEY_REMOVED], 0, participant, key_id);
}

gchar *gst_e2ee_key_provider_get_fingerprint(GstE2EEKeyProvider *provider, const gchar *participant,
                                             guint64 key_id) {
  g_return_val_if_fail(GST_IS_E2EE_KEY_PROVIDER(provider), nullptr);
  const std::string text = ProviderState::of(provider)->fingerprint(participant, key_id);
  return text.empty() ? nullptr : g_strdup(text.c_str());
}

void gst_e2ee_key_provider_sync(GstE2EEKeyProvider *provider) {
  g_return_if_fail(GST_IS_E2EE_KEY_PROVIDER(provider));
  ProviderState::of(provider)->sync();
}

gboolean gst_e2ee_key_provider_check(GstE2EEKeyProvider *provider, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_KEY_PROVIDER(provider), FALSE);
  const GError *found = ProviderState::of(provider)->error();
  if (found != nullptr && error != nullptr)
    *error = g_error_copy(found);
  return found == nullptr;
}

GstContext *gst_e2ee_context_new_key_provider(GstE2EEKeyProvider *provider) {
  g_return_val_if_fail(GST_IS_E2EE_KEY_PROVIDER(provider), nullptr);
  GstContext *context = gst_context_new(GST_E2EE_KEY_PROVIDER_CONTEXT_TYPE, TRUE);
  gst_structure_set(gst_context_writable_structure(context), "key-provider",
                    GST_TYPE_E2EE_KEY_PROVIDER, provider, nullptr);
  return context;
}

GstE2EEKeyProvider *gst_e2ee_context_get_key_provider(GstContext *context) {
  g_return_val_if_fail(GST_IS_CONTEXT(context), nullptr);
  if (!gst_context_has_context_type(context, GST_E2EE_KEY_PROVIDER_CONTEXT_TYPE))
    return nullptr;
  GstE2EEKeyProvider *provider = nullptr;
  gst_structure_get(gst_context_get_structure(context), "key-provider", GST_TYPE_E2EE_KEY_PROVIDER,
                    &provider, nullptr);
  return provider;
}

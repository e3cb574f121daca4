/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elementkeys.h"

#include <utility>

#include "library.h"
#include "owned.h"

GST_DEBUG_CATEGORY_EXTERN(gst_e2ee_base_debug);
#define GST_CAT_DEFAULT gst_e2ee_base_debug

namespace e2ee {

namespace {

using ProviderPtr = ObjectPtr<GstE2EEKeyProvider>;

// The provider to use; null when there is none.
ProviderPtr provider_of(Base &base) {
  std::lock_guard lock(base.mutex);
  GstE2EEKeyProvider *provider = base.provider ? base.provider : base.from_context;
  return ProviderPtr(provider ? GST_E2EE_KEY_PROVIDER(g_object_ref(provider)) : nullptr);
}

// Asks neighbours, then the application, as GStreamer's contexts are asked for.
ProviderPtr look_for_context(GstE2EEBase *self) {
  Base &base = base_of(self);
  GstQuery *query = gst_query_new_context(GST_E2EE_KEY_PROVIDER_CONTEXT_TYPE);
  if (gst_pad_peer_query(base.src, query) || gst_pad_peer_query(base.sink, query)) {
    GstContext *context = nullptr;
    gst_query_parse_context(query, &context);
    if (context != nullptr)
      gst_element_set_context(GST_ELEMENT(self), context);
  }
  gst_query_unref(query);
  if (ProviderPtr found = provider_of(base))
    return found;
  gst_element_post_message(
      GST_ELEMENT(self),
      gst_message_new_need_context(GST_OBJECT(self), GST_E2EE_KEY_PROVIDER_CONTEXT_TYPE));
  return provider_of(base);
}

// The file behind the provider may hold something else by now. False, with an error, when that is
// no key.
bool reread_provider(GstE2EEBase *self, ProviderPtr &provider, GError **error) {
  ProviderPtr now(gst_e2ee_key_provider_reread(provider.get(), error));
  if (!now) {
    g_prefix_error(error, "key-provider: ");
    return false;
  }
  if (now != provider) {
    Base &base = base_of(self);
    {
      std::lock_guard lock(base.mutex);
      GstE2EEKeyProvider *&used = base.provider ? base.provider : base.from_context;
      if (used == provider.get())
        g_set_object(&used, now.get());
    }
    g_object_notify(G_OBJECT(self), "key-provider");
  }
  provider = std::move(now);
  return true;
}

}  // namespace

bool refuse(GstE2EEBase *self, GError *error) {
  GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s", error->message), (nullptr));
  g_error_free(error);
  return false;
}

bool open_cryptor(GstE2EEBase *self, bool required) {
  Base &base = base_of(self);
  if (base.cryptor)
    return true;
  ProviderPtr provider = provider_of(base);
  if (!provider)
    provider = look_for_context(self);
  if (!provider) {
    if (!required || !base.enabled)
      return true;
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS,
                      ("No key provider: set key-provider, for example "
                       "key-provider=\"shared,passphrase-file=/run/secrets/meeting\""),
                      ("no %s context in the pipeline either", GST_E2EE_KEY_PROVIDER_CONTEXT_TYPE));
    return false;
  }
  GError *error = nullptr;
  if (!reread_provider(self, provider, &error))
    return refuse(self, error);
  CryptorOptions options;
  {
    std::lock_guard lock(base.mutex);
    options = base.settings.options;
    options.accepted = base.accepted;
  }
  options.encrypts = base.encrypts;
  std::shared_ptr<FrameCryptor> cryptor = library->open(provider.get(), options, &error);
  if (!cryptor)
    return refuse(self, error);
  {
    std::lock_guard lock(base.mutex);
    base.cryptor = std::move(cryptor);
  }
  post_notices(self);
  return true;
}

std::shared_ptr<FrameCryptor> ref_cryptor(Base &base) {
  std::lock_guard lock(base.mutex);
  return base.cryptor;
}

void post_notices(GstE2EEBase *self) {
  // A setting may close it meanwhile.
  const std::shared_ptr<FrameCryptor> cryptor = ref_cryptor(base_of(self));
  if (!cryptor)
    return;
  for (const std::string &notice : cryptor->take_notices())
    GST_ELEMENT_WARNING(self, RESOURCE, SETTINGS, ("%s", notice.c_str()), (nullptr));
}

void close_cryptor(Base &base) {
  std::shared_ptr<FrameCryptor> closing;  // goes without the mutex
  {
    std::lock_guard lock(base.mutex);
    closing.swap(base.cryptor);
    if (closing)
      base.accepted = closing->take_accepted();
  }
}

}  // namespace e2ee

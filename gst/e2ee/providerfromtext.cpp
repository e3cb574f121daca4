/* SPDX-License-Identifier: LGPL-2.1-or-later */
// From text to a provider: one for all that have the same text, and what GStreamer's value system
// needs.
#include <array>
#include <map>
#include <mutex>

#include "core/kdf.h"
#include "errors.h"
#include "providerfile.h"
#include "providerkinds.h"
#include "providerstate.h"

using e2ee::ProviderFile;
using e2ee::ProviderState;

// ---- a provider that could not be made ----------------------------------------------------------

G_BEGIN_DECLS
G_DECLARE_FINAL_TYPE(GstE2EEInvalidKeyProvider, gst_e2ee_invalid_key_provider, GST,
                     E2EE_INVALID_KEY_PROVIDER, GObject)
G_END_DECLS

// Stands in for one whose text has a mistake, hands out nothing and carries the error. Failing to
// deserialise instead would make GStreamer print the whole text, secrets included.
struct _GstE2EEInvalidKeyProvider {
  GObject parent;
};

static void invalid_iface_init(GstE2EEKeyProviderInterface *) {}

G_DEFINE_TYPE_WITH_CODE(GstE2EEInvalidKeyProvider, gst_e2ee_invalid_key_provider, G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_E2EE_KEY_PROVIDER, invalid_iface_init))

static void gst_e2ee_invalid_key_provider_class_init(GstE2EEInvalidKeyProviderClass *) {}
static void gst_e2ee_invalid_key_provider_init(GstE2EEInvalidKeyProvider *) {}

namespace {

// ---- one provider for one text ------------------------------------------------------------------

// Living providers by the hash of their text, which may hold a passphrase.
class Living {
 public:
  static Living &get() {
    static Living *const living = new Living;
    return *living;
  }

  // One at a time: two elements with the same text must not both read its file descriptor.
  GstE2EEKeyProvider *provider_for(const char *text, GError **error) {
    Hash hash;
    if (!e2ee::sha256(e2ee::bytes_of(text), hash)) {
      e2ee::fail(error, GST_E2EE_ERROR_CRYPTO, "SHA-256 failed");
      return nullptr;
    }
    std::lock_guard lock(mutex_);  // recursive: a kind may wrap a provider made from text
    forget_dead();
    auto at = providers_.find(hash);
    gpointer living = at == providers_.end() ? nullptr : g_weak_ref_get(&at->second);
    auto *old = static_cast<GstE2EEKeyProvider *>(living);
    if (old != nullptr && !is_outdated(old))
      return old;
    GstE2EEKeyProvider *made = e2ee::make_provider(text, error);
    if (made != nullptr) {
      g_weak_ref_set(&providers_[hash], made);
      ProviderState::of(made)->set_from_text();
      if (ProviderFile::of(made))
        ProviderFile::keep_text(made, text);
      take_place(old, made);
    }
    g_clear_object(&old);
    return made;
  }

  // The provider, or the one that takes its place.
  GstE2EEKeyProvider *reread(GstE2EEKeyProvider *provider, GError **error) {
    const std::shared_ptr<ProviderFile> file = ProviderFile::of(provider);
    if (!file)  // no need to wait for one that is being made
      return GST_E2EE_KEY_PROVIDER(g_object_ref(provider));
    std::lock_guard lock(mutex_);
    if (file->text() == nullptr || !file->is_outdated(provider))
      return GST_E2EE_KEY_PROVIDER(g_object_ref(provider));
    GstE2EEKeyProvider *made = provider_for(file->text(), error);
    take_place(provider, made);
    return made;
  }

 private:
  using Hash = std::array<std::uint8_t, 32>;

  static bool is_outdated(GstE2EEKeyProvider *provider) {
    const std::shared_ptr<ProviderFile> file = ProviderFile::of(provider);
    return file && file->is_outdated(provider);
  }

  static void take_place(GstE2EEKeyProvider *of, GstE2EEKeyProvider *made) {
    if (of != nullptr && made != nullptr)
      ProviderState::of(made)->protect_as(*ProviderState::of(of));
  }

  void forget_dead() {
    for (auto it = providers_.begin(); it != providers_.end();) {
      gpointer living = g_weak_ref_get(&it->second);
      if (living != nullptr) {
        g_object_unref(living);
        ++it;
      } else {
        g_weak_ref_clear(&it->second);
        it = providers_.erase(it);
      }
    }
  }

  std::recursive_mutex mutex_;
  std::map<Hash, GWeakRef> providers_;
};

// ---- GstValue -----------------------------------------------------------------------------------

gboolean deserialize(GValue *value, const gchar *text) {
  GError *error = nullptr;
  GstE2EEKeyProvider *provider = gst_e2ee_key_provider_new_from_string(text, &error);
  if (provider == nullptr) {
    provider =
        GST_E2EE_KEY_PROVIDER(g_object_new(gst_e2ee_invalid_key_provider_get_type(), nullptr));
    ProviderState::of(provider)->set_error(error);
    if (e2ee::names_a_file(text))  // which may be there when the element starts
      ProviderFile::keep_text(provider, text);
  }
  g_value_take_object(value, provider);
  return TRUE;
}

// Into dot files and -v output: what it is, nothing of what it holds.
gchar *serialize(const GValue *value) {
  gpointer provider = g_value_get_object(value);
  return g_strdup(provider != nullptr ? G_OBJECT_TYPE_NAME(provider) : "none");
}

}  // namespace

GstE2EEKeyProvider *gst_e2ee_key_provider_new_from_string(const gchar *text, GError **error) {
  g_return_val_if_fail(text != nullptr, nullptr);
  return Living::get().provider_for(text, error);
}

GstE2EEKeyProvider *gst_e2ee_key_provider_reread(GstE2EEKeyProvider *provider, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_KEY_PROVIDER(provider), nullptr);
  return Living::get().reread(provider, error);
}

void gst_e2ee_key_provider_register_value() {
  static std::once_flag once;
  std::call_once(once, [] {
    static const GstValueTable table = {
        GST_TYPE_E2EE_KEY_PROVIDER, nullptr, serialize, deserialize, {}};
    gst_value_register(&table);
  });
}

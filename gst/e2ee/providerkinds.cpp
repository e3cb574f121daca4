/* SPDX-License-Identifier: LGPL-2.1-or-later */
// From text to a provider: the table of kinds, and what GStreamer's value system needs.
#include <gst/e2ee/gste2eeparticipantkeyprovider.h>
#include <gst/e2ee/gste2eesharedkeyprovider.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/kdf.h"
#include "errortext.h"
#include "keysource.h"
#include "provideroptions.h"
#include "providerstring.h"
#include "registry.h"

using e2ee::MaterialPtr;
using e2ee::ProviderState;
using e2ee::ProviderText;

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

const char *text_of(GHashTable *fields, const char *name) {
  return static_cast<const char *>(g_hash_table_lookup(fields, name));
}

// ---- the shipped kinds --------------------------------------------------------------------------

#define RING_FIELDS                                                                         \
  "keyring-size", "key-size", "kdf", "ratchet-salt", "ratchet-window", "failure-tolerance", \
      "exportable"

const char *const kSharedFields[] = {
    "passphrase", "passphrase-file", "passphrase-env", "passphrase-fd",
    "key-file",   "key-index",       RING_FIELDS,      nullptr};
const char *const kParticipantFields[] = {"keys-file", "ratchet-interval", "ratchet-frames",
                                          RING_FIELDS, nullptr};

// The one field that names the secret.
const char *find_source(GHashTable *fields, GError **error) {
  const char *source = nullptr;
  for (const char *const *field = e2ee::kSecretFields; *field != nullptr; ++field) {
    if (text_of(fields, *field) == nullptr)
      continue;
    if (source != nullptr) {
      g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION,
                  "%s and %s both name the key: give one of them", source, *field);
      return nullptr;
    }
    source = *field;
  }
  if (source == nullptr)
    g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_NOT_FOUND,
                        "no key is given: add passphrase-file=, passphrase-env=, passphrase-fd= "
                        "or key-file=");
  return source;
}

bool fill_shared(GstE2EESharedKeyProvider *provider, GHashTable *fields, GError **error) {
  if (!e2ee::set_options(provider, fields, error))
    return false;
  guint64 index = 0;
  const char *index_text = text_of(fields, "key-index");
  if (index_text != nullptr && !e2ee::parse_number("key-index", index_text, 255, index, error))
    return false;
  const char *source = find_source(fields, error);
  if (source == nullptr)
    return false;
  std::vector<std::string> notices;
  MaterialPtr material = e2ee::read_secret(source, text_of(fields, source), index, notices, error);
  for (std::string &notice : notices)
    ProviderState::of(GST_E2EE_KEY_PROVIDER(provider))->add_notice(std::move(notice));
  return material && gst_e2ee_shared_key_provider_set_material(provider, material.get(), error);
}

bool fill_participant(GstE2EEParticipantKeyProvider *provider, GHashTable *fields, GError **error) {
  const char *path = text_of(fields, "keys-file");
  if (path == nullptr) {
    g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_NOT_FOUND,
                        "no keys are given: add keys-file=");
    return false;
  }
  if (!e2ee::set_options(provider, fields, error))
    return false;
  std::string file;
  if (!e2ee::find_path("keys-file", path, file, error))
    return false;
  if (gst_e2ee_participant_key_provider_load_keys_file(provider, file.c_str(), error))
    return true;
  g_prefix_error(error, "keys-file: ");
  return false;
}

template <typename Provider>
GstE2EEKeyProvider *filled(Provider *provider, bool (*fill)(Provider *, GHashTable *, GError **),
                           GHashTable *fields, GError **error) {
  if (fill(provider, fields, error))
    return GST_E2EE_KEY_PROVIDER(provider);
  g_object_unref(provider);
  return nullptr;
}

GstE2EEKeyProvider *make_shared_provider(const gchar *, GHashTable *fields, gpointer,
                                         GError **error) {
  return filled(gst_e2ee_shared_key_provider_new(), fill_shared, fields, error);
}

GstE2EEKeyProvider *make_participant_provider(const gchar *, GHashTable *fields, gpointer,
                                              GError **error) {
  return filled(gst_e2ee_participant_key_provider_new(), fill_participant, fields, error);
}

// ---- the table of kinds -------------------------------------------------------------------------

struct Kind {
  std::vector<std::string> fields;
  GstE2EEKeyProviderMakeFunc make;
  gpointer user_data;
};

class Kinds {
 public:
  static Kinds &get() {
    static Kinds *const kinds = new Kinds;
    return *kinds;
  }

  bool add(const char *name, const gchar *const *fields, GstE2EEKeyProviderMakeFunc make,
           gpointer user_data) {
    Kind kind{{}, make, user_data};
    for (; fields != nullptr && *fields != nullptr; ++fields)
      kind.fields.push_back(*fields);
    std::lock_guard lock(mutex_);
    return kinds_.emplace(name, std::move(kind)).second;
  }

  // Copies: a maker runs without the lock, since it may take its time or register another.
  bool find(const std::string &name, Kind &kind) {
    std::lock_guard lock(mutex_);
    auto at = kinds_.find(name);
    if (at == kinds_.end())
      return false;
    kind = at->second;
    return true;
  }

  std::vector<std::string> names() {
    std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto &[name, kind] : kinds_)
      names.push_back(name);
    return names;
  }

  std::vector<std::string> names_of_those_with(const std::string &field) {
    std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto &[name, kind] : kinds_) {
      if (std::find(kind.fields.begin(), kind.fields.end(), field) != kind.fields.end())
        names.push_back(name);
    }
    return names;
  }

 private:
  Kinds() {
    add("shared", kSharedFields, make_shared_provider, nullptr);
    add("participant", kParticipantFields, make_participant_provider, nullptr);
  }

  std::mutex mutex_;
  std::map<std::string, Kind> kinds_;
};

// Says which fields there are. Of one that is not known it says the name, if that looks like one.
void set_unknown_field(const ProviderText &text, const char *name, const Kind &kind,
                       GError **error) {
  const std::string all = e2ee::joined(kind.fields);
  // Behind a comma in a passphrase that should have been quoted stands no field's name.
  if (g_hash_table_contains(text.fields, "passphrase")) {
    g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION,
                "kind %s of key providers takes %s; a passphrase with commas needs \\\"quotes\\\"",
                text.kind.c_str(), all.c_str());
    return;
  }
  const std::string other = e2ee::joined(Kinds::get().names_of_those_with(name));
  const bool is_name = !other.empty() || e2ee::is_nearly(name, kind.fields);
  g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION,
              "kind %s of key providers has no field%s%s%s%s; it takes %s", text.kind.c_str(),
              is_name ? " " : " of this name", is_name ? name : "",
              other.empty() ? "" : ", which belongs to kind ", other.c_str(), all.c_str());
}

bool check_fields(const ProviderText &text, const Kind &kind, GError **error) {
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init(&iter, text.fields);
  while (g_hash_table_iter_next(&iter, &name, nullptr)) {
    const auto *field = static_cast<const char *>(name);
    if (std::find(kind.fields.begin(), kind.fields.end(), field) == kind.fields.end()) {
      set_unknown_field(text, field, kind, error);
      return false;
    }
  }
  return true;
}

// What stands where the kind belongs is none. It is shown if it is a field, not if it may be
// anything else, such as a passphrase.
void set_unknown_kind(const ProviderText &text, GError **error) {
  std::string advice = "write, for example, shared,passphrase-file=/run/secrets/meeting";
  if (text.lacks_kind) {
    std::vector<std::string> spellings = Kinds::get().names_of_those_with(text.kind);
    for (std::string &kind : spellings)
      kind += "," + text.kind + "=...";
    if (!spellings.empty())
      advice = text.kind + " is a field, write " + e2ee::joined(spellings);
  }
  g_set_error(error, GST_E2EE_ERROR,
              text.lacks_kind ? GST_E2EE_ERROR_PARSE : GST_E2EE_ERROR_NOT_FOUND,
              "a key provider starts with its kind, %s; %s",
              e2ee::joined(Kinds::get().names()).c_str(), advice.c_str());
}

GstE2EEKeyProvider *make_provider(const char *text, GError **error) {
  ProviderText parsed;
  Kind kind;
  if (!e2ee::parse_provider_text(text, parsed, error))
    return nullptr;
  if (parsed.lacks_kind || !Kinds::get().find(parsed.kind, kind)) {
    set_unknown_kind(parsed, error);
    return nullptr;
  }
  if (!check_fields(parsed, kind, error))
    return nullptr;
  return kind.make(parsed.kind.c_str(), parsed.fields, kind.user_data, error);
}

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
    std::array<std::uint8_t, 32> hash;
    if (!e2ee::sha256(e2ee::bytes_of(text), hash)) {
      g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_CRYPTO, "SHA-256 failed");
      return nullptr;
    }
    std::lock_guard lock(mutex_);  // recursive: a kind may wrap a provider made from text
    forget_dead();
    auto at = providers_.find(hash);
    if (at != providers_.end()) {
      if (gpointer living = g_weak_ref_get(&at->second))
        return GST_E2EE_KEY_PROVIDER(living);
    }
    GstE2EEKeyProvider *made = make_provider(text, error);
    if (made != nullptr)
      g_weak_ref_set(&providers_[hash], made);
    return made;
  }

 private:
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
  std::map<std::array<std::uint8_t, 32>, GWeakRef> providers_;
};

// ---- GstValue -----------------------------------------------------------------------------------

gboolean deserialize(GValue *value, const gchar *text) {
  GError *error = nullptr;
  GstE2EEKeyProvider *provider = gst_e2ee_key_provider_new_from_string(text, &error);
  if (provider == nullptr) {
    provider =
        GST_E2EE_KEY_PROVIDER(g_object_new(gst_e2ee_invalid_key_provider_get_type(), nullptr));
    ProviderState::of(provider)->set_error(error);
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

gboolean gst_e2ee_key_provider_register_kind(const gchar *kind, const gchar *const *fields,
                                             GstE2EEKeyProviderMakeFunc make, gpointer user_data,
                                             GDestroyNotify notify) {
  g_return_val_if_fail(kind != nullptr && make != nullptr, FALSE);
  if (Kinds::get().add(kind, fields, make, user_data))
    return TRUE;
  if (notify != nullptr)
    notify(user_data);
  return FALSE;
}

void gst_e2ee_key_provider_register_value() {
  static std::once_flag once;
  std::call_once(once, [] {
    static const GstValueTable table = {
        GST_TYPE_E2EE_KEY_PROVIDER, nullptr, serialize, deserialize, {}};
    gst_value_register(&table);
  });
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "providerkinds.h"

#include <gst/e2ee/gste2eeparticipantkeyprovider.h>
#include <gst/e2ee/gste2eesharedkeyprovider.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "errors.h"
#include "errortext.h"
#include "keysource.h"
#include "providerfile.h"
#include "provideroptions.h"
#include "providerstring.h"
#include "ringprovider.h"

using e2ee::MaterialPtr;
using e2ee::ProviderFile;
using e2ee::ProviderText;

namespace {

const char *text_of(GHashTable *fields, const char *name) {
  return static_cast<const char *>(g_hash_table_lookup(fields, name));
}

// ---- the shipped kinds --------------------------------------------------------------------------

#define RING_FIELDS                                                                         \
  "keyring-size", "key-size", "kdf", "ratchet-salt", "ratchet-window", "failure-tolerance", \
      "exportable"

const char *const kSharedFields[] = {"passphrase",    "passphrase-file", "passphrase-env",
                                     "passphrase-fd", "key-file",        "key-index",
                                     "watch",         RING_FIELDS,       nullptr};
const char *const kParticipantFields[] = {"keys-file",      "watch",     "ratchet-interval",
                                          "ratchet-frames", RING_FIELDS, nullptr};

// The one field that names the secret.
const char *find_source(GHashTable *fields, GError **error) {
  const char *source = nullptr;
  for (const char *const *field = e2ee::kSecretFields; *field != nullptr; ++field) {
    if (text_of(fields, *field) == nullptr)
      continue;
    if (source != nullptr) {
      e2ee::fail(error, GST_E2EE_ERROR_INVALID_OPTION,
                 "%s and %s both name the key: give one of them", source, *field);
      return nullptr;
    }
    source = *field;
  }
  if (source == nullptr)
    e2ee::fail(
        error, GST_E2EE_ERROR_NOT_FOUND,
        "no key is given: add passphrase-file=, passphrase-env=, passphrase-fd= or key-file=");
  return source;
}

bool is_file(const char *field) {
  return g_str_has_suffix(field, "-file");
}

// Whether the file that `source` names is to be followed.
bool read_watch(GHashTable *fields, const char *source, bool &watch, GError **error) {
  const char *text = text_of(fields, "watch");
  watch = text != nullptr && g_str_equal(text, "true");
  if (text != nullptr && !watch && !g_str_equal(text, "false"))
    return e2ee::fail(error, GST_E2EE_ERROR_INVALID_OPTION, "watch: must be true or false");
  if (!watch || is_file(source))
    return true;
  return e2ee::fail(
      error, GST_E2EE_ERROR_INVALID_OPTION,
      "watch: %s cannot be followed, only a file can; give passphrase-file= or key-file=", source);
}

bool load_secret(GstE2EEKeyProvider *provider, const char *source, const char *value, guint64 index,
                 GError **error) {
  std::vector<std::string> notices;
  MaterialPtr material = e2ee::read_secret(source, value, index, notices, error);
  e2ee::RingProvider &ring = e2ee::ring_of(provider);
  for (std::string &notice : notices)
    ring.add_notice(std::move(notice));
  return material && ring.set(nullptr, std::move(material), error);
}

bool fill_shared(GstE2EEKeyProvider *provider, GHashTable *fields, GError **error) {
  if (!e2ee::set_options(provider, fields, error))
    return false;
  guint64 index = 0;
  const char *index_text = text_of(fields, "key-index");
  if (index_text != nullptr && !e2ee::parse_number("key-index", index_text, 255, index, error))
    return false;
  const char *source = find_source(fields, error);
  bool watch = false;
  if (source == nullptr || !read_watch(fields, source, watch, error))
    return false;
  const char *value = text_of(fields, source);
  if (!is_file(source))
    return load_secret(provider, source, value, index, error);
  std::string path;
  if (!e2ee::find_path(source, value, path, error))
    return false;
  auto file = std::make_shared<ProviderFile>(
      source, path, [source, index](GstE2EEKeyProvider *into, const char *from, GError **why) {
        return load_secret(into, source, from, index, why);
      });
  return ProviderFile::load_into(provider, std::move(file), watch, error);
}

bool load_keys(GstE2EEKeyProvider *provider, const char *path, GError **error) {
  if (e2ee::ring_of(provider).file_keys().load(path, error))
    return true;
  g_prefix_error(error, "keys-file: ");
  return false;
}

bool fill_participant(GstE2EEKeyProvider *provider, GHashTable *fields, GError **error) {
  const char *written = text_of(fields, "keys-file");
  if (written == nullptr)
    return e2ee::fail(error, GST_E2EE_ERROR_NOT_FOUND, "no keys are given: add keys-file=");
  bool watch = false;
  std::string path;
  return e2ee::set_options(provider, fields, error) &&
         read_watch(fields, "keys-file", watch, error) &&
         e2ee::find_path("keys-file", written, path, error) &&
         ProviderFile::load_into(
             provider, std::make_shared<ProviderFile>("keys-file", path, load_keys), watch, error);
}

GstE2EEKeyProvider *filled(gpointer made,
                           bool (*fill)(GstE2EEKeyProvider *, GHashTable *, GError **),
                           GHashTable *fields, GError **error) {
  GstE2EEKeyProvider *provider = GST_E2EE_KEY_PROVIDER(made);
  if (!fill(provider, fields, error))
    g_clear_object(&provider);
  return provider;
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
  // What stands behind a comma in a passphrase may be the rest of it.
  const char *hint = g_hash_table_contains(text.fields, "passphrase")
                         ? "; a passphrase with commas needs \\\"quotes\\\""
                         : "";
  const std::string other = e2ee::joined(Kinds::get().names_of_those_with(name));
  const bool is_name = !other.empty() || e2ee::is_nearly(name, kind.fields);
  e2ee::fail(error, GST_E2EE_ERROR_INVALID_OPTION,
             "kind %s of key providers has no field%s%s%s%s; it takes %s%s", text.kind.c_str(),
             is_name ? " " : " of this name", is_name ? name : "",
             other.empty() ? "" : ", which belongs to kind ", other.c_str(), all.c_str(), hint);
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
  e2ee::fail(error, text.lacks_kind ? GST_E2EE_ERROR_PARSE : GST_E2EE_ERROR_NOT_FOUND,
             "a key provider starts with its kind, %s; %s",
             e2ee::joined(Kinds::get().names()).c_str(), advice.c_str());
}

}  // namespace

GstE2EEKeyProvider *e2ee::make_provider(const char *text, GError **error) {
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

bool e2ee::names_a_file(const char *text) {
  ProviderText parsed;
  if (!e2ee::parse_provider_text(text, parsed, nullptr))
    return false;
  const auto names_one = [](gpointer field, gpointer, gpointer) -> gboolean {
    return is_file(static_cast<const char *>(field));
  };
  return g_hash_table_find(parsed.fields, names_one, nullptr) != nullptr;
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

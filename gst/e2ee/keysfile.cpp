/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keysfile.h"

#include <algorithm>
#include <cstring>

#include "errors.h"
#include "errortext.h"
#include "keysource.h"
#include "keytext.h"

namespace e2ee {

namespace {

// GKeyFile hands out copies in ordinary memory; ours is wiped at least.
struct WipedFree {
  void operator()(gchar *text) const {
    cleanse({reinterpret_cast<std::uint8_t *>(text), std::strlen(text)});
    g_free(text);
  }
};
using KeyFile = std::unique_ptr<GKeyFile, FreeWith<&g_key_file_free>>;
using Text = std::unique_ptr<gchar, WipedFree>;

const std::vector<std::string> kNames = {"passphrase", "key", "identity", "index", "current"};

bool is_number(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return g_ascii_isdigit(c); });
}

// One group of the file. Errors name file, group and key.
class Group {
 public:
  Group(const char *path, GKeyFile *file, const char *name, unsigned ring_size,
        std::vector<std::string> &notices)
      : path_(path), file_(file), name_(name), ring_size_(ring_size), notices_(notices) {}

  bool read(std::string &identity, FileRing &ring, GError **error) {
    identity = name_;
    StrvPtr keys(g_key_file_get_keys(file_, name_, nullptr, nullptr));
    std::uint64_t index = 0;
    if (g_key_file_has_key(file_, name_, "index", nullptr) && !number("index", index, error))
      return false;
    for (gchar **key = keys.get(); *key != nullptr; ++key) {
      if (!entry(*key, index, identity, ring, error))
        return false;
    }
    if (ring.keys.empty())
      return fail("passphrase", "is missing, and so is key; give one of them", error);
    if (identity.empty())
      return fail("identity", "is empty; leave it out to use the group's name", error);
    if (ring.current && ring.keys.count(*ring.current) == 0)
      return fail("current", "names an index that has no key in this group", error);
    if (!ring.current)
      ring.current = ring.keys.count(index) ? index : ring.keys.begin()->first;
    return true;
  }

 private:
  std::string label(const char *key) const {
    return std::string(path_) + ": [" + name_ + "] " + key;
  }

  bool fail(const char *key, const std::string &why, GError **error) {
    return e2ee::fail(error, GST_E2EE_ERROR_PARSE, "%s: %s", label(key).c_str(), why.c_str());
  }

  std::string index_range() const { return "0 to " + std::to_string(ring_size_ - 1); }

  Text value(const char *key) { return Text(g_key_file_get_string(file_, name_, key, nullptr)); }

  bool number(const char *key, std::uint64_t &to, GError **error) {
    const Text text = value(key);
    guint64 parsed = 0;
    if (!text || !g_ascii_string_to_unsigned(text.get(), 10, 0, ring_size_ - 1, &parsed, nullptr))
      return fail(key, "must be a key index, " + index_range(), error);
    to = parsed;
    return true;
  }

  bool entry(const char *key, std::uint64_t index, std::string &identity, FileRing &ring,
             GError **error) {
    if (std::strcmp(key, "identity") == 0) {
      identity = value(key) ? value(key).get() : "";
      return true;
    }
    if (std::strcmp(key, "index") == 0)
      return true;
    if (std::strcmp(key, "current") == 0) {
      std::uint64_t current = 0;
      if (!number(key, current, error))
        return false;
      ring.current = current;
      return true;
    }
    return secret(key, index, ring, error);
  }

  // `passphrase`, `key`, and either with `.index` behind it.
  bool secret(const char *key, std::uint64_t index, FileRing &ring, GError **error) {
    const char *dot = std::strchr(key, '.');
    const std::string kind(key, dot ? static_cast<std::size_t>(dot - key) : std::strlen(key));
    if (kind != "passphrase" && kind != "key")
      return fail(is_nearly(key, kNames) ? key : "a line",
                  "has no name that is known; a group has passphrase, key, passphrase.N, key.N, "
                  "identity, index and current",
                  error);
    guint64 at = index;
    if (dot != nullptr && !g_ascii_string_to_unsigned(dot + 1, 10, 0, ring_size_ - 1, &at, nullptr))
      return fail((is_number(dot + 1) ? key : kind + ".N").c_str(),
                  "must end in a key index, " + index_range(), error);
    if (ring.keys.count(at) != 0)
      return fail(key, "index " + std::to_string(at) + " has a key already in this group", error);
    const Text text = value(key);
    if (!text)
      return fail(key, "is not UTF-8 text", error);
    const bool is_passphrase = kind == "passphrase";
    if (is_passphrase)
      note_white_end(label(key), bytes_of(text.get()), notices_);
    GError *why = nullptr;
    MaterialPtr material = is_passphrase ? material_from_passphrase(bytes_of(text.get()), at, &why)
                                         : material_from_hex(bytes_of(text.get()), at, &why);
    if (!material) {
      fail(key, why->message, error);
      g_error_free(why);
      return false;
    }
    ring.keys[at] = std::move(material);
    return true;
  }

  const char *path_;
  GKeyFile *file_;
  const char *name_;
  const unsigned ring_size_;
  std::vector<std::string> &notices_;
};

}  // namespace

bool read_keys_file(const char *path, unsigned ring_size, NoGroups no_groups, FileRings &rings,
                    std::vector<std::string> &notices, GError **error) {
  Secret content;
  if (!read_secret_file(path, path, content, notices, error)) {
    if (error != nullptr && (*error)->code == GST_E2EE_ERROR_INVALID_KEY)
      (*error)->code = GST_E2EE_ERROR_PARSE;  // empty
    return false;
  }
  const ByteView text = without_bom(content.view());
  KeyFile file(g_key_file_new());
  // A line of zeros, as a crash leaves them, is a comment to GKeyFile. Its own message may quote a
  // line, and a line may be a secret.
  if (std::find(text.begin(), text.end(), 0) != text.end() ||
      !g_key_file_load_from_data(file.get(), reinterpret_cast<const char *>(text.data()),
                                 text.size(), G_KEY_FILE_NONE, nullptr))
    return fail(
        error, GST_E2EE_ERROR_PARSE,
        "%s: is not made of [groups] with name=value lines; write [alice] above passphrase=...",
        path);
  StrvPtr groups(g_key_file_get_groups(file.get(), nullptr));
  for (gchar **name = groups.get(); *name != nullptr; ++name) {
    std::string identity;
    FileRing ring;
    if (!Group(path, file.get(), *name, ring_size, notices).read(identity, ring, error))
      return false;
    if (!rings.emplace(identity, std::move(ring)).second)
      return fail(
          error, GST_E2EE_ERROR_PARSE,
          "%s: [%s] identity: another group has this participant too; put all keys into one group",
          path, *name);
  }
  if (!rings.empty() || no_groups == NoGroups::kNobody)
    return true;
  return e2ee::fail(error, GST_E2EE_ERROR_PARSE,
                    "%s: has no participant; write [alice] and below it passphrase=...", path);
}

}  // namespace e2ee

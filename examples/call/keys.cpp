// SPDX-License-Identifier: LGPL-2.1-or-later
#include "keys.h"

#include <string.h>
#include <sys/random.h>

#include <array>

#include "common/provider.h"

namespace call {
namespace {

constexpr size_t kRandomBytes = 24;
constexpr guint kKeyIndex = 0;

// A passphrase that only ever lives in this process; gone when the scope ends.
class DrawnPassphrase {
 public:
  DrawnPassphrase() {
    std::array<unsigned char, kRandomBytes> random;
    if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
      throw Failure("the system gives no random numbers");
    for (size_t i = 0; i < random.size(); ++i)
      g_snprintf(&text_[2 * i], 3, "%02x", random[i]);
    explicit_bzero(random.data(), random.size());
  }
  ~DrawnPassphrase() { explicit_bzero(text_.data(), text_.size()); }
  DrawnPassphrase(const DrawnPassphrase &) = delete;
  DrawnPassphrase &operator=(const DrawnPassphrase &) = delete;

  const char *text() const { return text_.data(); }

 private:
  std::array<char, 2 * kRandomBytes + 1> text_{};
};

ProviderPtr provider_without_key() {
  return ProviderPtr(GST_E2EE_KEY_PROVIDER(gst_e2ee_shared_key_provider_new()));
}

ProviderPtr provider_with(const DrawnPassphrase &passphrase) {
  ProviderPtr provider = provider_without_key();
  Error error;
  gst_e2ee_shared_key_provider_set_passphrase(GST_E2EE_SHARED_KEY_PROVIDER(provider.get()),
                                              passphrase.text(), kKeyIndex, error.out());
  error.check("setting the passphrase");
  return provider;
}

std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    result += c;
  }
  return result + "\"";
}

// The same text that `key-provider=` takes on a gst-launch line.
ProviderPtr provider_from_file(const std::string &file) {
  return make_provider("shared,passphrase-file=" + quoted(file));
}

}  // namespace

Keys make_keys(const std::string &passphrase_file) {
  Keys keys;
  if (passphrase_file.empty()) {
    DrawnPassphrase passphrase;
    keys.sender = provider_with(passphrase);
    keys.alice = provider_with(passphrase);
  } else {
    keys.sender = provider_from_file(passphrase_file);
    keys.alice = provider_from_file(passphrase_file);
  }
  keys.nokey = provider_without_key();
  keys.wrongkey = provider_with(DrawnPassphrase());
  return keys;
}

}  // namespace call

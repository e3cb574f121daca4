/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/processhash.h"
#include "core/secret.h"
#include "filewatch.h"
#include "gste2eekeyprovider.h"

namespace e2ee {

/// The file that a provider's text names, and what it held when the provider read it. The provider
/// owns it.
class ProviderFile : public std::enable_shared_from_this<ProviderFile> {
 public:
  /// Makes the provider's keys of what the file holds now. Errors name field and file.
  using Load = std::function<bool(GstE2EEKeyProvider *provider, const char *path, GError **error)>;

  /// `field` of the text names the file.
  ProviderFile(std::string field, std::string path, Load load);

  /// Null when the text names no file, or there is no text.
  static std::shared_ptr<ProviderFile> of(GstE2EEKeyProvider *provider);

  /// Gives it to the provider, and loads the file. With `watch` the provider takes from now on what
  /// is new in the file, in its queue.
  static bool load_into(GstE2EEKeyProvider *provider, std::shared_ptr<ProviderFile> file,
                        bool watch, GError **error);

  /// The application loads files itself from now on.
  static void forget(GstE2EEKeyProvider *provider);

  /// What the provider was made from; also that of one which could not be made, to try it again.
  static void keep_text(GstE2EEKeyProvider *provider, const char *text);

  /// Null in a forked child.
  const char *text() const { return reinterpret_cast<const char *>(text_.view().data()); }

  /// Whether a provider made from the text now would have other keys. Not when the file cannot be
  /// read: then `provider` goes on with the keys from before, and tells so.
  bool is_outdated(GstE2EEKeyProvider *provider);

 private:
  void take_news(GstE2EEKeyProvider *provider);
  bool watch(GstE2EEKeyProvider *provider, GError **error);
  std::optional<ProcessHash> hash(GError **error) const;
  void complain(GstE2EEKeyProvider *provider, const std::string &problem);
  void all_is_well();

  const std::string field_;
  std::string path_;
  const Load load_;
  Secret text_;                        // with the zero at its end
  std::optional<ProcessHash> loaded_;  // nothing for what cannot be read twice
  std::mutex mutex_;                   // of the two below
  std::string complaint_;              // what was told last, while it lasts
  std::unique_ptr<FileWatch> watch_;
};

}  // namespace e2ee

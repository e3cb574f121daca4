/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "providerfile.h"

#include <cstring>
#include <utility>

#include "errors.h"
#include "keysource.h"
#include "providerstate.h"

namespace e2ee {

namespace {

using Held = std::shared_ptr<ProviderFile>;

GQuark quark() {
  static const GQuark made = g_quark_from_static_string("gst-e2ee-provider-file");
  return made;
}

void hold(GstE2EEKeyProvider *provider, Held file) {
  g_object_set_qdata_full(G_OBJECT(provider), quark(), new Held(std::move(file)),
                          [](gpointer held) { delete static_cast<Held *>(held); });
}

std::string absolute(const std::string &path) {
  if (path.empty() || g_path_is_absolute(path.c_str()))
    return path;
  g_autofree gchar *here = g_get_current_dir();
  return std::string(here) + "/" + path;
}

// Frees it.
std::string text_of(GError *error) {
  std::string text = error->message;
  g_error_free(error);
  return text;
}

}  // namespace

ProviderFile::ProviderFile(std::string field, std::string path, Load load)
    : field_(std::move(field)), path_(std::move(path)), load_(std::move(load)) {}

Held ProviderFile::of(GstE2EEKeyProvider *provider) {
  // Copied under GObject's lock: another thread may take it away.
  const std::unique_ptr<Held> held(static_cast<Held *>(g_object_dup_qdata(
      G_OBJECT(provider), quark(),
      [](gpointer data, gpointer) -> gpointer {
        return data ? new Held(*static_cast<Held *>(data)) : nullptr;
      },
      nullptr)));
  return held ? *held : nullptr;
}

void ProviderFile::forget(GstE2EEKeyProvider *provider) {
  g_object_set_qdata(G_OBJECT(provider), quark(), nullptr);
}

void ProviderFile::keep_text(GstE2EEKeyProvider *provider, const char *text) {
  Held file = of(provider);
  if (!file)
    hold(provider, file = std::make_shared<ProviderFile>("", "", nullptr));
  file->text_ = Secret(ByteView(bytes_of(text).data(), std::strlen(text) + 1));
}

bool ProviderFile::load_into(GstE2EEKeyProvider *provider, Held file, bool watch, GError **error) {
  // Before the keys: what comes in between is read once more.
  GError *problem = nullptr;
  file->loaded_ = file->hash(&problem);
  const std::string not_twice = problem ? text_of(problem) : "";
  if (!file->load_(provider, file->path_.c_str(), error))
    return false;
  file->path_ = absolute(file->path_);  // the process may go to another folder
  if (watch && !file->loaded_)
    return fail(error, GST_E2EE_ERROR_IO, "watch: %s", not_twice.c_str());
  if (watch && !file->watch(provider, error))
    return false;
  hold(provider, std::move(file));
  return true;
}

bool ProviderFile::is_outdated(GstE2EEKeyProvider *provider) {
  if (path_.empty())
    return true;
  if (watch_ || !loaded_)
    return false;
  GError *error = nullptr;
  const std::optional<ProcessHash> now = hash(&error);
  if (now) {
    all_is_well();
    return *now != *loaded_;
  }
  const bool is_unreadable = g_error_matches(error, GST_E2EE_ERROR, GST_E2EE_ERROR_IO);
  const std::string problem = text_of(error);
  if (is_unreadable)
    complain(provider, problem);
  return !is_unreadable;
}

// It tells of the file as it is to begin with, too.
bool ProviderFile::watch(GstE2EEKeyProvider *provider, GError **error) {
  std::lock_guard lock(mutex_);  // the worker may be quicker
  watch_ = FileWatch::start(
      path_,
      [weak = weak_from_this(), state = ProviderState::of(provider)] {
        state->queue().post(Urgency::set, [weak, state] {
          const Held file = weak.lock();
          const ProviderRef kept = state->ref_provider();
          if (kept && file)
            file->take_news(kept.get());
        });
      },
      error);
  return watch_ != nullptr;
}

std::optional<ProcessHash> ProviderFile::hash(GError **error) const {
  return hash_of_file(path_.c_str(), field_ + ": " + path_, error);
}

// In the provider's queue.
void ProviderFile::take_news(GstE2EEKeyProvider *provider) {
  GError *error = nullptr;
  const std::optional<ProcessHash> now = hash(&error);
  const bool is_news = now && now != loaded_;
  if (now && (!is_news || load_(provider, path_.c_str(), &error))) {
    loaded_ = now;
    all_is_well();
    return;
  }
  complain(provider, text_of(error));
  std::lock_guard lock(mutex_);
  watch_->try_again();
}

void ProviderFile::complain(GstE2EEKeyProvider *provider, const std::string &problem) {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(complaint_, problem) == problem)
      return;
  }
  ProviderState::of(provider)->add_notice(problem + "; the keys from before stay");
}

void ProviderFile::all_is_well() {
  std::lock_guard lock(mutex_);
  complaint_.clear();
}

}  // namespace e2ee

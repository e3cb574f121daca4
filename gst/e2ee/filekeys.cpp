/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filekeys.h"

#include "ringprovider.h"

namespace e2ee {

gchar *FileKeys::copy_path() {
  std::lock_guard lock(mutex_);
  return path_ ? g_strdup(path_->c_str()) : nullptr;
}

void FileKeys::note(const std::string &identity, std::uint64_t id) {
  std::lock_guard lock(mutex_);
  places_[identity].insert(id);
  had_some_ = true;
}

void FileKeys::remove(const std::string &identity, const std::set<std::uint64_t> &ids) {
  ring_.remove_these(identity.c_str(), ids);
  std::lock_guard lock(mutex_);
  auto of = places_.find(identity);
  if (of == places_.end())
    return;
  for (std::uint64_t id : ids)
    of->second.erase(id);
  if (of->second.empty())
    places_.erase(of);
}

// The key stands as it is when the file says the same as before: setting it again would rewind a
// ratchet.
bool FileKeys::take(const std::string &identity, FileRing &keys, const Done &done, GError **error) {
  for (auto &[id, material] : keys.keys) {
    if (!ring_.store().is_set_from(identity, material.get()) &&
        !ring_.set_later(identity.c_str(), std::move(material), done, error))
      return false;
    note(identity, id);
  }
  const MaterialPtr current = ring_.store().lookup_current(identity);
  if (current && material_of(current.get()).key_id == *keys.current)
    return true;
  return ring_.set_current_later(identity.c_str(), *keys.current, done, error);
}

// Of participants who still have others.
void FileKeys::remove_absent(const Places &now, const Places &before) {
  for (const auto &[identity, ids] : now) {
    auto had = before.find(identity);
    if (had == before.end())
      continue;
    std::set<std::uint64_t> gone = had->second;
    for (std::uint64_t id : ids)
      gone.erase(id);
    remove(identity, gone);
  }
}

// New keys first, so that a participant who rotates always has one. A later load has a newer file,
// and knows of the keys of this one.
Done FileKeys::when_loaded(std::uint64_t load, const FileRings &now, const Places &before,
                           Done told) {
  Places places;
  for (const auto &[identity, keys] : now)
    for (const auto &[id, material] : keys.keys)
      places[identity].insert(id);
  return when_done([this, places = std::move(places), before, load, told = std::move(told),
                    provider = ring_.ref()] {
    {
      std::lock_guard lock(mutex_);
      if (load != loads_ || failed_ == load)
        return;
    }
    remove_absent(places, before);
  });
}

bool FileKeys::load(const char *path, GError **error) {
  Places before;
  bool is_news = false;
  NoGroups no_groups;
  {
    std::lock_guard lock(mutex_);
    is_news = path_ != path;
    path_ = path;
    before = places_;
    no_groups = had_some_ ? NoGroups::kNobody : NoGroups::kMistake;
  }
  if (is_news)
    ring_.notify_keys_file();
  FileRings rings;
  std::vector<std::string> notices;
  if (!read_keys_file(path, ring_.store().options().ring_size, no_groups, rings, notices, error))
    return false;
  for (std::string &notice : notices)
    ring_.add_notice(std::move(notice));
  // At once: new keys of others may take long to derive.
  for (const auto &[identity, ids] : before) {
    if (rings.count(identity) == 0)
      remove(identity, ids);
  }
  std::uint64_t load;
  {
    std::lock_guard lock(mutex_);
    load = ++loads_;
  }
  const Completion completion;
  Done done = when_loaded(load, rings, before, completion.token());
  for (auto &[identity, keys] : rings) {
    if (!take(identity, keys, done, error)) {
      std::lock_guard lock(mutex_);
      failed_ = load;
      return false;
    }
  }
  done.reset();
  ring_.wait(completion);
  return true;
}

}  // namespace e2ee

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "keys.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "key_presence.h"
#include "provider.h"
#include "timer.h"
#include "watched_file.h"

namespace examples {
namespace {

using Clock = std::chrono::steady_clock;

std::string keys_file_of(GstE2EEKeyProvider *provider) {
  if (!GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(provider))
    return {};
  gchar *path = nullptr;
  g_object_get(provider, "keys-file", &path, nullptr);
  const CharPtr owned(path);
  return path ? path : "";
}

std::vector<std::string> participants_of(GstE2EEKeyProvider *provider) {
  std::vector<std::string> identities;
  if (!GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(provider))
    return identities;
  gchar **found = gst_e2ee_participant_key_provider_get_participants(
      GST_E2EE_PARTICIPANT_KEY_PROVIDER(provider));
  for (gchar **each = found; *each; ++each)
    identities.emplace_back(*each);
  g_strfreev(found);
  return identities;
}

std::string whole_seconds(std::chrono::milliseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace

class Keys::Watch : public std::enable_shared_from_this<Keys::Watch> {
 public:
  Watch(Settings settings, Events events)
      : settings_(std::move(settings)),
        events_(std::move(events)),
        provider_(examples::make_provider(settings_.provider, "--key-provider")),
        path_(keys_file_of(provider_.get())) {}

  void start() {
    presence_ = std::make_unique<KeyPresence>(
        provider_.get(), [this](const std::string &who, bool has_key) {
          const Held held = shared_from_this();
          const auto &tell = has_key ? events_.allowed : events_.withdrawn;
          if (tell)
            tell(who);
        });
    if (path_.empty())
      return;
    file_ = std::make_shared<WatchedFile>(
        path_, WatchedFile::Settings{settings_.look_every, settings_.settle, settings_.alarm_every},
        WatchedFile::Events{[this] { load(); }, [this] { stuck("looking at it"); }});
    file_->look_now();  // it may have changed since the provider read it
  }

  // Callbacks end here; a load that is under way ends by itself.
  void stop() {
    file_.reset();
    presence_.reset();
    timer_.stop();
    slow_.stop();
    stopped_ = true;
  }

  GstE2EEKeyProvider *provider() const { return provider_.get(); }

 private:
  using Held = std::shared_ptr<Watch>;

  void load() {
    if (loading_) {
      again_ = true;
      return;
    }
    loading_ = true;
    // A load that hangs, as on a network file system that is gone, counts as a bad file.
    slow_.start(settings_.alarm_every, [this] { stuck("reading it"); });
    GTask *task = g_task_new(provider_.get(), nullptr, on_loaded, new Held(shared_from_this()));
    g_task_set_priority(task, G_PRIORITY_HIGH);  // not behind the hashing of files
    g_task_set_task_data(task, g_strdup(path_.c_str()), g_free);
    g_task_run_in_thread(task, [](GTask *work, gpointer provider, gpointer path, GCancellable *) {
      GError *error = nullptr;
      if (gst_e2ee_participant_key_provider_load_keys_file(
              GST_E2EE_PARTICIPANT_KEY_PROVIDER(provider), static_cast<const char *>(path), &error))
        g_task_return_boolean(work, TRUE);
      else
        g_task_return_error(work, error);
    });
    g_object_unref(task);
  }

  void stuck(const std::string &doing) {
    const Held held = shared_from_this();
    bad(doing + " takes longer than " + whole_seconds(settings_.alarm_every));
  }

  static void on_loaded(GObject *, GAsyncResult *result, gpointer data) {
    const std::unique_ptr<Held> held(static_cast<Held *>(data));
    GError *why = nullptr;
    const bool good = g_task_propagate_boolean(G_TASK(result), &why);
    const ErrorPtr error(why);
    (*held)->loaded(good ? "" : error->message);
  }

  void loaded(const std::string &problem) {
    loading_ = false;
    slow_.stop();
    if (stopped_)
      return;
    if (problem.empty())
      good();
    else
      bad(problem);
    if (!stopped_ && std::exchange(again_, false))
      load();
  }

  void good() {
    const bool first = !std::exchange(loaded_once_, true);
    const bool was_bad = std::exchange(bad_since_, std::nullopt).has_value();
    timer_.stop();
    problem_.clear();
    taken_away_ = false;
    file_->keep_trying(false);
    if (!first && events_.reloaded)
      events_.reloaded(static_cast<unsigned>(participants_of(provider_.get()).size()));
    if (was_bad && !stopped_ && events_.recovered)
      events_.recovered();
  }

  void bad(const std::string &problem) {
    loaded_once_ = true;
    const bool news = problem != problem_;
    problem_ = problem;
    if (!bad_since_) {
      bad_since_ = Clock::now();
      next_alarm_ = *bad_since_;
      file_->keep_trying(true);
    }
    if (news)
      next_alarm_ = Clock::now();
    run_down();
  }

  std::chrono::milliseconds left() const {
    const auto passed = std::chrono::floor<std::chrono::milliseconds>(Clock::now() - *bad_since_);
    return std::max(settings_.grace - passed, std::chrono::milliseconds{0});
  }

  // While the file is bad: alarms, and the end of the grace time.
  void run_down() {
    if (!taken_away_ && left().count() == 0) {
      taken_away_ = true;
      if (loading_)
        again_ = true;  // it may have found the keys that go now, and left them as they were
      next_alarm_ = Clock::now();
      for (const std::string &who : participants_of(provider_.get()))
        gst_e2ee_participant_key_provider_remove(GST_E2EE_PARTICIPANT_KEY_PROVIDER(provider_.get()),
                                                 who.c_str(), nullptr);
    }
    if (Clock::now() >= next_alarm_) {
      next_alarm_ = Clock::now() + settings_.alarm_every;
      if (events_.alarm)
        events_.alarm(alarm_text());
    }
    if (stopped_ || !bad_since_)
      return;  // whoever was told ended it
    auto next = std::chrono::ceil<std::chrono::milliseconds>(next_alarm_ - Clock::now());
    if (!taken_away_)
      next = std::min(next, left());
    timer_.start(std::max(next, std::chrono::milliseconds{1}), [this] {
      const Held held = shared_from_this();
      run_down();
    });
  }

  std::string alarm_text() const {
    const bool named = problem_.find(path_) != std::string::npos;
    const std::string what = (named ? "" : path_ + ": ") + problem_;
    if (taken_away_)
      return "keys file " + what + "; its keys were taken away after " +
             whole_seconds(settings_.grace) + ", " + settings_.purpose +
             " stops until the file is good again";
    return "keys file " + what + "; the keys from before stay for another " +
           whole_seconds(left()) + ", then all " + settings_.purpose + " stops";
  }

  const Settings settings_;
  const Events events_;
  const ObjectPtr<GstE2EEKeyProvider> provider_;
  const std::string path_;
  std::unique_ptr<KeyPresence> presence_;
  std::shared_ptr<WatchedFile> file_;

  bool stopped_ = false;
  bool loading_ = false;
  bool again_ = false;  // changed while it was loaded
  bool loaded_once_ = false;
  std::string problem_;
  std::optional<Clock::time_point> bad_since_;
  bool taken_away_ = false;
  Clock::time_point next_alarm_{};
  Timer timer_;  // of run_down()
  Timer slow_;   // while a file is loaded
};

Keys::Keys(Settings settings, Events events)
    : watch_(std::make_shared<Watch>(std::move(settings), std::move(events))) {
  watch_->start();
}

Keys::~Keys() {
  watch_->stop();
}

bool Keys::has_key_of(const std::string &identity) const {
  if (!GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(provider()))
    return true;
  const auto participants = participants_of(provider());
  return std::ranges::find(participants, identity) != participants.end();
}

GstE2EEKeyProvider *Keys::provider() const {
  return watch_->provider();
}

}  // namespace examples

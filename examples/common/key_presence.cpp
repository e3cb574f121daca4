// SPDX-License-Identifier: LGPL-2.1-or-later
#include "key_presence.h"

#include <utility>

#include "timer.h"

namespace examples {
namespace {

// Only of the shipped providers, whose look-ups answer at once.
bool has_any_key(GstE2EEKeyProvider *provider, const char *participant) {
  guint size = 0;
  g_object_get(provider, "keyring-size", &size, nullptr);
  for (guint id = 0; id < size; ++id) {
    GstE2EEKeyMaterial *material = gst_e2ee_key_provider_lookup(provider, participant, id, nullptr);
    if (material == nullptr)
      continue;
    gst_e2ee_key_material_unref(material);
    return true;
  }
  return false;
}

bool is_shipped(GstE2EEKeyProvider *provider) {
  return GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(provider) ||
         GST_IS_E2EE_SHARED_KEY_PROVIDER(provider);
}

}  // namespace

// What the provider told, on its way to the main context.
class KeyPresence::Inbox : public std::enable_shared_from_this<KeyPresence::Inbox> {
 public:
  explicit Inbox(Told told)
      : context_(g_main_context_ref_thread_default()), told_(std::move(told)) {}
  ~Inbox() { g_main_context_unref(context_); }

  void post(const char *participant, bool has_key) {
    examples::post<Inbox>(
        context_, weak_from_this(),
        [who = std::string(participant ? participant : ""), has_key](Inbox &inbox) {
          inbox.deliver(who, has_key);
        },
        G_PRIORITY_HIGH);  // a withdrawn recording stops before all else
  }

  // On the main context.
  void close() { told_ = nullptr; }

 private:
  void deliver(const std::string &who, bool has_key) {
    const Told tell = told_;  // it may close this
    // Those who have had a key all the time are no news.
    if (tell && (has_key ? without_.erase(who) != 0 : without_.insert(who).second))
      tell(who, has_key);
  }

  GMainContext *const context_;
  Told told_;
  std::set<std::string> without_;  // had one once
};

KeyPresence::KeyPresence(GstE2EEKeyProvider *provider, Told told)
    : provider_(GST_E2EE_KEY_PROVIDER(g_object_ref(provider))),
      inbox_(std::make_shared<Inbox>(std::move(told))) {
  using Held = std::shared_ptr<Inbox>;
  const auto changed = +[](GstE2EEKeyProvider *, const char *who, guint64, Held *inbox) {
    (*inbox)->post(who, true);
  };
  const auto removed = +[](GstE2EEKeyProvider *self, const char *who, guint64 id, Held *inbox) {
    if (id == GST_E2EE_ALL_KEYS || (is_shipped(self) && !has_any_key(self, who)))
      (*inbox)->post(who, false);
  };
  const auto connect = [&](const char *signal, GCallback handler) {
    handlers_.push_back(g_signal_connect_data(
        provider, signal, handler, new Held(inbox_),
        [](gpointer held, GClosure *) { delete static_cast<Held *>(held); },
        static_cast<GConnectFlags>(0)));
  };
  connect("key-changed", G_CALLBACK(changed));
  connect("key-removed", G_CALLBACK(removed));
}

KeyPresence::~KeyPresence() {
  for (gulong handler : handlers_)
    g_signal_handler_disconnect(provider_.get(), handler);
  inbox_->close();
}

}  // namespace examples

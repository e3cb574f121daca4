/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/gste2eeparticipantkeyprovider.h>

#include <optional>
#include <set>

#include "keysfile.h"
#include "registry.h"
#include "ringprovider.h"

using e2ee::KeyStore;
using e2ee::MaterialPtr;
using e2ee::ProviderState;
using e2ee::RingProvider;

namespace {

// Each participant's own key moves on: receivers look ahead without being told.
constexpr guint kDefaultWindow = 8;

enum { PROP_RATCHET_INTERVAL = e2ee::kFirstOwn, PROP_RATCHET_FRAMES, PROP_KEYS_FILE };

// Which keys came from files. Noted one by one, so that a load that fails on its way forgets none.
using KeyPlaces = std::map<std::string, std::set<std::uint64_t>>;
struct FromFile {
  std::mutex mutex;
  std::optional<std::string> path;
  KeyPlaces places;
  bool had_some = false;  // once

  std::pair<bool, KeyPlaces> begin(const char *next) {
    std::lock_guard lock(mutex);
    path = next;
    return {had_some, places};
  }

  void note(const std::string &identity, std::uint64_t id) {
    std::lock_guard lock(mutex);
    places[identity].insert(id);
    had_some = true;
  }

  void forget(const std::string &identity, const std::set<std::uint64_t> &ids) {
    std::lock_guard lock(mutex);
    auto of = places.find(identity);
    if (of == places.end())
      return;
    for (std::uint64_t id : ids)
      of->second.erase(id);
    if (of->second.empty())
      places.erase(of);
  }

  gchar *copy_path() {
    std::lock_guard lock(mutex);
    return path ? g_strdup(path->c_str()) : nullptr;
  }
};

}  // namespace

struct _GstE2EEParticipantKeyProvider {
  GObject parent;
  KeyStore *store;
  FromFile *from_file;
};

static GstE2EEKeyMaterial *participant_lookup_current(GstE2EEKeyProvider *provider,
                                                      const gchar *participant, GError **) {
  auto *self = GST_E2EE_PARTICIPANT_KEY_PROVIDER(provider);
  return participant ? self->store->lookup_current(participant).release() : nullptr;
}

static GstE2EEKeyMaterial *participant_lookup(GstE2EEKeyProvider *provider,
                                              const gchar *participant, guint64 key_id, GError **) {
  auto *self = GST_E2EE_PARTICIPANT_KEY_PROVIDER(provider);
  return participant ? self->store->lookup(participant, key_id).release() : nullptr;
}

static void participant_ratcheted(GstE2EEKeyProvider *provider, const gchar *participant, guint64,
                                  guint64, GstE2EEKeyMaterial *material) {
  e2ee::note_ratchet(provider, *GST_E2EE_PARTICIPANT_KEY_PROVIDER(provider)->store, participant,
                     material);
}

static void participant_iface_init(GstE2EEKeyProviderInterface *iface) {
  iface->lookup_current = participant_lookup_current;
  iface->lookup = participant_lookup;
  iface->ratcheted = participant_ratcheted;
}

G_DEFINE_TYPE_WITH_CODE(GstE2EEParticipantKeyProvider, gst_e2ee_participant_key_provider,
                        G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_E2EE_KEY_PROVIDER, participant_iface_init))

static ProviderState &state_of(gpointer self) {
  return *ProviderState::of(GST_E2EE_KEY_PROVIDER(self));
}

static void gst_e2ee_participant_key_provider_set_property(GObject *object, guint id,
                                                           const GValue *value, GParamSpec *pspec) {
  if (id == PROP_RATCHET_INTERVAL)
    state_of(object).set_ratchet_interval(g_value_get_uint64(value));
  else if (id == PROP_RATCHET_FRAMES)
    state_of(object).set_ratchet_frames(g_value_get_uint64(value));
  else if (!e2ee::set_ring_property(object, *GST_E2EE_PARTICIPANT_KEY_PROVIDER(object)->store, id,
                                    value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_e2ee_participant_key_provider_get_property(GObject *object, guint id, GValue *value,
                                                           GParamSpec *pspec) {
  if (id == PROP_RATCHET_INTERVAL)
    g_value_set_uint64(value, state_of(object).ratchet_interval());
  else if (id == PROP_RATCHET_FRAMES)
    g_value_set_uint64(value, state_of(object).ratchet_frames());
  else if (id == PROP_KEYS_FILE)
    g_value_take_string(value, GST_E2EE_PARTICIPANT_KEY_PROVIDER(object)->from_file->copy_path());
  else if (!e2ee::get_ring_property(object, *GST_E2EE_PARTICIPANT_KEY_PROVIDER(object)->store, id,
                                    value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_e2ee_participant_key_provider_finalize(GObject *object) {
  auto *self = GST_E2EE_PARTICIPANT_KEY_PROVIDER(object);
  delete self->store;
  delete self->from_file;
  G_OBJECT_CLASS(gst_e2ee_participant_key_provider_parent_class)->finalize(object);
}

static void gst_e2ee_participant_key_provider_class_init(
    GstE2EEParticipantKeyProviderClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = gst_e2ee_participant_key_provider_set_property;
  object_class->get_property = gst_e2ee_participant_key_provider_get_property;
  object_class->finalize = gst_e2ee_participant_key_provider_finalize;
  e2ee::install_ring_properties(object_class, kDefaultWindow);
  const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property(
      object_class, PROP_RATCHET_INTERVAL,
      g_param_spec_uint64("ratchet-interval", "Ratchet interval",
                          "Nanoseconds, at least 10 ms, after which a participant who sends here "
                          "ratchets its current key; 0: never",
                          0, G_MAXUINT64, 0, flags));
  g_object_class_install_property(
      object_class, PROP_RATCHET_FRAMES,
      g_param_spec_uint64("ratchet-frames", "Ratchet frames",
                          "Frames, audio and video together, after which a participant who sends "
                          "here ratchets its current key; 0: never",
                          0, G_MAXUINT64, 0, flags));
  /**
   * GstE2EEParticipantKeyProvider:keys-file:
   *
   * The file that gst_e2ee_participant_key_provider_load_keys_file() was last called with, whether
   * it could be read or not; %NULL before that. For applications that watch the file and load it
   * again.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_KEYS_FILE,
      g_param_spec_string(
          "keys-file", "Keys file",
          "The keys.ini file that was to be loaded last, whether it could be read or not", nullptr,
          static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

static void gst_e2ee_participant_key_provider_init(GstE2EEParticipantKeyProvider *self) {
  self->store = e2ee::new_key_store(kDefaultWindow);
  self->from_file = new FromFile;
  state_of(self).set_ratchet_due(
      [](GstE2EEKeyProvider *provider, const char *participant, std::uint64_t key_id) {
        // Fails only when the key went away meanwhile, and then there is nothing to ratchet.
        gst_e2ee_participant_key_provider_ratchet(GST_E2EE_PARTICIPANT_KEY_PROVIDER(provider),
                                                  participant, static_cast<guint>(key_id), nullptr);
      });
}

static RingProvider ring_of(GstE2EEParticipantKeyProvider *self, const gchar *participant) {
  return RingProvider(self, *self->store, participant);
}

static bool check_participant(const gchar *participant, GError **error) {
  if (participant != nullptr && *participant != '\0')
    return true;
  g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION,
                      "a participant needs an identity that is not empty");
  return false;
}

GstE2EEParticipantKeyProvider *gst_e2ee_participant_key_provider_new() {
  return GST_E2EE_PARTICIPANT_KEY_PROVIDER(
      g_object_new(GST_TYPE_E2EE_PARTICIPANT_KEY_PROVIDER, nullptr));
}

gboolean gst_e2ee_participant_key_provider_set_passphrase(GstE2EEParticipantKeyProvider *self,
                                                          const gchar *participant,
                                                          const gchar *text, guint index,
                                                          GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self) && text != nullptr, FALSE);
  return check_participant(participant, error) &&
         ring_of(self, participant)
             .set(e2ee::material_from_passphrase(e2ee::bytes_of(text), index, error), error);
}

gboolean gst_e2ee_participant_key_provider_set_key(GstE2EEParticipantKeyProvider *self,
                                                   const gchar *participant, GBytes *bytes,
                                                   guint index, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self) && bytes != nullptr, FALSE);
  return check_participant(participant, error) &&
         ring_of(self, participant)
             .set(MaterialPtr(gst_e2ee_key_material_new_raw(bytes, index, error)), error);
}

gboolean gst_e2ee_participant_key_provider_set_material(GstE2EEParticipantKeyProvider *self,
                                                        const gchar *participant,
                                                        GstE2EEKeyMaterial *material,
                                                        GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self) && material != nullptr, FALSE);
  return check_participant(participant, error) &&
         ring_of(self, participant).set(e2ee::material_ref(material), error);
}

GstE2EEKeyMaterial *gst_e2ee_participant_key_provider_get_material(
    GstE2EEParticipantKeyProvider *self, const gchar *participant, guint index, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), nullptr);
  if (!check_participant(participant, error))
    return nullptr;
  return self->store->export_material(participant, index, error).release();
}

gboolean gst_e2ee_participant_key_provider_set_current_index(GstE2EEParticipantKeyProvider *self,
                                                             const gchar *participant, guint index,
                                                             GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), FALSE);
  return check_participant(participant, error) &&
         ring_of(self, participant).set_current(index, error);
}

gboolean gst_e2ee_participant_key_provider_ratchet(GstE2EEParticipantKeyProvider *self,
                                                   const gchar *participant, guint index,
                                                   GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), FALSE);
  return check_participant(participant, error) && ring_of(self, participant).ratchet(index, error);
}

gboolean gst_e2ee_participant_key_provider_remove_key(GstE2EEParticipantKeyProvider *self,
                                                      const gchar *participant, guint index,
                                                      GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), FALSE);
  return check_participant(participant, error) && ring_of(self, participant).remove(index, error);
}

gboolean gst_e2ee_participant_key_provider_remove(GstE2EEParticipantKeyProvider *self,
                                                  const gchar *participant, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), FALSE);
  return check_participant(participant, error) && ring_of(self, participant).remove_all(error);
}

// The key stands as it is when the file says the same as before: setting it again would rewind a
// ratchet.
static bool take_from_file(GstE2EEParticipantKeyProvider *self, const std::string &identity,
                           e2ee::FileRing &ring, GError **error) {
  RingProvider provider = ring_of(self, identity.c_str());
  for (auto &[id, material] : ring.keys) {
    if (!self->store->is_set_from(identity, material.get()) &&
        !provider.set(std::move(material), error))
      return false;
    self->from_file->note(identity, id);
  }
  const MaterialPtr current = self->store->lookup_current(identity);
  if (current && e2ee::material_of(current.get()).key_id == *ring.current)
    return true;
  return provider.set_current(*ring.current, error);
}

// At once: new keys of others may take long to derive.
static void remove_absent(GstE2EEParticipantKeyProvider *self, const KeyPlaces &before,
                          const e2ee::FileRings &now) {
  for (const auto &[identity, ids] : before) {
    if (now.count(identity) != 0)
      continue;
    ring_of(self, identity.c_str()).remove_these(ids);
    self->from_file->forget(identity, ids);
  }
}

// New keys first, so that a participant who rotates always has one.
static bool load_one(GstE2EEParticipantKeyProvider *self, const std::string &identity,
                     e2ee::FileRing &ring, const KeyPlaces &before, GError **error) {
  if (!take_from_file(self, identity, ring, error))
    return false;
  auto had = before.find(identity);
  if (had == before.end())
    return true;
  std::set<std::uint64_t> gone = had->second;
  for (const auto &[id, material] : ring.keys)
    gone.erase(id);
  ring_of(self, identity.c_str()).remove_these(gone);
  self->from_file->forget(identity, gone);
  return true;
}

gboolean gst_e2ee_participant_key_provider_load_keys_file(GstE2EEParticipantKeyProvider *self,
                                                          const gchar *path, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self) && path != nullptr, FALSE);
  const auto [had_some, before] = self->from_file->begin(path);
  const e2ee::NoGroups no_groups = had_some ? e2ee::NoGroups::kNobody : e2ee::NoGroups::kMistake;
  e2ee::FileRings rings;
  std::vector<std::string> notices;
  if (!e2ee::read_keys_file(path, self->store->options().ring_size, no_groups, rings, notices,
                            error))
    return FALSE;
  for (std::string &notice : notices)
    state_of(self).add_notice(std::move(notice));
  remove_absent(self, before, rings);
  for (auto &[identity, ring] : rings) {
    if (!load_one(self, identity, ring, before, error))
      return FALSE;
  }
  return TRUE;
}

gchar **gst_e2ee_participant_key_provider_get_participants(GstE2EEParticipantKeyProvider *self) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), nullptr);
  GStrvBuilder *identities = g_strv_builder_new();
  for (const std::string &identity : self->store->owners())
    g_strv_builder_add(identities, identity.c_str());
  gchar **found = g_strv_builder_end(identities);
  g_strv_builder_unref(identities);
  return found;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A key provider in C++: one passphrase for each participant, kept in a map that may change while
// calls run. The C++ object does the work, a thin GObject hands the library's calls to it.

#include <gst/e2ee/e2ee.h>

#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <string>

// What an application would write: knows nothing of GObject.
class Passphrases {
 public:
  void set(const std::string &participant, std::string passphrase) {
    std::lock_guard lock(mutex_);
    passphrases_[participant] = std::move(passphrase);
  }

  // On a worker of the library: may block.
  GstE2EEKeyMaterial *material(const char *participant, guint64 key_id, GError **error) {
    std::lock_guard lock(mutex_);
    auto found = passphrases_.find(participant ? participant : "");
    if (key_id != 0 || found == passphrases_.end())
      return nullptr;
    return gst_e2ee_key_material_new_passphrase(found->second.c_str(), key_id, error);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> passphrases_;
};

G_BEGIN_DECLS
G_DECLARE_FINAL_TYPE(MapProvider, map_provider, MAP, PROVIDER, GObject)
G_END_DECLS

struct _MapProvider {
  GObject parent;
  Passphrases *passphrases;
};

static GstE2EEKeyMaterial *map_provider_lookup(GstE2EEKeyProvider *provider,
                                               const gchar *participant, guint64 key_id,
                                               GError **error) {
  return MAP_PROVIDER(provider)->passphrases->material(participant, key_id, error);
}

static GstE2EEKeyMaterial *map_provider_lookup_current(GstE2EEKeyProvider *provider,
                                                       const gchar *participant, GError **error) {
  return map_provider_lookup(provider, participant, 0, error);
}

static void map_provider_iface_init(GstE2EEKeyProviderInterface *iface) {
  iface->lookup = map_provider_lookup;
  iface->lookup_current = map_provider_lookup_current;
}

G_DEFINE_TYPE_WITH_CODE(MapProvider, map_provider, G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_E2EE_KEY_PROVIDER, map_provider_iface_init))

static void map_provider_finalize(GObject *object) {
  delete MAP_PROVIDER(object)->passphrases;
  G_OBJECT_CLASS(map_provider_parent_class)->finalize(object);
}

static void map_provider_class_init(MapProviderClass *klass) {
  G_OBJECT_CLASS(klass)->finalize = map_provider_finalize;
}

static void map_provider_init(MapProvider *self) {
  self->passphrases = new Passphrases;
}

struct Unref {
  void operator()(gpointer object) const { gst_object_unref(object); }
};

// A short call of Alice's to herself; null when an element is missing.
static std::unique_ptr<GstElement, Unref> make_pipeline() {
  GError *error = nullptr;
  std::unique_ptr<GstElement, Unref> pipeline(gst_parse_launch(
      "audiotestsrc num-buffers=100 ! opusenc ! e2eeencrypt name=e participant=alice"
      " ! e2eedecrypt name=d participant=alice ! fakesink",
      &error));
  if (!error)
    return pipeline;
  std::cerr << error->message
            << "\nThe Debian package gstreamer1.0-plugins-base has audiotestsrc and opusenc; for "
               "e2eeencrypt and e2eedecrypt\nexport GST_PLUGIN_PATH=FOLDER, where libgste2ee.so "
               "is.\n";
  g_error_free(error);
  return nullptr;
}

// Runs it; the number of frames that came out.
static guint64 run(GstElement *pipeline, MapProvider *provider) {
  for (const char *name : {"e", "d"}) {
    std::unique_ptr<GstElement, Unref> element(gst_bin_get_by_name(GST_BIN(pipeline), name));
    g_object_set(element.get(), "key-provider", provider, nullptr);
  }
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstMessage *message =
      gst_bus_timed_pop_filtered(GST_ELEMENT_BUS(pipeline), 20 * GST_SECOND,
                                 static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  std::unique_ptr<GstElement, Unref> decrypt(gst_bin_get_by_name(GST_BIN(pipeline), "d"));
  GstStructure *stats = nullptr;
  guint64 frames = 0;
  g_object_get(decrypt.get(), "stats", &stats, nullptr);
  gst_structure_get_uint64(stats, "frames-out", &frames);
  gst_structure_free(stats);
  g_clear_pointer(&message, gst_message_unref);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  return frames;
}

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc > 1) {
    std::cout << "Usage: " << argv[0]
              << "\nEncrypts and decrypts with a key provider of its own, in C++.\n";
    return std::string(argv[1]) == "--help" ? 0 : 2;
  }
  const auto pipeline = make_pipeline();
  if (!pipeline)
    return 2;
  auto *provider = static_cast<MapProvider *>(g_object_new(map_provider_get_type(), nullptr));
  provider->passphrases->set("alice", "known to Alice and her guests");
  gst_e2ee_key_provider_changed(GST_E2EE_KEY_PROVIDER(provider), "alice", 0);
  const guint64 frames = run(pipeline.get(), provider);
  std::cout << "decrypted " << frames << " frames\n";
  g_object_unref(provider);
  return frames > 0 ? 0 : 1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A key provider in C: one raw key, drawn at random, for everyone.
 *
 *   gcc -DGST_USE_UNSTABLE_API provider.c -o provider $(pkg-config --cflags --libs gstreamer-e2ee-1.0)
 */

#include <gst/e2ee/e2ee.h>
#include <stdio.h>
#include <string.h>

#define DEMO_TYPE_PROVIDER (demo_provider_get_type ())
G_DECLARE_FINAL_TYPE (DemoProvider, demo_provider, DEMO, PROVIDER, GObject)

struct _DemoProvider
{
  GObject parent;
  GBytes *key;
};

/* Runs on a worker of the library: it may block, for example on a key server. */
static GstE2EEKeyMaterial *
demo_provider_lookup (GstE2EEKeyProvider * provider, const gchar * participant,
    guint64 key_id, GError ** error)
{
  if (key_id != 0)
    return NULL;                /* no such key now */
  return gst_e2ee_key_material_new_raw (DEMO_PROVIDER (provider)->key, key_id, error);
}

static GstE2EEKeyMaterial *
demo_provider_lookup_current (GstE2EEKeyProvider * provider, const gchar * participant,
    GError ** error)
{
  return demo_provider_lookup (provider, participant, 0, error);
}

static void
demo_provider_iface_init (GstE2EEKeyProviderInterface * iface)
{
  iface->lookup = demo_provider_lookup;
  iface->lookup_current = demo_provider_lookup_current;
}

G_DEFINE_TYPE_WITH_CODE (DemoProvider, demo_provider, G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE (GST_TYPE_E2EE_KEY_PROVIDER, demo_provider_iface_init))

static void
demo_provider_finalize (GObject * object)
{
  g_bytes_unref (DEMO_PROVIDER (object)->key);
  G_OBJECT_CLASS (demo_provider_parent_class)->finalize (object);
}

static void
demo_provider_class_init (DemoProviderClass * klass)
{
  G_OBJECT_CLASS (klass)->finalize = demo_provider_finalize;
}

static void
demo_provider_init (DemoProvider * self)
{
  guint8 key[32];
  FILE *random = fopen ("/dev/urandom", "rb");

  if (random == NULL || fread (key, 1, sizeof key, random) != sizeof key)
    g_error ("no random numbers");
  fclose (random);
  self->key = g_bytes_new (key, sizeof key);
  explicit_bzero (key, sizeof key);
}

int
main (int argc, char **argv)
{
  GstE2EEKeyProvider *provider;
  GstElement *pipeline, *element;
  GstContext *context;
  GstMessage *message;
  GstStructure *stats;
  GError *error = NULL;
  guint64 decrypted = 0;
  int status = 1;

  gst_init (&argc, &argv);
  if (argc > 1) {
    g_print ("Usage: %s\nEncrypts and decrypts with a key provider of its own, in C.\n", argv[0]);
    return g_str_equal (argv[1], "--help") ? 0 : 2;
  }
  pipeline = gst_parse_launch ("audiotestsrc num-buffers=100 ! opusenc ! e2eeencrypt"
      " ! e2eedecrypt name=d ! fakesink", &error);
  if (error != NULL) {            /* also where a part of it was made */
    g_printerr ("%s\nThe Debian package gstreamer1.0-plugins-base has audiotestsrc and opusenc;"
        " for e2eeencrypt and e2eedecrypt\nexport GST_PLUGIN_PATH=FOLDER, where libgste2ee.so is.\n",
        error->message);
    g_error_free (error);
    gst_clear_object (&pipeline);
    return 2;
  }

  /* One provider for all elements of the pipeline. */
  provider = g_object_new (DEMO_TYPE_PROVIDER, NULL);
  context = gst_e2ee_context_new_key_provider (provider);
  gst_element_set_context (pipeline, context);
  gst_context_unref (context);
  g_object_unref (provider);

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (GST_ELEMENT_BUS (pipeline), 20 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  element = gst_bin_get_by_name (GST_BIN (pipeline), "d");
  g_object_get (element, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, "frames-out", &decrypted);
  g_print ("decrypted %" G_GUINT64_FORMAT " frames under %s\n", decrypted,
      gst_structure_get_string (stats, "key-fingerprint"));
  if (message != NULL && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS && decrypted > 0)
    status = 0;

  g_clear_pointer (&message, gst_message_unref);
  gst_structure_free (stats);
  gst_object_unref (element);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  return status;
}

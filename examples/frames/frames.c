/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames without a pipeline, in C: what a bot with a media path of its own does.
 *
 *   gcc -DGST_USE_UNSTABLE_API frames.c -o frames $(pkg-config --cflags --libs gstreamer-e2ee-1.0)
 */

#include <gst/e2ee/e2ee.h>
#include <string.h>

/* One frame of the codec in the caps: here 80 bytes in place of an Opus encoder's. */
static GstBuffer *
next_frame (guint number)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 80, NULL);

  gst_buffer_memset (frame, 0, number & 0xff, 80);
  GST_BUFFER_PTS (frame) = number * 20 * GST_MSECOND;
  return frame;
}

/* The sender encrypts, the receiver decrypts; between them is the network. */
static gboolean
send_frames (GstE2EEFrameCryptor * sender, GstE2EEFrameCryptor * receiver, guint count,
    GError ** error)
{
  guint i;

  for (i = 0; i < count; i++) {
    GstBuffer *frame = gst_e2ee_frame_cryptor_encrypt (sender, next_frame (i), error);

    if (frame != NULL)
      frame = gst_e2ee_frame_cryptor_decrypt (receiver, frame, error);
    if (frame == NULL)
      return FALSE;
    gst_buffer_unref (frame);
  }
  return TRUE;
}

int
main (int argc, char **argv)
{
  GstE2EESharedKeyProvider *keys;
  GstE2EEFrameCryptor *sender, *receiver;
  GstCaps *caps;
  GError *error = NULL;
  gboolean done;

  gst_init (&argc, &argv);
  if (argc > 1) {
    g_print ("Usage: %s\nEncrypts and decrypts frames without a pipeline, in C.\n", argv[0]);
    return g_str_equal (argv[1], "--help") ? 0 : 2;
  }
  keys = gst_e2ee_shared_key_provider_new ();
  sender = gst_e2ee_frame_cryptor_new (GST_E2EE_KEY_PROVIDER (keys), GST_E2EE_SCHEME_LIVEKIT, NULL);
  receiver = gst_e2ee_frame_cryptor_new (GST_E2EE_KEY_PROVIDER (keys), GST_E2EE_SCHEME_LIVEKIT,
      NULL);
  caps = gst_caps_new_empty_simple ("audio/x-opus");

  done = gst_e2ee_shared_key_provider_set_passphrase (keys, "for this example only", 0, &error)
      && gst_e2ee_frame_cryptor_set_caps (sender, caps, NULL, NULL, &error)
      && gst_e2ee_frame_cryptor_set_caps (receiver, caps, NULL, NULL, &error)
      && gst_e2ee_frame_cryptor_prepare (sender, 5 * GST_SECOND, &error)
      && gst_e2ee_frame_cryptor_prepare (receiver, 5 * GST_SECOND, &error)
      && send_frames (sender, receiver, 100, &error);
  if (done)
    g_print ("decrypted 100 frames\n");
  else
    g_printerr ("%s\n", error->message);

  g_clear_error (&error);
  gst_caps_unref (caps);
  g_object_unref (receiver);
  g_object_unref (sender);
  g_object_unref (keys);
  return done ? 0 : 1;
}

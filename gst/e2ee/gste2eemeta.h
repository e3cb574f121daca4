/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/e2ee/e2ee-prelude.h>

G_BEGIN_DECLS

typedef struct _GstE2EEFrameMeta GstE2EEFrameMeta;
typedef struct _GstE2EEUnprotectedMeta GstE2EEUnprotectedMeta;

/**
 * GST_E2EE_MAX_SPATIAL_LAYERS:
 *
 * Spatial layers that a picture can have.
 *
 * Since: 0.1
 */
#define GST_E2EE_MAX_SPATIAL_LAYERS 8

/**
 * GstE2EEFrameMeta:
 * @meta: parent
 * @keyframe: whether a decoder can start here
 * @width: of the picture in pixels, 0 when unknown
 * @height: of the picture in pixels, 0 when unknown
 * @temporal_layer: 0 is the base layer
 * @spatial_layer: 0 is the base layer
 * @layer_sync: whether the temporal layer can be switched up to here
 * @has_layers: whether the layer fields were given by the encoder
 * @spatial_layers: how many spatial layers the stream has, 0 when unknown
 * @layer_independent: whether a frame of a higher spatial layer does without the layer below, as in
 *     most pictures of K-SVC
 * @end_of_picture: whether no frame of a higher spatial layer follows in this picture; a frame of
 *     the highest of @spatial_layers ends it anyway
 * @layer_width: (array fixed-size=8): widths of the spatial layers in pixels, 0 when unknown; set
 *     on the lowest layer's frame of a key picture
 * @layer_height: (array fixed-size=8): heights of the spatial layers in pixels, 0 when unknown; set
 *     on the lowest layer's frame of a key picture
 *
 * What a payloader must know of an encrypted frame and cannot read from it. e2eeencrypt writes it
 * on video frames, and keeps what the application wrote; rtpe2eedepay writes what the packets said.
 * Elements that copy buffers keep it. Its tag is one of its own, so that decoders do not hand it on
 * to raw frames, of which it would not be true.
 *
 * With spatial layers (VP9 SVC) a frame is one layer of a picture, and @width and @height are the
 * layer's. @keyframe is then set on the lowest layer's frame of a key picture only.
 *
 * Since: 0.1
 */
struct _GstE2EEFrameMeta {
  GstMeta meta;

  gboolean keyframe;
  guint width;
  guint height;
  guint temporal_layer;
  guint spatial_layer;
  gboolean layer_sync;
  gboolean has_layers;
  guint spatial_layers;
  gboolean layer_independent;
  gboolean end_of_picture;
  guint layer_width[GST_E2EE_MAX_SPATIAL_LAYERS];
  guint layer_height[GST_E2EE_MAX_SPATIAL_LAYERS];

  /*< private >*/
  gpointer _gst_reserved[GST_PADDING];
};

#define GST_E2EE_FRAME_META_API_TYPE (gst_e2ee_frame_meta_api_get_type())

GST_E2EE_API
GType gst_e2ee_frame_meta_api_get_type(void);

/**
 * GST_E2EE_FRAME_META_INFO: (skip)
 *
 * The #GstMetaInfo of #GstE2EEFrameMeta, for gst_buffer_add_meta().
 *
 * Since: 0.1
 */
#define GST_E2EE_FRAME_META_INFO (gst_e2ee_frame_meta_get_info())

/**
 * gst_e2ee_frame_meta_get_info:
 *
 * Registers the meta at the first call.
 *
 * Returns: (transfer none): what GStreamer knows of #GstE2EEFrameMeta
 *
 * Since: 0.1
 */
GST_E2EE_API
const GstMetaInfo *gst_e2ee_frame_meta_get_info(void);

/**
 * gst_e2ee_buffer_add_frame_meta:
 * @buffer: a writable #GstBuffer
 * @keyframe: whether a decoder can start at this frame
 * @width: of the picture in pixels, 0 when unknown
 * @height: of the picture in pixels, 0 when unknown
 *
 * Tells payloaders about a frame whose payload they cannot read. The layer fields of the result
 * are zero and may be set.
 *
 * Returns: (transfer none): the meta, owned by @buffer
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEFrameMeta *gst_e2ee_buffer_add_frame_meta(GstBuffer *buffer, gboolean keyframe, guint width,
                                                 guint height);

/**
 * gst_e2ee_frame_meta_set_layer_size:
 * @meta: a #GstE2EEFrameMeta
 * @layer: a spatial layer, below %GST_E2EE_MAX_SPATIAL_LAYERS
 * @width: of the layer in pixels, 0 when unknown
 * @height: of the layer in pixels, 0 when unknown
 *
 * Sets the @layer_width and @layer_height of one layer, for languages that cannot write into arrays
 * of a structure, such as Python. A @layer out of range is a programming error: a critical warning
 * is logged and nothing is set.
 *
 * Since: 0.1
 */
GST_E2EE_API
void gst_e2ee_frame_meta_set_layer_size(GstE2EEFrameMeta *meta, guint layer, guint width,
                                        guint height);

/**
 * gst_e2ee_buffer_get_frame_meta:
 * @buffer: a #GstBuffer
 *
 * Looks for what payloaders are told of a frame.
 *
 * Returns: (transfer none) (nullable): the meta of @buffer, owned by it
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEFrameMeta *gst_e2ee_buffer_get_frame_meta(GstBuffer *buffer);

/**
 * GstE2EEUnprotectedMeta:
 * @meta: parent
 *
 * Marks a frame that passed an e2ee element in the clear because the user asked for it by name
 * (`enabled=false`, `server-frames`, `allow-plaintext`). A recorder can tell such frames apart.
 *
 * Since: 0.1
 */
struct _GstE2EEUnprotectedMeta {
  GstMeta meta;

  /*< private >*/
  gpointer _gst_reserved[GST_PADDING];
};

#define GST_E2EE_UNPROTECTED_META_API_TYPE (gst_e2ee_unprotected_meta_api_get_type())

GST_E2EE_API
GType gst_e2ee_unprotected_meta_api_get_type(void);

/**
 * GST_E2EE_UNPROTECTED_META_INFO: (skip)
 *
 * The #GstMetaInfo of #GstE2EEUnprotectedMeta, for gst_buffer_add_meta().
 *
 * Since: 0.1
 */
#define GST_E2EE_UNPROTECTED_META_INFO (gst_e2ee_unprotected_meta_get_info())

/**
 * gst_e2ee_unprotected_meta_get_info:
 *
 * Registers the meta at the first call.
 *
 * Returns: (transfer none): what GStreamer knows of #GstE2EEUnprotectedMeta
 *
 * Since: 0.1
 */
GST_E2EE_API
const GstMetaInfo *gst_e2ee_unprotected_meta_get_info(void);

/**
 * gst_e2ee_buffer_add_unprotected_meta:
 * @buffer: a writable #GstBuffer
 *
 * Marks a frame as one that passed in the clear.
 *
 * Returns: (transfer none): the meta, owned by @buffer
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEUnprotectedMeta *gst_e2ee_buffer_add_unprotected_meta(GstBuffer *buffer);

/**
 * gst_e2ee_buffer_is_unprotected:
 * @buffer: a #GstBuffer
 *
 * Looks for a #GstE2EEUnprotectedMeta.
 *
 * Returns: whether @buffer passed an e2ee element in the clear
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_buffer_is_unprotected(GstBuffer *buffer);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/svc_encoder.h"

#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vpx_encoder.h>

#include <algorithm>

namespace e2ee::test {

namespace {

constexpr unsigned kKilobits = 300;

class Encoder {
 public:
  explicit Encoder(const SvcSettings &settings) : settings_(settings) {
    vpx_codec_enc_cfg_t config = configure();
    EXPECT_EQ(vpx_codec_enc_init(&codec_, vpx_codec_vp9_cx(), &config, 0), VPX_CODEC_OK);
    EXPECT_EQ(vpx_codec_control(&codec_, VP8E_SET_CPUUSED, 8), VPX_CODEC_OK);
    if (settings_.spatial > 1 || settings_.temporal > 1)
      set_up_layers(config);
    vpx_img_alloc(&image_, VPX_IMG_FMT_I420, kSvcWidth, kSvcHeight, 16);
  }
  ~Encoder() {
    vpx_img_free(&image_);
    vpx_codec_destroy(&codec_);
  }
  Encoder(const Encoder &) = delete;
  Encoder &operator=(const Encoder &) = delete;

  Layers encode(unsigned index) {
    draw(index);
    layers_.clear();
    const vpx_enc_frame_flags_t flags =
        index % settings_.key_every == 0 ? static_cast<long>(VPX_EFLAG_FORCE_KF) : 0;
    EXPECT_EQ(vpx_codec_encode(&codec_, &image_, index, 1, flags, VPX_DL_REALTIME), VPX_CODEC_OK)
        << vpx_codec_error_detail(&codec_);
    vpx_codec_iter_t at = nullptr;
    while (const vpx_codec_cx_pkt_t *packet = vpx_codec_get_cx_data(&codec_, &at))
      if (!by_layer())
        take(*packet, {});
    return layers_;
  }

 private:
  bool by_layer() const { return settings_.each_layer && settings_.spatial > 1; }

  vpx_codec_enc_cfg_t configure() const {
    vpx_codec_enc_cfg_t config;
    vpx_codec_enc_config_default(vpx_codec_vp9_cx(), &config, 0);
    config.g_w = kSvcWidth;
    config.g_h = kSvcHeight;
    config.g_timebase = {1, 30};
    config.g_threads = 1;
    config.g_lag_in_frames = 0;
    // Layers must not share entropy contexts, or none could be left out. WebRTC sets it, too.
    config.g_error_resilient = VPX_ERROR_RESILIENT_DEFAULT;
    config.g_pass = VPX_RC_ONE_PASS;
    config.rc_end_usage = VPX_CBR;
    config.rc_target_bitrate = kKilobits;
    config.rc_dropframe_thresh = 0;
    config.rc_min_quantizer = 2;
    config.rc_max_quantizer = 56;
    config.kf_max_dist = 1U << 20;
    config.ss_number_layers = settings_.spatial;
    config.ts_number_layers = settings_.temporal;
    config.temporal_layering_mode = settings_.temporal == 3   ? VP9E_TEMPORAL_LAYERING_MODE_0212
                                    : settings_.temporal == 2 ? VP9E_TEMPORAL_LAYERING_MODE_0101
                                                              : 0;
    for (unsigned t = 0; t < settings_.temporal; t++)
      config.ts_rate_decimator[t] = 1U << (settings_.temporal - 1 - t);
    for (unsigned s = 0; s < settings_.spatial; s++) {
      config.ss_target_bitrate[s] = kKilobits / settings_.spatial;
      for (unsigned t = 0; t < settings_.temporal; t++)
        config.layer_target_bitrate[s * settings_.temporal + t] =
            config.ss_target_bitrate[s] * (t + 1) / settings_.temporal;
    }
    return config;
  }

  void set_up_layers(const vpx_codec_enc_cfg_t &config) {
    EXPECT_EQ(vpx_codec_control(&codec_, VP9E_SET_SVC, 1), VPX_CODEC_OK);
    vpx_svc_extra_cfg_t layers{};
    std::fill(std::begin(layers.max_quantizers), std::end(layers.max_quantizers), 56);
    std::fill(std::begin(layers.min_quantizers), std::end(layers.min_quantizers), 2);
    std::fill(std::begin(layers.speed_per_layer), std::end(layers.speed_per_layer), 8);
    for (unsigned s = 0; s < settings_.spatial; s++) {
      layers.scaling_factor_num[s] = 1;
      layers.scaling_factor_den[s] = 1 << (settings_.spatial - 1 - s);
    }
    layers.temporal_layering_mode = config.temporal_layering_mode;
    EXPECT_EQ(vpx_codec_control(&codec_, VP9E_SET_SVC_PARAMETERS, &layers), VPX_CODEC_OK);
    if (!by_layer())
      return;
    vpx_codec_priv_output_cx_pkt_cb_pair_t callback = {on_layer, this};
    EXPECT_EQ(vpx_codec_control(&codec_, VP9E_REGISTER_CX_CALLBACK, static_cast<void *>(&callback)),
              VPX_CODEC_OK);
  }

  static void on_layer(vpx_codec_cx_pkt_t *packet, void *self) {
    auto &encoder = *static_cast<Encoder *>(self);
    vpx_svc_layer_id_t id{};
    vpx_codec_control(&encoder.codec_, VP9E_GET_SVC_LAYER_ID, &id);
    encoder.take(*packet, id);
  }

  void take(const vpx_codec_cx_pkt_t &packet, const vpx_svc_layer_id_t &id) {
    if (packet.kind != VPX_CODEC_CX_FRAME_PKT)
      return;
    const auto *data = static_cast<const guint8 *>(packet.data.frame.buf);
    layers_.push_back({Bytes(data, data + packet.data.frame.sz),
                       static_cast<unsigned>(id.spatial_layer_id),
                       static_cast<unsigned>(id.temporal_layer_id),
                       (packet.data.frame.flags & VPX_FRAME_IS_KEY) != 0});
  }

  void draw(unsigned index) {
    for (unsigned y = 0; y < kSvcHeight; y++)
      for (unsigned x = 0; x < kSvcWidth; x++)
        image_.planes[0][y * static_cast<unsigned>(image_.stride[0]) + x] =
            static_cast<guint8>(x * 2 + y * 3 + index * 5 + ((x / 8 + index) & 3) * 20);
    for (int plane : {1, 2})
      std::fill_n(image_.planes[plane], static_cast<int>(kSvcHeight / 2) * image_.stride[plane],
                  static_cast<guint8>(90 + index % 64));
  }

  const SvcSettings settings_;
  vpx_codec_ctx_t codec_{};
  vpx_image_t image_{};
  Layers layers_;
};

Image copy_image(const vpx_image_t &from) {
  Image image{from.d_w, from.d_h, {}};
  for (unsigned plane = 0; plane < 3; plane++) {
    const unsigned shift = plane > 0 ? 1 : 0;
    for (unsigned y = 0; y < (from.d_h + shift) >> shift; y++) {
      const guint8 *row = from.planes[plane] + static_cast<std::ptrdiff_t>(y) * from.stride[plane];
      image.pixels.insert(image.pixels.end(), row, row + ((from.d_w + shift) >> shift));
    }
  }
  return image;
}

}  // namespace

std::vector<Layers> encode_svc(const SvcSettings &settings) {
  Encoder encoder(settings);
  std::vector<Layers> pictures;
  for (unsigned i = 0; i < settings.pictures; i++)
    pictures.push_back(encoder.encode(i));
  return pictures;
}

struct Vp9Decoder::Context {
  vpx_codec_ctx_t codec{};
};

Vp9Decoder::Vp9Decoder() : context_(std::make_unique<Context>()) {
  EXPECT_EQ(vpx_codec_dec_init(&context_->codec, vpx_codec_vp9_dx(), nullptr, 0), VPX_CODEC_OK);
}

Vp9Decoder::~Vp9Decoder() {
  vpx_codec_destroy(&context_->codec);
}

std::vector<Image> Vp9Decoder::decode(const Bytes &bytes) {
  EXPECT_EQ(vpx_codec_decode(&context_->codec, bytes.data(), static_cast<unsigned>(bytes.size()),
                             nullptr, 0),
            VPX_CODEC_OK)
      << vpx_codec_error_detail(&context_->codec);
  std::vector<Image> images;
  vpx_codec_iter_t at = nullptr;
  while (const vpx_image_t *image = vpx_codec_get_frame(&context_->codec, &at))
    images.push_back(copy_image(*image));
  return images;
}

}  // namespace e2ee::test

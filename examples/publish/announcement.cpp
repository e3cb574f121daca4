// SPDX-License-Identifier: LGPL-2.1-or-later
#include "announcement.h"

namespace publish {

wire::AddTrack announcement(const Offered &track, const std::string &cid) {
  const CodecInfo &info = info_of(track.format.codec);
  wire::AddTrack add;
  add.set_cid(cid);
  add.set_name(track.name);
  add.set_source(track.kind);
  add.set_muted(track.muted);
  add.set_type(info.media == Media::kVideo ? wire::VIDEO : wire::AUDIO);
  // The browser client switches per participant by the track that was announced last.
  add.set_encryption(track.encryption);
  // The server would prefer RED for Opus and not know that it is the encrypted track.
  add.set_disable_red(true);
  if (info.media == Media::kAudio)
    return add;
  add.set_width(track.format.width);
  add.set_height(track.format.height);
  wire::SimulcastCodec *codec = add.add_simulcast_codecs();
  codec->set_codec(info.name);
  codec->set_cid(cid);
  wire::VideoLayer *layer = add.add_layers();
  layer->set_quality(wire::HIGH);
  layer->set_width(track.format.width);
  layer->set_height(track.format.height);
  return add;
}

}  // namespace publish

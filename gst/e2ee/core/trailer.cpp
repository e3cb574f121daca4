/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <algorithm>
#include <cstring>

#include "core/ivsearch.h"
#include "core/trailerbody.h"

namespace e2ee {

bool has_trailer(ByteView frame) {
  return frame.size() >= kTrailerOverhead && frame[frame.size() - 2] == kIvSize;
}

std::optional<TrailerFields> read_trailer(const CodecRule &codec, ByteView frame) {
  if (codec.nal != nullptr)
    return nal_read_trailer(*codec.nal, frame);
  if (!has_trailer(frame))
    return {};
  TrailerFields fields;
  fields.key_id = frame.back();
  std::copy_n(frame.end() - kTrailerSize, kIvSize, fields.iv.begin());
  return fields;
}

Reason trailer_seal(SealState &state, const SealRequest &request, ByteSpan out,
                    std::size_t &written) {
  if (request.codec.nal != nullptr)
    return nal_seal(state, request, out, written);
  const std::size_t clear = request.clear.length(request.type);
  if (request.frame.size() < clear)
    return Reason::malformed;
  const ByteView aad = request.frame.first(clear);
  const ByteView plain = request.frame.subspan(clear);
  Iv iv;
  if (request.codec.payloader_takes != nullptr) {
    const std::optional<Iv> chosen =
        choose_iv(*state.aead(), state.iv(), {request.codec, request.type, aad, plain});
    if (!chosen)
      return Reason::internal;
    iv = *chosen;
  } else if (!state.iv().take(1, iv)) {
    return Reason::internal;
  }
  if (!seal_body(state, iv, aad, plain, out.data() + clear))
    return Reason::internal;
  if (out.data() != request.frame.data())
    std::memcpy(out.data(), request.frame.data(), clear);
  written = request.frame.size() + kTrailerOverhead;
  return Reason::ok;
}

Reason trailer_open(OpenStates &states, const KeyRing &ring, const OpenRequest &request,
                    ByteSpan out, Opened &opened) {
  if (request.codec.nal != nullptr)
    return nal_open(states, ring, request, out, opened);
  const ByteView frame = request.frame;
  if (!has_trailer(frame))
    return Reason::malformed;
  opened.key_id = frame.back();
  return open_cut(states, ring, request, frame.first(frame.size() - 2), out, opened);
}

}  // namespace e2ee

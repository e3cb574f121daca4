/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/cryptor.h"

namespace e2ee {

Result<Written> Sealer::seal(const KeyRef &key, const CodecRule &codec, FrameType type,
                             ByteView frame, ByteSpan out) {
  if (frame.empty())
    return Written{};
  if (codec_ != &codec) {
    const ClearRule *clear = scheme_.rule_for(codec);
    if (clear == nullptr)
      return Reason::unsupported;
    layout_ = make_sealer({scheme_, codec, *clear, random_, kids_, stream_});
    codec_ = &codec;
  }
  if (!key)
    return Reason::missing_key;
  if (out.size() < frame.size() + scheme_.overhead)
    return Reason::internal;
  if (key->usage->exhausted())
    return Reason::key_limit;
  const Result<Written> written = layout_->seal(key, type, frame, out);
  if (written)
    key->usage->count();
  return written;
}

Result<Opened, Unopened> Opener::open(const KeyRing &ring, const CodecRule &codec, ByteView frame,
                                      ByteSpan out) {
  if (frame.empty())
    return Opened{};
  if (codec_ != &codec) {
    const ClearRule *clear = scheme_.rule_for(codec);
    if (clear == nullptr)
      return Unopened(Reason::unsupported);
    layout_ = make_opener({scheme_, codec, *clear, memory_});
    codec_ = &codec;
  }
  if (out.size() < frame.size())
    return Unopened(Reason::internal);
  return layout_->open(ring, frame, out);
}

void Opener::retain(const KeyRing &ring) {
  memory_.search.retain(ring);
  memory_.accepted->retain(ring);
  if (layout_)
    layout_->retain(ring);
}

}  // namespace e2ee

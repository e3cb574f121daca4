// SPDX-License-Identifier: LGPL-2.1-or-later
#include "frame_log.h"

#include <algorithm>

#include "common.h"

namespace call {

void FrameLog::watch(GstPad *pad) {
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, &FrameLog::on_buffer, this, nullptr);
}

GstPadProbeReturn FrameLog::on_buffer(GstPad *, GstPadProbeInfo *info, gpointer self) {
  static_cast<FrameLog *>(self)->add(GST_PAD_PROBE_INFO_BUFFER(info));
  return GST_PAD_PROBE_OK;
}

void FrameLog::add(GstBuffer *buffer) {
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
    return;
  std::unique_ptr<GChecksum, FreeWith<&g_checksum_free>> sha(g_checksum_new(G_CHECKSUM_SHA256));
  g_checksum_update(sha.get(), map.data, static_cast<gssize>(map.size));
  Digest digest;
  gsize size = digest.size();
  g_checksum_get_digest(sha.get(), digest.data(), &size);

  std::lock_guard lock(mutex_);
  digests_.push_back(digest);
  bytes_ += map.size;
  gst_buffer_unmap(buffer, &map);
}

size_t FrameLog::count() const {
  std::lock_guard lock(mutex_);
  return digests_.size();
}

guint64 FrameLog::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

std::vector<Digest> FrameLog::digests() const {
  std::lock_guard lock(mutex_);
  return digests_;
}

size_t count_in_order(const std::vector<Digest> &sent, const std::vector<Digest> &got) {
  size_t equal = 0;
  auto from = sent.begin();
  for (const Digest &digest : got) {
    auto found = std::find(from, sent.end(), digest);
    if (found == sent.end())
      continue;
    ++equal;
    from = std::next(found);
  }
  return equal;
}

size_t count_common(const std::vector<Digest> &frames, std::vector<Digest> candidates) {
  std::sort(candidates.begin(), candidates.end());
  return static_cast<size_t>(
      std::count_if(frames.begin(), frames.end(), [&candidates](const Digest &digest) {
        return std::binary_search(candidates.begin(), candidates.end(), digest);
      }));
}

}  // namespace call

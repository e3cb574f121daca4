// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <exception>
#include <functional>
#include <string>

#include "opener.h"

namespace recorder {

// What stands between the decryptor and the file, where codecs.h names something: VP9 layer frames
// become pictures, H.264 and H.265 byte streams become what Matroska holds. Works on the thread
// that pushes; frames may come out with a later one.
class FrameChain {
 public:
  using Take = std::function<void(GstCaps *caps, GstBuffer *frame)>;
  FrameChain(const std::string &codec, Take take);
  ~FrameChain();
  FrameChain(const FrameChain &) = delete;
  FrameChain &operator=(const FrameChain &) = delete;

  // Throws what `take` throws, and when frames do not get there.
  void push(GstCaps *caps, BufferPtr frame);
  void end();

 private:
  void send_caps(GstCaps *caps);
  void check();
  static GstFlowReturn took(GstPad *pad, GstObject *parent, GstBuffer *buffer);

  std::string codec_;
  Take take_;
  examples::PipelinePtr pipeline_;  // none: frames go straight through
  examples::ObjectPtr<GstPad> in_, out_;
  examples::CapsPtr caps_;
  std::exception_ptr problem_;
};

}  // namespace recorder

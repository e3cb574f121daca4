// SPDX-License-Identifier: LGPL-2.1-or-later
// What is negotiated for each codec. Payload types are those of tests/sframe/gst/formats.py.

const video = (name, payloadType) => (
  { media: 'video', mimeType: `video/${name}`, clockRate: 90000, payloadType });

export const CODECS = {
  vp8: video('VP8', 96),
  vp9: video('VP9', 101),
  h264: video('H264', 107),
  h265: video('H265', 108),
  av1: video('AV1', 109),
  opus: {
    media: 'audio', mimeType: 'audio/opus', clockRate: 48000, channels: 2, payloadType: 111,
  },
};

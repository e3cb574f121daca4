// SPDX-License-Identifier: LGPL-2.1-or-later
// Tracks made and read as streams of frames (Chromium); see tracks-of-elements.js.

/** A video track of what `context` holds at each push(). */
export class PictureTrack {
  constructor(width, height) {
    this.canvas = new OffscreenCanvas(width, height);
    this.context = this.canvas.getContext('2d');
    this.track = new MediaStreamTrackGenerator({ kind: 'video' });
    this.writer = this.track.writable.getWriter();
  }

  push() {
    const frame = new VideoFrame(this.canvas, { timestamp: performance.now() * 1000 });
    this.writer.write(frame).catch(() => {}); // the track has been stopped
  }
}

function samplesOf(data) {
  const samples = new Float32Array(data.numberOfFrames);
  data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
  return samples;
}

/**
 * Calls picture(frame) or sound(samples, rate) for all that a track brings, to its end; what is
 * returned ends it earlier.
 */
export function readTrack(track, { picture, sound }) {
  const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
  (async () => {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      if (track.kind === 'video') picture(value);
      else sound(samplesOf(value), value.sampleRate);
      value.close();
    }
  })();
  return () => reader.cancel();
}

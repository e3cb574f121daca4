// SPDX-License-Identifier: LGPL-2.1-or-later
// Tracks made and read with elements that any browser has (Firefox); see tracks-of-streams.js.

const BLOCK = 512; // samples; a power of two, about 10 ms

/** A video track of what `context` holds at each push(). */
export class PictureTrack {
  constructor(width, height) {
    this.canvas = Object.assign(document.createElement('canvas'), { width, height });
    this.context = this.canvas.getContext('2d'); // before the stream, which else has no picture
    this.stream = this.canvas.captureStream(0);
    [this.track] = this.stream.getVideoTracks();
  }

  push() {
    this.stream.requestFrame(); // in Firefox the stream's, not the track's
  }
}

function readPictures(stream, picture) {
  const video = Object.assign(document.createElement('video'), { muted: true, srcObject: stream });
  const next = () => video.requestVideoFrameCallback(() => {
    picture(video);
    next();
  });
  next();
  video.play().catch(() => {}); // stopped before its first picture
  return () => { video.srcObject = null; };
}

function readSound(stream, sound) {
  const audio = new AudioContext({ sampleRate: 48000 });
  // Not an AudioWorklet: one file less, and what is late here is only counted later.
  const block = audio.createScriptProcessor(BLOCK, 1, 1);
  block.addEventListener('audioprocess', ({ inputBuffer }) => {
    sound(inputBuffer.getChannelData(0), inputBuffer.sampleRate);
  });
  audio.createMediaStreamSource(stream).connect(block).connect(audio.destination);
  return () => audio.close();
}

/**
 * Calls picture(video) or sound(samples, rate) for what a track brings, until what is returned is
 * called.
 */
export function readTrack(track, { picture, sound }) {
  const stream = new MediaStream([track]);
  return track.kind === 'video' ? readPictures(stream, picture) : readSound(stream, sound);
}

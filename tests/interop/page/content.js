// SPDX-License-Identifier: LGPL-2.1-or-later
// What the calls show and sound like: tracks of it, and counting what a received track has of it.
import { PROBE, RATE, TONE_HZ, Tally, colourOf, phaseOfNumber, phaseOfPicture, phaseOfSound }
  from './recognise.js';

/** A video track of the picture; it does not depend on the page being painted. */
export function pictureTrack(width, height) {
  const generator = new MediaStreamTrackGenerator({ kind: 'video' });
  const writer = generator.writable.getWriter();
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  const noiseTop = Math.floor((height * 5) / 6);
  let number = 0;
  const timer = setInterval(() => {
    const phase = phaseOfNumber(number++);
    for (let square = 0; square < 4; square++) {
      context.fillStyle = `rgb(${colourOf(square, phase).join()})`;
      context.fillRect((square % 2) * (width / 2), Math.floor(square / 2) * (noiseTop / 2),
        width / 2, noiseTop / 2);
    }
    for (let y = noiseTop; y < height; y += 8) {
      for (let x = 0; x < width; x += 8) {
        context.fillStyle = `hsl(0 0% ${Math.floor(Math.random() * 100)}%)`;
        context.fillRect(x, y, 8, 8);
      }
    }
    const frame = new VideoFrame(canvas, { timestamp: performance.now() * 1000 });
    writer.write(frame).catch(() => clearInterval(timer));
  }, 1000 / RATE);
  return { track: generator, stop: () => { clearInterval(timer); generator.stop(); } };
}

export function toneTrack() {
  const audio = new AudioContext({ sampleRate: 48000 });
  const tone = new OscillatorNode(audio, { frequency: TONE_HZ });
  const gain = new GainNode(audio, { gain: 0.5 });
  const out = new MediaStreamAudioDestinationNode(audio, { channelCount: 2 });
  tone.connect(gain).connect(out);
  tone.start();
  return { track: out.stream.getAudioTracks()[0], stop: () => audio.close() };
}

/** Reads a received track to its end. */
export class Seen {
  #context = new OffscreenCanvas(PROBE.width, PROBE.height)
    .getContext('2d', { willReadFrequently: true });

  constructor(track) {
    this.tally = new Tally(track.kind);
    this.#read(track);
  }

  async #read(track) {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const phase = track.kind === 'video' ? this.#picture(value) : this.#sound(value);
      value.close();
      this.tally.add(phase);
    }
  }

  #picture(frame) {
    this.#context.drawImage(frame, 0, 0, PROBE.width, PROBE.height);
    return phaseOfPicture(this.#context.getImageData(0, 0, PROBE.width, PROBE.height).data);
  }

  #sound(data) {
    const samples = new Float32Array(data.numberOfFrames);
    data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
    return phaseOfSound(samples, data.sampleRate);
  }

  report() {
    return this.tally.report();
  }
}

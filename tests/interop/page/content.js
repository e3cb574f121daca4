// SPDX-License-Identifier: LGPL-2.1-or-later
// What the calls show and sound like; see content.py, which makes and reads the same.

const COLOURS = [[200, 40, 40], [40, 180, 40], [40, 40, 200], [200, 200, 40]];
const FRAMES_PER_PHASE = 8;
const TOLERANCE = 70;
export const RATE = 20;
const PROBE = { width: 16, height: 12 };
const SQUARES = [[4, 2], [12, 2], [4, 7], [12, 7]];
const TONE_HZ = 600;

const colourOf = (square, phase) => COLOURS[(square + phase) % COLOURS.length];

/** A video track of the picture; it does not depend on the page being painted. */
export function pictureTrack(width, height) {
  const generator = new MediaStreamTrackGenerator({ kind: 'video' });
  const writer = generator.writable.getWriter();
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  const noiseTop = Math.floor((height * 5) / 6);
  let number = 0;
  const timer = setInterval(() => {
    const phase = Math.floor(number++ / FRAMES_PER_PHASE) % COLOURS.length;
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

function phaseOfPicture(rgba) {
  const near = (square, phase) => {
    const [x, y] = SQUARES[square];
    return colourOf(square, phase).every(
      (want, channel) => Math.abs(rgba[(y * PROBE.width + x) * 4 + channel] - want) <= TOLERANCE);
  };
  for (let phase = 0; phase < COLOURS.length; phase++) {
    if ([0, 1, 2, 3].every((square) => near(square, phase))) return phase;
  }
  return null;
}

// 0 when samples are mostly the tone, else null. Goertzel's algorithm.
function phaseOfSound(samples, rate) {
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  if (samples.length < 80 || energy < samples.length * 1e-4) return null;
  const coefficient = 2 * Math.cos((2 * Math.PI * TONE_HZ) / rate);
  let last = 0;
  let before = 0;
  for (const sample of samples) [last, before] = [sample + coefficient * last - before, last];
  const power = last * last + before * before - coefficient * last * before;
  return power > (0.6 * energy * samples.length) / 2 ? 0 : null;
}

// Noise decodes now and then to a moment of something like the tone: it counts when it is the tone
// for a while.
const TONES_IN_A_ROW = 5;

/** Counts what a received track shows, and what of it is the picture or the tone. */
export class Seen {
  #row = 0;
  #phases = new Set();
  #context = new OffscreenCanvas(PROBE.width, PROBE.height)
    .getContext('2d', { willReadFrequently: true });

  constructor(track) {
    Object.assign(this, { frames: 0, matches: 0, firstMatch: null });
    this.#read(track);
  }

  async #read(track) {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const phase = track.kind === 'video' ? this.#picture(value) : this.#sound(value);
      value.close();
      this.frames++;
      this.#row = phase === null ? 0 : this.#row + 1;
      if (this.#row < (track.kind === 'video' ? 1 : TONES_IN_A_ROW)) continue;
      this.firstMatch ??= Date.now() / 1000;
      this.matches++;
      this.#phases.add(phase);
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
    const { frames, matches, firstMatch } = this;
    return { frames, matches, firstMatch, phases: this.#phases.size };
  }
}

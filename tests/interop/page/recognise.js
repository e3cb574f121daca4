// SPDX-License-Identifier: LGPL-2.1-or-later
// How the picture and the tone of the calls are made and recognised, in a page or in Node; see
// content.py, which does the same.

export const COLOURS = [[200, 40, 40], [40, 180, 40], [40, 40, 200], [200, 200, 40]];
export const FRAMES_PER_PHASE = 8;
export const RATE = 20;
export const PROBE = { width: 16, height: 12 }; // what a received picture is scaled down to
export const TONE_HZ = 600;
const TOLERANCE = 70;
const SQUARES = [[4, 2], [12, 2], [4, 7], [12, 7]];
// Noise decodes now and then to a moment of something like the tone: it counts when it is the tone
// for a while.
const TONES_IN_A_ROW = 5;

export const colourOf = (square, phase) => COLOURS[(square + phase) % COLOURS.length];
export const phaseOfNumber = (number) => Math.floor(number / FRAMES_PER_PHASE) % COLOURS.length;

/** Of a probe of RGBA: null when it is not the picture. */
export function phaseOfPicture(rgba) {
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

/** 0 when samples from -1 to 1 are mostly the tone, else null. Goertzel's algorithm. */
export function phaseOfSound(samples, rate) {
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

/** Counts what a received track shows, and what of it is the picture or the tone. */
export class Tally {
  #row = 0;
  #phases = new Set();

  constructor(kind) {
    this.inARow = kind === 'audio' ? TONES_IN_A_ROW : 1;
    Object.assign(this, { frames: 0, matches: 0, firstMatch: null });
  }

  add(phase) {
    this.frames++;
    this.#row = phase === null ? 0 : this.#row + 1;
    if (this.#row < this.inARow) return;
    this.firstMatch ??= Date.now() / 1000;
    this.matches++;
    this.#phases.add(phase);
  }

  report() {
    const { frames, matches, firstMatch } = this;
    return { frames, matches, firstMatch, phases: this.#phases.size };
  }
}

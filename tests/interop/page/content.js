// SPDX-License-Identifier: LGPL-2.1-or-later
// What the calls show and sound like: tracks of it, and counting what a received track has of it.
import { PROBE, RATE, TONE_HZ, Tally, colourOf, phaseOfNumber, phaseOfPicture, phaseOfSound }
  from './recognise.js';

// Chromium's streams of raw frames do not depend on a page that is painted. Firefox has none.
const { PictureTrack, readTrack } = await import(
  'MediaStreamTrackProcessor' in window ? './tracks-of-streams.js' : './tracks-of-elements.js');

function draw(context, width, height, number) {
  const phase = phaseOfNumber(number);
  const noiseTop = Math.floor((height * 5) / 6);
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
}

/** A video track of the picture. */
export function pictureTrack(width, height) {
  const out = new PictureTrack(width, height);
  let number = 0;
  const timer = setInterval(() => {
    draw(out.context, width, height, number++);
    out.push();
  }, 1000 / RATE);
  return { track: out.track, stop: () => { clearInterval(timer); out.track.stop(); } };
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
    this.stop = readTrack(track, {
      picture: (frame) => this.tally.add(this.#picture(frame)),
      sound: (samples, rate) => this.tally.add(phaseOfSound(samples, rate)),
    });
  }

  #picture(frame) {
    this.#context.drawImage(frame, 0, 0, PROBE.width, PROBE.height);
    return phaseOfPicture(this.#context.getImageData(0, 0, PROBE.width, PROBE.height).data);
  }

  report() {
    return this.tally.report();
  }
}

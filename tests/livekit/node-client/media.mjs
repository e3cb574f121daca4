// SPDX-License-Identifier: LGPL-2.1-or-later
// The picture and the tone of tests/interop for @livekit/rtc-node: sent, and looked for.
import {
  FRAMES_PER_PHASE, COLOURS, PROBE, RATE, TONE_HZ, Tally, colourOf, phaseOfNumber, phaseOfPicture,
  phaseOfSound,
} from '../../interop/page/recognise.js';

const WIDTH = 320;
const HEIGHT = 192;
const NOISE_TOP = (HEIGHT * 5) / 6;
const SOUND_RATE = 48000;
const SOUND_SAMPLES = SOUND_RATE / 50; // 20 ms

/** RGBA. */
function makePicture(number) {
  const data = new Uint8Array(WIDTH * HEIGHT * 4);
  const phase = phaseOfNumber(number);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const square = 2 * Number(y >= NOISE_TOP / 2) + Number(x >= WIDTH / 2);
      const grey = ((Math.floor(x / 8) + 1) * (Math.floor(y / 8) + number + 1) * 97) % 256;
      const colour = y < NOISE_TOP ? colourOf(square, phase) : [grey, grey, grey];
      data.set([...colour, 255], (y * WIDTH + x) * 4);
    }
  }
  return data;
}

function makeTone(first) {
  const data = new Int16Array(SOUND_SAMPLES);
  for (let i = 0; i < SOUND_SAMPLES; i++) {
    data[i] = 16000 * Math.sin((2 * Math.PI * TONE_HZ * (first + i)) / SOUND_RATE);
  }
  return data;
}

/** Publishes, and goes on until it is stopped. */
export class Player {
  constructor(livekit, codec, { screen }) {
    Object.assign(this, { livekit, codec, screen });
  }

  publish(participant) {
    return this.codec === 'opus'
      ? this.#publishTone(participant) : this.#publishPictures(participant);
  }

  async #publishPictures(participant) {
    const {
      LocalVideoTrack, TrackPublishOptions, TrackSource, VideoBufferType, VideoCodec, VideoFrame,
      VideoSource,
    } = this.livekit;
    const source = new VideoSource(WIDTH, HEIGHT);
    const frames = Array.from({ length: COLOURS.length * FRAMES_PER_PHASE }, (_, number) => (
      new VideoFrame(makePicture(number), WIDTH, HEIGHT, VideoBufferType.RGBA)));
    let number = 0;
    this.timer = setInterval(() => {
      source.captureFrame(frames[number++ % frames.length], process.hrtime.bigint() / 1000n);
    }, 1000 / RATE);
    return participant.publishTrack(LocalVideoTrack.createVideoTrack('picture', source),
      new TrackPublishOptions({
        source: this.screen ? TrackSource.SOURCE_SCREENSHARE : TrackSource.SOURCE_CAMERA,
        simulcast: false,
        videoCodec: VideoCodec[this.codec.toUpperCase()],
        videoEncoding: { maxBitrate: 500000n, maxFramerate: RATE },
      }));
  }

  async #publishTone(participant) {
    const {
      AudioFrame, AudioSource, LocalAudioTrack, TrackPublishOptions, TrackSource,
    } = this.livekit;
    const source = new AudioSource(SOUND_RATE, 1);
    this.#playTone(source, AudioFrame);
    return participant.publishTrack(LocalAudioTrack.createAudioTrack('tone', source),
      new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE, dtx: false, red: false }));
  }

  async #playTone(source, AudioFrame) {
    for (let first = 0; !this.stopped; first += SOUND_SAMPLES) {
      const frame = new AudioFrame(makeTone(first), SOUND_RATE, 1, SOUND_SAMPLES);
      await source.captureFrame(frame); // paced by its queue
    }
  }

  stop() {
    this.stopped = true;
    clearInterval(this.timer);
  }
}

/** Reads a received track to its end. */
export class Viewer {
  constructor({ AudioStream, TrackKind, VideoBufferType, VideoStream }, track) {
    this.kind = track.kind === TrackKind.KIND_VIDEO ? 'video' : 'audio';
    this.tally = new Tally(this.kind);
    if (this.kind === 'video') this.#watch(new VideoStream(track), VideoBufferType.RGBA);
    else this.#listen(new AudioStream(track, SOUND_RATE, 1));
  }

  async #watch(stream, rgba) {
    for await (const { frame } of stream) {
      Object.assign(this, { width: frame.width, height: frame.height });
      this.tally.add(phaseOfPicture(probeOf(frame.convert(rgba))));
    }
  }

  async #listen(stream) {
    for await (const { data, sampleRate } of stream) {
      // A track that is silent delivers silence, which nobody decoded.
      if (data.every((sample) => sample === 0)) continue;
      this.tally.add(phaseOfSound(Float32Array.from(data, (sample) => sample / 32768), sampleRate));
    }
  }

  report() {
    const { kind, width, height } = this;
    return { kind, width, height, ...this.tally.report() };
  }
}

function probeOf({ data, width, height }) {
  const probe = new Uint8Array(PROBE.width * PROBE.height * 4);
  for (let y = 0; y < PROBE.height; y++) {
    for (let x = 0; x < PROBE.width; x++) {
      const fromX = Math.floor(((x + 0.5) * width) / PROBE.width);
      const fromY = Math.floor(((y + 0.5) * height) / PROBE.height);
      const at = (fromY * width + fromX) * 4;
      probe.set(data.subarray(at, at + 4), (y * PROBE.width + x) * 4);
    }
  }
  return probe;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// One call between a page and GStreamer: a key that changes, peers with a wrong key, and a spy.
import { randomBytes } from 'node:crypto';
import { SCHEMES } from './cells.mjs';
import { Room } from './janus.mjs';
import { until } from './process.mjs';

export const FIRST_MS = 10000; // to the first pictures
export const STEP_MS = 6000; // for anything later
export const PICTURES = 10; // that make a step believed; half a second
const SMALL = [320, 192];
const LARGE = [960, 540]; // Chromium drops spatial layers of small pictures
const SOUNDS = ['opus', 'red'];

export function makeKey({ peer, kdf }, index) {
  const secret = randomBytes(32).toString('hex');
  return SCHEMES[peer]?.key === 'hex' || kdf === 'hkdf'
    ? { index, hex: secret } : { index, passphrase: `interop ${secret}` };
}

/** Without good bandwidth reports Chromium would send fewer layers. */
function withBitrate(sdp) {
  const [, number] = sdp.match(/^a=rtpmap:(\d+) VP9/m);
  const options = 'x-google-start-bitrate=2500;x-google-min-bitrate=2500';
  const line = new RegExp(`^a=fmtp:${number} `, 'm');
  return line.test(sdp)
    ? sdp.replace(line, `a=fmtp:${number} ${options};`)
    : sdp.replace(/^a=rtpmap:\d+ VP9.*$/m, `$&\r\na=fmtp:${number} ${options}`);
}

/** webrtcbin 1.22 leaves Opus out of the answer, without which RED has nothing to carry. */
function withOpus(sdp) {
  const [line, red, opus] = sdp.match(/^a=fmtp:(\d+) (\d+)\/\d+=1/m);
  return sdp.replace(line, `a=fmtp:${red} ${opus}/${opus}\r\na=rtpmap:${opus} opus/48000/2`)
    .replace(/^m=audio .*$/m, (media) => `${media.trimEnd()} ${opus}`);
}

/** Both ends of one cell, behind the same few verbs whatever the direction. */
export class Call {
  constructor({ gst, page, janus }, cell, number) {
    Object.assign(this, { gst, page, janus, cell });
    this.toBrowser = cell.direction === 'to-browser';
    this.scheme = cell.peer === 'none' ? null : cell.peer;
    this.keys = [0, 1].map((index) => makeKey(cell, index));
    // What cells with faults do otherwise.
    Object.assign(this, {
      pageScheme: this.scheme, pageEnabled: true, gstKeys: [this.keys[0]],
    });
    [this.pageKey] = this.keys;
    this.wrongKeys = [0, 1].map((index) => makeKey(cell, index));
    this.gstCall = `call-${number}`;
    this.spyCall = `spy-${number}`;
    this.right = `right-${number}`;
    this.wrong = `wrong-${number}`;
    this.size = cell.svc ? LARGE : SMALL;
  }

  isSound() {
    return SOUNDS.includes(this.cell.codec);
  }

  ask(op, request) {
    return this.gst.ask(op, { call: this.gstCall, ...request });
  }

  inPage(method, ...rest) {
    return this.page.ask(method, ...rest);
  }

  // ---- Connecting

  async connect() {
    const { codec, sfu } = this.cell;
    const { port } = await this.gst.ask('spy', { call: this.spyCall, codec });
    if (sfu) await this.enterRoom(this.janus);
    const spy = sfu ? null : port;
    this.started = Date.now() / 1000;
    if (this.toBrowser) await this.connectToBrowser(spy, port);
    else await this.connectFromBrowser(spy, port);
  }

  async connectToBrowser(spy, port) {
    const { codec, sfu } = this.cell;
    const receivers = this.scheme ? [this.right, this.wrong] : [this.right];
    const legs = sfu ? ['sfu'] : receivers;
    await this.ask('send', {
      codec, scheme: this.scheme, keys: this.gstKeys, legs, spy, size: this.size,
      encoder: this.encoder,
      // Its decoder may have got frames before its cryptor was there, and then shows what came of
      // them until the next key frame.
      ...(this.cell.client === 'native' ? { key_every: 15 } : {}),
    });
    if (sfu) await this.publish('sfu', port);
    for (const receiver of receivers) {
      const answer = (offer) => this.inPage('receive', receiver, this.pageOptions(receiver), offer);
      if (sfu) {
        await this.room.subscribe(answer);
      } else {
        const { sdp } = await this.ask('offer', { leg: receiver });
        await this.ask('take_answer', { leg: receiver, sdp: await answer(sdp) });
      }
    }
  }

  async enterRoom(janus) {
    await this.room?.close();
    this.room = await Room.create(janus, this.cell.codec);
  }

  async publish(leg, port) {
    const { sdp } = await this.ask('offer', { leg });
    const answer = await this.room.publish(sdp, this.scheme !== null);
    await this.ask('take_answer', { leg, sdp: answer });
    await this.room.publisher.up();
    await this.room.forward(port);
  }

  /** Through an SFU, for the second time: a new leg of the same pipeline, a new call in the page. */
  async reconnect() {
    const leg = 'again';
    await this.inPage('stop', this.right);
    this.right = `${this.right}-again`;
    await this.ask('add_leg', { leg });
    const { port } = await this.gst.ask('report', { call: this.spyCall });
    if (this.toBrowser) {
      await this.publish(leg, port);
      await this.room.subscribe(
        (offer) => this.inPage('receive', this.right, this.pageOptions(this.right), offer));
    } else {
      await this.publishPage(leg, port);
    }
  }

  async connectFromBrowser(spy, port) {
    const { codec, sfu } = this.cell;
    await this.ask('receive', {
      codec, scheme: this.scheme, keys: this.gstKeys, wrong: this.wrongKeys, spy,
    });
    if (sfu) {
      await this.publishPage('receiver', port);
    } else {
      const { sdp } = await this.ask('answer', { sdp: await this.offerOfPage() });
      await this.takeAnswer(sdp);
    }
  }

  async publishPage(leg, port) {
    const offer = await this.offerOfPage();
    await this.takeAnswer(await this.room.publish(offer, this.scheme !== null));
    await this.room.publisher.up();
    await this.room.forward(port);
    await this.room.subscribe(async (sdp) => (await this.ask('answer', { leg, sdp })).sdp);
  }

  offerOfPage() {
    const options = {
      ...this.pageOptions(this.right), size: this.size, scalabilityMode: this.cell.svc,
    };
    return this.inPage('send', this.right, options);
  }

  takeAnswer(sdp) {
    if (this.cell.codec === 'red') return this.inPage('takeAnswer', this.right, withOpus(sdp));
    return this.inPage('takeAnswer', this.right, this.cell.svc ? withBitrate(sdp) : sdp);
  }

  pageOptions(name) {
    const right = name === this.right;
    return {
      scheme: this.pageScheme,
      enabled: this.pageEnabled,
      api: this.cell.api,
      codec: this.cell.codec,
      kdf: this.cell.kdf,
      keys: right ? this.firstKeys() : this.wrongKeys,
      // A search after a wrong key would cost the page two PBKDF2 runs for each frame.
      window: right ? 4 : 0,
    };
  }

  /** The last one is to encrypt. */
  firstKeys() {
    const all = SCHEMES[this.pageScheme]?.keysBefore && !this.toBrowser;
    return all ? [this.keys[1], this.pageKey] : [this.pageKey];
  }

  // ---- Watching

  /** What the far side decoded of the picture or tone. */
  async seen() {
    if (this.toBrowser) return (await this.inPage('report', this.right)).seen;
    return (await this.ask('report')).seen['look-right'] ?? null;
  }

  until(what, ms, check) {
    return until(what, ms, check);
  }

  async firstPictures() {
    const phases = this.isSound() ? 1 : 2; // the picture moves
    await this.until('first pictures', FIRST_MS, async () => {
      const seen = await this.seen();
      return (seen?.matches >= PICTURES && seen.phases >= phases) || seen;
    });
    this.seconds = (await this.seen()).firstMatch - this.started;
  }

  /** Until so many more pictures came. */
  async more(what, pictures = PICTURES) {
    const before = (await this.seen()).matches;
    await this.until(what, STEP_MS, async () => {
      const seen = await this.seen();
      return seen.matches >= before + pictures || seen;
    });
  }

  async gstStats(name, value) {
    await this.until(`${name} ${value} at GStreamer`, STEP_MS, async () => {
      const { crypt } = await this.ask('report');
      return crypt?.[name] >= value || crypt;
    });
  }

  /** All spatial layers are sent, and the highest one is decoded. */
  async layersArrive() {
    await this.until('the highest layer', STEP_MS, async () => {
      const { scalabilityMode } = await this.inPage('report', this.right);
      const { width } = await this.ask('report');
      return (scalabilityMode === this.cell.svc && width === this.size[0])
        || { scalabilityMode, width };
    });
  }

  /** The browser sends RED, and nothing took it apart in front of the decryptor. */
  async redArrives() {
    const { encoding } = await this.ask('report');
    if (encoding !== 'RED') throw new Error(`${encoding} arrived in place of RED`);
  }

  // ---- Keys

  /** The key at index 1 is announced to the receiver, then used by the sender. */
  async rotate() {
    const [, key] = this.keys;
    if (this.toBrowser) {
      await this.inPage('setKey', this.right, key, false);
      await this.ask('set_key', { key });
      await this.ask('use_key', { index: key.index });
    } else {
      await this.ask('set_key', { key });
      await this.inPage('setKey', this.right, key, true);
    }
    await this.gstStats('key-id', key.index);
    await this.more('pictures after the key changed');
  }

  async ratchet() {
    const { index } = this.keys[1];
    if (this.toBrowser) await this.ask('ratchet', { index });
    else await this.inPage('ratchet', this.right, index);
    await this.gstStats('generation', 1);
    await this.more('pictures after the ratchet');
  }

  canRatchet() {
    return SCHEMES[this.scheme].ratchet[this.cell.direction];
  }

  // ---- Judging

  async errors() {
    const page = await this.inPage('report', this.right);
    const { errors, crypt } = await this.ask('report');
    const dropped = Object.entries(crypt ?? {})
      .filter(([name, count]) => name.startsWith('dropped-') && count > 0)
      .map(([name, count]) => `GStreamer: ${name} ${count}`);
    return [...page.errors, ...errors, ...dropped, ...this.page.problems];
  }

  async noErrors(when) {
    const errors = [...new Set(await this.errors())];
    if (errors.length > 0) throw new Error(`${when}: ${errors.slice(0, 3).join('; ')}`);
  }

  /** Packets that came too late for GStreamer's jitter buffer: the machine was busy. */
  async late() {
    if (this.toBrowser) return 0;
    const { losses } = await this.ask('report');
    return losses['num-lost'] ?? 0;
  }

  /** Peers with a wrong key get enough to decode something, if they could. */
  async wrongKeyHasMedia() {
    if (!this.toBrowser) {
      await this.until('frames for the wrong key', STEP_MS, async () => {
        const { wrong } = await this.ask('report');
        return wrong?.['frames-in'] >= PICTURES || wrong;
      });
      return;
    }
    // Whoever joins late could decode nothing without one, whatever the key.
    await this.ask('key_frame');
    const enough = (this.isSound() ? 4 : 2) * PICTURES; // sound is buffered longer
    const before = (await this.inPage('report', this.wrong)).packets;
    await this.until('packets for the wrong key', STEP_MS, async () => {
      const { packets, state } = await this.inPage('report', this.wrong);
      return packets >= before + enough || { packets, state };
    });
  }

  /** What peers with a wrong key decoded in the whole call. */
  async wrongKeyFrames() {
    if (!this.toBrowser) {
      const { wrong, seen } = await this.ask('report');
      return Math.max(wrong['frames-out'], seen['look-wrong'].frames);
    }
    const { seen, framesDecoded } = await this.inPage('report', this.wrong);
    const forwards = SCHEMES[this.scheme].forwards || this.cell.client === 'native' || this.isSound();
    return forwards ? seen?.matches ?? 0 : framesDecoded;
  }

  /** The spy has packets; how many of its frames are the picture. */
  async spied() {
    await this.until('packets for the spy', STEP_MS, async () => {
      const { packets } = await this.gst.ask('report', { call: this.spyCall });
      return packets >= PICTURES || packets;
    });
    const { seen } = await this.gst.ask('report', { call: this.spyCall });
    return seen['look-spy'].matches;
  }

  async stop() {
    const quiet = (promise) => promise.catch(() => {});
    await Promise.all([
      ...[this.right, this.wrong].map((id) => quiet(this.inPage('stop', id))),
      this.room && quiet(this.room.close()),
    ]);
    await quiet(this.ask('stop'));
    await quiet(this.gst.ask('stop', { call: this.spyCall }));
  }
}

/** Throws with the reason when it fails. `result` is filled as far as it comes. */
export async function runCell(self, result) {
  await self.connect();
  await self.firstPictures();
  result.seconds = self.seconds;
  if (self.cell.svc) await self.layersArrive();
  if (self.cell.codec === 'red') await self.redArrives();
  if (self.scheme) {
    await self.noErrors('before the key changed');
    await self.rotate();
    await self.noErrors('after the key changed');
    result.rotated = true;
    await self.wrongKeyHasMedia(); // before a ratchet, which it would not follow anyway
    if (self.canRatchet()) {
      await self.ratchet();
      result.ratcheted = true;
    }
    result.wrong_key_frames = await self.wrongKeyFrames();
    if (result.wrong_key_frames > 0) {
      throw new Error(`${result.wrong_key_frames} frames decoded with a wrong key`);
    }
  }
  result.spied = await self.spied();
  if (self.scheme && result.spied > 0) throw new Error(`${result.spied} pictures seen by the spy`);
  if (!self.scheme && result.spied === 0) {
    await self.until('pictures for the spy', STEP_MS, async () => {
      result.spied = await self.spied();
      return result.spied > 0 || result.spied;
    });
  }
  result.late = await self.late();
  result.frames = (await self.seen()).matches;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// One call between the peer and GStreamer: a key that changes, a ratchet, and wrong keys.
import { randomBytes } from 'node:crypto';

import { until } from '../../interop/driver/process.mjs';
import { CODECS } from '../peer/codecs.mjs';
import { Connection } from '../peer/connection.mjs';
import { BaseKeys, KidLayout, Opener, Sealer } from '../peer/sframe.mjs';
import { SUITES } from '../peer/suites.mjs';

export const FIRST_MS = 10000; // to the first pictures
export const STEP_MS = 10000; // for anything later
export const PICTURES = 10; // that make a step believed; half a second

const PROFILE = { stepBits: 4, generationBits: 4 }; // of KIDs that are drawn

const makeKeys = () => [0, 1].map((index) => ({ index, hex: randomBytes(32).toString('hex') }));

/** What both directions share. Derived classes say progress(), use(), ratchet() and judge(). */
export class Call {
  constructor({ gst, werift, media }, cell) {
    Object.assign(this, { gst, werift, media, cell });
    this.suite = SUITES[cell.suite];
    this.codec = CODECS[cell.codec];
    this.keys = makeKeys();
    this.wrongKeys = makeKeys();
    const stepBits = cell.ratchetBits;
    this.layout = new KidLayout(stepBits ? { stepBits, generationBits: 64 - stepBits } : PROFILE);
  }

  get options() {
    const { suite, ratchetBits, nalFormat } = this.cell;
    const words = [`sframe-suite=${suite}`];
    if (ratchetBits) words.push(`sframe-ratchet-bits=${ratchetBits}`);
    if (nalFormat) words.push(`nal-format=${nalFormat}`);
    return words.join(' ');
  }

  /** All keys of a side of the peer, for the stream with that SSRC. */
  baseKeys(keys, ssrc) {
    const made = new BaseKeys(this.suite, this.cell.perSsrc ? ssrc : null);
    for (const { index, hex } of keys) made.add(index, Buffer.from(hex, 'hex'));
    return made;
  }

  connection(how) {
    this.peer = new Connection(this.werift, this.codec, how);
    return this.peer;
  }

  opener(keys, ssrc) {
    return new Opener(this.suite, this.baseKeys(keys, ssrc), this.layout);
  }

  sealer(ssrc) {
    const drawn = this.cell.ratchetBits ? 0n : BigInt(`0x${randomBytes(7).toString('hex')}`);
    return new Sealer(this.suite, this.baseKeys(this.keys, ssrc), this.layout, drawn);
  }

  connected() {
    return until('the connection', FIRST_MS, async () => {
      const { connection, errors } = await this.gst.ask('report');
      if (errors.length > 0) throw new Error(errors[0]);
      return (this.peer.connected && connection === 'connected') || connection;
    });
  }

  /** Until so much more arrived, all of it good. */
  async more(what, ms = STEP_MS) {
    const before = (await this.progress()).count;
    await until(what, ms, async () => {
      const { count, ...rest } = await this.progress();
      return count >= before + PICTURES || { count, ...rest };
    });
  }

  /** The key at index 1 is announced, then used. */
  async rotate() {
    await this.use(this.keys[1]);
    await this.more('frames after the key changed');
  }

  async stop() {
    this.outgoing?.stop();
    await this.peer?.close();
    await this.gst.ask('stop').catch(() => {}); // it may be gone
  }
}

/** Throws with what GStreamer's decryptor or encryptor dropped, and with what the bus said. */
export function expectNoErrors({ crypt, errors }) {
  const dropped = Object.entries(crypt ?? {})
    .filter(([name, count]) => /^(dropped|passed)-/.test(name) && count > 0)
    .map(([name, count]) => `GStreamer: ${name} ${count}`);
  const all = [...errors, ...dropped];
  if (all.length > 0) throw new Error(all.slice(0, 3).join('; '));
}

/** Throws with the reason when it fails. `result` is filled as far as it comes. */
export async function runCell(self, result) {
  const started = Date.now();
  await self.connect();
  await self.more('the first frames', FIRST_MS);
  result.seconds = (Date.now() - started) / 1000;
  await self.rotate();
  result.rotated = true;
  await self.ratchet();
  result.ratcheted = true;
  await self.judge(result);
}

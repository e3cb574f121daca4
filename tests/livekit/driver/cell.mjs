// SPDX-License-Identifier: LGPL-2.1-or-later
// One room: a sender, a receiver, and a receiver with wrong keys; the key changes to another index.
import { PICTURES } from '../../interop/driver/cell.mjs';
import { until } from '../../interop/driver/process.mjs';
import { SETTINGS, makeKeys } from './keys.mjs';
import { makeParty } from './members.mjs';
import { SENDER } from './party.mjs';

const PATIENCE_MS = 15000; // recordings are looked into as a whole each time
const LARGE = 960; // the width of the highest layer

export class Call {
  constructor(bench, cell, number) {
    Object.assign(this, { bench, cell });
    const settings = SETTINGS[cell.settings];
    this.keys = makeKeys(settings);
    this.wrongKeys = makeKeys(settings);
    const room = `room-${number}`;
    const party = (program, identity, window) => (
      makeParty(bench, { program, identity, room, settings, window, cell }));
    this.sender = party(cell.sender, SENDER, settings.window);
    this.receiver = party(cell.receiver, 'receiver', settings.window);
    // A search after a wrong key would cost it many PBKDF2 runs for each frame.
    this.wrong = party(cell.receiver, 'wrong', 0);
    this.parties = [this.receiver, this.wrong, this.sender];
  }

  async connect() {
    await Promise.all(this.parties.map((party) => party.start()));
    await Promise.all([
      this.receiver.join([this.keys[0]]), this.wrong.join([this.wrongKeys[0]]),
    ]);
    await this.sender.join([this.keys[0]]);
    this.started = Date.now() / 1000;
    await this.sender.publish(this.cell.codec, { layers: this.cell.layers });
  }

  seenBy(party) {
    return party.seen(this.cell.codec, this.sender.sent());
  }

  /** Until a party has recognised so many frames. */
  async recognised(party, what, count) {
    const phases = this.cell.codec === 'opus' ? 1 : 2; // the picture moves
    await until(what, PATIENCE_MS, async () => {
      const seen = await this.seenBy(party);
      return (seen?.matches >= count && seen.phases >= phases) || seen;
    });
  }

  async firstPictures() {
    await this.recognised(this.receiver, 'first pictures', PICTURES);
    return (await this.seenBy(this.receiver)).firstMatch - this.started;
  }

  /** Layers: the server sends the highest once it trusts the bandwidth. */
  async highestLayer() {
    await until('the highest layer', PATIENCE_MS, async () => {
      const seen = await this.seenBy(this.receiver);
      return seen.width === LARGE || seen;
    });
  }

  /** The next key is announced to the receivers, then used by the sender. */
  async rotate() {
    await Promise.all([
      this.receiver.setKey(this.keys[1]), this.wrong.setKey(this.wrongKeys[1]),
    ]);
    await this.sender.setKey(this.keys[1]);
    const { matches } = await this.seenBy(this.receiver);
    const enough = matches + 2 * PICTURES; // some may be under way
    await this.recognised(this.receiver, 'pictures after the key changed', enough);
  }

  /** Sound is played in any case: there, what is the tone counts. */
  async wrongKeyFrames() {
    const seen = await this.seenBy(this.wrong);
    return (this.cell.codec === 'opus' ? seen?.matches : seen?.frames) ?? 0;
  }

  /** Media did reach the peer with wrong keys, and the sender does use the second one. */
  async wrongPeerCould() {
    await this.wrong.setKey(this.keys[1]);
    await this.recognised(this.wrong, 'pictures for who got only the second key', PICTURES);
  }

  async errors() {
    const all = await Promise.all(this.parties.map((party) => party.errors()));
    return all.flat();
  }

  async stop() {
    await Promise.allSettled(this.parties.map((party) => party.close()));
  }
}

/** Throws with the reason when it fails. `result` is filled as far as it comes. */
export async function runCell(self, result) {
  await self.connect();
  result.seconds = await self.firstPictures();
  if (self.cell.layers) await self.highestLayer();
  await self.rotate();
  result.wrong_key_frames = await self.wrongKeyFrames();
  if (result.wrong_key_frames > 0) {
    throw new Error(`${result.wrong_key_frames} frames decoded with a wrong key`);
  }
  await self.wrongPeerCould();
  result.rotated = true;
  const errors = await self.receiver.errors();
  if (errors.length > 0) throw new Error(errors.slice(0, 3).join('; '));
  await self.sender.finish();
  await self.receiver.finish();
  const seen = await self.seenBy(self.receiver);
  result.frames = seen.matches;
  if (seen.foreign > 0) throw new Error(`${seen.foreign} frames are not as they were sent`);
}

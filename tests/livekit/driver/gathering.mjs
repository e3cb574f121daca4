// SPDX-License-Identifier: LGPL-2.1-or-later
// A room for what is no cell of the matrix: who comes, with which keys, and what happens is up to
// the scenario.
import { PICTURES } from '../../interop/driver/cell.mjs';
import { until } from '../../interop/driver/process.mjs';
import { SETTINGS, makeKeys } from './keys.mjs';
import { makeParty } from './members.mjs';

const PATIENCE_MS = 15000;

/** Members join one by one, with the key that they are given. */
export class Gathering {
  parties = [];
  settings = SETTINGS.passphrase;

  constructor(bench, cell, number) {
    Object.assign(this, { bench, cell, room: `room-${number}`, keys: makeKeys(this.settings) });
  }

  /** `who`: what a party takes beside program, identity and room. */
  async enter(program, identity, { keys = this.keys, ...who } = {}) {
    const { bench, room, settings, cell } = this;
    const party = makeParty(bench, { program, identity, room, settings, cell, window: 0, ...who });
    this.parties.push(party);
    await party.start();
    await party.join([keys[0]]);
    return party;
  }

  /** Until a party has recognised so much more of what somebody publishes, who is the sender. */
  async more(party, codec, what, { of, pictures = PICTURES, within = PATIENCE_MS } = {}) {
    const before = await party.pictures(codec, of);
    await until(what, within, async () => {
      const now = await party.pictures(codec, of);
      return now >= before + pictures || { before, now };
    });
  }

  /** Until a program has told of so many events of a name. */
  async told(program, event, times = 1) {
    await until(`"${event}" from ${program.called}`, PATIENCE_MS, () => (
      program.happened(event).length >= times || program.happened(event)));
  }

  async errors() {
    return (await Promise.all(this.parties.map((party) => party.errors()))).flat();
  }

  async stop() {
    await Promise.allSettled(this.parties.map((party) => party.close()));
  }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts together and opens what arrives: with the right keys, and with wrong ones.
import { Faults, InOrder } from './faults.mjs';
import { Joiner } from './payload.mjs';

export class Incoming {
  opened = []; // hashes
  refused = []; // why the right keys did not open something
  wrong = { tried: 0, opened: 0 };
  #order = new InOrder();
  #joiner = new Joiner();

  /** `openers`: {right, wrong}. `hashOf`: of a plaintext. */
  constructor({ openers, hashOf, faults }) {
    Object.assign(this, { openers, hashOf });
    this.faults = new Faults(faults);
  }

  take(packet) {
    for (const passed of this.faults.pass(packet)) {
      for (const next of this.#order.take(passed)) this.#join(next);
    }
  }

  #join(packet) {
    const joined = this.#joiner.take(packet);
    if (!joined) return;
    if (joined.perPacket) this.refused.push('GStreamer sends per packet');
    const { ciphertext } = joined;
    try {
      this.opened.push(this.hashOf(this.openers.right.open(ciphertext)));
    } catch (error) {
      this.refused.push(error.message);
    }
    this.#tryWrong(ciphertext);
  }

  #tryWrong(ciphertext) {
    this.wrong.tried++;
    try {
      this.openers.wrong.open(ciphertext);
      this.wrong.opened++;
    } catch {
      // as it has to be
    }
  }
}

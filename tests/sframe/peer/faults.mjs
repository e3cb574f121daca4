// SPDX-License-Identifier: LGPL-2.1-or-later
// What a network does to packets, the same in each run; and who puts them in order again.

const FIRST_LOST = 13; // not the first packets, which are a key frame

/** Loses each packet of number `lose`, and lets two others overtake each one of number `delay`. */
export class Faults {
  lost = 0;
  delayed = 0;
  #number = 0;
  #behind = []; // [packet, how many more pass it]

  constructor({ lose = 0, delay = 0 } = {}) {
    Object.assign(this, { lose, delay });
  }

  /** Throws when what was to happen did not. */
  expectHappened() {
    if ((this.lose && !this.lost) || (this.delay && !this.delayed)) {
      throw new Error('no packet was lost or delayed');
    }
  }

  /** The packets that go on now. */
  pass(packet) {
    const number = this.#number++;
    if (this.lose && number % this.lose === FIRST_LOST % this.lose) {
      this.lost++;
      return [];
    }
    if (this.delay && number % this.delay === this.delay - 1) {
      this.delayed++;
      this.#behind.push([packet, 2]);
      return [];
    }
    const out = [packet];
    for (const entry of this.#behind) entry[1]--;
    while (this.#behind[0]?.[1] === 0) out.push(this.#behind.shift()[0]);
    return out;
  }
}

const WAITING = 8; // packets that come before a missing one is given up
const after = (sequence, other) => ((sequence - other) << 16 >> 16) > 0;

/** Packets in the order of their sequence numbers; one that comes after it was given up is dropped. */
export class InOrder {
  #waiting = new Map();
  #next = null;

  take(packet) {
    this.#next ??= packet.sequence;
    if (packet.sequence !== this.#next && !after(packet.sequence, this.#next)) return [];
    this.#waiting.set(packet.sequence, packet);
    const out = [];
    while (this.#waiting.has(this.#next) || this.#waiting.size > WAITING) {
      const next = this.#waiting.get(this.#next);
      if (next) out.push(next);
      this.#waiting.delete(this.#next);
      this.#next = (this.#next + 1) & 0xffff;
    }
    return out;
  }
}

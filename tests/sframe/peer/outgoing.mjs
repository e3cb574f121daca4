// SPDX-License-Identifier: LGPL-2.1-or-later
// Sends frames that were encoded before, encrypted, at their pace and again from the start.
import { randomInt } from 'node:crypto';

import { Faults } from './faults.mjs';
import { split } from './payload.mjs';

const LIMIT = 500; // bytes of an RTP payload, so that frames need several packets

export class Outgoing {
  sent = []; // hashes of what was sent, without what lost a packet
  packets = 0;
  #sequence = randomInt(0x10000);
  #timestamp = randomInt(0x100000000);
  #at = 0;

  /**
   * `frames`: {parts, isKey}; parts are {plaintext, hash, marker}, more than one are the packets of a
   * frame. The first frame is a key frame.
   * `ticks`: of the RTP clock from one frame to the next. `send` gets the packets.
   */
  constructor({ frames, sealer, perPacket, faults, ticks, send }) {
    Object.assign(this, { frames, sealer, perPacket, ticks, send });
    this.faults = new Faults(faults);
  }

  start(milliseconds) {
    this.timer = setInterval(() => this.#next(), milliseconds);
  }

  stop() {
    clearInterval(this.timer);
  }

  /** Goes on with the next key frame. */
  keyFrame() {
    while (!this.frames[this.#at].isKey) this.#at = (this.#at + 1) % this.frames.length;
  }

  #next() {
    for (const part of this.frames[this.#at].parts) this.#sendPart(part);
    this.#at = (this.#at + 1) % this.frames.length;
    this.#timestamp = (this.#timestamp + this.ticks) >>> 0;
  }

  #sendPart({ plaintext, hash, marker }) {
    const payloads = split(this.sealer.seal(plaintext), LIMIT, this.perPacket);
    const lostBefore = this.faults.lost;
    payloads.forEach((payload, index) => {
      const packet = {
        sequence: this.#sequence, timestamp: this.#timestamp,
        marker: marker && index === payloads.length - 1, payload,
      };
      this.#sequence = (this.#sequence + 1) & 0xffff;
      this.packets++;
      this.faults.pass(packet).forEach((each) => this.send(each));
    });
    if (this.faults.lost === lostBefore) this.sent.push(hash);
  }
}

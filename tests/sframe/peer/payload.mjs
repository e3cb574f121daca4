// SPDX-License-Identifier: LGPL-2.1-or-later
// The RTP payload format of draft-ietf-avtcore-rtp-sframe: a byte in front of a slice of one
// SFrame ciphertext.

const FIRST = 0x80; // S
const LAST = 0x40; // E
const PER_PACKET = 0x20; // T: the plaintext is an RTP payload of the codec, not a frame

/** Payloads of at most `limit` bytes. */
export function split(ciphertext, limit, perPacket = false) {
  const payloads = [];
  for (let at = 0; at < ciphertext.length; at += limit - 1) {
    const slice = ciphertext.subarray(at, at + limit - 1);
    const flags = (at === 0 ? FIRST : 0) | (at + slice.length === ciphertext.length ? LAST : 0)
      | (perPacket ? PER_PACKET : 0);
    payloads.push(Buffer.concat([Buffer.from([flags]), slice]));
  }
  return payloads;
}

/** Puts ciphertexts together from packets that come in the order of their sequence numbers. */
export class Joiner {
  #group = null;

  /** A ciphertext that is complete now, or null. Packet: {sequence, payloadType, payload}. */
  take({ sequence, payloadType, payload }) {
    const expected = this.#group?.next;
    if (this.#group) this.#group.next = (sequence + 1) & 0xffff;
    if (expected !== undefined && expected !== sequence) this.#group = null;
    if (payload.length === 0) return null; // padding, which may stand in the middle of a group
    const [flags] = payload;
    const kind = `${flags & PER_PACKET} ${payloadType}`;
    if (flags & FIRST) this.#group = { kind, slices: [], next: (sequence + 1) & 0xffff };
    else if (this.#group?.kind !== kind) this.#group = null;
    if (!this.#group) return null;
    this.#group.slices.push(payload.subarray(1));
    if (!(flags & LAST)) return null;
    const ciphertext = Buffer.concat(this.#group.slices);
    this.#group = null;
    return { ciphertext, perPacket: (flags & PER_PACKET) !== 0 };
  }
}

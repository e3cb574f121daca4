// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames: RFC 9605, section 4.4, with KIDs of section 5.1, whose low bits are the ratchet step.
import { makeHeader, readHeader } from './header.mjs';
import { frameKey, nonceOf, ratcheted, streamKey } from './keys.mjs';

/** Base keys by generation, and by how often they were ratcheted. */
export class BaseKeys {
  #suite;
  #ssrc;
  #steps = new Map();

  /** ssrc: of the stream whose own keys are made of the base keys; null: the base keys are used. */
  constructor(suite, ssrc = null) {
    this.#suite = suite;
    this.#ssrc = ssrc;
  }

  add(generation, baseKey) {
    const first = this.#ssrc === null ? baseKey : streamKey(this.#suite, baseKey, this.#ssrc);
    this.#steps.set(generation, [first]);
  }

  /** The first step is kept, so that frames of an earlier step that come late can be opened. */
  at(generation, step) {
    const known = this.#steps.get(generation);
    if (!known) throw new Error(`no key for generation ${generation}`);
    while (known.length <= step) known.push(ratcheted(this.#suite, known.at(-1)));
    return known[step];
  }
}

export function sealFrame(suite, { key, salt }, kid, counter, metadata, plaintext) {
  const header = makeHeader(kid, counter);
  const aad = Buffer.concat([header, metadata]);
  return Buffer.concat([header, suite.seal(key, nonceOf(salt, counter), aad, plaintext)]);
}

/** `keyOf` answers with the key and salt of a KID. Throws when it cannot be opened. */
export function openFrame(suite, keyOf, metadata, sealed) {
  const { kid, counter, size } = readHeader(sealed);
  if (sealed.length < size + suite.tagSize) throw new Error('no room for a tag');
  const { key, salt } = keyOf(kid);
  const aad = Buffer.concat([sealed.subarray(0, size), metadata]);
  return suite.open(key, nonceOf(salt, counter), aad, sealed.subarray(size));
}

const NONE = Buffer.alloc(0);

/**
 * How KIDs name keys: the lowest `stepBits` are the ratchet step, the `generationBits` above are the
 * generation. What is above those was drawn by the sender.
 */
export class KidLayout {
  constructor({ stepBits, generationBits }) {
    this.stepBits = BigInt(stepBits);
    this.generationBits = BigInt(generationBits);
  }

  make(drawn, generation, step) {
    const above = (drawn << this.generationBits) | BigInt(generation);
    return (above << this.stepBits) | BigInt(step);
  }

  read(kid) {
    const generation = BigInt.asUintN(Number(this.generationBits), kid >> this.stepBits);
    return {
      generation: Number(generation), step: Number(BigInt.asUintN(Number(this.stepBits), kid)),
    };
  }
}

/** Encrypts the frames of one stream. */
export class Sealer {
  #counters = new Map(); // of each KID

  constructor(suite, keys, layout, drawn = 0n) {
    Object.assign(this, { suite, keys, layout, drawn, generation: 0, step: 0 });
  }

  use(generation) {
    Object.assign(this, { generation, step: 0 });
  }

  ratchet() {
    this.step++;
  }

  seal(plaintext) {
    const kid = this.layout.make(this.drawn, this.generation, this.step);
    const counter = this.#counters.get(kid) ?? 0n;
    this.#counters.set(kid, counter + 1n);
    const key = frameKey(this.suite, this.keys.at(this.generation, this.step), kid);
    return sealFrame(this.suite, key, kid, counter, NONE, plaintext);
  }
}

/** Decrypts the frames of one stream. */
export class Opener {
  constructor(suite, keys, layout) {
    Object.assign(this, { suite, keys, layout, last: null });
  }

  /** Throws when it cannot be opened; `last` is the generation and step of what was opened last. */
  open(sealed) {
    let named;
    const plaintext = openFrame(this.suite, (kid) => {
      named = this.layout.read(kid);
      return frameKey(this.suite, this.keys.at(named.generation, named.step), kid);
    }, NONE, sealed);
    this.last = named;
    return plaintext;
  }
}

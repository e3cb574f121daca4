// SPDX-License-Identifier: LGPL-2.1-or-later
// RFC 9605 on WebCrypto, cipher suite 4 (AES-128-GCM), with the project's profile on top: KID =
// 56 random bits, key index (4), ratchet step (4); VP8 keeps its header in front, as metadata.

const SUITE = 4;
const KEY_BITS = 128;
const NONCE_LENGTH = 12;
const STEPS = 16; // that four bits hold
const text = new TextEncoder();

const hkdf = async (base, info, bits) => {
  const key = await crypto.subtle.importKey('raw', base, 'HKDF', false, ['deriveBits']);
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, bits));
};

function label(name, kid) {
  const bytes = new Uint8Array([...text.encode(name), ...new Uint8Array(10)]);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(bytes.length - 10, kid);
  view.setUint16(bytes.length - 2, SUITE);
  return bytes;
}

export async function deriveKey(base, kid) {
  const raw = await hkdf(base, label('SFrame 1.0 Secret key ', kid), KEY_BITS);
  const salt = await hkdf(base, label('SFrame 1.0 Secret salt ', kid), NONCE_LENGTH * 8);
  const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
  return { key, salt };
}

const nextBase = (base) => hkdf(base, text.encode('SFrame 1.0 Ratchet'), 256);

function bytesOf(number) {
  const bytes = [];
  for (let rest = number; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return bytes;
}

export function makeHeader(kid, counter) {
  const half = (value) => {
    const bytes = value < 8n ? [] : bytesOf(value);
    return [value < 8n ? Number(value) : 7 + bytes.length, bytes];
  };
  const [kidBits, kidBytes] = half(kid);
  const [counterBits, counterBytes] = half(counter);
  return Uint8Array.of((kidBits << 4) | counterBits, ...kidBytes, ...counterBytes);
}

export function readHeader(data) {
  let at = 1;
  const half = (bits) => {
    if (bits < 8) return BigInt(bits);
    let value = 0n;
    for (let left = bits - 7; left > 0; left--) value = (value << 8n) | BigInt(data[at++]);
    return value;
  };
  const kid = half(data[0] >> 4);
  const counter = half(data[0] & 15);
  return { kid, counter, length: at };
}

function nonceOf(salt, counter) {
  const nonce = salt.slice();
  bytesOf(counter).reverse().forEach((byte, index) => { nonce[NONCE_LENGTH - 1 - index] ^= byte; });
  return nonce;
}

const join = (...parts) => new Uint8Array(parts.flatMap((part) => [...part]));

export async function protect({ key, salt }, kid, counter, metadata, plain) {
  const header = makeHeader(kid, counter);
  const sealed = await crypto.subtle.encrypt({
    name: 'AES-GCM', iv: nonceOf(salt, counter), additionalData: join(header, metadata),
  }, key, plain);
  return join(header, new Uint8Array(sealed));
}

export async function unprotect({ key, salt }, metadata, data) {
  const { counter, length } = readHeader(data);
  const header = data.subarray(0, length);
  return new Uint8Array(await crypto.subtle.decrypt({
    name: 'AES-GCM', iv: nonceOf(salt, counter), additionalData: join(header, metadata),
  }, key, data.subarray(length)));
}

const clearLength = ({ codec, type }) => (codec !== 'vp8' ? 0 : type === 'key' ? 10 : 3);

export class SFrameCryptor {
  #ring = new Map(); // key index -> base key and its step
  #sending = null;
  #received = new Map(); // KID -> key

  async setKey(index, base, current) {
    this.#ring.set(index, { base, step: 0 });
    if (current) await this.#sendWith(index);
  }

  async #sendWith(index) {
    const { base, step } = this.#ring.get(index);
    const random = crypto.getRandomValues(new BigUint64Array(1))[0] & ~0xffn;
    const kid = random | BigInt(index << 4) | BigInt(step % STEPS);
    this.#sending = { index, kid, counter: 0n, ...await deriveKey(base, kid) };
  }

  async ratchet(index) {
    const { base, step } = this.#ring.get(index);
    this.#ring.set(index, { base: await nextBase(base), step: step + 1 });
    if (this.#sending?.index === index) await this.#sendWith(index);
  }

  async encrypt(frame) {
    const sending = this.#sending;
    if (!sending) throw new Error('no key');
    const header = frame.data.subarray(0, clearLength(frame));
    const plain = frame.data.subarray(header.length);
    return join(header, await protect(sending, sending.kid, sending.counter++, header, plain));
  }

  async #keyOf(kid) {
    const known = this.#received.get(kid);
    if (known) return known;
    const index = Number((kid >> 4n) & 15n);
    const slot = this.#ring.get(index);
    if (!slot) throw new Error('no key');
    let { base } = slot;
    const steps = (Number(kid & 15n) - (slot.step % STEPS) + STEPS) % STEPS;
    for (let step = 0; step < steps; step++) base = await nextBase(base);
    return deriveKey(base, kid);
  }

  async decrypt(frame) {
    const header = frame.data.subarray(0, clearLength(frame));
    const sealed = frame.data.subarray(header.length);
    const { kid } = readHeader(sealed);
    const key = await this.#keyOf(kid);
    const plain = await unprotect(key, header, sealed);
    this.#received.set(kid, key);
    return join(header, plain);
  }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// The frame formats on WebCrypto. livekit, realtimekit and jitsi:
//
//   clear bytes | AES-GCM | tag | IV | 12 | key index        the AAD is the clear bytes
//
// and sframe, RFC 9605 with cipher suite 4 and the profile of GStreamer's elements: clear bytes of
// VP8 in front, as metadata; KID = 56 random bits, key index (4), ratchet step (4).
//
// A frame is {data, type, media, codec}. Cryptors have setKey(index, {passphrase | bytes},
// current), ratchet(index), encrypt(frame), decrypt(frame) and fingerprint(index).

const IV_LENGTH = 12;
const TAG_LENGTH = 16;
const PBKDF2_ROUNDS = 100000;
const EMPTY = new Uint8Array();
const text = new TextEncoder();

const VP8_HEADER = { key: 10, delta: 3 };
const LIKE_VP8 = { vp8: VP8_HEADER, vp9: VP8_HEADER, opus: { delta: 1 } };

const RULES = {
  livekit: { clear: { ...LIKE_VP8, vp9: { key: 0, delta: 0 } }, salt: 'LKFrameEncryptionKey' },
  realtimekit: { clear: LIKE_VP8, salt: 'RealtimeKitFrameEncryptionKey' },
  jitsi: {
    clear: LIKE_VP8, salt: 'JFrameEncryptionKey', ratchetSalt: 'JFrameRatchetKey', window: 8,
    // Jitsi knows no passphrases: this profile is the example's own.
    passphraseSalt: 'gst-e2ee browser example, jitsi',
  },
  sframe: {
    clear: { vp8: VP8_HEADER }, passphraseSalt: 'SFrame 1.0 gst-e2ee passphrase',
  },
};

/** Why a frame cannot be opened. */
export class Refused extends Error {}

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const clearLength = ({ clear }, { codec, type }) => {
  const lengths = clear[codec] ?? { delta: 0 };
  return (type === 'key' ? lengths.key : undefined) ?? lengths.delta;
};

async function derive(algorithm, secret, bits) {
  const key = await crypto.subtle.importKey('raw', secret, algorithm.name, false, ['deriveBits']);
  return new Uint8Array(await crypto.subtle.deriveBits(
    { hash: 'SHA-256', ...algorithm }, key, bits));
}

const pbkdf2 = (secret, salt, bits) => derive(
  { name: 'PBKDF2', salt: text.encode(salt), iterations: PBKDF2_ROUNDS }, secret, bits);

const hkdf = (secret, salt, info, bits) =>
  derive({ name: 'HKDF', salt: text.encode(salt), info }, secret, bits);

const importAes = (raw) =>
  crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);

async function hmac(key, data) {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const imported = await crypto.subtle.importKey('raw', key, algorithm, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, data));
}

async function open(algorithm, key, sealed) {
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, sealed));
  } catch {
    return null; // the tag does not verify
  }
}

// ---- Fingerprints ------------------------------------------------------------------------------

const number = (value) => {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(value));
  return new Uint8Array(view.buffer);
};

const string = (value) => join(number(text.encode(value).length), text.encode(value));

/**
 * What GStreamer's `key-fingerprint` shows for the same key: 80 bits of HKDF-Expand under a label
 * of its own, that say nothing about the key. A shared key has no identity.
 */
async function fingerprintOf({ scheme, suite, secret, index, generation }) {
  const info = join(
    string('gst-e2ee key fingerprint 1'), string(scheme), suite ? number(suite) : EMPTY,
    number(secret.length * 8), number(index), number(generation), string(''));
  const bytes = (await hmac(secret, join(info, Uint8Array.of(1)))).slice(0, 10);
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return digits.match(/..../g).join('-');
}

// ---- LiveKit, RealtimeKit, Jitsi ---------------------------------------------------------------

export class TrailerCryptor {
  #ring = new Map();
  #current = 0;
  // With GCM an IV must never come twice under a key: every sender and page draws its own first
  // eight bytes, the rest counts.
  #ivStart = crypto.getRandomValues(new Uint8Array(8));
  #sent = 0;

  constructor(scheme, options = {}) {
    Object.assign(this, { scheme, window: 0, keyBits: 128, ringSize: 16 }, RULES[scheme], options);
  }

  async setKey(index, { passphrase, bytes }, current) {
    let material = bytes ?? text.encode(passphrase);
    let stretch = bytes === undefined;
    if (stretch && this.passphraseSalt) {
      material = await pbkdf2(material, this.passphraseSalt, 256);
      stretch = false;
    }
    const slot = index % this.ringSize;
    this.#ring.set(slot, await this.#makeKey(material, stretch, 0));
    if (current) this.#current = slot;
  }

  async #makeKey(material, stretch, generation) {
    const raw = await this.#stretch(material, stretch, this.salt, this.keyBits);
    return { material, stretch, generation, raw, key: await importAes(raw) };
  }

  #stretch(material, stretch, salt, bits) {
    if (stretch) return pbkdf2(material, salt, bits);
    return hkdf(material, salt, this.scheme === 'jitsi' ? EMPTY : new Uint8Array(128), bits);
  }

  async #next({ material, stretch, generation }) {
    const next = await this.#stretch(material, stretch, this.ratchetSalt ?? this.salt, 256);
    return this.#makeKey(next, stretch, generation + 1);
  }

  async ratchet(index) {
    this.#ring.set(index, await this.#next(this.#ring.get(index)));
  }

  fingerprint(index) {
    const { raw: secret, generation } = this.#ring.get(index);
    return fingerprintOf({ scheme: this.scheme, secret, index, generation });
  }

  /** For known answers. */
  rawKey(index) {
    return this.#ring.get(index).raw;
  }

  #makeIv() {
    if (this.#sent === 2 ** 32) throw new Refused('too many frames for one key');
    const counter = new DataView(new ArrayBuffer(4));
    counter.setUint32(0, this.#sent++);
    return join(this.#ivStart, new Uint8Array(counter.buffer));
  }

  /** `iv` only for known answers. */
  async encrypt(frame, iv = this.#makeIv()) {
    const index = this.#current; // another one may be current when this frame is done
    const slot = this.#ring.get(index);
    if (!slot) throw new Refused('no key');
    const clear = frame.data.subarray(0, clearLength(this, frame));
    const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: clear },
      slot.key, frame.data.subarray(clear.length));
    return join(clear, new Uint8Array(sealed), iv, Uint8Array.of(IV_LENGTH, index));
  }

  async decrypt(frame) {
    const { data } = frame;
    const clear = data.subarray(0, clearLength(this, frame));
    const end = data.length - 2 - IV_LENGTH;
    if (data[data.length - 2] !== IV_LENGTH || end - clear.length < TAG_LENGTH) {
      throw new Refused('malformed');
    }
    const index = data[data.length - 1];
    let slot = this.#ring.get(index);
    if (!slot) throw new Refused('no key');
    const iv = data.subarray(end, end + IV_LENGTH);
    const sealed = data.subarray(clear.length, end);
    for (let step = 0; ; slot = await this.#next(slot)) { // the sender may have ratcheted
      const plain = await open({ name: 'AES-GCM', iv, additionalData: clear }, slot.key, sealed);
      if (plain) {
        if (step > 0) this.#ring.set(index, slot);
        return join(clear, plain);
      }
      if (step++ === this.window) throw new Refused('decryption failed');
    }
  }
}

// ---- SFrame ------------------------------------------------------------------------------------

const SUITE = 4; // AES-128-GCM, SHA-256, tag of 128 bits
const STEPS = 16; // that four bits hold

function label(name, kid) {
  const suite = Uint8Array.of(SUITE >> 8, SUITE & 255);
  return join(text.encode(name), number(kid), suite);
}

export async function deriveSFrameKey(base, kid) {
  const raw = await hkdf(base, '', label('SFrame 1.0 Secret key ', kid), 128);
  const salt = await hkdf(base, '', label('SFrame 1.0 Secret salt ', kid), IV_LENGTH * 8);
  return { key: await importAes(raw), salt };
}

const withoutZeros = (bytes) => bytes.subarray(bytes.findIndex((byte) => byte !== 0));

export function makeSFrameHeader(kid, counter) {
  const half = (value) => {
    if (value < 8n) return [Number(value), EMPTY];
    const bytes = withoutZeros(number(value));
    return [7 + bytes.length, bytes];
  };
  const [kidBits, kidBytes] = half(kid);
  const [counterBits, counterBytes] = half(counter);
  return join(Uint8Array.of((kidBits << 4) | counterBits), kidBytes, counterBytes);
}

export function readSFrameHeader(data) {
  let length = 1;
  const half = (bits) => {
    if (bits < 8) return BigInt(bits);
    let value = 0n;
    for (let left = bits - 7; left > 0; left--) value = (value << 8n) | BigInt(data[length++] ?? 0);
    return value;
  };
  const kid = half(data[0] >> 4);
  const counter = half(data[0] & 15);
  return { kid, counter, length };
}

function sframeAlgorithm(salt, counter, header, metadata) {
  const iv = salt.slice();
  number(counter).forEach((byte, at) => { iv[IV_LENGTH - 8 + at] ^= byte; });
  return { name: 'AES-GCM', iv, additionalData: join(header, metadata) };
}

export async function protectSFrame({ key, salt }, kid, counter, metadata, plain) {
  const header = makeSFrameHeader(kid, counter);
  const algorithm = sframeAlgorithm(salt, counter, header, metadata);
  return join(header, new Uint8Array(await crypto.subtle.encrypt(algorithm, key, plain)));
}

export async function unprotectSFrame({ key, salt }, metadata, data) {
  const { counter, length } = readSFrameHeader(data);
  if (data.length < length + TAG_LENGTH) throw new Refused('malformed');
  const algorithm = sframeAlgorithm(salt, counter, data.subarray(0, length), metadata);
  const plain = await open(algorithm, key, data.subarray(length));
  if (!plain) throw new Refused('decryption failed');
  return plain;
}

export class SFrameCryptor {
  #ring = new Map(); // key index -> base key and its step
  #sending = null;
  #received = new Map(); // KIDs that have verified
  scheme = 'sframe';

  async setKey(index, { passphrase, bytes }, current) {
    const salt = RULES.sframe.passphraseSalt;
    const base = bytes ?? await pbkdf2(text.encode(passphrase), salt, 256);
    this.#ring.set(index, { base, step: 0 });
    this.#received.clear(); // what was derived of a key that is gone
    if (current) await this.#sendWith(index);
  }

  async #sendWith(index) {
    const { base, step } = this.#ring.get(index);
    const random = crypto.getRandomValues(new BigUint64Array(1))[0] & ~0xffn;
    const kid = random | BigInt(index << 4) | BigInt(step % STEPS);
    this.#sending = { index, kid, counter: 0n, ...await deriveSFrameKey(base, kid) };
  }

  async ratchet(index) {
    const { base, step } = this.#ring.get(index);
    const next = await hkdf(base, '', text.encode('SFrame 1.0 Ratchet'), 256);
    this.#ring.set(index, { base: next, step: step + 1 });
    if (this.#sending?.index === index) await this.#sendWith(index);
  }

  /** Over what HKDF extracts of the base key; keys differ with the KID. */
  async fingerprint(index) {
    const { base, step: generation } = this.#ring.get(index);
    const secret = await hmac(new Uint8Array(32), base);
    return fingerprintOf({ scheme: 'sframe', suite: SUITE, secret, index, generation });
  }

  async encrypt(frame) {
    const sending = this.#sending;
    if (!sending) throw new Refused('no key');
    const clear = frame.data.subarray(0, clearLength(RULES.sframe, frame));
    const plain = frame.data.subarray(clear.length);
    const sealed = await protectSFrame(sending, sending.kid, sending.counter++, clear, plain);
    return join(clear, sealed);
  }

  async #keyOf(kid) {
    const known = this.#received.get(kid);
    if (known) return known;
    const slot = this.#ring.get(Number((kid >> 4n) & 15n));
    if (!slot) throw new Refused('no key');
    let { base } = slot;
    const steps = (Number(kid & 15n) - (slot.step % STEPS) + STEPS) % STEPS;
    for (let step = 0; step < steps; step++) {
      base = await hkdf(base, '', text.encode('SFrame 1.0 Ratchet'), 256);
    }
    return deriveSFrameKey(base, kid);
  }

  async decrypt(frame) {
    const clear = frame.data.subarray(0, clearLength(RULES.sframe, frame));
    const sealed = frame.data.subarray(clear.length);
    const { kid } = readSFrameHeader(sealed);
    const key = await this.#keyOf(kid);
    const plain = await unprotectSFrame(key, clear, sealed);
    this.#received.set(kid, key);
    return join(clear, plain);
  }
}

export const makeCryptor = (scheme) =>
  (scheme === 'sframe' ? new SFrameCryptor() : new TrailerCryptor(scheme));

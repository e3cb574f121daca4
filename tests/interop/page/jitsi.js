// SPDX-License-Identifier: LGPL-2.1-or-later
// Jitsi's frame format on WebCrypto: clear header | AES-128-GCM | tag | IV | 12 | key index.

const RING = 16;
const WINDOW = 8;
const IV_LENGTH = 12;
const TAG_LENGTH = 16;
const text = new TextEncoder();

const hkdf = async (material, salt, bits) => {
  const key = await crypto.subtle.importKey('raw', material, 'HKDF', false, ['deriveBits']);
  const info = new Uint8Array();
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt: text.encode(salt), info };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, bits));
};

async function makeKey(material) {
  const raw = await hkdf(material, 'JFrameEncryptionKey', 128);
  const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
  return { material, raw, key };
}

const nextKey = async ({ material }) => makeKey(await hkdf(material, 'JFrameRatchetKey', 256));

const clearLength = ({ media, type }) => (media === 'audio' ? 1 : type === 'key' ? 10 : 3);

export class JitsiCryptor {
  #ring = new Map();
  #current = 0;
  #counts = new Map(); // by SSRC

  async setKey(index, material, current) {
    this.#ring.set(index % RING, await makeKey(material));
    if (current) this.#current = index % RING;
  }

  async ratchet(index) {
    this.#ring.set(index, await nextKey(this.#ring.get(index)));
  }

  /** For comparing with known answers. */
  rawKey(index) {
    return this.#ring.get(index).raw;
  }

  presetCount(ssrc, count) {
    this.#counts.set(ssrc, count);
  }

  #makeIv(ssrc, timestamp) {
    const count = this.#counts.get(ssrc) ?? Math.floor(Math.random() * 0xffff);
    this.#counts.set(ssrc, count + 1);
    const iv = new DataView(new ArrayBuffer(IV_LENGTH));
    [ssrc, timestamp, count % 0xffff].forEach((word, at) => iv.setUint32(at * 4, word));
    return new Uint8Array(iv.buffer);
  }

  async encrypt(frame) {
    const slot = this.#ring.get(this.#current);
    if (!slot) throw new Error('no key');
    const header = frame.data.subarray(0, clearLength(frame));
    const iv = this.#makeIv(frame.ssrc, frame.timestamp);
    const sealed = new Uint8Array(await crypto.subtle.encrypt(
      { name: 'AES-GCM', iv, additionalData: header }, slot.key,
      frame.data.subarray(header.length)));
    return Uint8Array.of(...header, ...sealed, ...iv, IV_LENGTH, this.#current);
  }

  async decrypt(frame) {
    const { data } = frame;
    const index = data[data.length - 1];
    let slot = this.#ring.get(index);
    if (!slot) throw new Error('no key');
    const header = data.subarray(0, clearLength(frame));
    const end = data.length - 2 - IV_LENGTH;
    if (data[data.length - 2] !== IV_LENGTH || end - header.length < TAG_LENGTH) {
      throw new Error('malformed');
    }
    const algorithm = {
      name: 'AES-GCM', iv: data.subarray(end, end + IV_LENGTH), additionalData: header,
    };
    for (let step = 0; step <= WINDOW; step++, slot = await nextKey(slot)) {
      try {
        const opened = await crypto.subtle.decrypt(
          algorithm, slot.key, data.subarray(header.length, end));
        if (step > 0) this.#ring.set(index, slot);
        return Uint8Array.of(...header, ...new Uint8Array(opened));
      } catch { /* the sender may have ratcheted */ }
    }
    throw new Error('decryption failed');
  }
}

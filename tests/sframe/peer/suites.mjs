// SPDX-License-Identifier: LGPL-2.1-or-later
// Cipher suites of RFC 9605 (section 4.5) and of draft-barnes-sframe-iana-256.
import {
  createCipheriv, createDecipheriv, createHmac, timingSafeEqual,
} from 'node:crypto';

const COUNTER_START = Buffer.alloc(4); // behind the nonce, in a counter block

function be64(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
}

// ---- AES-CTR with HMAC, section 4.5.1

function makeCtrHmac({ id, aesBits, hash, hashSize, tagSize }) {
  const aesSize = aesBits / 8;
  const cipher = `aes-${aesBits}-ctr`;
  const tagOf = (key, nonce, aad, ciphertext) => createHmac(hash, key.subarray(aesSize))
    .update(be64(aad.length)).update(be64(ciphertext.length)).update(be64(tagSize))
    .update(nonce).update(aad).update(ciphertext)
    .digest().subarray(0, tagSize);
  const startOf = (nonce) => Buffer.concat([nonce, COUNTER_START]);
  return {
    id, hash, hashSize, tagSize, keySize: aesSize + hashSize,
    seal(key, nonce, aad, plaintext) {
      const aes = createCipheriv(cipher, key.subarray(0, aesSize), startOf(nonce));
      const ciphertext = Buffer.concat([aes.update(plaintext), aes.final()]);
      return Buffer.concat([ciphertext, tagOf(key, nonce, aad, ciphertext)]);
    },
    open(key, nonce, aad, sealed) {
      const ciphertext = sealed.subarray(0, -tagSize);
      const wanted = tagOf(key, nonce, aad, ciphertext);
      if (!timingSafeEqual(wanted, sealed.subarray(-tagSize))) throw new Error('bad tag');
      const aes = createDecipheriv(cipher, key.subarray(0, aesSize), startOf(nonce));
      return Buffer.concat([aes.update(ciphertext), aes.final()]);
    },
  };
}

// ---- AES-GCM, section 4.5.2

const GCM_TAG = 16;

function makeGcm({ id, aesBits, hash, hashSize }) {
  const cipher = `aes-${aesBits}-gcm`;
  return {
    id, hash, hashSize, tagSize: GCM_TAG, keySize: aesBits / 8,
    seal(key, nonce, aad, plaintext) {
      const aes = createCipheriv(cipher, key, nonce).setAAD(aad);
      return Buffer.concat([aes.update(plaintext), aes.final(), aes.getAuthTag()]);
    },
    open(key, nonce, aad, sealed) {
      const aes = createDecipheriv(cipher, key, nonce, { authTagLength: GCM_TAG })
        .setAAD(aad).setAuthTag(sealed.subarray(-GCM_TAG));
      return Buffer.concat([aes.update(sealed.subarray(0, -GCM_TAG)), aes.final()]);
    },
  };
}

const SHA256 = { hash: 'sha256', hashSize: 32 };
const SHA512 = { hash: 'sha512', hashSize: 64 };

/** By number. seal() and open() take key, nonce, AAD and bytes; open() throws when the tag is bad. */
export const SUITES = {
  1: makeCtrHmac({ id: 1, aesBits: 128, ...SHA256, tagSize: 10 }),
  2: makeCtrHmac({ id: 2, aesBits: 128, ...SHA256, tagSize: 8 }),
  3: makeCtrHmac({ id: 3, aesBits: 128, ...SHA256, tagSize: 4 }),
  4: makeGcm({ id: 4, aesBits: 128, ...SHA256 }),
  5: makeGcm({ id: 5, aesBits: 256, ...SHA512 }),
  6: makeCtrHmac({ id: 6, aesBits: 256, ...SHA512, tagSize: 10 }),
  7: makeCtrHmac({ id: 7, aesBits: 256, ...SHA512, tagSize: 8 }),
  8: makeCtrHmac({ id: 8, aesBits: 256, ...SHA512, tagSize: 4 }),
};

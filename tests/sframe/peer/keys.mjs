// SPDX-License-Identifier: LGPL-2.1-or-later
// Keys: RFC 9605, sections 4.4.2 and 5.1, and the keys of streams of draft-ietf-avtcore-rtp-sframe.
import { createHmac } from 'node:crypto';

const NONCE_SIZE = 12;

/** HKDF of RFC 5869 in its two steps; node:crypto has them only together. */
export function extract(hash, salt, secret) {
  return createHmac(hash, salt).update(secret).digest();
}

export function expand(hash, secret, info, size) {
  const blocks = [];
  let last = Buffer.alloc(0);
  for (let have = 0; have < size; have += last.length) {
    last = createHmac(hash, secret)
      .update(last).update(info).update(Buffer.from([blocks.length + 1])).digest();
    blocks.push(last);
  }
  return Buffer.concat(blocks).subarray(0, size);
}

/** The base key of the stream with that SSRC. */
export function streamKey({ hash, hashSize }, baseKey, ssrc) {
  const salt = Buffer.alloc(4);
  salt.writeUInt32BE(ssrc);
  return expand(hash, extract(hash, salt, baseKey), 'SFrame 1.0 RTP Stream', hashSize);
}

/** The base key of the next step. */
export function ratcheted({ hash, hashSize }, baseKey) {
  return expand(hash, extract(hash, '', baseKey), 'SFrame 1.0 Ratchet', hashSize);
}

function labelled(text, kid, suite) {
  const numbers = Buffer.alloc(10);
  numbers.writeBigUInt64BE(kid);
  numbers.writeUInt16BE(suite.id, 8);
  return Buffer.concat([Buffer.from(text), numbers]);
}

/** Key and salt that frames with that KID (a BigInt) are encrypted with. */
export function frameKey(suite, baseKey, kid) {
  const { hash, keySize } = suite;
  const secret = extract(hash, '', baseKey);
  return {
    key: expand(hash, secret, labelled('SFrame 1.0 Secret key ', kid, suite), keySize),
    salt: expand(hash, secret, labelled('SFrame 1.0 Secret salt ', kid, suite), NONCE_SIZE),
  };
}

/** The salt, XORed with the counter (a BigInt) as a big-endian number. */
export function nonceOf(salt, counter) {
  const nonce = Buffer.from(salt);
  const low = nonce.readBigUInt64BE(NONCE_SIZE - 8) ^ counter;
  nonce.writeBigUInt64BE(low, NONCE_SIZE - 8);
  return nonce;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Our own transforms of Jitsi's format and of SFrame against known answers, before they are used to
// judge anything else.
import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { JitsiCryptor } from '../page/jitsi.js';
import { deriveKey, makeHeader, protect, readHeader, unprotect } from '../page/sframe.js';

globalThis.crypto ??= webcrypto; // Node 18

const bytes = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (data) => Buffer.from(data).toString('hex');

function expect(condition, id, what) {
  if (!condition) throw new Error(`known answer ${id}: ${what}`);
}

async function jitsi(folder) {
  const records = JSON.parse(readFileSync(`${folder}/jitsi-frames.json`));
  let checked = 0;
  for (const record of records) {
    // Longer ones are given by a recipe, and empty ones are an error of the peer.
    if (!record.ciphertextHex || !record.plaintextHex) continue;
    const cryptor = new JitsiCryptor();
    const { index, ratchets, valueHex } = record.key;
    await cryptor.setKey(index, bytes(valueHex), true);
    for (let step = 0; step < ratchets; step++) await cryptor.ratchet(index % 16);
    expect(hex(cryptor.rawKey(index % 16)) === record.derived.keyHex, record.id, 'another key');
    cryptor.presetCount(record.ssrc, record.sendCount);
    const { media, frameType: type, ssrc, timestamp } = record;
    const frame = { media, type, ssrc, timestamp };
    const sealed = await cryptor.encrypt({ ...frame, data: bytes(record.plaintextHex) });
    expect(hex(sealed) === record.ciphertextHex, record.id, 'another ciphertext');
    const opened = await cryptor.decrypt({ ...frame, data: sealed });
    expect(hex(opened) === record.plaintextHex, record.id, 'another plaintext');
    checked++;
  }
  return checked;
}

async function sframe(folder) {
  const records = JSON.parse(readFileSync(`${folder}/sframe-official.json`));
  let checked = 0;
  for (const { kid, ctr, encoded } of records.header) {
    expect(hex(makeHeader(BigInt(kid), BigInt(ctr))) === encoded, encoded, 'another header');
    const read = readHeader(bytes(encoded));
    expect(read.kid === BigInt(kid) && read.counter === BigInt(ctr), encoded, 'read otherwise');
    checked++;
  }
  for (const record of records.sframe.filter(({ cipher_suite: suite }) => suite === 4)) {
    const kid = BigInt(record.kid);
    const key = await deriveKey(bytes(record.base_key), kid);
    const metadata = bytes(record.metadata);
    const sealed = await protect(key, kid, BigInt(record.ctr), metadata, bytes(record.pt));
    expect(hex(sealed) === record.ct, record.kid, 'another ciphertext');
    const opened = await unprotect(key, metadata, sealed);
    expect(hex(opened) === record.pt, record.kid, 'another plaintext');
    checked++;
  }
  return checked;
}

export const knownAnswers = { jitsi, sframe };

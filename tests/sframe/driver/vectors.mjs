// SPDX-License-Identifier: LGPL-2.1-or-later
// The peer against known answers, before it is used to judge anything else.
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { makeHeader, readHeader } from '../peer/header.mjs';
import { frameKey, streamKey } from '../peer/keys.mjs';
import { Joiner, split } from '../peer/payload.mjs';
import { openFrame, sealFrame } from '../peer/sframe.mjs';
import { SUITES } from '../peer/suites.mjs';

const NONE = Buffer.alloc(0);
const PAYLOAD_TYPE = 96;
const bytes = (hex) => Buffer.from(hex, 'hex');

function same(got, wanted, what) {
  if (got.toString('hex') !== wanted) throw new Error(`${what} is ${got.toString('hex')}`);
}

function refused(open, what) {
  try {
    open();
  } catch {
    return;
  }
  throw new Error(`${what} was opened`);
}

/** Every bit of the tag counts, and of what is in front of it. */
function refusesChanges(suite, key, metadata, sealed, what) {
  for (const at of [0, sealed.length >> 1, sealed.length - suite.tagSize, sealed.length - 1]) {
    const changed = Buffer.from(sealed);
    changed[at] ^= 1;
    refused(() => openFrame(suite, () => key, metadata, changed), `${what} with byte ${at} changed`);
  }
}

function checkHeader({ kid, ctr, encoded }) {
  same(makeHeader(BigInt(kid), BigInt(ctr)), encoded, `header of ${kid}, ${ctr}`);
  const read = readHeader(bytes(encoded));
  if (read.kid !== BigInt(kid) || read.counter !== BigInt(ctr)) {
    throw new Error(`header ${encoded} is read as ${read.kid}, ${read.counter}`);
  }
}

function checkAead(record) {
  const suite = SUITES[record.cipher_suite];
  const [key, nonce, aad] = [record.key, record.nonce, record.aad].map(bytes);
  same(suite.seal(key, nonce, aad, bytes(record.pt)), record.ct, `ciphertext of suite ${suite.id}`);
  same(suite.open(key, nonce, aad, bytes(record.ct)), record.pt, `plaintext of suite ${suite.id}`);
}

function checkFrame(record) {
  const suite = SUITES[record.cipher_suite];
  const kid = BigInt(record.kid);
  const key = frameKey(suite, bytes(record.base_key), kid);
  const metadata = bytes(record.metadata);
  const what = `suite ${suite.id}`;
  same(key.key, record.sframe_key, `key, ${what}`);
  same(key.salt, record.sframe_salt, `salt, ${what}`);
  const sealed = sealFrame(suite, key, kid, BigInt(record.ctr), metadata, bytes(record.pt));
  same(sealed, record.ct, `frame, ${what}`);
  same(openFrame(suite, () => key, metadata, sealed), record.pt, `plaintext, ${what}`);
  refusesChanges(suite, key, metadata, sealed, what);
}

function checkStreamKeys(record) {
  const suite = SUITES[record.cipher_suite];
  for (const stream of ['a', 'b']) {
    const key = streamKey(suite, bytes(record.base_key), record[`ssrc_${stream}`]);
    same(key, record[`stream_key_${stream}`], `key of stream ${stream}, suite ${suite.id}`);
  }
}

/** The payloads, sent with numbers that wrap around, and with padding between them. */
function joined(payloads) {
  const joiner = new Joiner();
  let sequence = 0xffff;
  let result = null;
  for (const payload of payloads) {
    for (const part of [payload, NONE]) {
      result ??= joiner.take({ sequence, payloadType: PAYLOAD_TYPE, payload: part });
      sequence = (sequence + 1) & 0xffff;
    }
  }
  return result.ciphertext;
}

function checkRtp(record) {
  const suite = SUITES[record.cipher_suite];
  const { name } = record;
  const kid = BigInt(record.kid);
  const base = bytes(record.base_key);
  const stream = record.per_ssrc ? streamKey(suite, base, record.ssrc) : base;
  if (record.per_ssrc) same(stream, record.stream_key, `${name}: key of the stream`);
  const key = frameKey(suite, stream, kid);
  const sealed = sealFrame(suite, key, kid, BigInt(record.ctr), NONE, bytes(record.pt));
  same(sealed, record.sframe, `${name}: ciphertext`);
  const payloads = split(sealed, record.max_payload);
  same(Buffer.concat(payloads), record.rtp_payloads.join(''), `${name}: payloads`);
  same(joined(record.rtp_payloads.map(bytes)), record.sframe, `${name}: put together`);
  same(openFrame(suite, () => key, NONE, sealed), record.pt, `${name}: plaintext`);
}

const CHECKS = {
  'SFrame headers': [({ official }) => official.header, checkHeader],
  'AES-CTR with HMAC': [({ official }) => [
    ...official.aes_ctr_hmac, ...official.extra_aes256.aes_256_ctr_hmac,
  ], checkAead],
  'SFrame frames': [({ official }) => [
    ...official.sframe, ...official.extra_aes256.sframe_aes_256_ctr_hmac,
  ], checkFrame],
  'keys of streams': [({ rtp }) => rtp.sframe_per_ssrc_key_derivation, checkStreamKeys],
  'SFrame over RTP': [({ rtp }) => rtp.sframe_rtp, checkRtp],
};

/** Each answers how many records it checked. */
export function vectorChecks(folder) {
  const read = (name) => JSON.parse(readFileSync(path.join(folder, `${name}.json`)));
  const files = { official: read('sframe-official'), rtp: read('sframe-rtp') };
  return Object.entries(CHECKS).map(([name, [recordsOf, check]]) => [name, () => {
    const records = recordsOf(files);
    if (!records.length) throw new Error('no records');
    records.forEach(check);
    return records.length;
  }]);
}

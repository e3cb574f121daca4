// SPDX-License-Identifier: LGPL-2.1-or-later
// The transforms of examples/browser against known answers, before they are used to judge anything
// else.
import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';

globalThis.crypto ??= webcrypto; // Node 18
const {
  TrailerCryptor, deriveSFrameKey, makeCryptor, makeSFrameHeader, protectSFrame, readSFrameHeader,
  unprotectSFrame,
} = await import('../../../examples/browser/page/formats.js');

const bytes = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (data) => Buffer.from(data).toString('hex');

function expect(condition, id, what) {
  if (!condition) throw new Error(`known answer ${id}: ${what}`);
}

const carried = ({ codec, media }) => media === 'audio' || ['vp8', 'vp9'].includes(codec);

// Longer frames are given by a recipe, and empty ones are an error of the peers or passed on.
const isWhole = (record) => record.ciphertextHex && record.plaintextHex && carried(record);

async function trailer(scheme, file) {
  let checked = 0;
  for (const record of JSON.parse(readFileSync(file)).filter(isWhole)) {
    const { index, ratchets, salt, keySize, ringSize, value, valueHex } = record.key;
    const cryptor = new TrailerCryptor(scheme, { salt, keyBits: keySize, ringSize });
    const slot = index % ringSize;
    const key = valueHex === undefined ? { passphrase: value } : { bytes: bytes(valueHex) };
    await cryptor.setKey(index, key, true);
    for (let step = 0; step < ratchets; step++) await cryptor.ratchet(slot);
    expect(hex(cryptor.rawKey(slot)) === record.derived.keyHex, record.id, 'another key');
    const frame = {
      media: record.media, codec: record.media === 'audio' ? 'opus' : record.codec,
      type: record.frameType ?? undefined,
    };
    const sealed = await cryptor.encrypt(
      { ...frame, data: bytes(record.plaintextHex) }, bytes(record.ivHex));
    expect(hex(sealed) === record.ciphertextHex, record.id, 'another ciphertext');
    const opened = await cryptor.decrypt({ ...frame, data: bytes(record.ciphertextHex) });
    expect(hex(opened) === record.plaintextHex, record.id, 'another plaintext');
    sealed[sealed.length >> 1] ^= 1;
    const refused = await cryptor.decrypt({ ...frame, data: sealed }).then(() => false, () => true);
    expect(refused, record.id, 'a changed frame was opened');
    checked++;
  }
  if (checked === 0) throw new Error(`${file} holds no frame for this`);
  return checked;
}

async function sframe(folder) {
  const records = JSON.parse(readFileSync(`${folder}/sframe-official.json`));
  let checked = 0;
  for (const { kid, ctr, encoded } of records.header) {
    expect(hex(makeSFrameHeader(BigInt(kid), BigInt(ctr))) === encoded, encoded, 'another header');
    const read = readSFrameHeader(bytes(encoded));
    expect(read.kid === BigInt(kid) && read.counter === BigInt(ctr), encoded, 'read otherwise');
    checked++;
  }
  for (const record of records.sframe.filter(({ cipher_suite: suite }) => suite === 4)) {
    const kid = BigInt(record.kid);
    const key = await deriveSFrameKey(bytes(record.base_key), kid);
    const metadata = bytes(record.metadata);
    const sealed = await protectSFrame(key, kid, BigInt(record.ctr), metadata, bytes(record.pt));
    expect(hex(sealed) === record.ct, record.kid, 'another ciphertext');
    const opened = await unprotectSFrame(key, metadata, sealed);
    expect(hex(opened) === record.pt, record.kid, 'another plaintext');
    checked++;
  }
  return checked;
}

/** A key that becomes current while a frame is being encrypted is that of the next one. */
async function keyWithinFrame() {
  const schemes = ['livekit', 'realtimekit', 'jitsi', 'sframe'];
  const { subtle } = crypto;
  for (const scheme of schemes) {
    const [sender, receiver] = [makeCryptor(scheme), makeCryptor(scheme)];
    const keys = [1, 2].map((byte) => ({ bytes: new Uint8Array(32).fill(byte) }));
    for (const [index, key] of keys.entries()) await receiver.setKey(index, key, false);
    await sender.setKey(0, keys[0], true);
    subtle.encrypt = async (...rest) => {
      delete subtle.encrypt; // the prototype has it
      await sender.setKey(1, keys[1], true);
      return subtle.encrypt(...rest);
    };
    const frame = { media: 'video', codec: 'vp8', type: 'key', data: new Uint8Array(100).fill(7) };
    const data = await sender.encrypt(frame);
    const opened = await receiver.decrypt({ ...frame, data }).catch(() => new Uint8Array());
    expect(hex(opened) === hex(frame.data), scheme, 'not under the key that it names');
  }
  return schemes.length;
}

const TRAILERS = {
  livekit: ['livekit', 'livekit-frames'],
  'livekit, real frames': ['livekit', 'livekit-realframes'],
  realtimekit: ['realtimekit', 'realtimekit-frames'],
  jitsi: ['jitsi', 'jitsi-frames'],
};

/** Each takes the folder of the vectors and answers how many it checked. */
export const knownAnswers = { sframe, 'a key that changes': keyWithinFrame };
for (const [name, [scheme, file]] of Object.entries(TRAILERS)) {
  knownAnswers[name] = (folder) => trailer(scheme, `${folder}/${file}.json`);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// The SFrame header: RFC 9605, section 4.3.

const FIELD_MAX = 8; // the first value that does not fit into the config byte

/** Big-endian, in as few bytes as can be. */
function bytesOf(number) {
  const digits = number.toString(16);
  return Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
}

/** The four bits of the config byte, and the bytes behind it. */
function fieldOf(number) {
  if (number < FIELD_MAX) return { bits: Number(number), bytes: Buffer.alloc(0) };
  const bytes = bytesOf(number);
  return { bits: 8 | (bytes.length - 1), bytes };
}

/** KID and counter are BigInts. */
export function makeHeader(kid, counter) {
  const first = fieldOf(kid);
  const second = fieldOf(counter);
  const config = Buffer.from([(first.bits << 4) | second.bits]);
  return Buffer.concat([config, first.bytes, second.bytes]);
}

/** {kid, counter, size}; throws when there is none, or when it is longer than it has to be. */
export function readHeader(data) {
  let at = 1;
  const read = (bits) => {
    if (bits < FIELD_MAX) return BigInt(bits);
    const bytes = data.subarray(at, at + (bits & 7) + 1);
    at += (bits & 7) + 1;
    return BigInt(`0x${bytes.toString('hex') || '0'}`);
  };
  if (data.length === 0) throw new Error('no SFrame header');
  const kid = read(data[0] >> 4);
  const counter = read(data[0] & 15);
  if (at > data.length) throw new Error('the SFrame header is cut off');
  if (makeHeader(kid, counter).length !== at) throw new Error('the SFrame header is too long');
  return { kid, counter, size: at };
}

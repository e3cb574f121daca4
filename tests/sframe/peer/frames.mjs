// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames by their hashes, as tests/sframe/gst/frames.py has them, and both forms of H.264 and H.265.
import { createHash } from 'node:crypto';

const START_CODE = Buffer.from([0, 0, 1]);
const ZERO = 0;

/** NAL units of a byte stream. */
function nalUnits(data) {
  const units = [];
  for (let start = data.indexOf(START_CODE); start >= 0;) {
    const next = data.indexOf(START_CODE, start + 3);
    let end = next < 0 ? data.length : next;
    while (data[end - 1] === ZERO) end--;
    units.push(data.subarray(start + 3, end));
    start = next;
  }
  return units;
}

/** Each NAL unit behind its length, in four bytes, instead of start codes. */
export function withLengths(data) {
  return Buffer.concat(nalUnits(data).flatMap((unit) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(unit.length);
    return [length, unit];
  }));
}

export const shortHash = (data) => createHash('sha256').update(data).digest('hex').slice(0, 16);

/** How hashes and plaintext are made of a codec's frames. */
export function formOf(codec, nalFormat) {
  const isNal = ['h264', 'h265'].includes(codec);
  const lengths = nalFormat === 'length4';
  return {
    plaintextOf: (frame) => (isNal && lengths ? withLengths(frame) : frame),
    hashOf: (plaintext) => shortHash(isNal && !lengths ? withLengths(plaintext) : plaintext),
  };
}

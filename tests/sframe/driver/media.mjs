// SPDX-License-Identifier: LGPL-2.1-or-later
// What the peer sends: it has no encoder, so GStreamer's encoders make it before the call.
import { formOf, shortHash } from '../peer/frames.mjs';

const COUNT = 32; // pictures; all phases of what is shown
const PACKET_SIZE = 600; // of codecs' own RTP packets, which are split once more when encrypted

/** Each frame is one part. */
function ofFrames(frames, { codec, nalFormat }) {
  const { plaintextOf, hashOf } = formOf(codec, nalFormat);
  const isVideo = codec !== 'opus';
  return frames.map(({ data }) => {
    const plaintext = plaintextOf(Buffer.from(data, 'base64'));
    return [{ plaintext, hash: hashOf(plaintext), marker: isVideo }];
  });
}

/** Packets by the frames that they are of. */
function ofPackets(packets) {
  const frames = [];
  let last = null;
  for (const { data, timestamp, marker } of packets) {
    if (timestamp !== last) frames.push([]);
    last = timestamp;
    const plaintext = Buffer.from(data, 'base64');
    frames.at(-1).push({ plaintext, marker, hash: shortHash(plaintext) });
  }
  return frames;
}

export class Media {
  #made = new Map();

  #encoded(gst, codec, mtu) {
    const name = `${codec} ${mtu}`;
    if (!this.#made.has(name)) {
      const made = gst.ask('encode', { codec, count: COUNT, mtu });
      made.catch(() => this.#made.delete(name)); // another cell may have more luck
      this.#made.set(name, made);
    }
    return this.#made.get(name);
  }

  /** As Outgoing takes them. */
  async of(gst, cell) {
    const { parts, keys } = await this.#encoded(
      gst, cell.codec, cell.perPacket ? PACKET_SIZE : null);
    const frames = cell.perPacket ? ofPackets(parts) : ofFrames(parts, cell);
    return frames.map((frame, index) => ({ parts: frame, isKey: keys[index] }));
  }
}

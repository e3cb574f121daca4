// SPDX-License-Identifier: LGPL-2.1-or-later
// What is tried.

// How keys are made: of the base key itself or of each stream, and what a KID says.
const DRAWN = { perSsrc: false, ratchetBits: 0 }; // our own KIDs: bits drawn, key index, step
const STREAMS = { perSsrc: true, ratchetBits: 8 }; // as cameras have them: generation, step
const LOSS = { lose: 20 }; // 5 %
const REORDERING = { delay: 7 };

const VIDEO = ['h264', 'h265', 'av1', 'vp8', 'vp9'];
const MANNERS = [DRAWN, STREAMS];
// Sound alone may have suite 8, whose tag is short.
const suitesOf = (codec) => (codec === 'opus' ? [4, 8] : [4, 6]);

const crossed = (codecs) => codecs.flatMap((codec) => suitesOf(codec).flatMap(
  (suite) => MANNERS.map((manner) => ({ codec, suite, ...manner }))));

// Both directions have all of these.
const FRAMES = [
  ...crossed([...VIDEO, 'opus']),
  { codec: 'h264', suite: 6, ...STREAMS, nalFormat: 'length4' },
  { codec: 'h265', suite: 4, ...DRAWN, nalFormat: 'length4' },
  { codec: 'h264', suite: 6, ...STREAMS, fault: 'loss', faults: LOSS },
  { codec: 'av1', suite: 4, ...DRAWN, fault: 'loss', faults: LOSS },
  { codec: 'opus', suite: 8, ...DRAWN, fault: 'loss', faults: LOSS },
  { codec: 'h265', suite: 4, ...STREAMS, fault: 'reordering', faults: REORDERING },
  { codec: 'vp8', suite: 6, ...DRAWN, fault: 'reordering', faults: REORDERING },
];

// GStreamer receives these only.
const PACKETS = [
  ...crossed(['h264', 'vp8', 'opus']),
  { codec: 'h264', suite: 6, ...STREAMS, fault: 'loss', faults: LOSS },
  { codec: 'vp8', suite: 4, ...DRAWN, fault: 'reordering', faults: REORDERING },
];

// The words of build/interop.json.
const DIRECTIONS = ['to-browser', 'from-browser'];
const PLACES = { 'to-browser': 'to-peer', 'from-browser': 'from-peer' };

function named(cell) {
  const { codec, direction, perPacket, suite, perSsrc, nalFormat, fault } = cell;
  const words = [
    codec, PLACES[direction], perPacket ? 'per-packet' : 'per-frame', `suite-${suite}`,
    perSsrc ? 'stream-keys' : 'base-keys', ...[nalFormat ?? [], fault ?? []].flat(),
  ];
  return { ...cell, name: words.join('/') };
}

export function matrix() {
  const frames = FRAMES.flatMap((row) =>
    DIRECTIONS.map((direction) => ({ ...row, direction, perPacket: false })));
  const packets = PACKETS.map((row) => ({ ...row, direction: 'from-browser', perPacket: true }));
  return [...frames, ...packets].map(named);
}

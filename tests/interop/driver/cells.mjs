// SPDX-License-Identifier: LGPL-2.1-or-later
// What is tried: a line for each scheme and API, times codec, direction and with or without an SFU.

const CHROMIUM = [
  { peer: 'livekit', api: 'script', codecs: ['vp8', 'vp9', 'opus', 'h264'] },
  { peer: 'livekit', api: 'streams', codecs: ['vp8', 'vp9', 'opus', 'h264'] },
  { peer: 'realtimekit', api: 'script', codecs: ['vp8', 'vp9', 'opus'] },
  { peer: 'jitsi', api: 'script', codecs: ['vp8', 'vp9', 'opus'] },
  { peer: 'sframe', api: 'script', codecs: ['vp8', 'vp9', 'opus'] },
];
const SVC = { peer: 'livekit', api: 'script', codec: 'vp9', svc: 'L3T3_KEY' };
// It has no createEncodedStreams, no H.264 as Debian has it, and no spatial layers.
const FIREFOX = CHROMIUM.filter(({ api }) => api === 'script').map(
  ({ codecs, ...row }) => ({ ...row, codecs: codecs.filter((codec) => codec !== 'h264') }));
const NATIVE = ['pbkdf2', 'hkdf'].map((kdf) => (
  { peer: 'livekit', api: 'native', kdf, codecs: ['vp8', 'vp9', 'opus', 'h264'] }));
// Opus with RED inside the encryption. LiveKit's client in browsers turns it off, mobile ones do not.
const RED = { peer: 'livekit', api: 'script', codec: 'red', sfu: false };
const CLIENTS = {
  chromium: { rows: CHROMIUM, plain: ['vp8', 'vp9', 'opus', 'h264'], extra: [SVC, RED] },
  firefox: { rows: FIREFOX, plain: ['vp8', 'vp9', 'opus'], extra: [] },
  native: { rows: NATIVE, extra: [], direct: true },
};
const DIRECTIONS = ['to-browser', 'from-browser'];

// What makes keys of a scheme, and what its peer can do.
export const SCHEMES = {
  livekit: { key: 'passphrase', ratchet: { 'to-browser': true, 'from-browser': true } },
  // Its worker lets no application ratchet the key that it sends with; dies of an index whose key
  // it has not derived yet, so a sender gets all keys before; and hands what it cannot decrypt to
  // the decoder: there, frames that show the picture are counted.
  realtimekit: {
    key: 'passphrase', ratchet: { 'to-browser': true, 'from-browser': false }, forwards: true,
    keysBefore: true,
  },
  jitsi: { key: 'hex', ratchet: { 'to-browser': true, 'from-browser': true } },
  sframe: { key: 'hex', ratchet: { 'to-browser': true, 'from-browser': true } },
};

function named(cell) {
  const where = cell.sfu ? 'sfu' : 'direct';
  const codec = cell.svc ? `${cell.codec}-${cell.svc}` : cell.codec;
  const how = cell.kdf ? `${cell.api}-${cell.kdf}` : cell.api;
  const name = [cell.peer, how, codec, cell.direction, where, cell.client].join('/');
  return { ...cell, name };
}

function bothWays(row, codecs) {
  return codecs.flatMap((codec) => DIRECTIONS.map((direction) => ({ ...row, codec, direction })));
}

/** The cells of a client: 'chromium', 'firefox' or 'native'. */
export function matrix(client) {
  const { rows, extra, direct } = CLIENTS[client];
  return (direct ? [false] : [false, true]).flatMap((sfu) => [
    ...rows.flatMap(({ codecs, ...row }) => bothWays({ ...row, client, sfu }, codecs)),
    ...extra.filter((row) => row.sfu === undefined || row.sfu === sfu)
      .map((row) => ({ ...row, client, direction: 'from-browser', sfu })),
  ]).map(named);
}

/** The same calls of a browser without encryption, to compare times, and to see that the spy sees. */
export function plainCells(client) {
  return [false, true].flatMap(
    (sfu) => bothWays({ peer: 'none', api: '-', client, sfu }, CLIENTS[client].plain)).map(named);
}

/** Why this plugin cannot do a cell, which then fails, or null. */
export function problem(cell, { elements, problems }) {
  if (cell.peer === 'none') return null;
  for (const name of ['e2eeencrypt', 'e2eedecrypt']) {
    if (!elements[name]) return `no element ${name}`;
  }
  if (problems[cell.peer][cell.codec]) return problems[cell.peer][cell.codec];
  const sending = cell.direction === 'to-browser';
  const opaque = cell.peer === 'sframe' || (cell.peer === 'livekit' && cell.codec === 'vp9');
  const needed = cell.svc ? ['rtpe2eedepay', 'e2eevp9merge'] : [];
  if (cell.codec === 'red') needed.push('rtpe2eedepay', 'e2eereddec');
  if (sending && opaque) needed.push('rtpe2eepay');
  const missing = needed.find((name) => !elements[name]);
  if (missing) return `no element ${missing}`;
  return null;
}

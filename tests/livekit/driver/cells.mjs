// SPDX-License-Identifier: LGPL-2.1-or-later
// What is tried: for each client and way of using keys the codecs, from the room into our recorder
// and from our publisher into the client; and some calls of clients among themselves.

const VIDEO = ['vp8', 'vp9', 'h264'];
const LAYERED = ['vp8', 'vp9']; // simulcast and SVC

const ROWS = [
  { client: 'livekit-client', program: 'js', settings: 'passphrase', layers: true,
    codecs: [...VIDEO, 'opus'] },
  { client: 'livekit-client', program: 'js', settings: 'element-call', codecs: ['vp8', 'opus'] },
  { client: 'rtc-node', program: 'node', settings: 'passphrase', codecs: [...VIDEO, 'opus'] },
  { client: 'rtc-node', program: 'node', settings: 'raw-pbkdf2', codecs: ['vp8', 'opus'],
    full: VIDEO },
  { client: 'rtc-node', program: 'node', settings: 'raw-hkdf', codecs: ['vp8', 'opus'],
    full: VIDEO },
  { client: 'server-sdk-go', program: 'go', settings: 'passphrase', codecs: ['h264', 'opus'] },
];

// That the clients understand each other here, each once in each direction.
const CONTROLS = [
  { sender: 'node', receiver: 'js', codec: 'vp8', settings: 'passphrase' },
  { sender: 'js', receiver: 'node', codec: 'vp9', settings: 'passphrase', layers: true },
  { sender: 'js', receiver: 'js', codec: 'vp8', settings: 'element-call', layers: true },
  { sender: 'node', receiver: 'node', codec: 'opus', settings: 'raw-pbkdf2' },
  { sender: 'go', receiver: 'node', codec: 'h264', settings: 'passphrase' },
  { sender: 'go', receiver: 'go', codec: 'opus', settings: 'passphrase' },
  { sender: 'js', receiver: 'go', codec: 'h264', settings: 'passphrase' },
];

const named = (name, cell) => ({ ...cell, name: name.join('/') });

function cellsOf({ client, program, settings, layers, codecs, full }, all) {
  return [...new Set([...codecs, ...(all ? full ?? [] : [])])].flatMap((codec) => [
    named([client, settings, codec, 'from-room'], {
      client, codec, settings, direction: 'from-room', sender: program, receiver: 'recorder',
      layers: Boolean(layers) && LAYERED.includes(codec),
    }),
    named([client, settings, codec, 'to-room'], {
      client, codec, settings, direction: 'to-room', sender: 'publish', receiver: program,
    }),
  ]);
}

export const controls = () => CONTROLS.map((cell) => named(
  ['control', `${cell.sender}-to-${cell.receiver}`, cell.settings, cell.codec], cell));

/** all: with every codec for every way of using keys. */
export const matrix = ({ all }) => ROWS.flatMap((row) => cellsOf(row, all));

/** What tests/livekit/webrtcsrc.sh tries. */
export const webrtcsrc = () => [...VIDEO, 'opus'].map((codec) => named(
  ['livekitwebrtcsrc', codec],
  { sender: 'node', receiver: 'webrtcsrc', codec, settings: 'passphrase', client: 'rtc-node', direction: 'from-room' },
));

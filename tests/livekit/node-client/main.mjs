// SPDX-License-Identifier: LGPL-2.1-or-later
// @livekit/rtc-node, and with it the FrameCryptor of the native SDKs, behind the protocol of
// driver/clients.mjs: main.mjs FOLDER-OF-NODE-MODULES
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Player, Viewer } from './media.mjs';

const modules = process.argv[2];
const livekit = createRequire(path.join(modules, 'x'))('@livekit/rtc-node');
const { EncryptionType, Room, RoomEvent } = livekit;
const CHAT = 'chat';
const KDF = { pbkdf2: 0, hkdf: 1 };

const room = new Room();
let identity;
let player;
const tracks = [];
const messages = [];
const errors = [];

const bytesOf = ({ passphrase, hex }) => (
  passphrase === undefined ? Buffer.from(hex, 'hex') : Buffer.from(passphrase));

function listen() {
  room.on(RoomEvent.TrackSubscribed, (track, { sid }, participant) => {
    const viewer = new Viewer(livekit, track);
    tracks.push({ participant: participant.identity, sid, viewer });
  });
  room.on(RoomEvent.DataReceived, (payload, participant, _kind, topic, encryption) => {
    if (topic !== CHAT) return;
    const text = new TextDecoder().decode(payload);
    messages.push({ from: participant?.identity, text, encrypted: Boolean(encryption) });
  });
  room.on(RoomEvent.EncryptionError, ({ message }) => errors.push(message));
}

function useKey(index) {
  for (const cryptor of room.e2eeManager.frameCryptors()) {
    if (cryptor.participantIdentity === identity) cryptor.setKeyIndex(index);
  }
}

function addKey({ index, ...key }) {
  room.e2eeManager.keyProvider.setSharedKey(bytesOf(key), index);
}

const commands = {
  async join({ url, token, settings, given: [{ key: first }, ...more] }) {
    listen();
    const encryption = {
      encryptionType: EncryptionType.GCM,
      keyProviderOptions: {
        sharedKey: bytesOf(first),
        ratchetWindowSize: settings.window,
        keyDerivationFunction: KDF[settings.kdf],
      },
    };
    await room.connect(url, token, { autoSubscribe: true, dynacast: true, encryption });
    ({ identity } = room.localParticipant);
    if (first.index !== 0) addKey(first);
    for (const { key } of more) addKey(key);
  },

  async publish({ codec }) {
    player = new Player(livekit, codec);
    const { sid } = await player.publish(room.localParticipant);
    return { sid };
  },

  'set-key': ({ key }) => {
    addKey(key);
    useKey(key.index);
  },

  async chat({ text }) {
    const bytes = new TextEncoder().encode(text);
    await room.localParticipant.publishData(bytes, { reliable: true, topic: CHAT });
  },

  stats: () => ({
    recording: room.isRecording,
    errors,
    messages,
    tracks: tracks.map(({ participant, sid, viewer }) => (
      { participant, sid, ...viewer.report() })),
  }),

  async leave() {
    player?.stop();
    await room.disconnect();
  },
};

async function answer(line) {
  const { id, op, ...request } = JSON.parse(line);
  try {
    if (!commands[op]) throw new Error(`cannot ${op}`);
    return { id, result: (await commands[op](request)) ?? null };
  } catch (error) {
    return { id, error: error.message };
  }
}

const lines = createInterface({ input: process.stdin });
lines.on('line', async (line) => process.stdout.write(`${JSON.stringify(await answer(line))}\n`));
lines.on('close', () => process.exit()); // the driver is done, or dead

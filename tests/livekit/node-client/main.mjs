// SPDX-License-Identifier: LGPL-2.1-or-later
// @livekit/rtc-node, and with it the FrameCryptor of the native SDKs, behind the protocol of
// driver/clients.mjs: main.mjs FOLDER-OF-NODE-MODULES
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Player, Viewer } from './media.mjs';

const modules = process.argv[2];
const require = createRequire(path.join(modules, 'x'));
const livekit = require('@livekit/rtc-node');
const { E2eeRequest, FrameCryptorSetKeyIndexRequest } = require('@livekit/rtc-ffi-bindings');
const { FfiClient } = require(path.join(modules, '@livekit/rtc-node/dist/ffi_client.cjs'));
const { EncryptionType, Room, RoomEvent } = livekit;
const DATA_TOPIC = 'chat';
const CHAT_TOPIC = 'lk.chat';
const KDF = { pbkdf2: 0, hkdf: 1 };

const room = new Room();
const players = new Map(); // by the sids of what they publish
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
  room.on(RoomEvent.DataReceived, (payload, participant, _kind, topic) => {
    if (topic !== DATA_TOPIC) return;
    messages.push({ from: participant?.identity, text: new TextDecoder().decode(payload) });
  });
  room.on(RoomEvent.ChatMessage, ({ message: text }, participant) => {
    messages.push({ from: participant?.identity, text });
  });
  room.registerTextStreamHandler(CHAT_TOPIC, async (reader, { identity: from }) => {
    messages.push({ from, text: await reader.readAll() });
  });
  room.on(RoomEvent.EncryptionError, ({ message }) => errors.push(message));
}

/** FrameCryptor.setKeyIndex() of this release leaves out the track, and is refused. */
function useKey(trackSid, keyIndex) {
  const value = new FrameCryptorSetKeyIndexRequest({
    participantIdentity: room.localParticipant.identity, trackSid, keyIndex,
  });
  const request = new E2eeRequest({
    roomHandle: room.e2eeManager.keyProvider.roomHandle,
    message: { case: 'cryptorSetKeyIndex', value },
  });
  FfiClient.instance.request({ message: { case: 'e2ee', value: request } });
}

function addKey({ index, ...key }) {
  room.e2eeManager.keyProvider.setSharedKey(bytesOf(key), index);
}

const say = {
  data: (self, text) => (
    self.publishData(new TextEncoder().encode(text), { reliable: true, topic: DATA_TOPIC })),
  stream: (self, text) => self.sendText(text, { topic: CHAT_TOPIC }),
  message: (self, text) => self.sendChatMessage(text),
};

const commands = {
  async join({ url, token, settings, given }) {
    listen();
    if (settings.plain) {
      await room.connect(url, token, { autoSubscribe: true, dynacast: true });
      return;
    }
    const [{ key: first }, ...more] = given;
    const encryption = {
      encryptionType: EncryptionType.GCM,
      keyProviderOptions: {
        sharedKey: bytesOf(first),
        ratchetWindowSize: settings.window,
        keyDerivationFunction: KDF[settings.kdf],
      },
    };
    await room.connect(url, token, { autoSubscribe: true, dynacast: true, encryption });
    if (first.index !== 0) addKey(first);
    for (const { key } of more) addKey(key);
  },

  async publish({ codec, screen }) {
    const player = new Player(livekit, codec, { screen });
    const { sid } = await player.publish(room.localParticipant);
    players.set(sid, player);
    return { sid };
  },

  async unpublish({ sid }) {
    players.get(sid).stop();
    players.delete(sid);
    await room.localParticipant.unpublishTrack(sid);
  },

  'set-key': ({ key }) => {
    addKey(key);
    for (const sid of players.keys()) useKey(sid, key.index);
  },

  async chat({ text, form = 'data' }) {
    await say[form](room.localParticipant, text);
  },

  ratchet: ({ key }) => {
    room.e2eeManager.keyProvider.ratchetSharedKey(key.index);
  },

  /** What came of the first track, decrypted or not. */
  async received() {
    const { subscriberStats } = await room.getRtcStats();
    const first = subscriberStats.find(({ stats }) => stats.case === 'inboundRtp');
    return { packets: Number(first?.stats.value.received.packetsReceived ?? 0) };
  },

  stats: () => ({
    recording: room.isRecording,
    others: [...room.remoteParticipants.keys()],
    errors,
    messages,
    tracks: tracks.map(({ participant, sid, viewer }) => (
      { participant, sid, ...viewer.report() })),
  }),

  async leave() {
    for (const player of players.values()) player.stop();
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

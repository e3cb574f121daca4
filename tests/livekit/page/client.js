// SPDX-License-Identifier: LGPL-2.1-or-later
// livekit-client with its own worker behind the protocol of driver/clients.mjs: window.calls.ask().
import { Room, RoomEvent, Track } from '/vendor/livekit-client.js';
import { Seen, pictureTrack, toneTrack } from './content.js';
import { makeKeys } from './keys.js';

const DATA_TOPIC = 'chat';
const CHAT_TOPIC = 'lk.chat';
const LARGE = [960, 540]; // Chromium drops layers of small pictures
const SMALL = [320, 192];
const LAYERS = { vp8: { simulcast: true }, vp9: { scalabilityMode: 'L3T3_KEY' } };

let room;
let worker;
let keys;
let source;
let publication;
const tracks = [];
const messages = [];
const errors = [];

function listen() {
  room.on(RoomEvent.TrackSubscribed, (track, { trackSid }, { identity }) => {
    const seen = new Seen(track.mediaStreamTrack);
    tracks.push({ participant: identity, sid: trackSid, kind: track.kind, track, seen });
    track.attach(); // else nothing is decoded
  });
  room.on(RoomEvent.DataReceived, (payload, _from, _kind, topic, encryption, identity) => {
    if (topic !== DATA_TOPIC) return;
    const text = new TextDecoder().decode(payload);
    messages.push({ from: identity, text, encrypted: Boolean(encryption) });
  });
  room.on(RoomEvent.ChatMessage, ({ message: text }, participant) => {
    if (!participant?.isLocal) messages.push({ from: participant?.identity, text });
  });
  room.registerTextStreamHandler(CHAT_TOPIC, async (reader, { identity: from }) => {
    const encrypted = Boolean(reader.info.encryptionType);
    messages.push({ from, text: await reader.readAll(), encrypted });
  });
  room.on(RoomEvent.EncryptionError, ({ message }) => {
    if (errors.length < 20) errors.push(message);
  });
}

async function publishVideo(codec, layers) {
  source = pictureTrack(...(layers ? LARGE : SMALL));
  // Without a size of its own a generated track is taken for one of the largest.
  return room.localParticipant.publishTrack(source.track, {
    source: Track.Source.Camera, videoCodec: codec, backupCodec: false, simulcast: false,
    videoEncoding: { maxBitrate: layers ? 2500000 : 500000, maxFramerate: 30 },
    // A machine that is busy with other tests is no reason for smaller pictures.
    degradationPreference: 'maintain-resolution',
    ...(layers && LAYERS[codec]),
  });
}

async function publishTone() {
  source = toneTrack();
  return room.localParticipant.publishTrack(source.track, {
    source: Track.Source.Microphone, dtx: false, forceStereo: false,
  });
}

/** Keys are derived in the worker, which says nothing then; it answers this behind them. */
async function keysDerived() {
  const participantIdentity = room.localParticipant.identity;
  const answered = new Promise((resolve) => {
    const listener = ({ data }) => {
      if (data.kind !== 'enable' || data.data.participantIdentity !== participantIdentity) return;
      worker.removeEventListener('message', listener);
      resolve();
    };
    worker.addEventListener('message', listener);
  });
  worker.postMessage({ kind: 'enable', data: { enabled: true, participantIdentity } });
  await answered;
}

const sizeOf = ({ kind, track }) => {
  const { width, height } = kind === 'video' ? track.mediaStreamTrack.getSettings() : {};
  return { width, height };
};

const say = {
  data: (self, text) => (
    self.publishData(new TextEncoder().encode(text), { reliable: true, topic: DATA_TOPIC })),
  stream: (self, text) => self.sendText(text, { topic: CHAT_TOPIC }),
  message: (self, text) => self.sendChatMessage(text),
};

const commands = {
  async join({ url, token, settings, given }) {
    keys = makeKeys(settings);
    for (const { key, participant } of given) await keys.add(key, participant);
    worker = new Worker('/vendor/livekit-worker.js');
    room = new Room({ encryption: { keyProvider: keys, worker }, adaptiveStream: false });
    listen();
    await room.setE2EEEnabled(true);
    await room.connect(url, token);
    await keysDerived();
  },

  async publish({ codec, layers }) {
    publication = await (codec === 'opus' ? publishTone() : publishVideo(codec, layers));
    return { sid: publication.trackSid };
  },

  async 'set-key'({ key, participant }) {
    await keys.add(key, participant);
    await keysDerived();
  },

  async ratchet({ key }) {
    keys.ratchetKey(undefined, key.index);
    await keysDerived();
  },

  mute: () => publication.track.mute(),
  unmute: () => publication.track.unmute(),

  async chat({ text, form = 'data' }) {
    await say[form](room.localParticipant, text);
  },

  stats: () => ({
    recording: room.isRecording,
    others: [...room.remoteParticipants.keys()],
    errors,
    messages,
    tracks: tracks.map((each) => ({
      participant: each.participant, sid: each.sid, kind: each.kind, ...each.seen.report(),
      ...sizeOf(each),
    })),
  }),

  async leave() {
    await room?.disconnect();
    source?.stop();
  },
};

window.calls = { ask: (op, request) => commands[op](request) };

// SPDX-License-Identifier: LGPL-2.1-or-later
// What happens in the rooms that e2ee-recorder records: tracks are muted, replaced and withdrawn,
// people leave and come again.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { until } from '../../interop/driver/process.mjs';
import { Gathering } from './gathering.mjs';
import { SENDER } from './party.mjs';
import { checkFiles, checkLog } from './recordings.mjs';
import { recording } from './together.mjs';

const LOSSY = 3; // exit status
const FRAMES = 50;
const PATIENCE_MS = 15000;
const CODEC = 'vp8';
const VIDEO = ['vp8', 'h264', 'vp9'];
const OTHER = 'other'; // beside the sender

/** A recorder, and a sender whose picture it records. */
async function recorded(self, program, { codec = CODEC, ...who } = {}) {
  const recorder = await self.enter('recorder', 'recorder', who);
  const sender = await self.enter(program, SENDER);
  const track = await sender.publish(codec);
  await self.more(recorder, codec, 'the first track');
  return { recorder, sender, track };
}

async function mute(self) {
  const { recorder, sender } = await recorded(self, 'js');
  await sender.client.ask('mute');
  await self.told(recorder, 'track-muted');
  await sender.client.ask('unmute');
  await self.told(recorder, 'track-unmuted');
  await self.more(recorder, CODEC, 'pictures after unmute');
  return checkFiles(recorder, [CODEC]);
}

/** At the end of a track the server sends pictures of its own, which are not the sender's. */
async function republish(self) {
  const { recorder, sender, track } = await recorded(self, 'node');
  await sender.unpublish(track);
  await sender.publish(CODEC);
  await self.more(recorder, CODEC, 'the second track');
  await self.told(recorder, 'server-frames');
  return checkFiles(recorder, [CODEC]);
}

async function changeCodec(self) {
  const { recorder, sender, track } = await recorded(self, 'node');
  await sender.unpublish(track);
  await sender.publish('h264');
  await self.told(recorder, 'recording-started', 2);
  return checkFiles(recorder, [CODEC, 'h264']);
}

async function shareScreen(self) {
  const { recorder, sender } = await recorded(self, 'node');
  await sender.publish(CODEC, { screen: true });
  await self.told(recorder, 'streams');
  await self.told(recorder, 'recording-started', 2);
  await self.more(recorder, CODEC, 'pictures of camera and screen');
  return checkFiles(recorder, [CODEC, CODEC]);
}

/** The server uses the media section of who left; somebody else is there all the time. */
async function rejoin(self) {
  const { recorder, sender } = await recorded(self, 'node', { senders: [SENDER, OTHER] });
  const other = await self.enter('node', OTHER);
  await other.publish(CODEC);
  await self.more(recorder, CODEC, 'the other sender', { of: OTHER });
  await sender.close();
  await self.told(recorder, 'left');
  await self.more(recorder, CODEC, 'the other sender, still', { of: OTHER });
  const again = await self.enter('node', SENDER);
  await again.publish(CODEC);
  await self.told(recorder, 'recording-started', 3);
  await self.more(recorder, CODEC, 'who came again');
  await self.more(recorder, CODEC, 'the other sender all the time', { of: OTHER });
  return checkFiles(recorder, [CODEC, CODEC]);
}

/** Nobody tells the recorder: it finds the next generation of the key by itself. */
async function ratchet(self) {
  const { recorder, sender } = await recorded(self, 'js');
  await sender.client.ask('ratchet', { key: self.keys[0] });
  await self.told(recorder, 'frames-key-ratcheted');
  await self.more(recorder, CODEC, 'pictures after the ratchet');
  return checkFiles(recorder, [CODEC]);
}

async function unencrypted(self) {
  const strict = await self.enter('recorder', 'strict');
  const lenient = await self.enter('recorder', 'lenient', { options: ['--allow-unencrypted'] });
  const sender = await self.enter('node', SENDER, { settings: { plain: true } });
  await sender.publish(CODEC);
  await self.told(strict, 'track-refused');
  await self.told(lenient, 'track-unencrypted');
  await self.more(lenient, CODEC, 'pictures that are not encrypted');
  await checkFiles(strict, [], LOSSY);
  return checkFiles(lenient, [CODEC], LOSSY);
}

/** Recorded without keys, opened with them afterwards. */
async function sealed(self) {
  const { bench, cell: { codec } } = self;
  const recorder = await self.enter('recorder', 'recorder', { sealed: true });
  const sender = await self.enter('node', SENDER);
  await sender.publish(codec);
  await until('frames in the file', PATIENCE_MS, () => {
    const row = recorder.happened('progress').at(-1)?.participants[0];
    return row?.video + row?.audio >= FRAMES || row;
  });
  await recorder.finish();
  checkLog(recorder);
  const [file] = recorder.files();
  const opened = path.join(recorder.folder, 'opened.mkv');
  execFileSync(bench.unseal, ['--key-provider', recorder.keys.provider, '--output', opened, file]);
  const { frames, matches } = await recorder.look(codec, opened);
  if (matches === 0) throw new Error(`nothing to recognise in ${frames} frames`);
}

/** What is recorded is what was sent: each frame, in order. */
async function equal(self, result) {
  const { bench, cell: { sender: program, codec } } = self;
  const { recorder, sender } = await recorded(self, program, { codec });
  await self.more(recorder, codec, 'more of the clip', { pictures: FRAMES });
  await checkFiles(recorder, [codec]);
  const [file] = recorder.files();
  const found = await bench.media.ask('compare', { codec, path: file, sent: sender.clip });
  if (found.missing > 0 || found.foreign > 0) throw new Error(JSON.stringify(found));
  result.frames = found.frames;
}

/** A server offers later what the first answer took; here it is one codec after the other. */
async function severalCodecs(self) {
  const recorder = await self.enter('recorder', 'recorder', { senders: VIDEO });
  for (const codec of VIDEO) {
    const sender = await self.enter('node', codec);
    await sender.publish(codec);
    await self.more(recorder, codec, `pictures in ${codec}`, { of: codec });
  }
  await recorder.finish();
}

/** Encrypted, in both of LiveKit's forms. */
async function chat(self) {
  const { recorder, sender } = await recorded(self, 'js');
  const forms = ['stream', 'message'];
  for (const form of forms) await sender.say(`hello as a ${form}`, form);
  await until('both messages beside the recordings', PATIENCE_MS, () => {
    const said = linesOf(recorder.recordings, 'chat-')
      .filter(({ participant }) => participant === SENDER).map(({ message }) => message);
    return forms.every((form) => said.includes(`hello as a ${form}`)) || said;
  });
  return checkFiles(recorder, [CODEC]);
}

/** Of the first file in a folder whose name begins so: lines of JSON. */
function linesOf(folder, beginning) {
  const name = readdirSync(folder).find((each) => each.startsWith(beginning));
  if (!name) return [];
  const lines = readFileSync(path.join(folder, name), 'utf8').split('\n');
  return lines.filter((line) => line).map((line) => JSON.parse(line));
}

/** One is recorded no longer, the other one is. */
async function withdraw(self) {
  const control = path.join(self.bench.work, `${self.room}-control`);
  const { recorder } = await recorded(self, 'node', {
    senders: [SENDER, OTHER], options: ['--control', control],
  });
  const second = await self.enter('node', OTHER);
  await second.publish(CODEC);
  await self.more(recorder, CODEC, 'the other sender', { of: OTHER });
  execFileSync(self.bench.recorder, ['withdraw', '--control', control, SENDER]);
  await self.told(recorder, 'recording-closed');
  await self.more(recorder, CODEC, 'the other sender, still', { of: OTHER });
  await recorder.finish();
  const [first] = recorder.happened('recording-closed');
  if (first.participant !== SENDER || first.reason !== 'withdrawn') {
    throw new Error(`closed: ${JSON.stringify(first)}`);
  }
  if (recorder.files().length !== 1) throw new Error('recorded after it was withdrawn');
  checkLog(recorder);
}

// Who sends clips, which are known frame by frame.
const CLIPS = { publish: ['vp8', 'vp9', 'h264', 'opus'], go: ['h264', 'opus'] };

const SCENARIOS = {
  mute, republish, 'codec-change': changeCodec, 'screen-share': shareScreen, rejoin, ratchet,
  unencrypted, withdraw, 'several-codecs': severalCodecs, chat, indicator: recording,
};

export const rooms = () => [
  ...Object.entries(SCENARIOS).map(([name, scenario]) => ({
    name: `room/${name}`, kind: Gathering, receiver: 'recorder',
    run: async (self, result) => { result.frames = await scenario(self) ?? 0; },
  })),
  ...['vp8', 'opus'].map((codec) => (
    { name: `room/sealed/${codec}`, kind: Gathering, run: sealed, codec })),
  ...Object.entries(CLIPS).flatMap(([sender, codecs]) => codecs.map((codec) => (
    { name: `room/equal/${sender}/${codec}`, kind: Gathering, run: equal, sender, codec }))),
];

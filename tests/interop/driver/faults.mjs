// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls in which something goes wrong. GStreamer's side must keep running, say what is the matter,
// let nothing through, and recover where that is possible.
import { PICTURES, STEP_MS } from './cell.mjs';
import { sleep } from './process.mjs';

const WATCH_MS = 1000; // in which nothing may happen
const KEY_FRAMES = 10;
const X264 = 'x264enc tune=zerolatency speed-preset=ultrafast bitrate=200 key-int-max=300 threads=1 '
  + 'aud=false';

const gstReport = (self) => self.ask('report');

async function reported(self, state) {
  await self.until(`state ${state}`, STEP_MS, async () => {
    const { states } = await gstReport(self);
    return states[state] > 0 || states;
  });
}

async function lastStateIsOk(self) {
  await self.until('state ok again', STEP_MS, async () => {
    const { lastState } = await gstReport(self);
    return lastState === 'ok' || lastState;
  });
}

async function noPipelineErrors(self) {
  const { errors } = await gstReport(self);
  if (errors.length > 0) throw new Error(`GStreamer's pipeline: ${errors[0]}`);
}

/** GStreamer gets frames and lets none of them through. */
async function nothingThrough(self, why) {
  await self.until('frames to refuse', STEP_MS, async () => {
    const { crypt } = await gstReport(self);
    return crypt?.['frames-in'] >= PICTURES || crypt;
  });
  await sleep(WATCH_MS);
  const { crypt, seen } = await gstReport(self);
  const through = crypt['frames-out'] + (seen['look-right']?.frames ?? 0);
  if (through > 0) throw new Error(`${through} frames passed ${why}`);
}

/** Media has stopped; no end of it took the pipeline along. */
async function silence(self) {
  await sleep(WATCH_MS); // for what was on the way
  const before = (await gstReport(self)).crypt['frames-in'];
  await sleep(WATCH_MS);
  const { crypt } = await gstReport(self);
  if (crypt['frames-in'] !== before) throw new Error('media goes on without its sender');
  await noPipelineErrors(self);
}

/** The SFU, and who has other keys, have seen nothing. */
async function nothingInTheClear(self) {
  const spied = await self.spied();
  if (spied > 0) throw new Error(`${spied} pictures seen by the spy`);
  const wrong = await self.wrongKeyFrames();
  if (wrong > 0) throw new Error(`${wrong} frames decoded with a wrong key`);
}

async function finish(self, result) {
  await noPipelineErrors(self);
  result.frames = (await self.seen())?.matches ?? 0;
}

// ---- The faults

async function browserCloses(self, result, { gst }) {
  await self.connect();
  await self.firstPictures();
  await self.page.close();
  await sleep(WATCH_MS);
  await noPipelineErrors(self);
  const before = (await gstReport(self)).crypt;
  if (self.toBrowser) { // others may be in the call: the sender goes on
    await self.until('frames encrypted after that', STEP_MS, async () => {
      const { crypt } = await gstReport(self);
      return crypt['frames-out'] >= before['frames-out'] + PICTURES || crypt;
    });
  }
  if (gst.gone) throw new Error('the GStreamer peer ended');
  result.frames = before['frames-out'];
}

/** A new SFU, and a new connection of the pipeline that goes on encrypting. */
async function sfuKilledUnderSender(self, result, bench) {
  await self.connect();
  await self.firstPictures();
  await bench.janus.kill();
  await sleep(WATCH_MS);
  await noPipelineErrors(self);
  await bench.mendSfu();
  await self.enterRoom(bench.janus);
  await self.reconnect();
  await self.firstPictures();
  await self.more('pictures through the new SFU');
  await nothingInTheClear(self);
  await finish(self, result);
}

/** The pipeline that goes on gets another connection, and in it a stream that it decrypts anew. */
async function sfuKilledUnderReceiver(self, result, bench) {
  await self.connect();
  await self.firstPictures();
  await bench.janus.kill();
  await silence(self);
  await nothingInTheClear(self);
  const before = (await gstReport(self)).states.ok;
  await bench.mendSfu();
  await self.enterRoom(bench.janus);
  await self.reconnect();
  await self.firstPictures();
  await self.more('pictures through the new SFU');
  await self.until('state ok of the new stream', STEP_MS, async () => {
    const { states, lastState } = await gstReport(self);
    return (states.ok > before && lastState === 'ok') || states;
  });
  await self.noErrors('after the SFU was started again');
  await nothingInTheClear(self);
  await finish(self, result);
}

/** Who left must not follow the call: who joins next has another key, and GStreamer gets it late. */
async function browserClosesBehindSfu(self, result, { browser }) {
  await self.connect();
  await self.firstPictures();
  await self.page.close();
  await silence(self);
  await nothingInTheClear(self);
  await self.room.publisherLeaves();
  self.page = await browser.open();
  [, self.pageKey] = self.keys;
  await self.reconnect();
  await nothingThrough(self, 'under a key that is not there');
  await reported(self, 'missing-key');
  await self.ask('set_key', { key: self.pageKey });
  await self.firstPictures();
  await self.more('pictures of who joined');
  await lastStateIsOk(self);
  await nothingInTheClear(self);
  await finish(self, result);
}

async function lateKeyAtSender(self, result) {
  self.gstKeys = [];
  await self.connect();
  await nothingThrough(self, 'without a key');
  await reported(self, 'missing-key');
  const { packets } = await self.gst.ask('report', { call: self.spyCall });
  if (packets > 0) throw new Error(`${packets} packets left without a key`);
  await self.ask('set_key', { key: self.keys[0] });
  await self.firstPictures();
  await lastStateIsOk(self);
  await finish(self, result);
}

async function lateKeyAtReceiver(self, result) {
  self.gstKeys = [];
  await self.connect();
  await nothingThrough(self, 'without a key');
  await reported(self, 'missing-key');
  await self.ask('set_key', { key: self.keys[0] });
  await self.firstPictures();
  await lastStateIsOk(self);
  await finish(self, result);
}

/** Frames are missing to the decoder when the key is back: e2eedecrypt has to ask for a key frame. */
async function keyWithdrawn(self, result) {
  await self.connect();
  await self.firstPictures();
  await self.ask('remove_key', { index: 0 });
  await reported(self, 'missing-key');
  await sleep(WATCH_MS);
  await self.ask('set_key', { key: self.keys[0] });
  await self.more('pictures after the key came back');
  await lastStateIsOk(self);
  await finish(self, result);
}

/** The page sends in the clear and encrypts only later. */
async function plaintext(self, result) {
  self.pageEnabled = false;
  await self.connect();
  await nothingThrough(self, 'in the clear');
  const { states, crypt } = await gstReport(self);
  if (Object.keys(states).filter((state) => state !== 'ok').length === 0) {
    throw new Error(`no state is reported (${JSON.stringify(crypt)})`);
  }
  await self.inPage('enable', self.right);
  await self.firstPictures();
  await lastStateIsOk(self);
  await finish(self, result);
}

/** The ends speak different schemes: no frame comes out, and neither end breaks. */
const otherScheme = (scheme, key) => async (self, result) => {
  Object.assign(self, { pageScheme: scheme, pageKey: key, wrongKeys: [key] });
  await self.connect();
  if (self.toBrowser) {
    await self.until('packets at the page', STEP_MS, async () => {
      const { packets } = await self.inPage('report', self.right);
      return packets >= PICTURES || packets;
    });
    await sleep(WATCH_MS);
    const { framesDecoded } = await self.inPage('report', self.right);
    if (framesDecoded > 0) throw new Error(`${framesDecoded} frames decoded`);
  } else {
    await nothingThrough(self, 'of another scheme');
    await reported(self, 'decryption-failed');
  }
  await finish(self, result);
};

/**
 * Every other key frame loses its first packet, which is sent again; all of them are decoded. With
 * the parameter sets in packets of their own the browser would make a frame of what came, and the
 * worker could not verify it. x264 writes slices whose header does not end in the clear bytes, and
 * the browser reads in there which parameter sets it must have seen.
 */
async function keyFramesLosePackets(self, result) {
  self.encoder = X264;
  self.size = [160, 96]; // a key frame is one packet
  await self.connect();
  await self.firstPictures();
  const decoded = async () => (await self.inPage('report', self.right)).keyFramesDecoded;
  const first = await decoded();
  await self.ask('watch_wire', { leg: self.right });
  for (let number = 0; number < KEY_FRAMES; number++) {
    const before = await decoded();
    await self.ask('key_frame', { lose: number % 2 === 0 });
    await self.until('a key frame', STEP_MS, async () => await decoded() > before);
  }
  // Chromium asks for key frames too: the last one may still be on its way.
  await self.until('all key frames decoded', STEP_MS, async () => {
    const { wire } = await gstReport(self);
    if (wire.toLose > 0) throw new Error('no packet was lost');
    const got = await decoded() - first;
    return got >= wire.keyFrames || `${got} of ${wire.keyFrames}`;
  });
  await self.noErrors('after key frames lost packets');
  await finish(self, result);
}

const RAW_KEY = { index: 0, hex: 'ab'.repeat(32) };

const FAULTS = [
  ['browser-closes', browserCloses, { directions: ['to-browser', 'from-browser'] }],
  ['browser-closes', browserClosesBehindSfu, { directions: ['from-browser'], sfu: true }],
  ['sfu-killed', sfuKilledUnderSender, { directions: ['to-browser'], sfu: true }],
  ['sfu-killed', sfuKilledUnderReceiver, { directions: ['from-browser'], sfu: true }],
  ['late-key', lateKeyAtSender, { directions: ['to-browser'] }],
  ['late-key', lateKeyAtReceiver, { directions: ['from-browser'] }],
  ['key-withdrawn', keyWithdrawn, { directions: ['from-browser'] }],
  ['key-withdrawn', keyWithdrawn, { directions: ['from-browser'], sfu: true }],
  ['plaintext', plaintext, { directions: ['from-browser'] }],
  ['h264-loss', keyFramesLosePackets, { directions: ['to-browser'], codec: 'h264' }],
  ['other-scheme', otherScheme('jitsi', RAW_KEY), { directions: ['to-browser', 'from-browser'] }],
];

export function faultCells() {
  return FAULTS.flatMap(([fault, run, { directions, codec = 'vp8', sfu = false }]) =>
    directions.map((direction) => ({
      peer: 'livekit', api: 'script', codec, direction, sfu, run,
      name: `fault/${fault}/${direction}/${sfu ? 'sfu' : 'direct'}`,
    })));
}

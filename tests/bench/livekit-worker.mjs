// SPDX-License-Identifier: LGPL-2.1-or-later
// What a frame costs in livekit-client's worker, run by node: livekit-worker.mjs WORKER FRAMES OUT
// The worker encrypts a stream of Opus frames, as in a browser. OUT gets the CPU time of the whole
// process, all threads, a frame; it looks like what Google Benchmark writes.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const SIZES = [80, 1200, 8000, 60000, 500000];
const REPETITIONS = 5;
const [worker, frames, out] = process.argv.slice(2);

// Of a browser's worker, what this one asks for.
globalThis.self = globalThis;
globalThis.onmessage = null;
let enabled;
const ready = new Promise(resolve => { enabled = resolve; });
globalThis.postMessage = message => {
  if (message.kind === 'error') throw message.data.error;
  if (message.kind === 'enable') enabled();
};
await import(pathToFileURL(worker));
const tell = (kind, data) => globalThis.onmessage({ data: { kind, data } });

const me = 'me';
const material = await crypto.subtle.importKey('raw', new TextEncoder().encode('a key that is no'),
  'PBKDF2', false, ['deriveBits', 'deriveKey']);
tell('init', {
  loglevel: 4,
  keyProviderOptions: {
    sharedKey: true, ratchetSalt: 'LKFrameEncryptionKey', ratchetWindowSize: 0, failureTolerance: 10, keySize: 128,
  },
});
tell('setKey', { key: material, keyIndex: 0, participantIdentity: me, isPublisher: true });
tell('enable', { enabled: true, participantIdentity: me });
await ready; // it takes one message after the other

// Resolves to the nanoseconds of CPU that a frame of `size` took.
async function encrypt(size, count) {
  const plain = new Uint8Array(size).fill(7);
  let sent = 0, arrived = 0, done;
  const ended = new Promise(resolve => { done = resolve; });
  const readableStream = new ReadableStream({
    pull(controller) {
      if (sent === count) return controller.close();
      controller.enqueue({ data: plain.slice().buffer, timestamp: sent++,
        getMetadata: () => ({ synchronizationSource: 1, payloadType: 111 }) });
    },
  });
  const writableStream = new WritableStream({
    write(frame) {
      if (frame.data.byteLength !== size + 30) throw new Error(`a frame of ${frame.data.byteLength} bytes`);
      arrived += 1;
    },
    close: done,
  });
  const start = process.cpuUsage();
  tell('encode', { readableStream, writableStream, participantIdentity: me, trackId: `track-${size}`,
    hasPacketTrailer: false });
  await ended;
  if (arrived !== count) throw new Error(`${arrived} of ${count} frames came through`);
  const { user, system } = process.cpuUsage(start);
  return (user + system) * 1000 / count;
}

const benchmarks = [];
for (const size of SIZES) {
  const count = Math.max(20, Math.min(Number(frames), Math.round(Number(frames) * 20000 / size)));
  await encrypt(size, count); // compiles
  for (let i = 0; i < REPETITIONS; i++) {
    benchmarks.push({ name: `peer/peer-livekit-worker/${size}`, run_type: 'iteration',
      cpu_time: await encrypt(size, count) });
  }
}
const { version } = JSON.parse(readFileSync(join(dirname(worker), '..', 'package.json')));
writeFileSync(out, JSON.stringify({ context: { peer: 'livekit-client', version, node: process.version }, benchmarks }));
process.exit();

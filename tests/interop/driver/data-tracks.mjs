// SPDX-License-Identifier: LGPL-2.1-or-later
// examples/datatrack against livekit-client's own code for data tracks and its worker, in both
// directions. What the product keeps to itself is exported from a copy of its module.
import { randomBytes, webcrypto } from 'node:crypto';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { start, within } from './process.mjs';

globalThis.crypto ??= webcrypto; // Node 18
const PROGRAM = fileURLToPath(new URL('../../../examples/datatrack/datatrack.py', import.meta.url));
const ANSWER_MS = 20000;
const IDENTITY = 'alice';
const HANDLE = 0x8811;
const USER_TIMESTAMP = 1767225600123456789n;
const INSIDE = [
  'E2EEManager', 'DataTrackFrameInternal', 'DataTrackOutgoingPipeline', 'IncomingDataTrackPipeline',
];
const INDICES = [0, 3]; // the first one is current
const KEYS = {
  passphrase: () => ({ text: randomBytes(16).toString('hex'), field: 'passphrase' }),
  'raw key': () => ({ text: randomBytes(32).toString('hex'), field: 'key' }),
};
const ROOM = 16000 - 12 - 28 - 16; // in a packet: beside its header, both extensions and the tag
const SIZES = [1, 100, ROOM, ROOM + 1, 300000];

const hex = (data) => Buffer.from(data).toString('hex');
const bytes = (text) => new Uint8Array(Buffer.from(text, 'hex'));

function expect(condition, what) {
  if (!condition) throw new Error(what);
}

async function inside(modules, work) {
  const source = path.join(modules, 'livekit-client/dist/livekit-client.esm.mjs');
  const copy = path.join(work, 'livekit-client-inside.mjs');
  writeFileSync(copy, `${readFileSync(source, 'utf8')}\nexport { ${INSIDE.join(', ')} };\n`);
  const product = await import(pathToFileURL(copy));
  product.setLogLevel('silent');
  return product;
}

/** livekit-client's worker on a thread of Node's, as E2EEManager wants it. */
function startWorker(modules) {
  const code = path.join(modules, 'livekit-client/dist/livekit-client.e2ee.worker.mjs');
  const worker = new Worker(`
    const { parentPort, workerData } = require('node:worker_threads');
    globalThis.crypto ??= require('node:crypto').webcrypto;
    globalThis.self = globalThis;
    globalThis.onmessage = null;
    globalThis.postMessage = (message) => parentPort.postMessage(message);
    const loaded = import(workerData);
    parentPort.on('message', (data) => loaded.then(() => globalThis.onmessage({ data })));
  `, { eval: true, workerData: pathToFileURL(code).href });
  worker.on('message', (data) => worker.onmessage({ data }));
  worker.on('error', (error) => { throw error; });
  return worker;
}

/** One end of a data track in a room, without the room. */
class Client {
  constructor(product, modules, keys) {
    this.product = product;
    this.worker = startWorker(modules);
    this.keyProvider = new product.ExternalE2EEKeyProvider();
    this.manager = new product.E2EEManager(
      { keyProvider: this.keyProvider, worker: this.worker }, true);
    this.manager.room = { localParticipant: { identity: IDENTITY } };
    this.worker.onmessage = this.manager.onWorkerMessage;
    const options = { info: { pubHandle: HANDLE, usesE2ee: true }, e2eeManager: this.manager };
    this.outgoing = new product.DataTrackOutgoingPipeline(options);
    this.incoming = new product.IncomingDataTrackPipeline({ ...options, publisherIdentity: IDENTITY });
    this.keys = keys;
  }

  async open() {
    this.#tell('init', { keyProviderOptions: this.keyProvider.getOptions(), loglevel: 5 });
    for (const keyIndex of [...INDICES.slice(1), INDICES[0]]) await this.use(keyIndex);
  }

  /** Encrypts with this key from now on. */
  async use(keyIndex) {
    const { text, field } = this.keys[keyIndex];
    const { createKeyMaterialFromBuffer, createKeyMaterialFromString } = this.product;
    const key = field === 'key'
      ? await createKeyMaterialFromBuffer(bytes(text).buffer) : await createKeyMaterialFromString(text);
    this.#tell('setKey', { key, keyIndex, isPublisher: true, updateCurrentKeyIndex: true });
  }

  #tell(kind, data) {
    this.worker.postMessage({ kind, data });
  }

  /** Of a frame, as the data channel has them. */
  async packets(payload) {
    const { DataTrackFrameInternal } = this.product;
    const frame = DataTrackFrameInternal.from({ payload, userTimestamp: USER_TIMESTAMP });
    const packets = [];
    for await (const packet of this.outgoing.processFrame(frame)) packets.push(packet.toBinary());
    return packets;
  }

  /** What the client's application gets of a packet; null: nothing yet, or dropped. */
  async frame(data) {
    const [packet] = this.product.DataTrackPacket.fromBinary(data);
    const frame = await this.incoming.processPacket(packet);
    return frame && this.product.DataTrackFrameInternal.lossyIntoFrame(frame);
  }

  async close() {
    await this.worker.terminate();
  }
}

/** examples/datatrack with these lines for its input: its status and the lines of its output. */
async function runProgram(direction, lines, file, ...options) {
  const log = openSync(path.join(path.dirname(file), 'datatrack.log'), 'a');
  const child = start([
    '/usr/bin/python3', '-B', PROGRAM, direction, '--participant', IDENTITY, '--handle', `${HANDLE}`,
    '--key-provider', `participant,keys-file=${file}`, ...options,
  ], { stdio: ['pipe', 'pipe', log] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => { output += text; });
  const closed = new Promise((resolve) => { child.stdout.on('close', resolve); });
  child.stdin.on('error', () => {}); // its status tells
  child.stdin.end(lines.map((line) => `${hex(line)}\n`).join(''));
  await within(ANSWER_MS, 'the end of datatrack.py', Promise.all([child.exited, closed]));
  return { status: child.exitCode, lines: output.split('\n').filter(Boolean).map(bytes) };
}

function keysFile(folder, name, keys) {
  const fields = Object.entries(keys).map(([index, { text, field }]) => `${field}.${index} = ${text}`);
  const file = path.join(folder, name);
  writeFileSync(file, `[${IDENTITY}]\n${fields.join('\n')}\n`, { mode: 0o600 });
  return file;
}

const equal = (some, others) => (
  some.length === others.length && some.every((one, at) => hex(one) === hex(others[at])));

async function toClient(client, payloads, file, wrongFile) {
  let opened = 0;
  for (const index of INDICES) {
    const options = ['--key-index', `${index}`, '--user-timestamp', `${USER_TIMESTAMP}`];
    const { status, lines } = await runProgram('send', payloads, file, ...options);
    expect(status === 0, `send ended with status ${status}`);
    const frames = [];
    for (const line of lines) frames.push(await client.frame(line));
    const whole = frames.filter((frame) => frame !== null);
    expect(equal(whole.map(({ payload }) => payload), payloads), 'livekit-client got other frames');
    expect(whole.every(({ userTimestamp }) => userTimestamp === USER_TIMESTAMP), 'another timestamp');
    opened += whole.length;
  }
  const { lines } = await runProgram('send', payloads, wrongFile);
  for (const line of lines) expect(await client.frame(line) === null, 'opened with another key');
  return opened;
}

async function fromClient(client, payloads, file, wrongFile) {
  const packets = [];
  for (const index of INDICES) {
    await client.use(index);
    for (const payload of payloads) packets.push(...await client.packets(payload.slice()));
  }
  const { status, lines } = await runProgram('receive', packets, file);
  expect(status === 0, `receive ended with status ${status}`);
  expect(equal(lines, [...payloads, ...payloads]), 'we got other frames');
  const wrong = await runProgram('receive', packets, wrongFile);
  expect(wrong.status === 3 && wrong.lines.length === 0, 'we opened frames of another key');
  return lines.length;
}

/** Both directions with each kind of key, the key index changed in between, and another key; how many
 * frames arrived. */
export async function dataTracks(build) {
  const modules = path.join(build, 'interop', 'node_modules');
  const work = path.join(build, 'interop', 'data-tracks');
  mkdirSync(work, { recursive: true });
  const product = await inside(modules, work);
  const payloads = SIZES.map((size) => new Uint8Array(randomBytes(size)));
  let frames = 0;
  for (const makeKey of Object.values(KEYS)) {
    const makeKeys = () => Object.fromEntries(INDICES.map((index) => [index, makeKey()]));
    const keys = makeKeys();
    const files = [keysFile(work, 'keys.ini', keys), keysFile(work, 'wrong.ini', makeKeys())];
    const client = new Client(product, modules, keys);
    try {
      await client.open();
      frames += await toClient(client, payloads, ...files);
      frames += await fromClient(client, payloads, ...files);
    } finally {
      await client.close();
    }
  }
  return frames;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Our programs in the room of a cell: e2ee-recorder, whose files are looked into while they grow,
// and e2ee-publish. As parties, see party.mjs.
import { appendFileSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { end, start, within } from '../../interop/driver/process.mjs';
import { KeysFile } from './keys.mjs';
import { SENDER } from './party.mjs';

const END_MS = 15000;

// Encoded already, in real time. `clip`: as media/clip.py makes them.
function sourceOf(clip, rounds) {
  const round = `filesrc location=${clip}.mkv ! matroskademux`;
  if (rounds === 1) return round;
  return `concat name=rounds ${`${round} ! rounds. `.repeat(rounds)} rounds.`;
}

/** `who`, beside what a client takes: {url, grants, options, senders}, all with a default. */
class Program {
  constructor(bench, { url = bench.server.url, options = [], senders = [SENDER], ...who }) {
    Object.assign(this, { bench, url, options, ...who });
    this.folder = path.join(bench.work, `${this.room}-${this.identity}`);
    this.keys = new KeysFile(path.join(this.folder, 'keys.ini'), this.settings, senders);
    this.events = [];
  }

  async start() {
    mkdirSync(this.folder, { recursive: true });
  }

  join(keys) {
    this.held = keys;
    this.keys.write(keys, keys.at(-1).index);
    this.tokenFile = path.join(this.folder, 'token');
    writeFileSync(this.tokenFile, this.#token(), { mode: 0o600 });
  }

  #token() {
    const grants = { ...this.usualGrants, ...this.grants };
    return this.bench.server.token(this.identity, this.room, grants);
  }

  /** Runs until close(). */
  run(program, more) {
    this.log = path.join(this.folder, 'program.log');
    this.child = start([
      program, '--livekit', this.url, '--token-file', this.tokenFile,
      '--json', ...more, ...this.options,
    ], { stdio: ['ignore', 'pipe', openSync(this.log, 'a')] });
    this.child.stdout.setEncoding('utf8');
    let rest = '';
    this.child.stdout.on('data', (text) => {
      appendFileSync(path.join(this.folder, 'events.jsonl'), text); // for people
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      this.events.push(...lines.map((line) => JSON.parse(line)));
    });
  }

  /** The events of such names so far, in their order. */
  happened(...names) {
    return this.events.filter(({ event }) => names.includes(event));
  }

  gone() {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async close() {
    if (this.child) await end(this.child);
  }

  /** Asked to end, which it has to do well: with `status`. */
  async finish(status = 0) {
    this.child.kill('SIGTERM');
    await within(END_MS, `the end of ${this.called}`, this.child.exited);
    const how = this.child.signalCode ?? this.child.exitCode;
    if (how !== status) throw new Error(`${this.called} ended with ${how}; see ${this.log}`);
  }

  async errors() {
    return this.gone() && this.child.exitCode !== 0
      ? [`${this.called} ended with ${this.child.exitCode}; see ${this.log}`] : [];
  }
}

/** `who.sealed`: without keys. */
export class Recorder extends Program {
  called = 'e2ee-recorder';
  usualGrants = { recorder: true, canPublish: false };

  join(keys) {
    super.join(keys);
    this.recordings = path.join(this.folder, 'recordings');
    mkdirSync(this.recordings);
    this.run(this.bench.recorder, [
      '--output', this.recordings, '--audit-key', this.bench.auditKey,
      ...(this.sealed ? ['--mode', 'sealed'] : ['--mode', 'open', '--key-provider', this.keys.provider]),
    ]);
  }

  setKey(key) {
    const kept = this.held.filter(({ index }) => index !== key.index);
    this.held = [...kept, key];
    this.keys.write(this.held, key.index);
  }

  /** Of a participant, in the order of their beginning. */
  files(identity = SENDER) {
    return this.happened('recording-started')
      .filter(({ participant }) => participant === identity)
      .map(({ file }) => path.join(this.recordings, file));
  }

  look(codec, file) {
    return this.bench.media.ask('look', { codec, path: file });
  }

  async seen(codec) {
    const [file] = this.files();
    return file ? this.look(codec, file) : null;
  }

  /** Recognised in all files of a participant, which are of one codec. */
  async pictures(codec, identity) {
    let sum = 0;
    for (const file of this.files(identity)) sum += (await this.look(codec, file)).matches;
    return sum;
  }
}

/** `who.rounds`: how often it sends its clip. */
export class Publisher extends Program {
  called = 'e2ee-publish';

  publish(codec) {
    this.clip = this.bench.clips[codec];
    this.run(this.bench.publisher, [
      '--key-provider', this.keys.provider,
      '--source', sourceOf(this.clip, this.rounds ?? 1),
    ]);
  }

  setKey(key) {
    this.held = [...this.held, key];
    this.keys.write(this.held, key.index);
  }

  sent() {
    return this.clip;
  }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Our programs in the room of a cell: e2ee-recorder, whose files are looked into while they grow,
// and e2ee-publish. As parties, see party.mjs.
import { mkdirSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { end, start, within } from '../../interop/driver/process.mjs';
import { KeysFile } from './keys.mjs';
import { SENDER } from './party.mjs';

const END_MS = 15000;

// Encoded already, in real time. `clip`: as media/clip.py makes them.
const sourceOf = (clip) => `filesrc location=${clip}.mkv ! matroskademux`;

const RECORDING = new RegExp(`^${SENDER}.*\\.(webm|mkv)$`);

class Program {
  constructor(bench, who) {
    Object.assign(this, { bench, ...who });
    this.folder = path.join(bench.work, `${this.room}-${this.identity}`);
    this.keys = new KeysFile(path.join(this.folder, 'keys.ini'), this.settings, SENDER);
    this.events = [];
  }

  async start() {
    mkdirSync(this.folder, { recursive: true });
  }

  join(keys) {
    this.held = keys;
    this.keys.write(keys, keys.at(-1).index);
    this.tokenFile = path.join(this.folder, 'token');
    writeFileSync(this.tokenFile, this.bench.server.token(this.identity, this.room, this.grants), {
      mode: 0o600,
    });
  }

  /** Runs until close(). */
  run(program, more) {
    this.log = path.join(this.folder, 'program.log');
    this.child = start([
      program, '--livekit', this.bench.server.url, '--token-file', this.tokenFile,
      '--json', ...more,
    ], { stdio: ['ignore', 'pipe', openSync(this.log, 'a')] });
    this.child.stdout.setEncoding('utf8');
    let rest = '';
    this.child.stdout.on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      this.events.push(...lines.map((line) => JSON.parse(line)));
    });
  }

  gone() {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async close() {
    if (this.child) await end(this.child);
  }

  /** Asked to end, which it has to do well. */
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

export class Recorder extends Program {
  called = 'e2ee-recorder';
  grants = { recorder: true, canPublish: false };

  join(keys) {
    super.join(keys);
    this.recordings = path.join(this.folder, 'recordings');
    mkdirSync(this.recordings);
    this.run(this.bench.recorder, [
      '--key-provider', this.keys.provider, '--output', this.recordings, '--mode', 'open',
      '--audit-key', this.bench.auditKey,
    ]);
  }

  setKey(key) {
    const kept = this.held.filter(({ index }) => index !== key.index);
    this.held = [...kept, key];
    this.keys.write(this.held, key.index);
  }

  async seen(codec) {
    const [file] = readdirSync(this.recordings).filter((name) => RECORDING.test(name));
    if (!file) return null;
    return this.bench.media.ask('look', { codec, path: path.join(this.recordings, file) });
  }
}

export class Publisher extends Program {
  called = 'e2ee-publish';

  publish(codec) {
    this.clip = this.bench.clips[codec];
    this.run(this.bench.publisher, [
      '--key-provider', this.keys.provider,
      '--source', sourceOf(this.clip),
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

// SPDX-License-Identifier: LGPL-2.1-or-later
// Many publishers in one process, and a recorder in their room. Each sends VP8 of 640x360 with 30
// frames a second and Opus, encoded before; no two frames of a publisher are alike.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { LinePeer } from '../../interop/driver/lines.mjs';
import { until, within } from '../../interop/driver/process.mjs';
import { Recorder } from './programs.mjs';
import { SETTINGS, makeKeys } from './keys.mjs';

const MS = 15000;
// Deriving keys that nobody uses would be measured, too.
const WITHOUT_RATCHET = { ...SETTINGS.passphrase, provider: ',ratchet-window=0' };
const TICKS_A_SECOND = 100; // of the kernel's accounting, on every Linux that Node runs on

/** What the kernel says of a process. */
export function usage(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [, memory] = status.match(/^VmRSS:\s+(\d+) kB$/m);
  const [, peak] = status.match(/^VmHWM:\s+(\d+) kB$/m);
  const [, threads] = status.match(/^Threads:\s+(\d+)$/m);
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return {
    memory: memory * 1024, peak: peak * 1024, threads: Number(threads),
    cpu: (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND,
  };
}

export class Crowd {
  /** identities: who publishes; url: of the server, as the recorder gets it. */
  constructor(bench, { room, identities, encrypted = true, url = bench.server.url }) {
    Object.assign(this, { bench, room, identities, encrypted });
    this.folder = path.join(bench.work, `${room}-publishers`);
    this.recorder = new Recorder(bench, {
      url, identity: 'recorder', room, settings: WITHOUT_RATCHET, senders: identities,
      options: encrypted ? [] : ['--allow-unencrypted'],
    });
    this.stays = new Map(); // of publishers in the room; by name: its identity and manifest
  }

  async start() {
    const clips = path.join(this.bench.work, 'clips');
    for (const folder of [this.folder, clips]) mkdirSync(folder, { recursive: true });
    this.program = new LinePeer([this.bench.crowd, clips], {
      called: 'e2ee-test-publisher', log: path.join(this.folder, 'publisher.log'),
    });
    await this.program.ask('prepare');
    const [key] = makeKeys(SETTINGS.passphrase);
    for (const identity of this.identities) {
      await this.program.ask('key', { identity, index: key.index, passphrase: key.passphrase });
    }
    await this.recorder.start();
    this.recorder.join([key]);
    await this.told('room-joined', 1);
  }

  /** Events of the recorder about a participant, or about all. */
  events(event, identity) {
    return this.recorder.happened(event).filter(({ participant }) => (
      !identity || participant === identity));
  }

  told(event, count, identity) {
    return until(`${event} of ${identity ?? 'all'}`, MS, () => {
      if (this.recorder.gone()) throw new Error(`e2ee-recorder has ended; see ${this.recorder.log}`);
      const found = this.events(event, identity).length;
      return found >= count || found;
    });
  }

  /** name: of this stay in the room. */
  async join(identity, name = identity) {
    const manifest = path.join(this.folder, name);
    this.stays.set(name, { identity, manifest });
    const { url } = this.bench.server;
    await this.program.ask('join-livekit', {
      name, identity, url, manifest, protection: this.encrypted ? 'encrypt' : 'none',
      token: this.bench.server.token(identity, this.room, { canSubscribe: false }),
    });
  }

  /** Frames that a publisher has sent. */
  async sent(name) {
    const { video, audio } = await this.program.ask('report', { name });
    return video + audio;
  }

  async sentByAll() {
    const counts = await Promise.all([...this.stays.keys()].map((name) => this.sent(name)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  leave(name) {
    return this.program.ask('leave', { name });
  }

  usage() {
    return usage(this.recorder.child.pid);
  }

  /** What the recorder says when they have left. */
  totals() {
    const sum = (event, field) => this.events(event)
      .reduce((total, entry) => total + entry[field], 0);
    return {
      left: this.events('left').length,
      arrived: sum('left', 'frames-arrived'),
      unreadable: sum('left', 'frames-not-decrypted'),
      unwritten: sum('left', 'frames-not-written'),
      packetsLost: sum('left', 'packets-lost'),
      written: sum('recording-closed', 'frames'),
    };
  }

  /** Frames that arrived are in the files. Throws what is wrong. */
  check() {
    const totals = this.totals();
    const { left, arrived, written } = totals;
    if (left !== this.stays.size) throw new Error(`${left} of ${this.stays.size} have left`);
    if (arrived !== written || totals.unreadable + totals.unwritten > 0) {
      throw new Error(`${arrived} frames arrived, ${written} were written: ${JSON.stringify(totals)}`);
    }
    return totals;
  }

  /** The file of each stay, in the order of a publisher's stays, holds what was sent, in order. */
  async compare({ packetsLost }) {
    const files = new Map();
    let frames = 0;
    for (const { participant, file } of this.events('recording-started')) {
      files.set(participant, [...(files.get(participant) ?? []), file]);
    }
    for (const [name, { identity, manifest }] of this.stays) {
      const file = files.get(identity)?.shift();
      if (!file) throw new Error(`no file of ${name}`);
      const found = await this.bench.media.ask('compare_stay', {
        path: path.join(this.recorder.recordings, file), manifest,
      });
      for (const media of ['video', 'audio']) {
        const { strange, missing, text } = found[media] ?? { strange: 1, text: 'nothing' };
        if (strange > 0 || (missing > 0 && packetsLost === 0)) {
          throw new Error(`${media} of ${file}: ${text}`);
        }
        frames += found[media].frames;
      }
    }
    const more = [...files.values()].flat();
    if (more.length > 0) throw new Error(`files of nobody: ${more}`);
    return frames;
  }

  /** The recorder first, so that nothing is under way; then what was sent is known, too. */
  async finish() {
    await this.recorder.finish(this.encrypted ? 0 : 3); // what is not encrypted is worth an alarm
    this.program.child.stdin.end();
    await within(MS, 'the end of e2ee-test-publisher', this.program.child.exited);
  }

  async close() {
    await Promise.allSettled([this.program?.close(), this.recorder.close()]);
  }
}

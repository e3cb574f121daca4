// SPDX-License-Identifier: LGPL-2.1-or-later
// What many publishers cost the recorder, encrypted and not.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { sleep } from '../../interop/driver/process.mjs';
import { Crowd } from './crowd.mjs';

const MIB = 1 << 20;

class Load {
  constructor(bench, cell, number) {
    Object.assign(this, { bench, cell, number });
  }

  /** One meeting; its row in build/livekit-load.json. */
  async measure(encrypted) {
    const { publishers, seconds } = this.cell;
    const identities = Array.from({ length: publishers }, (_, n) => `publisher-${n}`);
    const room = `load-${this.number}-${encrypted ? 'encrypted' : 'plain'}`;
    const crowd = new Crowd(this.bench, { room, identities, encrypted });
    this.crowd = crowd;
    await crowd.start();
    for (const identity of identities) await crowd.join(identity);
    await crowd.told('recording-started', publishers);
    const before = crowd.usage();
    await sleep(seconds * 1000); // what is measured lasts so long
    const { cpu, peak, threads } = crowd.usage();
    const sent = await crowd.sentByAll();
    await crowd.finish();
    const totals = crowd.check();
    const inFiles = await crowd.compare(totals);
    if (inFiles !== totals.written) throw new Error(`${inFiles} frames in files, not ${totals.written}`);
    await crowd.close();
    return {
      publishers, seconds, encrypted, frames_sent: sent, frames_arrived: totals.arrived,
      frames_written: inFiles, frames_lost: totals.arrived - inFiles,
      packets_lost: totals.packetsLost, cpu_s: Math.round((cpu - before.cpu) * 100) / 100,
      rss_mib: Math.round(peak / MIB), threads,
    };
  }

  async errors() {
    return this.crowd?.recorder.errors() ?? [];
  }

  async stop() {
    await this.crowd?.close();
  }
}

async function runLoad(self, result) {
  result.loads = [await self.measure(true), await self.measure(false)];
  result.frames = result.loads[0].frames_written;
}

const load = (publishers, seconds, limit) => ({
  name: `load/${publishers}`, kind: Load, run: runLoad, publishers, seconds, limit,
});

/** all: those that take minutes, too. */
export const loads = ({ all }) => [load(10, 5, 60000), ...(all ? [load(50, 60, 420000)] : [])];

const ratio = (encrypted, plain) => (plain > 0 ? (encrypted / plain).toFixed(2) : '-');

/** rows: by turns with encryption and without. */
export function reportLoads(file, rows) {
  writeFileSync(file, `${JSON.stringify(rows, null, 1)}\n`);
  if (rows.length > 0) console.table(rows);
  for (let i = 0; i + 1 < rows.length; i += 2) {
    const [encrypted, plain] = rows.slice(i, i + 2);
    console.log(`${encrypted.publishers} publishers, encrypted to not encrypted: `
      + `CPU ${ratio(encrypted.cpu_s, plain.cpu_s)}, memory ${ratio(encrypted.rss_mib, plain.rss_mib)}`);
  }
}

export const loadsFile = (build, part) => path.join(build, `livekit-load${part ? '-part' : ''}.json`);

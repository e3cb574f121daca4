// SPDX-License-Identifier: LGPL-2.1-or-later
// build/interop.json and the table of times.
import { rmSync, writeFileSync } from 'node:fs';
import { Report, rounded } from './report.mjs';
import { timesTables } from './times.mjs';

export class InteropReport extends Report {
  constructor(build, options) {
    super(build, 'interop', options);
    this.times = `${this.path}-times.md`;
    rmSync(this.times, { force: true });
  }

  row({ cell, ...result }) {
    if (cell.run || cell.peer === 'none') return null;
    return {
      client: cell.client, peer: cell.peer, api: cell.api, kdf: cell.kdf,
      codec: cell.svc ? `${cell.codec} ${cell.svc}` : cell.codec,
      direction: cell.direction, sfu: cell.sfu, passed: result.passed, frames: result.frames,
      wrong_key_frames: result.wrong_key_frames, rotated: result.rotated,
      seconds: rounded(result.seconds),
    };
  }

  finish() {
    const times = timesTables(this.results.filter(({ cell }) => !cell.run));
    if (times) {
      writeFileSync(this.times, times);
      console.log(`\n${times}`);
    }
    return super.finish();
  }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// examples/browser/run.sh as a person starts it, in a process group of its own for Ctrl-C.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { start, within } from './process.mjs';

const SCRIPT = fileURLToPath(new URL('../../../examples/browser/run.sh', import.meta.url));
const START_MS = 30000;
const END_MS = 10000;

export class Example {
  output = '';

  /** With a passphrase in a file, or, without one, one that the script draws. */
  static async start({ passphrase, port = 0 } = {}) {
    const self = new Example();
    self.folder = mkdtempSync(path.join(tmpdir(), 'e2ee-page-'));
    const given = ['--no-install', '--port', String(port)];
    if (passphrase) {
      const file = path.join(self.folder, 'passphrase');
      writeFileSync(file, `${passphrase}\n`, { mode: 0o600 });
      given.push('--passphrase-file', file);
    }
    self.child = start([SCRIPT, ...given], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const take = (data) => { self.output += data; };
    self.child.stdout.on('data', take);
    self.child.stderr.on('data', take);
    const ready = self.says(/^Ctrl-C ends/m).then(() => {
      [self.url] = self.output.match(/http:\/\/127\.0\.0\.1:\d+\//);
    });
    await within(START_MS, 'run.sh', Promise.race([ready, self.child.exited]));
    return self;
  }

  /** Resolves when that was printed. */
  says(pattern) {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.output.match(pattern);
        if (!found) return;
        this.child.stdout.off('data', look);
        resolve(found);
      };
      this.child.stdout.on('data', look);
      look();
    });
  }

  /** Ctrl-C; answers the exit status. */
  async close() {
    const { pid } = this.child;
    if (this.child.exitCode === null && this.child.signalCode === null) {
      process.kill(-pid, 'SIGINT');
      await within(END_MS, 'the end of run.sh', this.child.exited)
        .catch(() => process.kill(-pid, 'SIGKILL'));
    }
    rmSync(this.folder, { recursive: true, force: true });
    return this.child.exitCode;
  }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// The GStreamer peer: a process that takes lines of JSON.
import { openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { end, start, within } from './process.mjs';

const PROGRAM = fileURLToPath(new URL('../peer/main.py', import.meta.url));
const ANSWER_MS = 10000;

export class GstPeer {
  #waiting = new Map();
  #number = 0;

  constructor(log) {
    this.child = start(['/usr/bin/python3', '-B', PROGRAM], {
      stdio: ['pipe', 'pipe', openSync(log, 'a')],
    });
    this.child.stdin.on('error', () => {}); // the exit says more
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#take(line));
    this.child.exited.then(() => {
      this.gone = true;
      for (const { reject } of this.#waiting.values()) {
        const how = this.child.signalCode ?? this.child.exitCode;
        reject(new Error(`the GStreamer peer ended (${how}); see ${log}`));
      }
      this.#waiting.clear();
    });
  }

  #take(line) {
    const { id, result, error } = JSON.parse(line);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(`GStreamer: ${error}`));
    else waiting?.resolve(result);
  }

  ask(op, request = {}) {
    if (this.gone) return Promise.reject(new Error('the GStreamer peer is gone'));
    const id = ++this.#number;
    const answer = new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.child.stdin.write(`${JSON.stringify({ id, op, ...request })}\n`);
    return within(ANSWER_MS, `GStreamer, ${op}`, answer);
  }

  async close() {
    this.child.stdin.end();
    await end(this.child);
  }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// A peer in a process of its own that takes lines of JSON and answers with such.
import { openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { end, start, within } from './process.mjs';

const ANSWER_MS = 10000;

/**
 * Asked is {id, op, ...}, answered {id, result} or {id, error}.
 * `called`: how messages call it; `log`: the file that its stderr is appended to.
 */
export class LinePeer {
  #waiting = new Map();
  #number = 0;

  constructor(command, { called, log, env }) {
    this.called = called;
    this.child = start(command, { stdio: ['pipe', 'pipe', openSync(log, 'a')], env });
    this.child.stdin.on('error', () => {}); // the exit says more
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#take(line));
    this.child.exited.then(() => {
      this.gone = true;
      for (const { reject } of this.#waiting.values()) {
        const how = this.child.signalCode ?? this.child.exitCode;
        reject(new Error(`${called} ended (${how}); see ${log}`));
      }
      this.#waiting.clear();
    });
  }

  #take(line) {
    const { id, result, error } = JSON.parse(line);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(`${this.called}: ${error}`));
    else waiting?.resolve(result);
  }

  ask(op, request = {}) {
    if (this.gone) return Promise.reject(new Error(`${this.called} is gone`));
    const id = ++this.#number;
    const answer = new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.child.stdin.write(`${JSON.stringify({ id, op, ...request })}\n`);
    return within(ANSWER_MS, `${this.called}, ${op}`, answer);
  }

  async close() {
    this.child.stdin.end();
    await end(this.child);
  }
}

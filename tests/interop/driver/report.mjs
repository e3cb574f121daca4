// SPDX-License-Identifier: LGPL-2.1-or-later
// Progress, the times, build/interop.json, and steps.tsv for tests/report.py.
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { timesTables } from './times.mjs';

const say = (text) => process.stderr.write(`${text}\n`);
const round = (number) => Math.round(number * 100) / 100;

export class Report {
  #results = [];
  #steps = [];
  #counts = { passed: 0, failed: 0, skipped: 0 };

  /** part: of some of the cells; does not touch what a run of all cells left. */
  constructor(build, { part }) {
    const name = path.join(build, part ? 'interop-part' : 'interop');
    this.json = `${name}.json`;
    this.times = `${name}-times.md`;
    for (const file of [this.json, this.times]) rmSync(file, { force: true });
    this.file = path.join(build, 'interop', 'results', 'steps.tsv');
    mkdirSync(path.dirname(this.file), { recursive: true });
    writeFileSync(this.file, '');
  }

  say(text) {
    say(text);
  }

  #line(outcome, name, why = '') {
    this.#counts[outcome]++;
    const clean = why.replace(/[\t\n]+/g, ' ');
    appendFileSync(this.file, `${outcome}\tinterop ${name}\t${clean}\n`);
  }

  step(name, run) {
    this.#steps.push((async () => {
      try {
        const text = await run();
        say(`${name} ... ok (${text})`);
        this.#line('passed', name);
      } catch (error) {
        this.fail(name, error.message);
      }
    })());
  }

  skip(name, why) {
    say(`${name} ... skipped: ${why}`);
    this.#line('skipped', name, why);
  }

  fail(name, why) {
    say(`${name} ... FAILED: ${why}`);
    this.#line('failed', name, why);
  }

  settled() {
    return Promise.all(this.#steps);
  }

  add(result) {
    const { cell, passed, why, frames, seconds, took, late, ratcheted } = result;
    const note = (ratcheted ? ', ratcheted' : '') + (late > 0 ? `, ${late} packets late` : '');
    const first = seconds === undefined ? '' : `, first after ${seconds.toFixed(2)} s`;
    say(passed
      ? `${cell.name} ... ok, ${frames} frames${first}${note} (${took.toFixed(1)} s)`
      : `${cell.name} ... FAILED: ${why} (${took.toFixed(1)} s)`);
    this.#line(passed ? 'passed' : 'failed', cell.name, why);
    this.#results.push(result);
  }

  /** The exit status. */
  finish() {
    const times = timesTables(this.#results.filter(({ cell }) => !cell.run));
    if (times) {
      writeFileSync(this.times, times);
      console.log(`\n${times}`);
    }
    this.#json();
    const { passed, failed, skipped } = this.#counts;
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    return failed > 0 || passed + skipped === 0 ? 1 : 0;
  }

  #json() {
    const required = this.#results.filter(({ cell }) => !cell.run && cell.peer !== 'none');
    const rows = required.map(({ cell, ...result }) => ({
      peer: cell.peer, api: cell.api,
      codec: cell.svc ? `${cell.codec} ${cell.svc}` : cell.codec,
      direction: cell.direction, sfu: cell.sfu, passed: result.passed, frames: result.frames,
      wrong_key_frames: result.wrong_key_frames, rotated: result.rotated,
      seconds: result.seconds === undefined ? null : round(result.seconds),
    }));
    writeFileSync(this.json, `${JSON.stringify(rows, null, 1)}\n`);
  }
}

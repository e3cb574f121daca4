// SPDX-License-Identifier: LGPL-2.1-or-later
// Progress, build/NAME.json, and steps.tsv for tests/report.py.
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const say = (text) => process.stderr.write(`${text}\n`);

export const rounded = (seconds) => (
  seconds === undefined ? null : Math.round(seconds * 100) / 100);

/** Derived classes say what a result's row in build/NAME.json is: row(result), null for none. */
export class Report {
  results = [];
  #steps = [];
  #counts = { passed: 0, failed: 0, skipped: 0 };

  /** part: of some of the cells; does not touch what a run of all cells left. */
  constructor(build, name, { part }) {
    this.name = name;
    this.path = path.join(build, part ? `${name}-part` : name);
    rmSync(`${this.path}.json`, { force: true });
    this.file = path.join(build, name, 'results', 'steps.tsv');
    mkdirSync(path.dirname(this.file), { recursive: true });
    writeFileSync(this.file, '');
  }

  say(text) {
    say(text);
  }

  #line(outcome, name, why = '') {
    this.#counts[outcome]++;
    const clean = why.replace(/[\t\n]+/g, ' ');
    appendFileSync(this.file, `${outcome}\t${this.name} ${name}\t${clean}\n`);
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
    const note = (ratcheted ? ', ratcheted' : '') + (late > 0 ? `, ${late} packets late` : '')
      + (result.note ? `, ${result.note}` : '');
    const first = seconds === undefined ? '' : `, first after ${seconds.toFixed(2)} s`;
    say(passed
      ? `${cell.name} ... ok, ${frames} ${cell.unit ?? 'frames'}${first}${note} (${took.toFixed(1)} s)`
      : `${cell.name} ... FAILED: ${why} (${took.toFixed(1)} s)`);
    this.#line(passed ? 'passed' : 'failed', cell.name, why);
    this.results.push(result);
  }

  /** The exit status. */
  finish() {
    const rows = this.results.map((result) => this.row(result)).filter((row) => row !== null);
    writeFileSync(`${this.path}.json`, `${JSON.stringify(rows, null, 1)}\n`);
    const { passed, failed, skipped } = this.#counts;
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    return failed > 0 || passed + skipped === 0 ? 1 : 0;
  }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Progress, the table, build/interop.json, and steps.tsv for tests/report.py.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const say = (text) => process.stderr.write(`${text}\n`);
const round = (number) => Math.round(number * 100) / 100;
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

export class Report {
  #results = [];
  #steps = [];
  #counts = { passed: 0, failed: 0, skipped: 0 };

  constructor(build) {
    this.build = build;
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

  fail(name, why) {
    say(`${name} ... FAILED: ${why}`);
    this.#line('failed', name, why);
  }

  settled() {
    return Promise.all(this.#steps);
  }

  skip(cell, why) {
    say(`${cell.name} ... skipped: ${why}`);
    this.#line('skipped', cell.name, why);
    this.#results.push({ cell, skipped: why });
  }

  add(result) {
    const { cell, passed, why, frames, seconds, took, late } = result;
    const note = late > 0 ? `, ${late} packets late` : '';
    const first = seconds === undefined ? '' : `, first after ${seconds.toFixed(2)} s`;
    say(passed
      ? `${cell.name} ... ok, ${frames} frames${first}${note} (${took.toFixed(1)} s)`
      : `${cell.name} ... FAILED: ${why} (${took.toFixed(1)} s)`);
    this.#line(passed ? 'passed' : 'failed', cell.name, why);
    this.#results.push(result);
  }

  /** The exit status. */
  finish() {
    this.#table();
    this.#json();
    const { passed, failed, skipped } = this.#counts;
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    return failed > 0 || passed === 0 ? 1 : 0;
  }

  #json() {
    const ran = this.#results.filter(
      ({ cell, skipped }) => !skipped && !cell.run && cell.peer !== 'none');
    const rows = ran.map(({ cell, ...result }) => ({
      peer: cell.peer, api: cell.api,
      codec: cell.svc ? `${cell.codec} ${cell.svc}` : cell.codec,
      direction: cell.direction, sfu: cell.sfu, passed: result.passed, frames: result.frames,
      wrong_key_frames: result.wrong_key_frames, rotated: result.rotated,
      seconds: result.seconds === undefined ? null : round(result.seconds),
    }));
    writeFileSync(path.join(this.build, 'interop.json'), `${JSON.stringify(rows, null, 1)}\n`);
  }

  // A line for each peer, API and codec; a column for each direction, direct and by the SFU. Cells
  // are the seconds to the first frame.
  #table() {
    const columns = ['direct', 'sfu'].flatMap(
      (where) => ['to-browser', 'from-browser'].map((direction) => `${direction}/${where}`));
    const rows = new Map();
    for (const result of this.#results.filter(({ cell }) => !cell.run)) {
      const [peer, api, codec, direction, where] = result.cell.name.split('/');
      const key = [peer, api, codec].join('\t');
      if (!rows.has(key)) rows.set(key, {});
      (rows.get(key)[`${direction}/${where}`] ??= []).push(result);
    }
    const text = (results) => {
      if (!results) return '-';
      if (results[0].skipped) return 'skipped';
      const bad = results.filter(({ passed }) => !passed).length;
      if (bad > 0) return results.length > 1 ? `FAILED ${bad} of ${results.length}` : 'FAILED';
      const marks = results[0].ratcheted ? ' r' : '';
      return `${median(results.map(({ seconds }) => seconds)).toFixed(2)} s${marks}`;
    };
    const print = (cells) => console.log(
      cells.map((cell, index) => cell.padEnd([12, 8, 14][index] ?? 20)).join(' ').trimEnd());
    console.log('\nSeconds to the first decoded frame; r: also followed a ratchet');
    print(['peer', 'api', 'codec', ...columns]);
    for (const [key, found] of rows) {
      print([...key.split('\t'), ...columns.map((column) => text(found[column]))]);
    }
    console.log();
  }
}

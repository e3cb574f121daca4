// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs the cells: main.mjs --build FOLDER [--filter TEXT] [--repeat N] [--without-sfu REASON]
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Browser, call } from './browser.mjs';
import { pageCells } from './browser-page.mjs';
import { Call, runCell } from './cell.mjs';
import { faultCells } from './faults.mjs';
import { matrix, plainCells, problem } from './cells.mjs';
import { GstPeer } from './gst.mjs';
import { InteropReport } from './interop-report.mjs';
import { Janus } from './janus.mjs';
import { knownAnswers } from './known-answers.mjs';
import { within } from './process.mjs';

const CELL_MS = 45000;
const JANUS_PORT = 8088; // of this network namespace, so nobody else has it
const VECTORS = fileURLToPath(new URL('../../vectors', import.meta.url));

const { values: options } = parseArgs({
  options: {
    build: { type: 'string' },
    filter: { type: 'string', default: '' },
    repeat: { type: 'string', default: '1' },
    'without-sfu': { type: 'string' }, // the reason
  },
});
const withoutSfu = options['without-sfu'];
const work = path.join(options.build, 'interop');
mkdirSync(work, { recursive: true });

class Bench {
  build = options.build;

  async start() {
    this.gst = new GstPeer(path.join(work, 'gstreamer.log'));
    await this.startBrowser();
    if (!withoutSfu) this.janus = await Janus.start(path.join(work, 'janus'), JANUS_PORT);
    this.abilities = await this.gst.ask('abilities');
  }

  async startBrowser() {
    this.browser = await Browser.start(path.join(work, 'node_modules'));
  }

  /** After something died: a cell must not fail for what another one did. */
  async mend() {
    if (this.gst.gone) this.gst = new GstPeer(path.join(work, 'gstreamer.log'));
    if (!this.browser.alive()) {
      await this.browser.close();
      await this.startBrowser();
    }
    await this.mendSfu();
  }

  async mendSfu() {
    if (withoutSfu) return;
    if (this.janus.child.exitCode !== null || this.janus.child.signalCode !== null) {
      this.janus = await Janus.start(path.join(work, 'janus'), JANUS_PORT);
    }
  }

  async close() {
    await Promise.allSettled([
      this.gst?.close(), this.browser?.close(), this.janus?.close(), this.example?.close(),
    ]);
  }
}

const failed = (cell, why) => (
  { cell, passed: false, why, frames: 0, wrong_key_frames: 0, rotated: false, took: 0 });

let number = 0;

async function tryCell(bench, cell) {
  const why = problem(cell, bench.abilities);
  if (why) return failed(cell, why);
  const result = failed(cell);
  const started = Date.now();
  await bench.mend();
  const page = await bench.browser.open();
  const self = new Call({ gst: bench.gst, page, janus: bench.janus }, cell, ++number);
  try {
    await call(page, 'title', cell.name);
    await within(CELL_MS, cell.name, (cell.run ?? runCell)(self, result, bench));
    result.passed = true;
    if (!cell.run && cell.direction === 'to-browser' && cell.codec === 'vp8' && !cell.sfu) {
      await page.screenshot({ path: path.join(options.build, `interop-${cell.peer}.png`) });
    }
  } catch (error) {
    const also = await self.errors().catch(() => []); // there may be no such call
    result.why = [...new Set([error.message.split('\n')[0], ...also])].slice(0, 4).join('; ');
  }
  await self.stop();
  await self.page.close().catch(() => {}); // a cell may have gone on in another one
  result.took = (Date.now() - started) / 1000;
  return result;
}

async function main() {
  const report = new InteropReport(options.build, { part: options.filter !== '' });
  for (const [scheme, check] of Object.entries(knownAnswers)) {
    report.step(`known answers, ${scheme}`, async () => `${await check(VECTORS)} records`);
  }
  await report.settled();

  let cells = [...plainCells(), ...matrix(), ...faultCells(), ...pageCells()]
    .filter(({ name }) => name.includes(options.filter));
  if (cells.length === 0) report.fail(options.filter, 'no cell has such a name');
  if (withoutSfu) {
    for (const { name } of cells.filter(({ sfu }) => sfu)) report.skip(name, withoutSfu);
    cells = cells.filter(({ sfu }) => !sfu);
  }
  const left = Array.from({ length: Number(options.repeat) }, () => cells).flat();
  const bench = new Bench();
  try {
    await bench.start();
    report.say(`Chromium ${bench.browser.version()}`);
    for (; left.length > 0; left.shift()) report.add(await tryCell(bench, left[0]));
  } catch (error) { // outside of any cell
    report.fail('start', error.message);
    for (const cell of left) report.add(failed(cell, `not tried: ${error.message}`));
  } finally {
    await bench.close();
  }
  return report.finish();
}

writeFileSync(path.join(work, 'gstreamer.log'), '');
process.exit(await main());

// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs the cells: main.mjs --build FOLDER [--filter TEXT] [--repeat N]
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { within } from '../../interop/driver/process.mjs';
import { loadWerift } from '../peer/connection.mjs';
import { runCell } from './cell.mjs';
import { matrix } from './cells.mjs';
import { FromPeer } from './from-peer.mjs';
import { GstPeer } from './gst.mjs';
import { Media } from './media.mjs';
import { refusalCells } from './refusals.mjs';
import { SFrameReport } from './sframe-report.mjs';
import { ToPeer } from './to-peer.mjs';
import { vectorChecks } from './vectors.mjs';

const CELL_MS = 45000;
const LANES = 3; // cells at a time: they wait more than they work
const VECTORS = fileURLToPath(new URL('../../vectors', import.meta.url));

const { values: options } = parseArgs({
  options: {
    build: { type: 'string' },
    filter: { type: 'string', default: '' },
    repeat: { type: 'string', default: '1' },
  },
});
const work = path.join(options.build, 'sframe');
mkdirSync(work, { recursive: true });
const log = path.join(work, 'gstreamer.log');
writeFileSync(log, '');

const failed = (cell, why) => (
  { cell, passed: false, why, frames: 0, wrong_key_frames: 0, rotated: false, took: 0 });

async function tryCell(bench, cell) {
  const result = failed(cell);
  const started = Date.now();
  if (bench.gst.gone) bench.gst = new GstPeer(options.build, log);
  const self = new (cell.direction === 'to-browser' ? ToPeer : FromPeer)(bench, cell);
  try {
    await within(CELL_MS, cell.name, (cell.run ?? runCell)(self, result));
    result.passed = true;
  } catch (error) {
    [result.why] = error.message.split('\n');
  }
  await self.stop();
  result.took = (Date.now() - started) / 1000;
  return result;
}

/** Takes cells off the list until there are none. */
async function lane(shared, left, report) {
  const bench = { ...shared, gst: new GstPeer(options.build, log) };
  try {
    for (let cell = left.shift(); cell; cell = left.shift()) report.add(await tryCell(bench, cell));
  } finally {
    await bench.gst.close();
  }
}

async function main() {
  const report = new SFrameReport(options.build, { part: options.filter !== '' });
  for (const [name, check] of vectorChecks(VECTORS)) {
    report.step(name, async () => `${check()} records`);
  }
  await report.settled();

  const cells = [...matrix(), ...refusalCells()]
    .filter(({ name }) => name.includes(options.filter));
  if (cells.length === 0) report.fail(options.filter, 'no cell has such a name');
  const left = Array.from({ length: Number(options.repeat) }, () => cells).flat();
  const shared = { werift: loadWerift(work), media: new Media() };
  const lanes = Array.from({ length: LANES }, () => lane(shared, left, report));
  for (const { reason } of await Promise.allSettled(lanes)) {
    if (reason) report.fail('outside of any cell', reason.message);
  }
  for (const cell of left) report.add(failed(cell, 'not tried'));
  return report.finish();
}

process.exit(await main());

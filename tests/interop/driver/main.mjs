// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs the cells: main.mjs --build FOLDER [--filter TEXT] [--repeat N] [--without-sfu REASON]
//   [--without-native REASON]
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Bench, failed } from './bench.mjs';
import { pageCells } from './browser-page.mjs';
import { matrix, plainCells } from './cells.mjs';
import { chromium } from './chromium.mjs';
import { dataTracks } from './data-tracks.mjs';
import { faultCells } from './faults.mjs';
import { firefox } from './firefox.mjs';
import { InteropReport } from './interop-report.mjs';
import { knownAnswers } from './known-answers.mjs';
import { native } from './native.mjs';

const JANUS_PORT = 8088; // and those after it; of this network namespace, so nobody else has them
const VECTORS = fileURLToPath(new URL('../../vectors', import.meta.url));
const CELLS = [
  [chromium, [...plainCells('chromium'), ...matrix('chromium'), ...faultCells(), ...pageCells()]],
  [firefox, [...plainCells('firefox'), ...matrix('firefox')]],
  [native, matrix('native')],
];

const { values: options } = parseArgs({
  options: {
    build: { type: 'string' },
    filter: { type: 'string', default: '' },
    repeat: { type: 'string', default: '1' },
    'without-sfu': { type: 'string' }, // the reason
    'without-native': { type: 'string' },
  },
});
const work = path.join(options.build, 'interop');
mkdirSync(work, { recursive: true });

/** Why a cell is left out, or undefined. */
const leftOut = ({ sfu, client }) => (
  (sfu && options['without-sfu']) || (client === 'native' && options['without-native']));

function chosen(report, all) {
  const cells = all.filter(({ name }) => name.includes(options.filter));
  for (const cell of cells.filter(leftOut)) report.skip(cell.name, leftOut(cell));
  return cells.filter((cell) => !leftOut(cell));
}

async function runAll(report, kind, port, cells) {
  const left = Array.from({ length: Number(options.repeat) }, () => cells).flat();
  const bench = new Bench({ build: options.build, kind, port });
  try {
    await bench.start();
    report.say(`${kind.title} ${bench.browser.version()}`);
    for (; left.length > 0; left.shift()) report.add(await bench.tryCell(left[0]));
  } catch (error) { // outside of any cell
    report.fail(`${kind.title}, start`, error.message);
    for (const cell of left) report.add(failed(cell, `not tried: ${error.message}`));
  } finally {
    await bench.close();
  }
}

async function main() {
  const report = new InteropReport(options.build, { part: options.filter !== '' });
  for (const [scheme, check] of Object.entries(knownAnswers)) {
    report.step(`known answers, ${scheme}`, async () => `${await check(VECTORS)} records`);
    await report.settled(); // one after the other: one of them stands in for WebCrypto
  }
  report.step('data tracks of livekit-client', async () => `${await dataTracks(options.build)} frames`);
  await report.settled();

  const runs = CELLS.map(([kind, all]) => [kind, chosen(report, all)]);
  if (CELLS.every(([, all]) => all.every(({ name }) => !name.includes(options.filter)))) {
    report.fail(options.filter, 'no cell has such a name');
  }
  for (const [index, [kind, cells]] of runs.entries()) {
    const port = cells.some(({ sfu }) => sfu) ? JANUS_PORT + index : null;
    if (cells.length > 0) await runAll(report, kind, port, cells);
  }
  return report.finish();
}

writeFileSync(path.join(work, 'gstreamer.log'), '');
process.exit(await main());

// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs the cells: main.mjs --build FOLDER [--filter TEXT] [--repeat N] [--full]
//   --server PROGRAM | --without-server REASON
//   --go-client PROGRAM | --without-go REASON
//   --webrtcsrc: the cells of tests/livekit/webrtcsrc.sh instead
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Browser } from '../../interop/driver/browser.mjs';
import { LinePeer } from '../../interop/driver/lines.mjs';
import { within } from '../../interop/driver/process.mjs';
import { Call, runCell } from './cell.mjs';
import { controls, matrix, webrtcsrc } from './cells.mjs';
import { chats } from './chat.mjs';
import { cuts } from './cuts.mjs';
import { joins } from './joins.mjs';
import { LiveKitReport } from './livekit-report.mjs';
import { loads, loadsFile, reportLoads } from './load.mjs';
import { losses } from './loss.mjs';
import { publishing } from './publishing.mjs';
import { refusals } from './refusals.mjs';
import { rooms } from './rooms.mjs';
import { Server } from './server.mjs';
import { together } from './together.mjs';

const CELL_MS = 60000;
const folder = (where) => fileURLToPath(new URL(where, import.meta.url));
const MEDIA = folder('../media/main.py');
const PAGE = folder('../page/');
const CODECS = ['vp8', 'vp9', 'h264', 'opus'];

const { values: options } = parseArgs({
  options: {
    build: { type: 'string' },
    filter: { type: 'string', default: '' },
    repeat: { type: 'string', default: '1' },
    full: { type: 'boolean', default: false },
    server: { type: 'string' },
    'without-server': { type: 'string' },
    'go-client': { type: 'string' },
    'without-go': { type: 'string' },
    webrtcsrc: { type: 'boolean', default: false },
  },
});

/** What the cells share. */
class Bench {
  build = options.build;
  work = path.join(options.build, 'livekit', 'rooms');
  modules = path.join(options.build, 'interop', 'node_modules');
  goClient = options['go-client'];
  recorder = path.join(options.build, 'examples/recorder/e2ee-recorder');
  unseal = path.join(options.build, 'examples/recorder/e2ee-unseal');
  publisher = path.join(options.build, 'examples/publish/e2ee-publish');
  crowd = path.join(options.build, 'tests/recorder/e2ee-test-publisher');
  auditKey = path.join(this.work, 'audit.pem');
  auditPublicKey = path.join(this.work, 'audit.pub');

  async start() {
    rmSync(this.work, { recursive: true, force: true });
    mkdirSync(this.work, { recursive: true });
    execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', this.auditKey]);
    execFileSync('openssl', ['pkey', '-in', this.auditKey, '-pubout', '-out', this.auditPublicKey]);
    this.server = await Server.start(options.server, this.work);
    await this.startMedia();
    this.clips = {};
    for (const codec of CODECS) {
      this.clips[codec] = path.join(this.work, `sent.${codec}`);
      await this.media.ask('clip', { codec, path: this.clips[codec] });
    }
    await this.startBrowser();
  }

  async startMedia() {
    this.media = new LinePeer(['/usr/bin/python3', '-B', MEDIA], {
      called: 'GStreamer', log: path.join(this.work, 'media.log'),
    });
  }

  async startBrowser() {
    this.browser = await Browser.start(this.modules, { page: PAGE });
  }

  /** After something died: a cell must not fail for what another one did. */
  async mend() {
    if (this.media.gone) await this.startMedia();
    if (this.server.gone()) await this.server.run();
    if (!this.browser.alive()) {
      await this.browser.close();
      await this.startBrowser();
    }
  }

  async close() {
    await Promise.allSettled([
      this.browser?.close(), this.media?.close(), this.server?.close(),
    ]);
  }
}

/** Why a cell cannot be tried here, or null. */
function missing({ sender, receiver }) {
  if (options['without-server']) return options['without-server'];
  return [sender, receiver].includes('go') ? options['without-go'] ?? null : null;
}

const failed = (cell, why) => (
  { cell, passed: false, why, frames: 0, wrong_key_frames: 0, rotated: false, took: 0 });

let number = 0;

async function tryCell(bench, cell) {
  const result = failed(cell);
  const started = Date.now();
  await bench.mend();
  const self = new (cell.kind ?? Call)(bench, cell, ++number);
  try {
    await within(cell.limit ?? CELL_MS, cell.name, (cell.run ?? runCell)(self, result));
    result.passed = true;
  } catch (error) {
    const also = await self.errors().catch(() => []);
    result.why = [...new Set([error.message.split('\n')[0], ...also])].slice(0, 4).join('; ');
  }
  await self.stop();
  result.took = (Date.now() - started) / 1000;
  return result;
}

const everything = () => [
  ...controls(), ...together(), ...chats(), ...refusals(), ...publishing(),
  ...matrix({ all: options.full }), ...cuts({ all: options.full }), ...losses(), ...rooms(),
  ...loads({ all: options.full }), ...(options.full ? joins() : []),
];

async function main() {
  const name = options.webrtcsrc ? 'webrtcsrc' : 'livekit';
  const report = new LiveKitReport(options.build, name, { part: options.filter !== '' });
  const bench = new Bench();
  const all = options.webrtcsrc ? webrtcsrc() : everything();
  const cells = all.filter((cell) => cell.name.includes(options.filter));
  if (cells.length === 0) report.fail(options.filter, 'no cell has such a name');
  const tried = [];
  for (const cell of cells) {
    const why = missing(cell);
    if (why) report.skip(cell.name, why);
    else tried.push(cell);
  }
  const left = Array.from({ length: Number(options.repeat) }, () => tried).flat();
  try {
    if (left.length > 0) {
      await bench.start();
      report.say(`Chromium ${bench.browser.version()}`);
    }
    for (; left.length > 0; left.shift()) report.add(await tryCell(bench, left[0]));
  } catch (error) { // outside of any cell
    report.fail('start', error.message);
    for (const cell of left) report.add(failed(cell, `not tried: ${error.message}`));
  } finally {
    await bench.close();
  }
  const measured = report.results.flatMap((result) => result.loads ?? []);
  reportLoads(loadsFile(options.build, options.filter !== ''), measured);
  return report.finish();
}

process.exit(await main());

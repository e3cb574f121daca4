// SPDX-License-Identifier: LGPL-2.1-or-later
// Cells with the page of examples/browser in browsers that do not speak with 127.0.0.1, as Firefox:
// with a network, and without.
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { playwright } from './browser.mjs';
import { STEP_MS } from './cell.mjs';
import { launchChromium } from './chromium.mjs';
import { Example } from './example.mjs';
import { end, sleep, start } from './process.mjs';
import { PASSPHRASE, expect, visiting } from './visit.mjs';

const HERE = '198.51.100.1';
const THERE = '198.51.100.2';
const PACKETS = 50;
const HOW = { scheme: 'sframe', codec: 'vp8', key: PASSPHRASE };

const ip = (...words) => execFileSync('ip', words);

/** Another machine, with a cable to this one and nothing else: a network namespace. */
class Machine {
  static async connect() {
    const self = new Machine();
    self.child = start(['unshare', '--net', 'sleep', '120'], { stdio: 'ignore' });
    const { pid } = self.child;
    const ours = readlinkSync('/proc/self/ns/net');
    while (readlinkSync(`/proc/${pid}/ns/net`) === ours) await sleep(10);
    self.pid = pid;
    ip('link', 'add', 'e2ee2', 'type', 'veth', 'peer', 'name', 'e2ee3', 'netns', pid);
    ip('address', 'add', `${HERE}/24`, 'dev', 'e2ee2');
    ip('link', 'set', 'e2ee2', 'up');
    self.run(`ip address add ${THERE}/24 dev e2ee3 && ip link set e2ee3 up`);
    ip('route', 'add', 'default', 'via', THERE);
    return self;
  }

  run(script) {
    execFileSync('nsenter', [`--net=/proc/${this.pid}/ns/net`, 'bash', '-c', script]);
  }

  async disconnect() {
    ip('link', 'delete', 'e2ee2');
    await end(this.child);
  }
}

/** Packets that came to a socket there and that nobody gets to read. */
function dropped(address, port) {
  const bytes = address.split('.').reverse().map(Number);
  const hex = (number, digits) => number.toString(16).toUpperCase().padStart(digits, '0');
  const at = `${bytes.map((byte) => hex(byte, 2)).join('')}:${hex(Number(port), 4)}`;
  const line = readFileSync('/proc/net/udp', 'utf8').split('\n').find((row) => row.includes(at));
  return Number(line.trim().split(/\s+/).at(-1));
}

/** In a Chromium as it comes, without candidates on 127.0.0.1. */
async function visitingAsUsual(bench, self, run) {
  const modules = path.join(bench.build, 'interop', 'node_modules');
  const program = await launchChromium(playwright(modules), { loopback: false });
  try {
    bench.example ??= await Example.start({ passphrase: PASSPHRASE });
    await visiting({ example: bench.example, browser: { program } }, self, {}, run);
  } finally {
    await program.close();
  }
}

const keep = (sdp, kept) => sdp.split('\r\n').filter(
  (line) => !line.startsWith('a=candidate:') || kept(line)).join('\r\n');

/** The ends hear of each other's addresses what `kept` takes; answers those that were offered. */
async function filtered(page, kept) {
  const offered = [];
  await page.route('**/calls', async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    offered.push(...json.sdp.match(/candidate:.*/g));
    await route.fulfill({ response, json: { ...json, sdp: keep(json.sdp, kept) } });
  });
  await page.route('**/calls/*/answer', (route) => {
    const { sdp } = route.request().postDataJSON();
    return route.continue({ postData: JSON.stringify({ sdp: keep(sdp, kept) }) });
  });
  return offered;
}

/** The call goes over the machine's own address; another machine is not heard there. */
async function ownAddress(self, result, bench) {
  const machine = await Machine.connect();
  try {
    await visitingAsUsual(bench, self, async (visit) => {
      const offered = await filtered(visit.page, (line) => line.includes(` ${HERE} `));
      await visit.join(HOW);
      result.frames = (await visit.works()).received[0];
      const [, port] = String(offered).match(`UDP \\d+ ${HERE} (\\d+) typ host`) ?? [];
      expect(port, `offered are ${offered}`);
      const before = dropped(HERE, port);
      machine.run(`for i in {1..${PACKETS}}; do echo >/dev/udp/${HERE}/${port}; done`);
      await self.until('packets of another machine, unread', STEP_MS, () =>
        dropped(HERE, port) >= before + PACKETS || dropped(HERE, port));
      await visit.leave();
    });
  } finally {
    await machine.disconnect();
  }
}

/** Said before ICE gives up. */
async function noAddress(self, result, bench) {
  await visitingAsUsual(bench, self, async (visit) => {
    await filtered(visit.page, () => false);
    await visit.join(HOW);
    await visit.until('what to do', ({ state }) =>
      state.startsWith('No connection is possible') && state.includes('--any-address'));
    expect(await visit.page.isVisible('#leave'), 'ICE has given up');
    await visit.leave();
  });
}

export const networkCells = [['own-address', ownAddress], ['no-address', noAddress]];

// SPDX-License-Identifier: LGPL-2.1-or-later
// Chromium with LiveKit's own worker as participants; takes the lines of JSON that
// e2ee-test-publisher takes: browser.mjs FOLDER-WITH-NODE-MODULES
import { createInterface } from 'node:readline';
import { Browser, call } from '../../interop/driver/browser.mjs';
import { sleep } from '../../interop/driver/process.mjs';

const CONNECT_MS = 10000;
const SIZE = [320, 192];
const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const browser = await Browser.start(process.argv[2]);
const page = await browser.open();
const keys = new Map(); // identity -> the keys announced so far
const identities = new Map(); // name of a stay -> identity

async function watch(name) {
  const end = Date.now() + CONNECT_MS;
  while (Date.now() < end) {
    const { state } = await call(page, 'report', name);
    write({ event: 'connection', name, state });
    if (state === 'connected' || state === 'failed') return;
    await sleep(50);
  }
}

const operations = {
  async key({ identity, index, passphrase }) {
    keys.set(identity, { ...keys.get(identity), [index]: { index, passphrase } });
  },

  async use_key({ identity, index }) {
    for (const [name, of] of identities) {
      if (of === identity) await call(page, 'setKey', name, keys.get(identity)[index], true);
    }
  },

  async join({ name, identity, codec }) {
    identities.set(name, identity);
    const sdp = await call(page, 'send', name, {
      scheme: 'livekit', enabled: true, api: 'script', codec, window: 0, size: SIZE,
      keys: Object.values(keys.get(identity)),
    });
    return { sdp };
  },

  async answer({ name, sdp }) {
    await call(page, 'takeAnswer', name, sdp);
    watch(name);
  },

  async leave({ name }) {
    identities.delete(name);
    await call(page, 'stop', name);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, op, ...request } = JSON.parse(line);
  try {
    write({ id, result: (await operations[op](request)) ?? {} });
  } catch (error) {
    write({ id, error: String(error.message ?? error).split('\n')[0] });
  }
}
await browser.close();
process.exit(0);

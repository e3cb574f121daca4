// SPDX-License-Identifier: LGPL-2.1-or-later
// A browser, and the server of its page on 127.0.0.1.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from './chromium.mjs';

const folder = (where) => fileURLToPath(new URL(where, import.meta.url));
const PAGE = folder('../page/');
const EXAMPLE = folder('../../../examples/browser/page/');
const FROM_EXAMPLE = ['worker.js', 'formats.js'];
const TYPES = { '.html': 'text/html', '.js': 'text/javascript' };

/** What drives the browsers. */
export const playwright = (modules) => createRequire(path.join(modules, 'x'))('playwright-core');

// RealtimeKit keeps its worker as base64 inside a module.
async function realtimeKitWorker(file) {
  const blobs = (await readFile(file, 'latin1')).match(/"[A-Za-z0-9+/=]{20000,}"/g) ?? [];
  if (blobs.length !== 1) throw new Error(`${file} holds ${blobs.length} workers`);
  return Buffer.from(blobs[0].slice(1, -1), 'base64');
}

function makeServer(modules, page) {
  const vendor = {
    '/vendor/livekit-client.js': () =>
      readFile(path.join(modules, 'livekit-client/dist/livekit-client.esm.mjs')),
    '/vendor/livekit-worker.js': () =>
      readFile(path.join(modules, 'livekit-client/dist/livekit-client.e2ee.worker.js')),
    '/vendor/realtimekit-worker.js': () => realtimeKitWorker(
      path.join(modules, '@cloudflare/realtimekit/dist/EncryptionManager.es.js')),
  };
  return createServer(async ({ url }, response) => {
    const name = url === '/' ? '/index.html' : url;
    try {
      const body = await (vendor[name]?.() ?? readPage(page, path.basename(name)));
      response.writeHead(200, { 'Content-Type': TYPES[path.extname(name)] ?? 'text/plain' });
      response.end(body);
    } catch (error) {
      response.writeHead(404);
      response.end(String(error));
    }
  });
}

function readPage(page, file) {
  if (FROM_EXAMPLE.includes(file)) return readFile(path.join(EXAMPLE, file));
  return readFile(path.join(page, file)).catch(() => readFile(path.join(PAGE, file)));
}

export class Browser {
  /**
   * kind: that of chromium.mjs or firefox.mjs.
   * page: the folder of a page that may use the modules of tests/interop/page.
   */
  static async start(modules, { page = PAGE, kind = chromium } = {}) {
    const self = new Browser();
    self.server = makeServer(modules, page);
    await new Promise((resolve) => { self.server.listen(0, '127.0.0.1', resolve); });
    self.url = `http://127.0.0.1:${self.server.address().port}/`;
    self.program = await kind.launch(playwright(modules));
    return self;
  }

  alive() {
    return this.program.isConnected();
  }

  version() {
    return this.program.version();
  }

  /** A page of its own; `problems` fills with what it complains about. */
  async open() {
    const page = await this.program.newPage({ viewport: { width: 760, height: 320 } });
    page.setDefaultTimeout(10000);
    page.problems = [];
    page.ask = (method, ...rest) => call(page, method, ...rest);
    page.on('pageerror', (error) => page.problems.push(String(error)));
    await page.goto(this.url);
    await page.waitForFunction(() => window.calls !== undefined);
    return page;
  }

  async close() {
    await this.program?.close().catch(() => {});
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** Calls window.calls.METHOD in a page. */
export const call = (page, method, ...rest) =>
  page.evaluate(([name, values]) => window.calls[name](...values), [method, rest]);

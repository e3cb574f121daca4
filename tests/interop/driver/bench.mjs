// SPDX-License-Identifier: LGPL-2.1-or-later
// What the cells of one client share: GStreamer, the browser, the SFU. Each is started again after
// it died.
import path from 'node:path';
import { Browser } from './browser.mjs';
import { Call, runCell } from './cell.mjs';
import { problem } from './cells.mjs';
import { GstPeer } from './gst.mjs';
import { Janus } from './janus.mjs';
import { within } from './process.mjs';

const CELL_MS = 45000;

export const failed = (cell, why) => (
  { cell, passed: false, why, frames: 0, wrong_key_frames: 0, rotated: false, took: 0 });

export class Bench {
  #calls = 0;

  /** kind: the browser, or native; port: of the SFU, null where there is none. */
  constructor({ build, kind, port }) {
    Object.assign(this, { build, kind, port, work: path.join(build, 'interop') });
  }

  async start() {
    this.startGStreamer();
    await this.startBrowser();
    await this.startSfu();
    this.abilities = await this.gst.ask('abilities');
  }

  startGStreamer() {
    this.gst = new GstPeer(path.join(this.work, 'gstreamer.log'));
  }

  async startBrowser() {
    const { kind } = this;
    const modules = path.join(this.work, 'node_modules');
    this.browser = await (kind.start?.(this) ?? Browser.start(modules, { kind }));
  }

  async startSfu() {
    if (this.port === null) return;
    this.janus = await Janus.start(path.join(this.work, `janus-${this.kind.client}`), this.port);
  }

  /** After something died: a cell must not fail for what another one did. */
  async mend() {
    if (this.gst.gone) this.startGStreamer();
    if (!this.browser.alive()) {
      await this.browser.close();
      await this.startBrowser();
    }
    await this.mendSfu();
  }

  async mendSfu() {
    const { child } = this.janus ?? {};
    if (child && (child.exitCode !== null || child.signalCode !== null)) await this.startSfu();
  }

  async tryCell(cell) {
    const why = problem(cell, this.abilities);
    if (why) return failed(cell, why);
    const result = failed(cell);
    const started = Date.now();
    await this.mend();
    const page = await this.browser.open();
    const self = new Call({ gst: this.gst, page, janus: this.janus }, cell, ++this.#calls);
    try {
      await page.ask('title', cell.name);
      await within(CELL_MS, cell.name, (cell.run ?? runCell)(self, result, this));
      result.passed = true;
      await this.#picture(cell, page);
    } catch (error) {
      const also = await self.errors().catch(() => []); // there may be no such call
      result.why = [...new Set([error.message.split('\n')[0], ...also])].slice(0, 4).join('; ');
    }
    await self.stop();
    await self.page.close().catch(() => {}); // a cell may have gone on in another one
    result.took = (Date.now() - started) / 1000;
    return result;
  }

  /** One for each scheme. */
  async #picture({ run, client, peer, direction, codec, sfu }, page) {
    if (!page.screenshot || run || direction !== 'to-browser' || codec !== 'vp8' || sfu) return;
    await page.screenshot({ path: path.join(this.build, `interop-${peer}-${client}.png`) });
  }

  async close() {
    await Promise.allSettled([
      this.gst?.close(), this.browser?.close(), this.janus?.close(), this.example?.close(),
    ]);
  }
}

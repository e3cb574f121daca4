// SPDX-License-Identifier: LGPL-2.1-or-later
// GStreamer's own livekitwebrtcsrc with e2eedecrypt in it. As a party, see party.mjs.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LinePeer } from '../../interop/driver/lines.mjs';

const RECEIVER = fileURLToPath(new URL('../webrtcsrc/receiver.py', import.meta.url));

export class WebRTCSrc {
  constructor(bench, who) {
    Object.assign(this, { bench, ...who });
  }

  async start() {
    this.receiver = new LinePeer(['/usr/bin/python3', '-B', RECEIVER], {
      called: 'livekitwebrtcsrc', log: path.join(this.bench.work, 'webrtcsrc.log'),
    });
  }

  join(keys) {
    return this.receiver.ask('join', {
      codec: this.cell.codec, keys, url: this.bench.server.url,
      token: this.bench.server.token(this.identity, this.room, { canPublish: false }),
    });
  }

  setKey(key) {
    return this.receiver.ask('set_key', { key });
  }

  async seen() {
    const { seen } = await this.receiver.ask('report');
    return seen.out ?? null;
  }

  async errors() {
    const { errors } = await this.receiver.ask('report');
    return errors.map((error) => `${this.identity}: ${error}`);
  }

  /** Frames that did not verify would be counted. */
  async finish() {
    const { stats } = await this.receiver.ask('report');
    if (stats['dropped-auth'] > 0) throw new Error(`${stats['dropped-auth']} frames did not verify`);
    await this.receiver.ask('leave');
  }

  async close() {
    await this.receiver?.close();
  }
}

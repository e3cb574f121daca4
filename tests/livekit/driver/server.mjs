// SPDX-License-Identifier: LGPL-2.1-or-later
// A LiveKit server on 127.0.0.1, and tokens for it.
import { createHmac, randomBytes } from 'node:crypto';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { end, sleep, start } from '../../interop/driver/process.mjs';
import { MEDIA_PORT } from './network.mjs';

const PORT = 7880; // of this network namespace, so nobody else has it
const READY_MS = 15000;
const POLL_MS = 50;
const TOKEN_SECONDS = 3600;

const base64url = (value) => Buffer.from(value).toString('base64url');

/** JSON is YAML. */
function configuration(key, secret) {
  return JSON.stringify({
    port: PORT,
    bind_addresses: ['127.0.0.1'],
    keys: { [key]: secret },
    room: { auto_create: true },
    rtc: {
      node_ip: '127.0.0.1',
      use_external_ip: false,
      enable_loopback_candidate: true,
      interfaces: { includes: ['lo'] },
      udp_port: MEDIA_PORT,
      tcp_port: 0,
      stun_servers: ['127.0.0.1:3478'], // else clients are told public ones
    },
    logging: { level: 'info' },
  });
}

export class Server {
  port = PORT;
  url = `ws://127.0.0.1:${PORT}`;
  key = 'devkey';
  secret = randomBytes(32).toString('hex');

  /** program: livekit-server; folder: where its configuration and log are. */
  static async start(program, folder) {
    const self = new Server();
    mkdirSync(folder, { recursive: true });
    self.log = path.join(folder, 'server.log');
    const config = path.join(folder, 'server.yaml');
    writeFileSync(config, configuration(self.key, self.secret), { mode: 0o600 });
    self.command = [program, '--config', config];
    await self.run();
    return self;
  }

  /** Also after it was killed. */
  async run() {
    const log = openSync(this.log, 'a');
    this.child = start(this.command, { stdio: ['ignore', log, log] });
    const deadline = Date.now() + READY_MS;
    while (!await this.#answers()) {
      const why = this.gone() ? 'has ended' : Date.now() > deadline && 'does not answer';
      if (why) throw new Error(`livekit-server ${why}; see ${this.log}`);
      await sleep(POLL_MS);
    }
  }

  async #answers() {
    const answer = await fetch(this.url.replace('ws', 'http')).catch(() => null);
    return answer?.ok ?? false;
  }

  kill() {
    return end(this.child, 'SIGKILL');
  }

  gone() {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** grants: beside the usual ones, as {recorder: true}. */
  token(identity, room, grants = {}, seconds = TOKEN_SECONDS) {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: this.key, sub: identity, name: identity, nbf: now - 10, exp: now + seconds,
      video: { roomJoin: true, room, canPublish: true, canSubscribe: true, ...grants },
    };
    const body = [{ alg: 'HS256', typ: 'JWT' }, claims]
      .map((part) => base64url(JSON.stringify(part))).join('.');
    const signature = createHmac('sha256', this.secret).update(body).digest('base64url');
    return `${body}.${signature}`;
  }

  close() {
    return end(this.child);
  }
}

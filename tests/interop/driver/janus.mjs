// SPDX-License-Identifier: LGPL-2.1-or-later
// The SFU: Janus with its videoroom alone, on 127.0.0.1.
import { mkdirSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { end, sleep, start, within } from './process.mjs';

const PLUGIN = 'libjanus_videoroom';
const TRANSPORT = 'libjanus_http';
const START_MS = 10000;
const ANSWER_MS = 10000;

function othersThan(kind, kept) {
  const folders = readdirSync('/usr/lib', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `/usr/lib/${entry.name}/janus/${kind}`);
  const files = folders.flatMap((folder) => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  });
  return [...new Set(files.filter((name) => /\.so/.test(name) && !name.startsWith(kept)))].join();
}

function writeConfiguration(folder, port) {
  mkdirSync(folder, { recursive: true });
  const files = {
    'janus.jcfg': `general: { log_to_stdout = true
        debug_level = 4
        admin_secret = "unused" }
      nat: { ice_lite = false
        ice_tcp = false
        full_trickle = false
        ignore_mdns = true
        ice_enforce_list = "127.0.0.1" }
      media: { ipv6 = false }
      plugins: { disable = "${othersThan('plugins', PLUGIN)}" }
      transports: { disable = "${othersThan('transports', TRANSPORT)}" }
      loggers: { }
      events: { broadcast = false }`,
    'janus.transport.http.jcfg': `general: { json = "plain"
        base_path = "/janus"
        http = true
        port = ${port}
        ip = "127.0.0.1"
        https = false }
      admin: { admin_http = false
        admin_https = false }`,
    'janus.plugin.videoroom.jcfg': 'general: { }',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
}

let transactions = 0;

/** One WebRTC connection of the SFU. */
class Handle {
  #events = [];
  #waiters = [];

  constructor(session, id) {
    Object.assign(this, { session, id });
  }

  take(event) {
    this.#events.push(event);
    this.#waiters.splice(0).forEach((wake) => wake());
  }

  async wait(what, wanted, ms = ANSWER_MS) {
    const found = async () => {
      for (;;) {
        const index = this.#events.findIndex(wanted);
        if (index >= 0) return this.#events.splice(index, 1)[0];
        await new Promise((resolve) => { this.#waiters.push(resolve); });
      }
    };
    return within(ms, `the SFU, ${what}`, found());
  }

  /** Sends a request; its events answer. */
  async request(body, jsep) {
    const transaction = String(++transactions);
    const answer = await this.session.post(`/${this.id}`, {
      janus: 'message', body, ...(jsep && { jsep }), transaction,
    });
    const event = answer.janus === 'ack'
      ? await this.wait(body.request, (e) => e.transaction === transaction) : answer;
    const data = event.plugindata?.data ?? {};
    if (data.error) throw new Error(`the SFU refuses ${body.request}: ${data.error}`);
    return { data, jsep: event.jsep };
  }

  detach() {
    return this.session.post(`/${this.id}`, { janus: 'detach' });
  }

  up() {
    return this.wait('connecting', (event) => event.janus === 'webrtcup');
  }
}

class Session {
  #handles = new Map();
  #open = true;

  static async create(url) {
    const self = new Session();
    self.url = url;
    self.url = `${url}/${(await self.post('', { janus: 'create' })).data.id}`;
    self.#poll();
    return self;
  }

  async post(where, body) {
    const response = await fetch(this.url + where, {
      method: 'POST', signal: AbortSignal.timeout(ANSWER_MS),
      body: JSON.stringify({ transaction: String(++transactions), ...body }),
    });
    const answer = await response.json();
    if (answer.janus === 'error') throw new Error(`the SFU: ${answer.error.reason}`);
    return answer;
  }

  async attach() {
    const { data } = await this.post('', { janus: 'attach', plugin: 'janus.plugin.videoroom' });
    const handle = new Handle(this, data.id);
    this.#handles.set(data.id, handle);
    return handle;
  }

  async #poll() {
    while (this.#open) {
      try {
        const signal = AbortSignal.timeout(40000);
        const response = await fetch(`${this.url}?maxev=10`, { signal });
        for (const event of [await response.json()].flat()) {
          this.#handles.get(event.sender)?.take(event);
        }
      } catch {
        await sleep(100); // killed, or closing
      }
    }
  }

  async close() {
    this.#open = false;
    await this.post('', { janus: 'destroy' }).catch(() => {});
  }
}

/** A room of the SFU with one publisher. */
export class Room {
  static async create(janus, codec) {
    const self = new Room();
    self.session = await Session.create(janus.url);
    self.publisher = await self.session.attach();
    self.id = 1 + Math.floor(Math.random() * 1e9);
    const audio = codec === 'opus';
    await self.publisher.request({
      request: 'create', room: self.id, publishers: 1, bitrate: 2000000, fir_freq: 0,
      require_e2ee: false, audiocodec: 'opus', videocodec: audio ? 'vp8' : codec,
      ...(codec === 'h264' && { h264_profile: '42e01f' }),
    });
    return self;
  }

  async publish(sdp, encrypted) {
    const joined = await this.publisher.request({
      request: 'join', ptype: 'publisher', room: this.id,
    });
    this.feed = joined.data.id;
    [, this.mid] = sdp.match(/^a=mid:(\S+)/m);
    const { jsep } = await this.publisher.request(
      { request: 'publish' }, { type: 'offer', sdp, e2ee: encrypted });
    return jsep.sdp;
  }

  /** Plain RTP of what the SFU gets, to a port. */
  async forward(port) {
    await this.publisher.request({
      request: 'rtp_forward', room: this.id, publisher_id: this.feed, host: '127.0.0.1',
      host_family: 'ipv4', streams: [{ mid: this.mid, port }],
    });
  }

  /** The publisher is gone, as when his connection to the SFU ends; another one may come. */
  async publisherLeaves() {
    await this.publisher.detach();
    this.publisher = await this.session.attach();
  }

  async subscribe(answer) {
    const handle = await this.session.attach();
    const { jsep } = await handle.request({
      request: 'join', ptype: 'subscriber', room: this.id, streams: [{ feed: this.feed }],
    });
    const sdp = await answer(jsep.sdp);
    await handle.request({ request: 'start' }, { type: 'answer', sdp });
    await handle.up();
  }

  close() {
    return this.session.close();
  }
}

export class Janus {
  static async start(folder, port) {
    const self = new Janus();
    rmSync(folder, { recursive: true, force: true });
    writeConfiguration(folder, port);
    const log = openSync(path.join(folder, 'janus.log'), 'a');
    self.child = start(['janus', '-F', folder, '-o'], { stdio: ['ignore', log, log] });
    self.url = `http://127.0.0.1:${port}/janus`;
    await within(START_MS, 'the SFU, starting', self.#answers());
    return self;
  }

  async #answers() {
    for (;;) {
      try {
        const { janus } = await (await fetch(`${this.url}/info`)).json();
        if (janus === 'server_info') return;
      } catch {
        await sleep(50);
      }
      if (this.child.exitCode !== null) throw new Error('the SFU does not start; see janus.log');
    }
  }

  close() {
    return end(this.child);
  }

  kill() {
    return end(this.child, 'SIGKILL');
  }
}

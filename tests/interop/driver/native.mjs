// SPDX-License-Identifier: LGPL-2.1-or-later
// LiveKit's native SDK, @livekit/rtc-node, in the place of a page: it does what call.js does, with
// webrtcbin where it expects a server.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LinePeer } from './lines.mjs';
import { Signalling } from './signalling.mjs';

const PROGRAM = fileURLToPath(new URL('../../livekit/node-client/main.mjs', import.meta.url));

/** What comes of work that goes on, unless that fails. */
const during = (work, promise) => Promise.race([promise, work.then(() => promise)]);

/** One client in one call. */
class Client {
  constructor({ modules, log, signalling }, id) {
    const node = ['node', PROGRAM, modules];
    this.program = new LinePeer(node, { called: 'rtc-node', log });
    this.session = signalling.expect(id);
    this.url = signalling.url;
    this.token = id;
  }

  /** Joining lasts until media is connected. */
  join({ scheme, keys, kdf, window }) {
    this.joined = this.program.ask('join', {
      url: this.url, token: this.token, settings: { plain: !scheme, kdf, window },
      given: keys.map((key) => ({ key })),
    });
  }

  close() {
    return this.program.close();
  }
}

/** As a page with window.calls, of which this has the methods. */
class Clients {
  problems = [];
  #clients = new Map();

  constructor(native) {
    this.native = native;
  }

  ask(method, ...rest) {
    return this[method](...rest);
  }

  title() {} // it has no window

  #start(id, options) {
    const client = new Client(this.native, id);
    this.#clients.set(id, client);
    client.join(options);
    return client;
  }

  async send(id, options) {
    const client = this.#start(id, options);
    await this.#giveConnection(id, client);
    await client.joined;
    client.published = client.program.ask('publish', { codec: options.codec });
    return during(client.published, client.session.offer());
  }

  /** Clients have joined when they are connected for receiving: servers open data channels there. */
  async #giveConnection(id, client) {
    const leg = { call: `${id}-data`, leg: 'data' };
    const { gst } = this.native.bench;
    await gst.ask('data_channel', leg);
    const { sdp } = await gst.ask('offer', leg);
    const answer = await during(client.joined, client.session.answer(sdp));
    await gst.ask('take_answer', { ...leg, sdp: answer });
  }

  async takeAnswer(id, sdp) {
    const client = this.#clients.get(id);
    client.session.takeAnswer(sdp);
    await client.published;
  }

  async receive(id, { codec, scheme, ...options }, sdp) {
    const client = this.#start(id, { scheme, ...options });
    return during(
      client.joined, client.session.answer(sdp, { codec, encrypted: Boolean(scheme) }));
  }

  async setKey(id, key) {
    await this.#clients.get(id).program.ask('set-key', { key });
  }

  async ratchet(id, index) {
    await this.#clients.get(id).program.ask('ratchet', { key: { index } });
  }

  async report(id) {
    const { program } = this.#clients.get(id);
    const { tracks: [seen], errors } = await program.ask('stats');
    const { packets } = await program.ask('received');
    return { seen, errors, packets, framesDecoded: seen?.frames ?? 0 };
  }

  async stop(id) {
    const client = this.#clients.get(id);
    this.#clients.delete(id);
    await this.native.bench.gst.ask('stop', { call: `${id}-data` });
    await client?.close();
  }

  async close() {
    await Promise.all([...this.#clients.keys()].map((id) => this.stop(id)));
  }
}

class Native {
  static async start(bench) {
    const self = new Native();
    const modules = path.join(bench.work, 'node_modules');
    Object.assign(self, { bench, modules, log: path.join(bench.work, 'rtc-node.log') });
    self.signalling = await Signalling.start(modules);
    return self;
  }

  alive() {
    return true; // each call has processes of its own
  }

  version() {
    const file = path.join(this.modules, '@livekit/rtc-node/package.json');
    return JSON.parse(readFileSync(file)).version;
  }

  async open() {
    return new Clients(this);
  }

  async close() {
    this.signalling.close();
  }
}

export const native = {
  client: 'native',
  title: '@livekit/rtc-node',
  start: Native.start,
};

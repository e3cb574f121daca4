// SPDX-License-Identifier: LGPL-2.1-or-later
// The LiveKit clients, all behind one protocol, so that a cell is written once. A client takes
// lines of JSON {id, op, ...} and answers {id, result} or {id, error}; the page takes the same as
// calls. In the protocol are:
//
//   join      {url, token, settings, given}   settings: as in keys.mjs; given: [{key, participant}]
//   publish   {codec, layers, screen, clip}   -> {sid}; clip: what a client without an encoder sends
//   unpublish {sid}
//   set-key   {key, participant}              key: {index, passphrase | hex}; whoever sends as that
//                                             participant encrypts with it from now on
//   ratchet   {key}                           whoever sends goes on with the next generation of it
//   received  -> {packets}                    of the first track, decrypted or not; rtc-node has it
//   mute, unmute                              what is published
//   chat      {text, form}                    form: data, the default: on the topic "chat"; stream: a
//                                             text stream on "lk.chat"; message: a chat message
//   stats     -> {recording, others: [identity], errors, messages: [{from, text, encrypted}],
//                 tracks: [{participant, sid, kind, frames, matches, phases, firstMatch, width,
//                 height}]}                   encrypted: where the client tells; frames: all that
//                                             were decoded; matches: those that are the picture
//                                             or the tone
//   leave
//
// A client that has no decoder writes what it decrypted to files that stats names as clips.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { call } from '../../interop/driver/browser.mjs';
import { LinePeer } from '../../interop/driver/lines.mjs';
import { within } from '../../interop/driver/process.mjs';

const ANSWER_MS = 15000;
const NODE_CLIENT = fileURLToPath(new URL('../node-client/main.mjs', import.meta.url));

/** livekit-client in a page of its own. */
class PageClient {
  static async start(bench) {
    const self = new PageClient();
    self.page = await bench.browser.open();
    return self;
  }

  ask(op, request = {}) {
    return within(ANSWER_MS, `livekit-client, ${op}`, call(this.page, 'ask', op, request));
  }

  async close() {
    await this.page.close();
  }
}

const startNode = (bench) => new LinePeer(['node', NODE_CLIENT, bench.modules], {
  called: 'rtc-node', log: path.join(bench.work, 'rtc-node.log'),
});

const startGo = (bench) => new LinePeer([bench.goClient, bench.work], {
  called: 'server-sdk-go', log: path.join(bench.work, 'server-sdk-go.log'),
});

const START = { js: PageClient.start, node: startNode, go: startGo };

export const startClient = (bench, program) => START[program](bench);

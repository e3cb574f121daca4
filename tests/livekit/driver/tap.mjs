// SPDX-License-Identifier: LGPL-2.1-or-later
// Stands between a program and the server, and reads what the server says.
import net from 'node:net';

const END_OF_HEADER = '\r\n\r\n';
const BINARY = 2;
const CONTINUED = 0;

/** The messages in one direction of a WebSocket. */
class Messages {
  #bytes = Buffer.alloc(0);
  #upgraded = false;
  #parts = [];

  constructor(onMessage) {
    this.onMessage = onMessage;
  }

  add(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (!this.#upgraded) {
      const end = this.#bytes.indexOf(END_OF_HEADER);
      if (end < 0) return;
      this.#upgraded = true;
      this.#bytes = this.#bytes.subarray(end + END_OF_HEADER.length);
    }
    while (this.#next());
  }

  /** Takes a frame of RFC 6455, section 5.2, if it is there. */
  #next() {
    const bytes = this.#bytes;
    if (bytes.length < 2) return false;
    const isMasked = (bytes[1] & 0x80) !== 0;
    const short = bytes[1] & 0x7f;
    const sizeBytes = { 126: 2, 127: 8 }[short] ?? 0;
    const start = 2 + sizeBytes + (isMasked ? 4 : 0);
    if (bytes.length < start) return false;
    const size = sizeBytes ? Number(BigInt(`0x${bytes.subarray(2, 2 + sizeBytes).toString('hex')}`)) : short;
    if (bytes.length < start + size) return false;
    const payload = Buffer.from(bytes.subarray(start, start + size));
    const mask = bytes.subarray(start - 4, start);
    if (isMasked) for (let i = 0; i < size; ++i) payload[i] ^= mask[i % 4];
    this.#take(bytes[0], payload);
    this.#bytes = bytes.subarray(start + size);
    return true;
  }

  #take(head, payload) {
    if (![BINARY, CONTINUED].includes(head & 0xf)) return;
    this.#parts.push(payload);
    if (!(head & 0x80)) return;
    this.onMessage(Buffer.concat(this.#parts));
    this.#parts = [];
  }
}

/** `url` leads through it. offers: those of the server, {bytes, ms}: how long until the answer. */
export class Tap {
  offers = [];
  #sockets = new Set();

  /** protocol: the module @livekit/protocol. */
  static async start(server, protocol) {
    const self = new Tap();
    const port = Number(new URL(server.url).port);
    self.protocol = protocol;
    self.listener = net.createServer((socket) => self.#join(socket, net.connect(port, '127.0.0.1')));
    await new Promise((resolve) => { self.listener.listen(0, '127.0.0.1', resolve); });
    self.url = `ws://127.0.0.1:${self.listener.address().port}`;
    return self;
  }

  #join(program, server) {
    const { SignalRequest, SignalResponse } = this.protocol;
    const said = new Messages((bytes) => this.#response(SignalResponse.fromBinary(bytes)));
    const asked = new Messages((bytes) => this.#request(SignalRequest.fromBinary(bytes)));
    server.on('data', (bytes) => { said.add(bytes); program.write(bytes); });
    program.once('data', (header) => { // it asks for compression, too
      server.write(withoutExtensions(header));
      asked.add(header);
      program.on('data', (bytes) => { asked.add(bytes); server.write(bytes); });
    });
    for (const [one, other] of [[program, server], [server, program]]) {
      this.#sockets.add(one);
      one.on('close', () => { this.#sockets.delete(one); other.destroy(); });
      one.on('error', () => {}); // closes as well
    }
  }

  #response({ message }) {
    if (message.case === 'offer') {
      this.offers.push({ bytes: message.value.sdp.length, at: performance.now() });
    }
  }

  #request({ message }) {
    if (message.case !== 'answer') return;
    for (const offer of this.offers) offer.ms ??= performance.now() - offer.at;
  }

  close() {
    for (const socket of this.#sockets) socket.destroy();
    this.listener.close();
  }
}

function withoutExtensions(bytes) {
  return Buffer.from(bytes.toString('latin1').replace(/^Sec-WebSocket-Extensions:.*\r\n/gim, ''), 'latin1');
}

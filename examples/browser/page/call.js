// SPDX-License-Identifier: LGPL-2.1-or-later
// One call with the GStreamer side: the worker that holds the key, the server, the connection.
import { SILENT } from './words.js';

const GATHER_MS = 2000;
const KEY_INDEX = 0;

/** Throws with the server's reason; `taken`: another page took the call over. */
async function ask(method, path, body) {
  const options = { method, body: body && JSON.stringify(body), keepalive: method === 'DELETE' };
  const response = await fetch(path, options).catch(() => { throw new Error(SILENT); });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error), { taken: answer.taken });
  return answer;
}

/** Resolves with the first message of that kind. */
function answerOf(worker, kind) {
  return new Promise((resolve) => {
    worker.addEventListener('message', ({ data }) => data.kind === kind && resolve(data));
  });
}

/** Rejects when the worker cannot go on. An error without words: its files could not be loaded. */
function broken(worker) {
  return new Promise((_, reject) => {
    const fail = (why) => reject(new Error(why ? `the page's worker failed: ${why}` : SILENT));
    worker.addEventListener('error', ({ message }) => fail(message));
    worker.addEventListener('message', ({ data }) => data.kind === 'failed' && fail(data.error));
  });
}

/** The local description once it holds the candidates. */
async function described(connection) {
  await new Promise((resolve) => {
    const look = () => connection.iceGatheringState === 'complete' && resolve();
    connection.addEventListener('icegatheringstatechange', look);
    setTimeout(resolve, GATHER_MS);
    look();
  });
  return connection.localDescription.sdp;
}

export class Call extends EventTarget {
  connection = null;
  counts = {}; // of the worker
  wasConnected = false;
  hasNoPair = null; // true: no address of this browser fits one of GStreamer's
  #protected = new Set(); // senders

  /** {scheme, codec, key, stream}. Dispatches 'change' when there is something new. */
  constructor(options) {
    super();
    Object.assign(this, options);
    // Some browsers have only one of the two ways to come between encoder and network.
    this.asScript = 'RTCRtpScriptTransform' in window;
    if (!this.asScript && !('createEncodedStreams' in (window.RTCRtpSender?.prototype ?? {}))) {
      throw new Error('This browser cannot encrypt frames; use a newer one.');
    }
    this.worker = new Worker('worker.js', { type: 'module' });
    this.broken = broken(this.worker);
    this.worker.addEventListener('message', ({ data: { kind, counts } }) => {
      if (kind !== 'counts') return;
      this.counts = counts;
      this.#changed();
    });
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }

  #post(kind, data, transfer = []) {
    this.worker.postMessage({ kind, data }, transfer);
  }

  /** The key stays in the worker; answers its fingerprint. */
  async takeKey() {
    const { scheme, key } = this;
    delete this.key;
    const set = answerOf(this.worker, 'keySet');
    this.#post('init', { scheme });
    this.#post('setKey', { index: KEY_INDEX, passphrase: key, current: true });
    this.fingerprint = (await set).fingerprint;
    this.#changed();
  }

  async connect() {
    await this.takeKey();
    const { id, sdp, fingerprint } = await ask(
      'POST', '/calls', { scheme: this.scheme, codec: this.codec });
    Object.assign(this, { id, otherFingerprint: fingerprint });
    if (this.closed) {
      this.#leave();
      return;
    }
    this.connection = new RTCPeerConnection({
      iceServers: [], bundlePolicy: 'max-bundle', encodedInsertableStreams: !this.asScript,
    });
    this.connection.addEventListener('connectionstatechange', () => {
      this.wasConnected ||= this.state === 'connected';
      this.#changed();
    });
    this.connection.addEventListener('track', ({ transceiver }) => this.#protect(transceiver));
    await this.connection.setRemoteDescription({ type: 'offer', sdp });
    for (const transceiver of this.connection.getTransceivers()) await this.#send(transceiver);
    await this.connection.setLocalDescription(await this.connection.createAnswer());
    await ask('POST', `/calls/${id}/answer`, { sdp: await described(this.connection) });
    await this.look();
    this.#changed();
  }

  /**
   * Right in the event that tells of the transceiver: after anything that is awaited Chromium has
   * begun to pass frames by, and a transform that comes later changes nothing: they leave in the
   * clear.
   */
  #protect({ sender, receiver }) {
    const media = receiver.track.kind;
    const codec = media === 'audio' ? 'opus' : this.codec;
    this.#attach('encode', sender, { media, codec });
    this.#attach('decode', receiver, { media, codec });
    this.#protected.add(sender);
  }

  async #send(transceiver) {
    const { sender, receiver } = transceiver;
    if (!this.#protected.has(sender)) throw new Error('a stream would not be encrypted');
    transceiver.direction = 'sendrecv';
    const track = this.stream.getTracks().find(({ kind }) => kind === receiver.track.kind);
    if (track) await sender.replaceTrack(track);
  }

  /** For pairs of addresses when both ends have named theirs; later browsers forget what failed. */
  async look() {
    this.hasNoPair ??= ![...(await this.connection.getStats()).values()].some(
      ({ type }) => type === 'candidate-pair');
  }

  #attach(kind, at, what) {
    if (this.asScript) {
      at.transform = new RTCRtpScriptTransform(this.worker, { kind, ...what });
      return;
    }
    const { readable, writable } = at.createEncodedStreams();
    this.#post(kind, { ...what, readableStream: readable, writableStream: writable },
      [readable, writable]);
  }

  tracks() {
    return this.connection?.getReceivers().map(({ track }) => track) ?? [];
  }

  get state() {
    return this.connection?.connectionState ?? 'new';
  }

  /** What GStreamer sees. */
  async ask() {
    const report = await ask('GET', `/calls/${this.id}`);
    this.otherFingerprint = report.fingerprint;
    return report;
  }

  #leave() {
    if (this.id) ask('DELETE', `/calls/${this.id}`).catch(() => {}); // it may have ended already
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    this.#leave();
    this.connection?.close();
    this.worker.terminate();
  }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// What protects frames in this page: the workers that LiveKit and RealtimeKit ship, as they are, or
// that of examples/browser for the formats whose products cannot be had apart from their
// applications.
//
// All have: create({scheme, api, window, enabled}), setKey({index, passphrase | hex}, {sending}),
// ratchet(index), attach(kind, senderOrReceiver, {media, codec}), close(), errors, ratchets; and
// settled, to be waited for between attach() and the first frame.

const bytesOf = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));

const importPassphrase = (text) => crypto.subtle.importKey(
  'raw', new TextEncoder().encode(text), 'PBKDF2', false, ['deriveBits', 'deriveKey']);

class Protection {
  constructor(worker, api) {
    Object.assign(this, { worker, api, errors: [], events: {} });
    worker.addEventListener('message', ({ data }) => {
      this.events[data.kind] = (this.events[data.kind] ?? 0) + 1;
      if (data.kind === 'error' && this.errors.length < 20) {
        this.errors.push(String(data.data?.error?.message ?? data.data?.error ?? data.error));
      }
    });
    worker.addEventListener('error', (event) => this.errors.push(`worker: ${event.message}`));
  }

  post(kind, data, transfer = []) {
    this.worker.postMessage({ kind, data }, transfer);
  }

  /** The next message of a kind, whose data are as wanted. */
  answer(kind, wanted = () => true) {
    return new Promise((resolve) => {
      const listen = ({ data }) => {
        if (data.kind !== kind || !wanted(data.data)) return;
        this.worker.removeEventListener('message', listen);
        resolve();
      };
      this.worker.addEventListener('message', listen);
    });
  }

  /** kind: encode or decode; at: a sender or receiver that has carried no frame yet. */
  attach(kind, at, what) {
    const options = this.options(kind, what);
    if (this.api === 'script') {
      at.transform = new RTCRtpScriptTransform(this.worker, { kind, ...options });
      return;
    }
    const { readable, writable } = at.createEncodedStreams();
    this.post(kind, { ...options, readableStream: readable, writableStream: writable },
      [readable, writable]);
  }

  close() {
    this.worker.terminate();
  }
}

class LiveKit extends Protection {
  static identity = 'someone';

  static async create({ api, window, enabled }) {
    const self = new LiveKit(new Worker('/vendor/livekit-worker.js'), api);
    const ready = self.answer('initAck');
    self.post('init', {
      loglevel: 'error',
      keyProviderOptions: {
        sharedKey: true, ratchetSalt: 'LKFrameEncryptionKey', ratchetWindowSize: window,
        failureTolerance: -1, keyringSize: 16, keySize: 128,
      },
    });
    await ready;
    await self.enable(enabled);
    return self;
  }

  async enable(enabled) {
    this.enabled = enabled;
    const done = this.answer('enable');
    this.post('enable', { enabled, participantIdentity: LiveKit.identity });
    await done;
  }

  options(_kind, { codec, media }) {
    return {
      participantIdentity: LiveKit.identity, trackId: 'track', hasPacketTrailer: false,
      isReuse: false, codec: media === 'video' ? codec : undefined,
    };
  }

  async setKey({ index, passphrase }, { sending }) {
    this.post('setKey', {
      isPublisher: true, key: await importPassphrase(passphrase), keyIndex: index,
      updateCurrentKeyIndex: sending,
    });
    await this.enable(this.enabled); // the worker answers this one, after the key
  }

  ratchet(index) {
    this.post('ratchetRequest', { keyIndex: index });
  }
}

class RealtimeKit extends Protection {
  static async create({ api, window }) {
    const self = new RealtimeKit(new Worker('realtimekit.js'), api);
    const ready = self.answer('enable');
    self.post('init', {
      keyProviderOptions: {
        sharedKey: true, ratchetSalt: 'RealtimeKitFrameEncryptionKey', ratchetWindowSize: window,
      },
    });
    await ready;
    await self.derived();
    return self;
  }

  // The product never passes a codec either.
  options(kind) {
    return { trackId: 'track', ...(kind === 'decode' && { participantId: 'someone' }) };
  }

  attach(kind, at, what) {
    const knows = this.answer('log', ({ str }) => str.startsWith('creating new cryptor'));
    super.attach(kind, at, what);
    // The worker knows a participant only from here on, and gives him index 0.
    if (kind === 'decode') this.settled = knows.then(() => this.giveKeys(this.pending ?? []));
    this.pending = null;
  }

  async giveKeys(all) {
    await this.derived();
    for (const data of all) {
      this.post('setKey', data);
      await this.derived();
    }
  }

  // Frames before the key is derived kill the stream, and a key whose derivation ends after another
  // one was set gets that one's index.
  async derived() {
    const taken = this.answer('enable');
    this.post('enable', { enabled: true }); // answered when all before it has been begun
    await taken;
    while (this.events.deriving !== this.events.derived) await this.answer('derived');
  }

  async setKey({ index, passphrase }) {
    const data = { key: await importPassphrase(passphrase), keyIndex: index };
    this.post('setKey', data);
    if (this.pending !== null) (this.pending ??= []).push(data);
    await this.derived();
  }
}

class Own extends Protection {
  static async create({ scheme, api }) {
    const self = new Own(new Worker('worker.js', { type: 'module' }), api);
    const ready = self.answer('ready');
    self.post('init', { scheme });
    await ready;
    return self;
  }

  options(_kind, { codec, media }) {
    return { codec, media };
  }

  async setKey({ index, hex }, { sending }) {
    const done = this.answer('keySet');
    this.post('setKey', { index, bytes: bytesOf(hex), current: sending });
    await done;
  }

  ratchet(index) {
    this.post('ratchet', { index });
  }
}

export function protect(options) {
  const kinds = { livekit: LiveKit, realtimekit: RealtimeKit, jitsi: Own, sframe: Own };
  return kinds[options.scheme].create(options);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Encrypts and decrypts encoded frames with our own reading of Jitsi's format and of RFC 9605.
import { JitsiCryptor } from './jitsi.js';
import { SFrameCryptor } from './sframe.js';

let cryptor = null;

const frameOf = (encoded, { media, codec }) => {
  const { synchronizationSource: ssrc, rtpTimestamp } = encoded.getMetadata();
  const timestamp = rtpTimestamp ?? encoded.timestamp;
  return { data: new Uint8Array(encoded.data), type: encoded.type, media, codec, ssrc, timestamp };
};

function connect({ kind, ...what }, readable, writable) {
  readable.pipeThrough(new TransformStream({
    async transform(encoded, controller) {
      try {
        const frame = frameOf(encoded, what);
        const data = await (kind === 'encode' ? cryptor.encrypt(frame) : cryptor.decrypt(frame));
        encoded.data = data.buffer;
        controller.enqueue(encoded);
      } catch (error) { // the frame is dropped
        postMessage({ kind: 'error', error: String(error) });
      }
    },
  })).pipeTo(writable).catch(() => {});
}

self.onrtctransform = ({ transformer }) =>
  connect(transformer.options, transformer.readable, transformer.writable);

self.onmessage = async ({ data: { kind, data } }) => {
  if (kind === 'init') {
    cryptor = data.scheme === 'jitsi' ? new JitsiCryptor() : new SFrameCryptor();
    postMessage({ kind: 'ready' });
  } else if (kind === 'setKey') {
    await cryptor.setKey(data.index, data.bytes, data.current);
    postMessage({ kind: 'keySet' });
  } else if (kind === 'ratchet') {
    await cryptor.ratchet(data.index);
  } else { // encode, decode
    connect({ ...data, kind }, data.readableStream, data.writableStream);
  }
};

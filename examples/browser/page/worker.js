// SPDX-License-Identifier: LGPL-2.1-or-later
// Encrypts what the page sends and decrypts what it receives, between encoder and network. A frame
// that cannot be is dropped.
import { Refused, makeCryptor } from './formats.js';

const TELL_MS = 250;

let cryptor = null;
const counts = {}; // by 'encode video' and so on: {done, failed, last, error}
let timer = null;

function count(what, error) {
  const entry = counts[what] ??= { done: 0, failed: 0, last: null };
  entry[error ? 'failed' : 'done']++;
  entry.last = error;
  timer ??= setTimeout(() => {
    timer = null;
    postMessage({ kind: 'counts', counts });
    for (const { last } of Object.values(counts)) {
      if (last) postMessage({ kind: 'error', error: last });
    }
  }, TELL_MS);
}

function connect({ kind, media, codec }, readable, writable) {
  const what = `${kind} ${media}`;
  const run = kind === 'encode' ? 'encrypt' : 'decrypt';
  readable.pipeThrough(new TransformStream({
    async transform(encoded, controller) {
      const frame = { data: new Uint8Array(encoded.data), type: encoded.type, media, codec };
      try {
        encoded.data = (await cryptor[run](frame)).buffer;
      } catch (error) {
        count(what, error instanceof Refused ? error.message : String(error));
        return;
      }
      controller.enqueue(encoded);
      count(what, null);
    },
  })).pipeTo(writable).catch(() => {}); // ends with the call
}

self.onrtctransform = ({ transformer }) =>
  connect(transformer.options, transformer.readable, transformer.writable);

async function obey(kind, data) {
  if (kind === 'init') {
    cryptor = makeCryptor(data.scheme);
    postMessage({ kind: 'ready' });
  } else if (kind === 'setKey') {
    const { index, passphrase, bytes, current } = data;
    await cryptor.setKey(index, { passphrase, bytes }, current);
    postMessage({ kind: 'keySet', fingerprint: await cryptor.fingerprint(index) });
  } else if (kind === 'ratchet') {
    await cryptor.ratchet(data.index);
  } else { // encode, decode
    connect({ ...data, kind }, data.readableStream, data.writableStream);
  }
}

// What is thrown in here the page would not hear of otherwise.
self.onmessage = ({ data: { kind, data } }) =>
  obey(kind, data).catch((error) => postMessage({ kind: 'failed', error: String(error) }));

// SPDX-License-Identifier: LGPL-2.1-or-later
// RealtimeKit's worker, unchanged. Told besides is what it does not tell: when it derives a key, and
// when it has it.
const { deriveKey } = SubtleCrypto.prototype;

SubtleCrypto.prototype.deriveKey = async function told(...rest) {
  postMessage({ kind: 'deriving' });
  try {
    return await deriveKey.apply(this, rest);
  } finally {
    postMessage({ kind: 'derived' });
  }
};

importScripts('/vendor/realtimekit-worker.js');

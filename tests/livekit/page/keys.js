// SPDX-License-Identifier: LGPL-2.1-or-later
// livekit-client's keys, as applications set them: {index, passphrase | hex}.
import {
  BaseKeyProvider, ExternalE2EEKeyProvider, createKeyMaterialFromBuffer,
  createKeyMaterialFromString,
} from '/vendor/livekit-client.js';

const bytesOf = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));

const materialOf = ({ passphrase, hex }) => (passphrase === undefined
  ? createKeyMaterialFromBuffer(bytesOf(hex).buffer) : createKeyMaterialFromString(passphrase));

/** One key for the room, at any index: the product's own setKey() knows only index 0. */
class SharedKeys extends ExternalE2EEKeyProvider {
  async add(key) {
    this.onSetEncryptionKey(await materialOf(key), undefined, key.index);
  }
}

/** Element Call's: raw keys of each participant, in a ring of 256. */
class ElementCallKeys extends BaseKeyProvider {
  constructor() {
    super({ ratchetWindowSize: 10, failureTolerance: 10, keyringSize: 256 });
  }

  async add(key, participant) {
    this.onSetEncryptionKey(await materialOf(key), participant, key.index);
  }
}

export const makeKeys = ({ perParticipant }) => (
  perParticipant ? new ElementCallKeys() : new SharedKeys());

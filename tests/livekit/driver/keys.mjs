// SPDX-License-Identifier: LGPL-2.1-or-later
// How the clients' applications use keys, and the same as our programs' --key-provider.
import { randomBytes } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';

/**
 * key: what a key is made of; indexes: the first, and the one that comes in its place; provider:
 * fields of our provider string. window is that of a client with the right keys.
 */
export const SETTINGS = {
  passphrase: { key: 'passphrase', kdf: 'pbkdf2', indexes: [0, 1], window: 0, provider: '' },
  'raw-pbkdf2': { key: 'hex', kdf: 'pbkdf2', indexes: [0, 1], window: 16, provider: ',kdf=pbkdf2' },
  'raw-hkdf': { key: 'hex', kdf: 'hkdf', indexes: [0, 1], window: 16, provider: ',kdf=hkdf' },
  'element-call': {
    key: 'hex', kdf: 'hkdf', indexes: [255, 0], window: 10, perParticipant: true,
    provider: ',keyring-size=256,ratchet-window=10',
  },
};

/** Two keys to use one after the other. */
export function makeKeys({ key, indexes }) {
  return indexes.map((index) => {
    const secret = randomBytes(key === 'hex' ? 32 : 16).toString('hex');
    return key === 'hex' ? { index, hex: secret } : { index, passphrase: `livekit ${secret}` };
  });
}

/** The group of a participant. */
export function keysFile(identity, keys, current) {
  const lines = keys.map(({ index, passphrase, hex }) => (
    hex === undefined ? `passphrase.${index}=${passphrase}` : `key.${index}=${hex}`));
  return `[${identity}]\n${lines.join('\n')}\ncurrent=${current}\n`;
}

/**
 * The keys of senders, all the same, in a file that our programs follow; write() changes it. Keys
 * are of the participant for shared settings, too: to encrypt and decrypt that is the same.
 */
export class KeysFile {
  constructor(file, settings, identities) {
    Object.assign(this, { file, identities });
    this.provider = `participant,keys-file=${file}${settings.provider}`;
  }

  write(keys, current) {
    const beside = `${this.file}.new`; // whoever watches finds it whole
    const groups = this.identities.map((identity) => keysFile(identity, keys, current));
    writeFileSync(beside, groups.join('\n'), { mode: 0o600 });
    renameSync(beside, this.file);
  }
}

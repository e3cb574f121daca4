// SPDX-License-Identifier: LGPL-2.1-or-later
// What the page says about frames and connections.

/** The states that GStreamer reports of this page's frames; docs/elements.md has them all. */
export const STATES = {
  ok: 'The frames verify.',
  'missing-key': 'There is no key for the frames.',
  'decryption-failed': 'There is a key, but the frames do not verify: the keys differ.',
  'key-ratcheted': 'The page moved on to the next key, and GStreamer followed.',
  malformed: 'The frames are not of this scheme.',
  replayed: 'The frames came a second time.',
  plaintext: 'The frames are in the clear although the page encrypts.',
  unsupported: 'The scheme has no rule for these frames.',
  'key-limit': 'Half of what one key may encrypt is used: take another key.',
  'internal-error': 'The cipher failed.',
  'stream-in-use': 'Another stream has this key and SSRC: give each one an SSRC of its own.',
};

/** In these GStreamer decrypts. */
export const FINE = ['ok', 'key-ratcheted', 'key-limit'];

/** Why the worker refuses GStreamer's frames. */
export const REFUSALS = {
  'no key': 'there is no key for the frames',
  'decryption failed': 'GStreamer has another key',
  malformed: 'the frames are not of this scheme',
};

export const SILENT = 'run.sh does not answer. Was it stopped?';
export const TAKEN = 'Another page took this call over.';
export const LOST = 'The connection is lost.';
export const NO_PAIR = 'No connection is possible: this browser and GStreamer have no address in'
  + ' common. Connect this machine to a network (nothing leaves the machine), or start run.sh with'
  + ' --any-address.';
export const NO_CONNECTION = 'This page could not connect to GStreamer. Is this page open on another'
  + ' machine? Then start run.sh with --any-address.';
export const MATCH = {
  true: 'They are the same: both have the same key.',
  false: 'They differ: the keys are not the same.',
  null: 'It is derived from the key and does not reveal it. Compare it with the one in the terminal.',
};
export const REMOTE_EMPTY = {
  none: 'GStreamer’s picture appears here during a call.',
  waiting: 'Waiting for GStreamer’s picture …',
};
export const LOCAL_EMPTY = {
  none: 'What this page sends appears here.',
  waiting: 'Waiting for camera and microphone …',
};

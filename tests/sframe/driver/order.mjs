// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames that arrived, held against those that were sent.

/** How many of `sent` are left out between those of `got`, from `start` on; null: another order. */
function missingFrom(sent, got, start) {
  let at = start;
  for (const hash of got) {
    while (at < sent.length && sent[at] !== hash) at++;
    if (at === sent.length) return null;
    at++;
  }
  return at - start - got.length;
}

/**
 * The fewest hashes of `sent` that are left out between the first and the last of `got`. Throws
 * when `got` has others, or in another order. Hashes may come again: sound repeats itself. The first
 * frames do not count: their packets may come before the receiver has the keys of SRTP.
 */
export function missingBetween(sent, got) {
  let fewest = null;
  for (let start = 0; start <= sent.length - got.length; start++) {
    const missing = sent[start] === got[0] ? missingFrom(sent, got, start) : null;
    if (missing !== null && (fewest === null || missing < fewest)) fewest = missing;
    if (fewest === 0) break;
  }
  if (fewest === null) throw new Error('other frames arrived than were sent, or in another order');
  return fewest;
}

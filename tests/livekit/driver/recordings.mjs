// SPDX-License-Identifier: LGPL-2.1-or-later
// What has to hold for recordings whatever happened in the room.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { SENDER } from './party.mjs';

const sum = (events, field) => events.reduce((total, event) => total + event[field], 0);

/** The log of a recorder that has ended verifies. */
export function checkLog({ recordings, bench }) {
  const [log] = readdirSync(recordings).filter((name) => name.startsWith('audit-'));
  execFileSync(bench.recorder, [
    'verify-log', path.join(recordings, log), '--public-key', bench.auditPublicKey,
  ]);
}

/**
 * Ends a recorder, with `status`. There are as many files of the sender as there are `codecs`, one
 * after the other. They hold every frame that arrived and is not the server's own, and decode where
 * no packet was lost. How many frames these are.
 */
export async function checkFiles(recorder, codecs, status = 0) {
  await recorder.finish(status);
  const files = recorder.files();
  if (files.length !== codecs.length) throw new Error(`files: ${files.join(', ') || 'none'}`);
  let decoded = 0;
  for (const [i, codec] of codecs.entries()) {
    decoded += (await recorder.look(codec, files[i])).frames;
  }
  const of = (event) => recorder.happened(event).filter(({ participant }) => participant === SENDER);
  const recorded = sum(of('recording-closed'), 'frames');
  const arrived = sum(of('left'), 'frames-arrived');
  if (recorded !== arrived) throw new Error(`${recorded} frames recorded of ${arrived} that arrived`);
  // Behind a packet that never came frames lack what they build on, until the next key frame.
  const wanted = sum(of('left'), 'packets-lost') === 0 ? recorded : 1;
  if (decoded < wanted) throw new Error(`${decoded} of ${recorded} frames decode`);
  checkLog(recorder);
  return recorded;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// e2ee-recorder with tokens that the server refuses: says why, and does not show them.
import { readFileSync } from 'node:fs';
import { within } from '../../interop/driver/process.mjs';
import { SETTINGS, makeKeys } from './keys.mjs';
import { Recorder } from './programs.mjs';

const END_MS = 15000;
const BEGIN_OF_TOKENS = 'eyJ';

class Refusal {
  recorders = [];

  constructor(bench, cell, number) {
    Object.assign(this, { bench, room: `refusal-${number}` });
  }

  /** What the recorder says when it has ended. */
  async refused(identity, token) {
    const settings = SETTINGS.passphrase;
    const server = { url: this.bench.server.url, token: () => token };
    const bench = Object.assign(Object.create(this.bench), { server });
    const recorder = new Recorder(bench, { identity, room: this.room, settings });
    this.recorders.push(recorder);
    await recorder.start();
    recorder.join(makeKeys(settings));
    await within(END_MS, 'the end of the recorder', recorder.child.exited);
    const said = readFileSync(recorder.log, 'utf8') + JSON.stringify(recorder.events);
    if (said.includes(BEGIN_OF_TOKENS)) throw new Error('a token is shown');
    if (recorder.child.exitCode !== 2) throw new Error(`status ${recorder.child.exitCode}: ${said}`);
    return said;
  }

  async errors() {
    return [];
  }

  async stop() {
    await Promise.allSettled(this.recorders.map((recorder) => recorder.close()));
  }
}

async function refuse(self) {
  const { server } = self.bench;
  const grants = { recorder: true };
  const expired = await self.refused('old', server.token('old', self.room, grants, -60));
  if (!expired.includes('expired')) throw new Error(`does not say that the token is expired: ${expired}`);
  const [head, body, signature] = server.token('forger', self.room, grants).split('.');
  await self.refused('forger', [head, body, [...signature].reverse().join('')].join('.'));
}

export const refusals = () => [
  { name: 'refused/recorder', kind: Refusal, run: refuse },
];

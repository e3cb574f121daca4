// SPDX-License-Identifier: LGPL-2.1-or-later
// Our programs with tokens that the server refuses: they say why, and do not show them.
import { readFileSync } from 'node:fs';
import { within } from '../../interop/driver/process.mjs';
import { SETTINGS, makeKeys } from './keys.mjs';
import { Publisher, Recorder } from './programs.mjs';

const END_MS = 15000;
const BEGIN_OF_TOKENS = 'eyJ';

class Refusal {
  programs = [];

  constructor(bench, cell, number) {
    Object.assign(this, { bench, cell, room: `refusal-${number}` });
  }

  /** What the program says when it has ended. */
  async refused(identity, token) {
    const settings = SETTINGS.passphrase;
    const server = { url: this.bench.server.url, token: () => token };
    const bench = Object.assign(Object.create(this.bench), { server });
    const program = new this.cell.program(bench, { identity, room: this.room, settings });
    this.programs.push(program);
    await program.start();
    program.join(makeKeys(settings));
    if (!program.child) program.publish('vp8');
    await within(END_MS, `the end of ${program.called}`, program.child.exited);
    const said = readFileSync(program.log, 'utf8') + JSON.stringify(program.events);
    if (said.includes(BEGIN_OF_TOKENS)) throw new Error('a token is shown');
    if (program.child.exitCode !== 2) throw new Error(`status ${program.child.exitCode}: ${said}`);
    return said;
  }

  async errors() {
    return [];
  }

  async stop() {
    await Promise.allSettled(this.programs.map((program) => program.close()));
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
  { name: 'refused/recorder', kind: Refusal, run: refuse, program: Recorder },
  { name: 'refused/publisher', kind: Refusal, run: refuse, program: Publisher },
];

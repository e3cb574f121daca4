// SPDX-License-Identifier: LGPL-2.1-or-later
// A chat in a room: examples/chat and a client, in both of LiveKit's forms of chat. The key changes to
// another index; those with other keys read nothing, and what is not encrypted is not shown.
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { end, start, until, within } from '../../interop/driver/process.mjs';
import { SETTINGS, keysFile, makeKeys } from './keys.mjs';
import { ClientParty, SENDER } from './party.mjs';

const PROGRAM = fileURLToPath(new URL('../../../examples/chat/chat.py', import.meta.url));
const US = 'terminal';
const FORMS = ['stream', 'message'];
const HEAR_MS = 10000;
const LONG = 'grüße '.repeat(4000); // several chunks of a text stream

/** Standard input, output and error are pipes, as someone sees them. */
class Terminal {
  output = '';
  told = '';

  constructor(bench, room, identity, keys, { url = bench.server.url, token } = {}) {
    const folder = path.join(bench.work, `${room}-${identity}`);
    mkdirSync(folder, { recursive: true });
    const file = (name, text) => {
      writeFileSync(path.join(folder, name), text, { mode: 0o600 });
      return path.join(folder, name);
    };
    const groups = [identity, SENDER].map((who) => keysFile(who, keys, keys[0].index)).join('\n');
    this.child = start([
      '/usr/bin/python3', '-B', PROGRAM, '--livekit', url,
      '--token-file', file('token', token ?? bench.server.token(identity, room)),
      '--key-provider', `participant,keys-file=${file('keys.ini', groups)}`,
    ], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stdout.setEncoding('utf8').on('data', (text) => { this.output += text; });
    this.child.stderr.setEncoding('utf8').on('data', (text) => { this.told += text; });
    this.log = openSync(path.join(folder, 'chat.log'), 'w');
  }

  async isTold(text) {
    await until(`"${text}" on the terminal`, HEAR_MS, () => this.told.includes(text) || this.told);
  }

  type(line) {
    this.child.stdin.write(`${line}\n`);
  }

  async hears(text) {
    await until('a line on the terminal', HEAR_MS, () => (
      this.output.includes(`< ${SENDER}: ${text}\n`) || this.output.slice(-200)));
  }

  /** Ends the input; the exit status. */
  finish() {
    this.child.stdin.end();
    return this.status();
  }

  /** When it ends of itself. */
  async status() {
    await within(HEAR_MS, 'the end of chat.py', this.child.exited);
    return this.child.exitCode;
  }

  async close() {
    writeFileSync(this.log, this.told);
    await end(this.child);
  }
}

class Chat {
  constructor(bench, cell, number) {
    Object.assign(this, { bench, cell });
    this.room = `chat-${number}`;
    this.settings = SETTINGS[cell.settings];
    this.keys = makeKeys(this.settings);
    this.wrongKeys = makeKeys(this.settings);
    this.client = this.party(cell.sender, SENDER);
    this.wrong = this.party(cell.sender, 'wrong');
    this.parties = [this.client, this.wrong];
    this.texts = 0;
  }

  party(program, identity, settings = this.settings) {
    const { room, cell } = this;
    return new ClientParty(this.bench, { program, identity, room, settings, window: 0, cell });
  }

  async connect() {
    const [first, second] = this.keys;
    this.terminal = new Terminal(this.bench, this.room, US, this.keys);
    this.late = new Terminal(this.bench, this.room, 'late', [this.wrongKeys[0], second]);
    await Promise.all(this.parties.map((party) => party.start()));
    await Promise.all([
      this.client.join([first]), this.wrong.join([this.wrongKeys[0]]),
      this.terminal.isTold('connected'), this.late.isTold('connected'),
    ]);
  }

  /** From the client, in each form; `to`: who has to show it. */
  async fromClient(to, more = '') {
    for (const form of FORMS) {
      const text = `${form} ${++this.texts} ${more}`;
      await this.client.say(text, form);
      await Promise.all(to.map((terminal) => terminal.hears(text)));
    }
  }

  async toClient(more = '') {
    const text = `typed ${++this.texts} ${more}`;
    this.terminal.type(text);
    await this.hear(this.client, text);
  }

  async hear(party, text) {
    await until(`the text at ${party.identity}`, HEAR_MS, async () => {
      const heard = await party.heard();
      return heard.some(({ text: its, from, encrypted = true }) => (
        its === text && from === US && encrypted)) || heard.slice(-3);
    });
  }

  async changeKey() {
    const [, second] = this.keys;
    await this.client.setKey(second);
    this.terminal.type(`/key ${second.index}`);
    await this.terminal.isTold(`index ${second.index}`);
  }

  /** Nothing so far, and then what the second key is for. */
  async wrongClient() {
    const heard = await this.wrong.heard();
    if (heard.length > 0) throw new Error(`read with a wrong key: ${JSON.stringify(heard)}`);
    await this.wrong.setKey(this.keys[1]);
    const text = `typed ${++this.texts} for the second key`;
    this.terminal.type(text);
    await this.hear(this.wrong, text);
  }

  /** Somebody whose client does not encrypt. */
  async unencrypted() {
    const plain = this.party('node', 'plain', { plain: true });
    this.parties.push(plain);
    await plain.start();
    await plain.join([]);
    for (const form of FORMS) await plain.say('not encrypted, not shown', form);
    await this.terminal.isTold('it was not encrypted');
  }

  async finish() {
    const shown = this.terminal.output + this.late.output;
    if (shown.includes('not shown')) throw new Error('what was not encrypted was shown');
    // Each of them was told something that it could not show.
    for (const terminal of [this.terminal, this.late]) {
      const status = await terminal.finish();
      if (status !== 3) throw new Error(`chat.py ended with ${status}`);
    }
  }

  async errors() {
    return [this.terminal, this.late].map((terminal) => terminal?.told.slice(-300) ?? '');
  }

  async stop() {
    await Promise.allSettled([...this.parties, this.terminal, this.late].map((one) => one?.close()));
  }
}

/** Throws with the reason when it fails. */
async function runChat(self, result) {
  await self.connect();
  await self.fromClient([self.terminal]);
  await self.fromClient([self.terminal], LONG.trim());
  await self.toClient();
  await self.toClient(LONG.trim());
  await self.late.isTold('cannot be read');
  if (self.late.output) throw new Error(`read with a wrong key: ${self.late.output.slice(0, 200)}`);
  await self.changeKey();
  await self.fromClient([self.terminal, self.late]);
  await self.toClient();
  await self.wrongClient();
  await self.unencrypted();
  await self.finish();
  result.rotated = true;
  result.frames = self.texts;
}

/** Those who may not join, or not stay. */
class Refused {
  constructor(bench, cell, number) {
    Object.assign(this, { bench, room: `refused-${number}`, keys: makeKeys(SETTINGS[cell.settings]) });
    this.terminals = [];
  }

  terminal(identity, access) {
    const terminal = new Terminal(this.bench, this.room, identity, this.keys, access);
    this.terminals.push(terminal);
    return terminal;
  }

  async ends(terminal, wanted, text) {
    const status = await terminal.status();
    if (terminal.told.includes('eyJ')) throw new Error('a token is shown');
    if (status !== wanted || !terminal.told.includes(text)) {
      throw new Error(`status ${status} and not ${wanted}, "${text}": ${terminal.told}`);
    }
  }

  async errors() {
    return [];
  }

  async stop() {
    await Promise.allSettled(this.terminals.map((terminal) => terminal.close()));
  }
}

async function runRefused(self, result) {
  const { server } = self.bench;
  const [head, body, signature] = server.token('forger', self.room).split('.');
  const forged = [head, body, signature.split('').reverse().join('')].join('.');
  const expired = server.token('old', self.room, {}, -60);
  await Promise.all([
    self.ends(self.terminal('forger', { token: forged }), 2, 'refuses the token'),
    self.ends(self.terminal('old', { token: expired }), 2, 'refuses the token'),
    self.ends(self.terminal('lost', { url: 'ws://127.0.0.1:1' }), 1, 'was never reached'),
    self.ends(self.terminal('astray', { url: 'ws://nowhere.invalid' }), 1, 'was never reached'),
  ]);
  const first = self.terminal('twin');
  await first.isTold('connected');
  const second = self.terminal('twin');
  await self.ends(first, 2, 'same identity');
  await second.isTold('connected');
  const status = await second.finish();
  if (status !== 0) throw new Error(`chat.py ended with ${status}: ${second.told}`);
  result.frames = self.terminals.length;
}

export const chats = () => [
  ...['js', 'node'].map((program) => ({
    name: `chat/${program}`, kind: Chat, run: runChat, sender: program, settings: 'passphrase', unit: 'texts',
  })),
  { name: 'chat/refused', kind: Refused, run: runRefused, settings: 'passphrase', unit: 'programs' },
];

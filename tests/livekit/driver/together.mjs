// SPDX-License-Identifier: LGPL-2.1-or-later
// What clients do in a room beside sending frames: chat, mute, and showing that it is recorded.
import { PICTURES, STEP_MS } from '../../interop/driver/cell.mjs';
import { until } from '../../interop/driver/process.mjs';
import { Gathering } from './gathering.mjs';
import { makeKeys } from './keys.mjs';
import { SENDER } from './party.mjs';

const stats = (party) => party.client.ask('stats');

async function chat(self) {
  const programs = ['js', 'node', 'go'];
  const members = [];
  for (const program of programs) members.push(await self.enter(program, program));
  const wrong = await self.enter('node', 'wrong', { keys: makeKeys(self.settings) });
  for (const member of members) { // who does not know a sender cannot name him
    await until(`everyone at ${member.program}`, STEP_MS, async () => {
      const { others } = await stats(member);
      return others.length === members.length || others;
    });
  }
  for (const { client, program } of members) {
    await client.ask('chat', { text: `hello from ${program}` });
  }
  const got = (messages, from) => messages.some((message) => (
    message.from === from && message.text === `hello from ${from}` && message.encrypted !== false));
  for (const member of members) {
    const wanted = programs.filter((program) => program !== member.program);
    await until(`both messages at ${member.program}`, STEP_MS, async () => {
      const { messages } = await stats(member);
      return wanted.every((from) => got(messages, from)) || messages;
    });
  }
  const { messages } = await stats(wrong);
  if (messages.length > 0) throw new Error(`a wrong key read ${JSON.stringify(messages)}`);
}

export async function recording(self) {
  const members = [await self.enter('js', 'js'), await self.enter('node', 'node')];
  const shown = async (wanted) => {
    for (const member of members) {
      await until(`${member.program} showing recording ${wanted}`, STEP_MS, async () => (
        (await stats(member)).recording === wanted));
    }
  };
  await shown(false);
  const recorder = await self.enter(self.cell.receiver, 'recorder', { grants: { recorder: true } });
  await shown(true);
  await recorder.close();
  await shown(false);
}

async function mute(self) {
  const receiver = await self.enter('node', 'receiver');
  const sender = await self.enter('js', SENDER);
  await sender.publish('opus');
  const matches = async () => (await receiver.seen('opus'))?.matches ?? 0;
  const more = async (what) => {
    const before = await matches();
    await until(what, STEP_MS, async () => (await matches()) >= before + PICTURES);
  };
  await more('the tone');
  await sender.client.ask('mute');
  await until('silence', STEP_MS, async () => {
    const before = await matches();
    await stats(sender); // takes its time, in which more would come
    return (await matches()) === before;
  });
  await sender.client.ask('unmute');
  await more('the tone after unmute');
}

export const together = () => Object.entries({ chat, recording, mute })
  .map(([name, run]) => ({
    name: `control/${name}`, kind: Gathering, run, sender: 'js', receiver: 'go',
  }));

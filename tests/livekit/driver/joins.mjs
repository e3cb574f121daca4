// SPDX-License-Identifier: LGPL-2.1-or-later
// Publishers come and go, two hundred times on one connection of the recorder, which must not grow.
import path from 'node:path';
import { until } from '../../interop/driver/process.mjs';
import { Crowd } from './crowd.mjs';
import { Tap } from './tap.mjs';

const JOINS = 200;
const WARM_UP = 50;
const AT_ONCE = 8;
const PEOPLE = 40; // each comes again and again
const HOST = 'host'; // stays: the server closes a room in which there is only a recorder
const FRAMES = 60; // of video and audio, before they leave
const MEET_MS = 20000;
const QUIET_MS = 40000;
const STILL_MS = 12000; // sources of those who left are forgotten after ten seconds
const SPARE_THREADS = 4; // of pools that keep some
// libsrtp keeps some 22 KiB for each of a publisher's three sources: the same source may come again,
// and its roll-over counter would be gone.
const BYTES_A_JOIN = 128 << 10;
const GROWTH = 3; // of what must not grow

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

class Joins {
  constructor(bench, cell, number) {
    Object.assign(this, { bench, room: `joins-${number}`, joined: 0 });
  }

  async start() {
    const protocol = path.join(this.bench.modules, '@livekit/protocol/dist/index.mjs');
    this.tap = await Tap.start(this.bench.server, await import(protocol));
    const guests = Array.from({ length: PEOPLE }, (_, n) => `guest-${n}`);
    const identities = [HOST, ...guests];
    this.crowd = new Crowd(this.bench, { room: this.room, identities, url: this.tap.url });
    await this.crowd.start();
    await this.crowd.join(HOST);
    await this.crowd.told('recording-started', 1, HOST);
  }

  /** One comes, publishes until it is recorded for a moment, and leaves. */
  async stay() {
    const number = this.joined++;
    const identity = `guest-${number % PEOPLE}`;
    const name = `stay-${number}`;
    const nth = Math.floor(number / PEOPLE) + 1;
    await this.crowd.join(identity, name);
    await this.crowd.told('recording-started', nth, identity);
    const before = await this.crowd.sent(name);
    await until(`frames of ${name}`, MEET_MS, async () => (
      await this.crowd.sent(name)) >= before + FRAMES);
    await this.crowd.leave(name);
    await this.crowd.told('left', nth, identity);
  }

  /** Until so many have come and gone. */
  async come(total) {
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      while (this.joined < total) await this.stay();
    }));
  }

  /** What is left when the guests have gone, and fewer threads are not to come. */
  async remains() {
    let threads = Infinity;
    let since = 0;
    await until('an end of threads that end', QUIET_MS, () => {
      const now = this.crowd.usage().threads;
      if (now < threads) {
        threads = now;
        since = Date.now();
      }
      return Date.now() - since >= STILL_MS || threads;
    });
    return { memory: this.crowd.usage().memory, threads, offers: this.tap.offers.length };
  }

  /** Of offers in a part of the meeting. */
  offers(from, to) {
    const some = this.tap.offers.slice(from, to);
    return {
      bytes: Math.max(...some.map(({ bytes }) => bytes)),
      ms: median(some.map(({ ms }) => ms ?? Infinity)),
    };
  }

  async errors() {
    return this.crowd?.recorder.errors() ?? [];
  }

  async stop() {
    await this.crowd?.close();
    this.tap?.close();
  }
}

function same(what, first, last, most) {
  if (!(last <= most)) throw new Error(`${what} grows: ${first} and then ${last}`);
}

async function runJoins(self, result) {
  await self.start();
  await self.come(WARM_UP);
  const warm = await self.remains();
  await self.come(JOINS);
  const last = await self.remains();
  same('memory', warm.memory, last.memory, warm.memory + (JOINS - WARM_UP) * BYTES_A_JOIN);
  same('the number of threads', warm.threads, last.threads, warm.threads + SPARE_THREADS);
  const first = self.offers(0, warm.offers);
  const late = self.offers(-warm.offers);
  same('the size of offers', first.bytes, late.bytes, GROWTH * first.bytes);
  same('the time of negotiation', first.ms, late.ms, GROWTH * first.ms);
  await self.crowd.finish();
  const totals = self.crowd.check();
  result.frames = await self.crowd.compare(totals);
  if (result.frames !== totals.written) {
    throw new Error(`${result.frames} frames in files, not ${totals.written}`);
  }
  const grown = Math.round((last.memory - warm.memory) / (JOINS - WARM_UP) / 1024);
  result.note = `${grown} KiB a join, ${last.threads} threads, offers of ${late.bytes} bytes`
    + ` answered in ${late.ms.toFixed(0)} ms`;
}

export const joins = () => [
  { name: 'load/joins', kind: Joins, run: runJoins, limit: 240000 },
];

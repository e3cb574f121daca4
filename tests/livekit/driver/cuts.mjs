// SPDX-License-Identifier: LGPL-2.1-or-later
// Connections that are cut, each by its own means, under e2ee-recorder and under e2ee-publish: which
// way the program took to go on is in its events. And a server that is killed and started.
import { sleep, until } from '../../interop/driver/process.mjs';
import { Gathering } from './gathering.mjs';
import { Proxy, cutMediaOf, mendMedia } from './network.mjs';
import { SENDER } from './party.mjs';
import { checkFiles, checkLog } from './recordings.mjs';

const CODEC = 'vp8';
const SHORT_MS = 2000;
const LONG_MS = 30000;
const BACK_MS = 25000; // the longest back-off, and a session that begins
const LOSSY = 3; // exit status: ended as asked, but something was lost
// Events of programs that lose a connection or go on without one.
const PATHS = ['room-lost', 'room-joined', 'resumed'];
const STAYS = [];
const RESUMES = ['room-lost', 'resumed'];
const JOINS_ANEW = ['room-lost', 'room-joined'];

const PROGRAMS = ['recorder', 'publish'];

// `long`: under which programs it takes long; `gap`: so many milliseconds at least.
const CUTS = {
  signalling: {
    cut: ({ proxy }) => proxy.cut(),
    recorder: JOINS_ANEW, publish: JOINS_ANEW,
  },
  // Without a connection of the server's, which it would restart, signalling resumes.
  'signalling-of-a-sender': {
    cut: ({ proxy }) => proxy.cut(), grants: { canSubscribe: false },
    publish: RESUMES,
  },
  'media-2s': { cut: cutMedia(SHORT_MS), recorder: STAYS, publish: STAYS },
  'media-30s': {
    cut: cutMedia(LONG_MS), recorder: JOINS_ANEW, publish: JOINS_ANEW, long: PROGRAMS,
    gap: LONG_MS / 3, // the server notices later
  },
  'both-30s': {
    cut: cutBoth, recorder: JOINS_ANEW, publish: JOINS_ANEW, long: ['publish'],
    gap: LONG_MS - SHORT_MS,
  },
};

function cutMedia(ms) {
  return async ({ program }) => {
    cutMediaOf(program.child.pid);
    await sleep(ms);
    mendMedia();
  };
}

async function cutBoth(self) {
  self.proxy.refuse();
  await cutMedia(LONG_MS)(self);
  self.proxy.admit();
}

/** A sender and a receiver, one of them ours, with a proxy between that and the server. */
class Cut extends Gathering {
  async connect() {
    const { ours, way } = this.cell;
    this.proxy = await Proxy.start(this.bench.server.port);
    const how = { url: this.proxy.url, grants: way.grants };
    if (ours === 'recorder') {
      this.receiver = this.program = await this.enter('recorder', 'receiver', how);
      this.sender = await this.enter('node', SENDER);
    } else {
      this.receiver = await this.enter('node', 'receiver');
      this.sender = this.program = await this.enter('publish', SENDER, { ...how, rounds: 2 });
    }
    await this.sender.publish(CODEC);
  }

  /** The ways that the program took since `first`, an index of its events. */
  paths(first) {
    return this.program.events.slice(first).map(({ event }) => event)
      .filter((event) => PATHS.includes(event));
  }

  async stop() {
    mendMedia();
    await super.stop();
    this.proxy?.close();
  }
}

/** In milliseconds. */
const gapOf = (event) => event?.['gap-ms'] ?? event?.gap_ms;

async function cut(self, result) {
  const { way, ours } = self.cell;
  const wanted = way[ours];
  await self.connect();
  await self.more(self.receiver, CODEC, 'pictures before the cut');
  const first = self.program.events.length;
  await way.cut(self);
  await until('the way that the program goes on', BACK_MS, () => (
    wanted.every((event) => self.paths(first).includes(event)) || self.paths(first)));
  await self.more(self.receiver, CODEC, 'pictures after the cut', { within: BACK_MS });
  const others = self.paths(first).filter((event) => !wanted.includes(event));
  if (others.length > 0) throw new Error(`not only ${wanted}, also ${others}`);
  const gap = gapOf(self.program.happened(...wanted).at(-1));
  if (gap < way.gap) throw new Error(`the gap is said to be of ${gap} ms`);
  result.frames = await self.receiver.pictures(CODEC);
  if (ours === 'recorder') await checkFiles(self.program, [CODEC], wanted === STAYS ? 0 : LOSSY);
}

/** Both of ours; the server is away for a while. */
async function killServer(self, result) {
  const { server } = self.bench;
  const recorder = await self.enter('recorder', 'receiver');
  const publisher = await self.enter('publish', SENDER);
  await publisher.publish(CODEC);
  await self.more(recorder, CODEC, 'pictures before the server dies');
  await server.kill();
  for (const program of [recorder, publisher]) {
    await until(`${program.called} missing the server`, BACK_MS, () => (
      program.happened('room-lost').length > 0));
  }
  await server.run();
  await self.more(recorder, CODEC, 'pictures after the server came back', { within: BACK_MS });
  result.frames = await recorder.pictures(CODEC);
  await recorder.finish(LOSSY);
  checkLog(recorder);
}

/** all: also those that take long. */
export function cuts({ all }) {
  const cells = Object.entries(CUTS).flatMap(([name, way]) => (
    PROGRAMS.filter((ours) => way[ours] && (all || !way.long?.includes(ours))).map((ours) => ({
      name: `cut/${ours}/${name}`, kind: Cut, run: cut, way, ours, limit: 120000,
    }))));
  return [...cells, { name: 'cut/server', kind: Gathering, run: killServer }];
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// What e2ee-publish does beside sending frames that can be read: it rests while nobody subscribes,
// and comes back when the server was gone.
import { PICTURES, STEP_MS } from '../../interop/driver/cell.mjs';
import { until } from '../../interop/driver/process.mjs';
import { Gathering } from './gathering.mjs';
import { SENDER } from './party.mjs';

const REST_MS = 15000; // the server waits before it says that nobody subscribes
const BACK_MS = 30000;
const LOSSY = 3; // exit status

class Publishing extends Gathering {
  async publish(codec) {
    this.publisher = await this.enter('publish', SENDER);
    await this.publisher.publish(codec);
  }

  track() {
    return this.publisher.happened('progress').at(-1)?.tracks[0];
  }

  async rests(what) {
    await until(what, REST_MS, () => {
      const track = this.track();
      return (track?.state === 'resting' && track.frames > 0) || track;
    });
  }

  /** Somebody comes in and sees the picture. */
  async seenBy(identity) {
    const receiver = await this.enter('node', identity);
    await until(`pictures at ${identity}`, REST_MS, async () => {
      const seen = await receiver.seen('vp8');
      return seen?.matches >= PICTURES || seen;
    });
    return receiver;
  }
}

async function rests(self) {
  await self.publish('vp8');
  await self.rests('a track that nobody wants');
  const { frames } = self.track();
  const receiver = await self.seenBy('receiver');
  await until('more frames', STEP_MS, () => self.track().frames > frames || self.track());
  await receiver.close();
  await self.rests('a track that nobody wants any more');
}

async function comesBack(self) {
  const { server } = self.bench;
  await self.publish('vp8');
  await self.seenBy('receiver');
  await server.kill();
  await server.run();
  await until('the publisher in the room again', BACK_MS, () => {
    const [, again] = self.publisher.happened('room-joined');
    return again?.gap_ms > 0 || self.publisher.happened('room-lost');
  });
  await self.seenBy('later');
  await self.publisher.finish(LOSSY);
}

export const publishing = () => [
  { name: 'publisher/rests', kind: Publishing, run: rests },
  { name: 'publisher/server-restart', kind: Publishing, run: comesBack },
];

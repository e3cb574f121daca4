// SPDX-License-Identifier: LGPL-2.1-or-later
// What e2ee-publish does beside sending frames that can be read: it rests while nobody subscribes,
// and comes back when the server was gone.
import { PICTURES, STEP_MS } from '../../interop/driver/cell.mjs';
import { end, until } from '../../interop/driver/process.mjs';
import { SETTINGS } from './keys.mjs';
import { SENDER } from './party.mjs';
import { Publisher } from './programs.mjs';
import { Gathering } from './together.mjs';

const REST_MS = 15000; // the server waits before it says that nobody subscribes
const BACK_MS = 30000;
const LOSSY = 3; // exit status

class Publishing extends Gathering {
  async publish(codec) {
    const who = { identity: SENDER, room: this.room, settings: SETTINGS.passphrase };
    this.publisher = new Publisher(this.bench, who);
    this.parties.push(this.publisher);
    await this.publisher.start();
    this.publisher.join([this.keys[0]]);
    this.publisher.publish(codec);
  }

  told(event) {
    return this.publisher.events.filter((line) => line.event === event);
  }

  track() {
    return this.told('progress').at(-1)?.tracks[0];
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
  await end(server.child, 'SIGKILL');
  await server.run();
  await until('the publisher in the room again', BACK_MS, () => {
    const [, again] = self.told('room-joined');
    return again?.gap_ms > 0 || self.told('room-lost');
  });
  await self.seenBy('later');
  await self.publisher.finish(LOSSY);
}

export const publishing = () => [
  { name: 'publisher/rests', kind: Publishing, run: rests },
  { name: 'publisher/server-restart', kind: Publishing, run: comesBack },
];

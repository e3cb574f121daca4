// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is in the room of a cell. All have: start(), join(given), publish(codec, how),
// setKey(key), seen(codec), errors(), finish(), close(); programs.mjs has those that are ours.
import { startClient } from './clients.mjs';

export const SENDER = 'sender';

/** A LiveKit client. `who`: {identity, room, program, settings, window}. */
export class ClientParty {
  constructor(bench, who) {
    Object.assign(this, { bench, ...who });
  }

  async start() {
    this.client = await startClient(this.bench, this.program);
  }

  join(keys) {
    return this.client.ask('join', {
      url: this.bench.server.url,
      token: this.bench.server.token(this.identity, this.room, this.grants),
      settings: { ...this.settings, window: this.window },
      given: keys.map((key) => ({ key, participant: SENDER })),
    });
  }

  /** `how`: {layers, screen}. */
  publish(codec, how) {
    this.clip = this.bench.clips[codec];
    return this.client.ask('publish', { codec, clip: this.clip, ...how });
  }

  unpublish({ sid }) {
    return this.client.ask('unpublish', { sid });
  }

  setKey(key) {
    return this.client.ask('set-key', { key, participant: SENDER });
  }

  /** Chat; form: as in clients.mjs. */
  say(text, form) {
    return this.client.ask('chat', { text, form });
  }

  async heard() {
    return (await this.client.ask('stats')).messages;
  }

  /** The frames that were sent, where they are known. */
  sent() {
    return this.program === 'go' ? this.clip : undefined;
  }

  /** What was decoded of the sender's only track; `sent`: a clip that it has to be of. */
  async seen(codec, sent) {
    const { tracks } = await this.client.ask('stats');
    const [track] = tracks.filter(({ participant }) => participant === SENDER);
    if (!track?.clip || track.frames === 0) return track ?? null;
    return this.bench.media.ask('look_clip', { codec, path: track.clip, sent });
  }

  /** Recognised in all tracks of the sender. */
  async pictures() {
    const { tracks } = await this.client.ask('stats');
    return tracks.filter(({ participant }) => participant === SENDER)
      .reduce((sum, { matches }) => sum + matches, 0);
  }

  async errors() {
    const { errors } = await this.client.ask('stats');
    return errors.map((error) => `${this.identity}: ${error}`);
  }

  finish() {
    return this.client.ask('leave');
  }

  async close() {
    if (!this.client) return;
    await this.client.ask('leave').catch(() => {}); // it may be gone
    await this.client.close();
  }
}

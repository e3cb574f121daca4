// SPDX-License-Identifier: LGPL-2.1-or-later
// Rooms in which some of the packets are lost: what was lost is sent again when the receiver asks for
// it, and half a frame never gets to a decryptor.
import { Gathering } from './gathering.mjs';
import { loseMedia, lostOfServer, mendMedia } from './network.mjs';
import { SENDER } from './party.mjs';
import { checkFiles } from './recordings.mjs';

const PICTURES = 100; // five seconds
const ROUNDS = 10; // until enough are lost: 100 pictures are some 150 packets
const PERCENTS = [2, 5];
const ENOUGH = 8; // so that one or two at the very end are few of them
const CODECS = ['vp8', 'h264'];

class Lossy extends Gathering {
  async stop() {
    mendMedia();
    await super.stop();
  }
}

async function lose(self, result) {
  const { codec, percent, sender, receiver } = self.cell;
  const at = await self.enter(receiver, 'receiver');
  const from = await self.enter(sender, SENDER);
  await from.publish(codec);
  await self.more(at, codec, 'pictures without loss');
  loseMedia(percent);
  for (let round = 0; round === 0 || (lostOfServer() < ENOUGH && round < ROUNDS); ++round) {
    await self.more(at, codec, `pictures with ${percent} % loss`, { pictures: PICTURES, within: 30000 });
  }
  const lost = lostOfServer();
  mendMedia();
  if (lost < ENOUGH) throw new Error(`only ${lost} packets were lost`);
  result.frames = await at.pictures(codec);
  if (receiver === 'recorder') await checkRecorded(at, codec, lost);
}

/** What did not come in the end is less than half of what was lost on the way. */
async function checkRecorded(recorder, codec, lost) {
  await checkFiles(recorder, [codec]);
  const [left] = recorder.happened('left');
  if (left['packets-lost'] * 2 > lost) {
    throw new Error(`${left['packets-lost']} packets never came; ${lost} were lost at first`);
  }
}

export const losses = () => CODECS.flatMap((codec) => PERCENTS.flatMap((percent) => [
  { sender: 'node', receiver: 'recorder' }, { sender: 'publish', receiver: 'node' },
].map((parties) => ({
  name: `loss/${parties.sender}-to-${parties.receiver}/${codec}/${percent}-percent`,
  kind: Lossy, run: lose, codec, percent, ...parties,
}))));

// SPDX-License-Identifier: LGPL-2.1-or-later
// Descriptions in which only one side has a=sframe: no media flows.
import { until } from '../../interop/driver/process.mjs';
import { withSFrame } from '../peer/sdp.mjs';
import { FIRST_MS, PICTURES, STEP_MS } from './cell.mjs';

const WITHOUT = { sframe: false };

async function expectRefusal(asked, reason) {
  const why = await asked.then(() => 'nothing', ({ message }) => message);
  if (!why.includes(reason)) throw new Error(`not refused for a=sframe, but for ${why}`);
}

/** Not a packet comes while GStreamer encrypts; the same answer with the attribute lets them come. */
async function answerWithout(self, result) {
  const { answer } = await self.agree(WITHOUT);
  await expectRefusal(self.gst.ask('take_answer', { sdp: answer }), 'the answer takes no SFrame');
  await self.gst.ask('start');
  await until('frames that go nowhere', STEP_MS, async () => {
    const { crypt } = await self.gst.ask('report');
    return crypt['frames-out'] >= 2 * PICTURES || crypt;
  });
  if (self.peer.received > 0) throw new Error(`${self.peer.received} packets arrived`);
  await self.gst.ask('take_answer', { sdp: withSFrame(answer) });
  await self.more('the frames of a call that is agreed on', FIRST_MS);
  result.frames = (await self.progress()).count;
}

/** GStreamer gives no answer, so that there is no connection to send through. */
async function offerWithout(self) {
  const { offer } = await self.agree(WITHOUT);
  await expectRefusal(self.gst.ask('answer', { sdp: offer }), 'the answer has SFrame');
  const { packets } = await self.gst.ask('report');
  if (packets > 0 || self.peer.connected) throw new Error('the call went on');
}

const CELL = { codec: 'h264', suite: 6, perSsrc: true, ratchetBits: 8, perPacket: false };

export function refusalCells() {
  return [
    { ...CELL, direction: 'to-browser', run: answerWithout, name: 'h264/to-peer/answer-without-a=sframe' },
    { ...CELL, direction: 'from-browser', run: offerWithout, name: 'h264/from-peer/offer-without-a=sframe' },
  ];
}

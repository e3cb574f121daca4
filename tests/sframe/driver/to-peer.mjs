// SPDX-License-Identifier: LGPL-2.1-or-later
// GStreamer encodes and encrypts; the peer opens every frame.
import { until } from '../../interop/driver/process.mjs';
import { formOf } from '../peer/frames.mjs';
import { Incoming } from '../peer/incoming.mjs';
import { Call, PICTURES, STEP_MS, expectNoErrors } from './cell.mjs';
import { missingBetween } from './order.mjs';

const MTU = 500; // so that frames need several packets

export class ToPeer extends Call {
  async connect() {
    const { answer } = await this.agree();
    await this.gst.ask('take_answer', { sdp: answer });
    await this.connected();
    await this.gst.ask('start');
  }

  /** Offer and answer; `how` is what the peer does otherwise. */
  async agree(how = {}) {
    const { codec, perSsrc, nalFormat, faults } = this.cell;
    await this.gst.ask('send', {
      codec, keys: [this.keys[0]], options: this.options, per_ssrc: perSsrc, mtu: MTU,
    });
    const { sdp, ssrc } = await this.gst.ask('offer');
    const openers = {
      right: this.opener(this.keys, ssrc), wrong: this.opener(this.wrongKeys, ssrc),
    };
    const { hashOf } = formOf(codec, nalFormat);
    this.incoming = new Incoming({ openers, hashOf, faults });
    const onPacket = (packet) => this.incoming.take(packet);
    const answer = await this.connection({ onPacket, ...how }).answer(sdp);
    return { answer };
  }

  progress() {
    const { opened, refused } = this.incoming;
    if (refused.length > 0) throw new Error(`the peer: ${refused[0]}`);
    return { count: opened.length, received: this.peer.received };
  }

  last(what, name, value) {
    const { right } = this.incoming.openers;
    return until(what, STEP_MS, () => right.last?.[name] === value || { ...right.last });
  }

  async use({ index, hex }) {
    await this.gst.ask('add_key', { index, key: hex });
    await this.gst.ask('use_key', { index });
    await this.last('the new key', 'generation', index);
  }

  async ratchet() {
    await this.gst.ask('ratchet', { index: this.keys[1].index });
    await this.last('the ratchet', 'step', 1);
    await this.more('frames after the ratchet');
  }

  async judge(result) {
    const opened = [...this.incoming.opened]; // of frames that the report has
    const report = await this.gst.ask('report');
    expectNoErrors(report);
    const { wrong, faults } = this.incoming;
    result.frames = opened.length;
    result.wrong_key_frames = wrong.opened;
    if (wrong.tried < PICTURES) throw new Error(`only ${wrong.tried} frames for the wrong keys`);
    if (wrong.opened > 0) throw new Error(`${wrong.opened} frames opened with wrong keys`);
    const missing = missingBetween(report.passed, opened);
    if (missing > faults.lost) throw new Error(`${missing} frames are missing`);
    faults.expectHappened();
  }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// The peer encrypts; GStreamer decrypts and decodes.
import { until } from '../../interop/driver/process.mjs';
import { Outgoing } from '../peer/outgoing.mjs';
import { Call, PICTURES, STEP_MS, expectNoErrors } from './cell.mjs';
import { missingBetween } from './order.mjs';

// Of the jitter buffer: a packet that others overtake may come with the next frame.
const LATENCY_MS = 100;
const LONG_LATENCY_MS = 400;
const PERIOD_MS = { video: 50, audio: 20 };

export class FromPeer extends Call {
  async connect() {
    const { offer } = await this.agree();
    const { sdp } = await this.gst.ask('answer', { sdp: offer });
    await this.peer.takeAnswer(sdp);
    await this.connected();
    this.outgoing.start(PERIOD_MS[this.codec.media]);
  }

  async agree(how = {}) {
    const { codec, perSsrc, perPacket, faults } = this.cell;
    const frames = await this.media.of(this.gst, this.cell);
    await this.gst.ask('receive', {
      codec, keys: [this.keys[0]], wrong_keys: this.wrongKeys, options: this.options,
      per_ssrc: perSsrc, per_packet: perPacket,
      latency: faults?.delay ? LONG_LATENCY_MS : LATENCY_MS,
    });
    const peer = this.connection({ onKeyFrameWanted: () => this.outgoing.keyFrame(), ...how });
    const offer = await peer.offer();
    this.outgoing = new Outgoing({
      frames, perPacket, faults, sealer: this.sealer(peer.ssrc),
      ticks: this.codec.clockRate * PERIOD_MS[this.codec.media] / 1000,
      send: (packet) => peer.send(packet),
    });
    return { offer };
  }

  async progress() {
    const { seen, crypt, errors, packets } = await this.gst.ask('report');
    if (errors.length > 0) throw new Error(errors[0]);
    const { matches = 0, phases = 0 } = seen['look-right'] ?? {};
    return { count: matches, phases, packets, crypt };
  }

  async stats(what, name, value) {
    await until(what, STEP_MS, async () => {
      const { crypt } = await this.gst.ask('report');
      return crypt[name] === value || crypt;
    });
  }

  async use({ index, hex }) {
    await this.gst.ask('add_key', { index, key: hex });
    this.outgoing.sealer.use(index);
    await this.stats('the new key', 'key-id', index);
  }

  async ratchet() {
    this.outgoing.sealer.ratchet();
    await this.stats('the ratchet', 'generation', 1);
    await this.more('frames after the ratchet');
  }

  async judge(result) {
    this.outgoing.stop();
    const report = await this.gst.ask('report');
    expectNoErrors(report);
    const seen = report.seen['look-right'];
    result.frames = seen.matches;
    const phases = this.codec.media === 'video' ? 2 : 1; // the picture moves
    if (seen.phases < phases) throw new Error('the picture does not move');
    const { wrong } = report;
    result.wrong_key_frames = Math.max(wrong['frames-out'], report.seen['look-wrong'].frames);
    if (wrong['frames-in'] < PICTURES) throw new Error('too few frames for the wrong keys');
    if (result.wrong_key_frames > 0) {
      throw new Error(`${result.wrong_key_frames} frames decrypted with wrong keys`);
    }
    const { sent, faults } = this.outgoing;
    const missing = missingBetween(sent, report.passed);
    if (missing > 0) throw new Error(`${missing} frames that arrived are missing`);
    faults.expectHappened();
  }
}

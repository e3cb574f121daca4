// SPDX-License-Identifier: LGPL-2.1-or-later
// ICE, DTLS and SRTP by werift: one stream of RTP packets, out or in.
import { createRequire } from 'node:module';

import { expectSFrame, onLoopback, withSFrame, withoutSFrame } from './sdp.mjs';

const LOOPBACK = '127.0.0.1';

/** werift is not installed beside this file, but in the folder of the build. */
export function loadWerift(folder) {
  return createRequire(`${folder}/`)('werift');
}

export class Connection {
  received = 0; // packets

  /**
   * `codec`: a row of CODECS. `sframe`: whether descriptions say that media is SFrame.
   * `onPacket` gets each packet that arrives, as {sequence, timestamp, marker, payloadType, payload}.
   */
  constructor(werift, codec, { sframe = true, onPacket, onKeyFrameWanted } = {}) {
    const { mimeType, clockRate, channels, payloadType } = codec;
    const parameters = new werift.RTCRtpCodecParameters({
      mimeType, clockRate, channels, payloadType,
      rtcpFeedback: codec.media === 'video' ? [werift.usePLI()] : [],
    });
    Object.assign(this, { werift, codec, onPacket, onKeyFrameWanted });
    this.mark = sframe ? withSFrame : withoutSFrame;
    this.sframe = sframe;
    this.pc = new werift.RTCPeerConnection({
      codecs: { audio: [], video: [], [codec.media]: [parameters] },
      iceServers: [],
      iceUseIpv6: false,
      iceAdditionalHostAddresses: [LOOPBACK],
      bundlePolicy: 'max-bundle',
    });
    this.pc.onTrack.subscribe((track) => {
      track.onReceiveRtp.subscribe((packet) => this.#arrived(packet));
    });
  }

  #arrived({ header, payload }) {
    this.received++;
    this.ssrc ??= header.ssrc;
    const { sequenceNumber: sequence, timestamp, marker, payloadType } = header;
    this.onPacket?.({ sequence, timestamp, marker, payloadType, payload });
  }

  async #local(made) {
    await this.pc.setLocalDescription(made);
    return onLoopback(this.mark(this.pc.localDescription.sdp));
  }

  /** Of a stream that this side sends; `ssrc` is known afterwards. */
  async offer() {
    this.track = new this.werift.MediaStreamTrack({ kind: this.codec.media });
    const { sender } = this.pc.addTransceiver(this.track, { direction: 'sendonly' });
    sender.onPictureLossIndication.subscribe(() => this.onKeyFrameWanted?.());
    this.ssrc = sender.ssrc;
    return this.#local(await this.pc.createOffer());
  }

  async takeAnswer(sdp) {
    if (this.sframe) expectSFrame(sdp, 'the answer');
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
  }

  async answer(sdp) {
    expectSFrame(sdp, 'the offer');
    await this.pc.setRemoteDescription({ type: 'offer', sdp });
    return this.#local(await this.pc.createAnswer());
  }

  get connected() {
    return this.pc.connectionState === 'connected';
  }

  send({ sequence, timestamp, marker, payload }) {
    const { RtpHeader, RtpPacket } = this.werift;
    // werift puts in SSRC and payload type.
    const header = new RtpHeader({ sequenceNumber: sequence, timestamp, marker });
    this.track.writeRtp(new RtpPacket(header, payload));
  }

  close() {
    return this.pc.close();
  }
}

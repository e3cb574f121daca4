// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls of this page, for the driver: window.calls.
import { Seen, pictureTrack, toneTrack } from './content.js';
import { protect } from './protection.js';

const calls = new Map();
const CODECS = {
  vp8: 'video/VP8', vp9: 'video/VP9', h264: 'video/H264', opus: 'audio/opus', red: 'audio/red',
};
const mediaOf = (codec) => (CODECS[codec].startsWith('audio/') ? 'audio' : 'video');

function makeConnection(api) {
  return new RTCPeerConnection({
    iceServers: [], bundlePolicy: 'max-bundle', encodedInsertableStreams: api === 'streams',
  });
}

/** The local description once it holds all candidates. */
async function described(connection) {
  if (connection.iceGatheringState !== 'complete') {
    await new Promise((resolve) => {
      connection.addEventListener('icegatheringstatechange', () => {
        if (connection.iceGatheringState === 'complete') resolve();
      });
    });
  }
  return connection.localDescription.sdp;
}

function preferCodec(transceiver, codec) {
  const fits = ({ mimeType, sdpFmtpLine = '' }) => mimeType === CODECS[codec]
    && (codec !== 'h264' || /packetization-mode=1.*profile-level-id=42e0/.test(sdpFmtpLine))
    && (codec !== 'vp9' || !/profile-id=[^0]/.test(sdpFmtpLine)); // 0 where it does not say
  const { codecs } = RTCRtpSender.getCapabilities(mediaOf(codec));
  const fitting = codecs.filter(fits);
  if (fitting.length === 0) throw new Error(`this browser has no ${codec}`); // none would be all
  // RED carries Opus, which has to be negotiated as well.
  const carried = codec === 'red' ? codecs.filter(({ mimeType }) => mimeType === CODECS.opus) : [];
  transceiver.setCodecPreferences([...fitting, ...carried]);
}

async function makeCall(id, { scheme, api, codec, keys, window, enabled }, sending) {
  const call = { connection: makeConnection(scheme ? api : null), codec, sending };
  calls.set(id, call);
  if (!scheme) return call;
  call.protection = await protect({ scheme, api, window, enabled });
  for (const key of keys) { // the last one is to encrypt
    await call.protection.setKey(key, { sending: sending && key === keys.at(-1) });
  }
  return call;
}

function attach(call, kind, at) {
  call.protection?.attach(kind, at, { media: mediaOf(call.codec), codec: call.codec });
}

/** Shows what is received, so that a screenshot proves something to people. */
function show(id, track) {
  const element = document.createElement(track.kind);
  element.autoplay = true;
  element.srcObject = new MediaStream([track]);
  const figure = document.createElement('figure');
  figure.id = `figure-${id}`;
  const caption = document.createElement('figcaption');
  caption.textContent = id.startsWith('right') ? 'with the key' : 'with a wrong key';
  figure.append(element, caption);
  document.querySelector('#figures').append(figure);
}

window.calls = {
  title(text) {
    document.querySelector('#title').textContent = text;
  },

  async send(id, options) {
    const call = await makeCall(id, options, true);
    const { codec, size: [width, height], scalabilityMode } = options;
    call.source = mediaOf(codec) === 'audio' ? toneTrack() : pictureTrack(width, height);
    const encoding = { ...(scalabilityMode && { scalabilityMode }) };
    const transceiver = call.connection.addTransceiver(call.source.track, {
      direction: 'sendonly', streams: [new MediaStream()], sendEncodings: [encoding],
    });
    preferCodec(transceiver, codec);
    attach(call, 'encode', transceiver.sender);
    await call.connection.setLocalDescription(await call.connection.createOffer());
    return described(call.connection);
  },

  async takeAnswer(id, sdp) {
    await calls.get(id).connection.setRemoteDescription({ type: 'answer', sdp });
  },

  async receive(id, options, sdp) {
    const call = await makeCall(id, options, false);
    call.connection.addEventListener('track', ({ receiver, track }) => {
      attach(call, 'decode', receiver);
      call.seen = new Seen(track);
      show(id, track);
    });
    await call.connection.setRemoteDescription({ type: 'offer', sdp });
    await call.protection?.settled;
    await call.connection.setLocalDescription(await call.connection.createAnswer());
    return described(call.connection);
  },

  /** Encrypts what has been sent in the clear so far. */
  enable: (id) => calls.get(id).protection.enable(true),

  setKey: (id, key, sending) => calls.get(id).protection.setKey(key, { sending }),
  ratchet: (id, index) => calls.get(id).protection.ratchet(index),

  async report(id) {
    const { connection, seen, protection } = calls.get(id);
    const found = [...(await connection.getStats()).values()];
    const rtp = found.find(({ type }) => type === 'inbound-rtp' || type === 'outbound-rtp') ?? {};
    return {
      state: connection.connectionState,
      seen: seen?.report() ?? null,
      errors: protection?.errors ?? [],
      events: protection?.events ?? {},
      packets: rtp.packetsReceived ?? rtp.packetsSent ?? 0,
      framesReceived: rtp.framesReceived ?? 0,
      framesDecoded: rtp.framesDecoded ?? 0,
      keyFramesDecoded: rtp.keyFramesDecoded ?? 0,
      framesEncoded: rtp.framesEncoded ?? 0,
      audioEnergy: rtp.totalAudioEnergy ?? 0,
      scalabilityMode: rtp.scalabilityMode,
    };
  },

  stop(id) {
    const call = calls.get(id);
    calls.delete(id);
    call?.connection.close();
    call?.source?.stop();
    call?.seen?.stop();
    call?.protection?.close();
    document.querySelector(`#figure-${id}`)?.remove();
  },
};

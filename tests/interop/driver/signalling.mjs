// SPDX-License-Identifier: LGPL-2.1-or-later
// LiveKit's signalling (protobuf over WebSocket), as much of it as a client needs for one track when
// the two peer connections of the server are webrtcbins: descriptions pass through here, and nothing
// else of a room is there.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { within } from './process.mjs';

const ANSWER_MS = 10000;
const PING_SECONDS = 600; // longer than any call: nobody answers
const US = 'PA_gstreamer';
const TRACK = 'TR_gstreamer';

/** A value that comes once, and may be waited for before or after. */
class Promised {
  constructor() {
    this.value = new Promise((resolve) => { this.resolve = resolve; });
  }
}

/** One peer connection of the client: its description, whole once there is a candidate for it. */
class Described {
  #sdp = new Promised();
  #candidate = new Promised();

  describe(sdp) {
    this.#sdp.resolve(sdp);
  }

  trickle({ candidate }) {
    if (/ udp .* typ host/i.test(candidate)) this.#candidate.resolve(candidate);
  }

  async whole() {
    const [sdp, candidate] = await Promise.all([this.#sdp.value, this.#candidate.value]);
    return sdp.replace(/^c=.*$/m, `$&\r\na=${candidate}`);
  }
}

/** LiveKit's clients learn from it whose track it is. */
function withTrackName(sdp) {
  const others = sdp.split('\r\n').filter((line) => !/^a=(msid|ssrc:\d+ msid):/.test(line));
  return others.join('\r\n').replace(/^a=mid:.*$/m, `$&\r\na=msid:${US}|gstreamer ${TRACK}`);
}

/** One client in a room of its own. */
class Session {
  #publisher = new Described();
  #subscriber = new Described();
  #joined = new Promised();

  constructor(protocol) {
    this.protocol = protocol;
  }

  // ---- For GStreamer's side

  /** What the client offers after it was told to publish. */
  offer() {
    return within(ANSWER_MS, "the client's offer", this.#publisher.whole());
  }

  takeAnswer(sdp) {
    this.#send('answer', { type: 'answer', sdp, id: this.offerId });
  }

  /** The client's answer to a track of ours; without one, to a connection that carries none. */
  async answer(sdp, track = null) {
    await within(ANSWER_MS, 'the client, joining', this.#joined.value);
    if (track) this.#send('update', { participants: [this.#participant(track)] });
    this.#send('offer', { type: 'offer', sdp: track ? withTrackName(sdp) : sdp, id: 1 });
    return within(ANSWER_MS, "the client's answer", this.#subscriber.whole());
  }

  // ---- For the client

  open(socket) {
    const { JoinResponse, ParticipantInfo_State: State, SignalRequest } = this.protocol;
    this.socket = socket;
    socket.on('message', (data) => this.#take(SignalRequest.fromBinary(data).message));
    this.#send('join', new JoinResponse({
      room: { sid: 'RM_1', name: 'room' },
      participant: { sid: 'PA_client', identity: 'client', state: State.JOINED },
      subscriberPrimary: true, // it has joined when that connection is there
      pingInterval: PING_SECONDS, pingTimeout: 2 * PING_SECONDS,
    }));
    this.#joined.resolve();
  }

  #send(name, value) {
    const { SignalResponse } = this.protocol;
    this.socket.send(new SignalResponse({ message: { case: name, value } }).toBinary());
  }

  #participant({ codec, encrypted }) {
    const { Encryption_Type: Encryption, ParticipantInfo_State: State, TrackType } = this.protocol;
    const audio = codec === 'opus';
    return {
      sid: US, identity: 'gstreamer', state: State.ACTIVE,
      tracks: [{
        sid: TRACK, type: audio ? TrackType.AUDIO : TrackType.VIDEO,
        mimeType: `${audio ? 'audio' : 'video'}/${codec}`,
        encryption: encrypted ? Encryption.GCM : Encryption.NONE,
      }],
    };
  }

  #take({ case: name, value }) {
    const { SignalTarget } = this.protocol;
    if (name === 'offer') {
      this.offerId = value.id;
      this.#publisher.describe(value.sdp);
    } else if (name === 'answer') {
      this.#subscriber.describe(value.sdp);
    } else if (name === 'trickle') {
      const to = value.target === SignalTarget.PUBLISHER ? this.#publisher : this.#subscriber;
      to.trickle(JSON.parse(value.candidateInit));
    } else if (name === 'addTrack') {
      const { cid, type, name: called, encryption } = value; // it goes by what it is told here
      const track = { sid: 'TR_client', type, name: called, encryption };
      this.#send('trackPublished', { cid, track });
    }
  }
}

export class Signalling {
  #sessions = new Map(); // by token

  static async start(modules) {
    const self = new Signalling();
    const require = createRequire(path.join(modules, 'x'));
    const { WebSocketServer } = require('ws');
    self.protocol = require('@livekit/protocol');
    self.server = createServer((_request, response) => response.writeHead(404).end());
    const sockets = new WebSocketServer({
      server: self.server,
      // No single connection for both directions: clients then take two, as with older servers.
      verifyClient: ({ req: { url } }, done) => done(url.startsWith('/rtc?'), 404),
    });
    sockets.on('connection', (socket, { headers }) => {
      const token = headers.authorization?.replace(/^Bearer /, '');
      const session = self.#sessions.get(token);
      if (session) session.open(socket);
      else socket.close();
    });
    await new Promise((resolve) => { self.server.listen(0, '127.0.0.1', resolve); });
    self.url = `ws://127.0.0.1:${self.server.address().port}`;
    return self;
  }

  /** Who comes with this token is in this session. */
  expect(token) {
    const session = new Session(this.protocol);
    this.#sessions.set(token, session);
    return session;
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }
}

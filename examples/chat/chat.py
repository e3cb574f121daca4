#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chat between two terminals over a WebRTC data channel, encrypted end to end.

  chat.py --listen 5000 --key-provider "shared,passphrase-file=/run/secrets/meeting"
  chat.py --connect 127.0.0.1:5000 --key-provider "shared,passphrase-file=/run/secrets/meeting"

The two find each other over that TCP connection, as they would through a signalling server; lines
typed into one then go to the other. DTLS protects the data channel from hop to hop; GstE2EEDataCryptor
protects each message from end to end, so that a server in between would see ciphertext. On the channel
a message is: key index (1 byte), IV (12), payload with tag.

Run it with the library found, for example under: meson devenv -C build -w .
Exit status: 0 = ended by end of input or by the other side, 1 = failed, 2 = wrong usage, keys that
cannot be used, or a port in use.
"""

import argparse
import json
import socket
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
import needs  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(
        description="Chat over a WebRTC data channel, encrypted end to end.",
        epilog="Both sides need the same keys; one listens and the other connects.",
    )
    side = parser.add_mutually_exclusive_group(required=True)
    side.add_argument("--listen", type=int, metavar="PORT", help="wait for the other side here; 0: any port")
    side.add_argument("--connect", metavar="HOST:PORT", help="where the other side waits")
    parser.add_argument(
        "--key-provider",
        required=True,
        metavar="TEXT",
        help='for example "shared,passphrase-file=/run/secrets/meeting"',
    )
    parser.add_argument("--participant", metavar="NAME", help="whose key; default: the shared key")
    parser.add_argument("--version", action="version", version=f"%(prog)s {needs.version()}")
    given = parser.parse_args()
    host, colon, port = (given.connect or "127.0.0.1:0").rpartition(":")
    if not (host and colon and port.isdecimal() and int(port) < 65536):
        parser.error("--connect takes HOST:PORT")
    if given.listen is not None and not 0 <= given.listen < 65536:
        parser.error("--listen takes a port, 0 to 65535")
    given.peer = (host, int(port))
    return given


if __name__ == "__main__":
    ARGUMENTS = arguments()  # before GStreamer is looked for: --help needs nothing

needs.typelibs("Gst", "GstE2EE", "GstSdp", "GstWebRTC")
from gi.repository import GLib, Gst, GstE2EE, GstSdp, GstWebRTC  # noqa: E402

IV_SIZE = 12


class Envelope:
    """Messages as they travel on the channel."""

    def __init__(self, provider, participant):
        self.cryptor = GstE2EE.DataCryptor.new(provider, participant)

    def seal(self, text):
        payload, iv, index = self.cryptor.encrypt(GLib.Bytes.new(text.encode()))
        return GLib.Bytes.new(bytes([index]) + iv.get_data() + payload.get_data())

    def open(self, data):
        message = data.get_data() or b""
        if len(message) <= IV_SIZE:
            raise ValueError("too short")
        return self.cryptor.decrypt(
            GLib.Bytes.new(message[1 + IV_SIZE :]),
            GLib.Bytes.new(message[1 : 1 + IV_SIZE]),
            message[0],
        ).get_data().decode(errors="replace")


class Signalling:
    """JSON lines over TCP."""

    def __init__(self, connection):
        self.connection = connection
        self.lock = threading.Lock()

    def send(self, **message):
        with self.lock:
            self.connection.sendall(json.dumps(message).encode() + b"\n")

    def run(self, handler, ended):
        try:
            for line in self.connection.makefile("rb"):
                GLib.idle_add(handler, json.loads(line))
        except (OSError, ValueError):
            pass
        GLib.idle_add(ended)


class Chat:
    def __init__(self, signalling, envelope, offers):
        self.signalling = signalling
        self.envelope = envelope
        self.loop = GLib.MainLoop()
        self.status = 0
        self.channel = None
        self.opened = False
        self.typed = []  # before the channel is open
        self.input_ended = False
        self.pipeline = Gst.Pipeline.new(None)
        self.peer = Gst.ElementFactory.make("webrtcbin")
        self.peer.props.bundle_policy = GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE
        self.pipeline.add(self.peer)
        self.peer.connect("on-ice-candidate", self.on_candidate)
        self.peer.connect("on-data-channel", lambda _, channel: self.take_channel(channel))
        self.pipeline.set_state(Gst.State.PLAYING)
        if offers:
            self.take_channel(self.peer.emit("create-data-channel", "chat", None))
            self.peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.on_made, "offer"))

    # ---- signalling -----------------------------------------------------------------------------

    def on_made(self, promise, kind):
        reply = promise.get_reply()  # owns the description
        description = reply.get_value(kind)
        self.peer.emit("set-local-description", description, None)
        self.signalling.send(type=kind, sdp=description.sdp.as_text())

    def on_candidate(self, _, line, candidate):
        self.signalling.send(type="candidate", line=line, candidate=candidate)

    def on_signal(self, message):
        kind = message.get("type")
        if kind == "candidate":
            self.peer.emit("add-ice-candidate", message["line"], message["candidate"])
        elif kind in ("offer", "answer"):
            _, sdp = GstSdp.SDPMessage.new_from_text(message["sdp"])
            sdp_type = GstWebRTC.WebRTCSDPType.OFFER if kind == "offer" else GstWebRTC.WebRTCSDPType.ANSWER
            description = GstWebRTC.WebRTCSessionDescription.new(sdp_type, sdp)
            self.peer.emit("set-remote-description", description, None)
            if kind == "offer":
                promise = Gst.Promise.new_with_change_func(self.on_made, "answer")
                self.peer.emit("create-answer", None, promise)

    # ---- messages -------------------------------------------------------------------------------

    def take_channel(self, channel):
        self.channel = channel
        channel.connect("on-open", lambda _: GLib.idle_add(self.on_open))
        channel.connect("on-message-data", lambda _, data: GLib.idle_add(self.on_message, data))
        channel.connect("on-close", lambda _: GLib.idle_add(self.loop.quit))
        if channel.props.ready_state == GstWebRTC.WebRTCDataChannelState.OPEN:
            GLib.idle_add(self.on_open)

    def is_open(self):
        return (
            self.channel is not None
            and self.channel.props.ready_state == GstWebRTC.WebRTCDataChannelState.OPEN
        )

    def on_open(self):
        """Told twice where the channel opens while it is handed over."""
        if self.opened:
            return
        self.opened = True
        if not self.typed and not self.input_ended:
            print("connected; type a line and press Enter, Ctrl-D ends", file=sys.stderr)
        waiting, self.typed = self.typed, []
        for text in waiting:
            self.send(text)
        if self.input_ended:
            self.leave()

    def send(self, text):
        if not self.is_open():
            self.typed.append(text)
            return
        try:
            self.channel.emit("send-data", self.envelope.seal(text))
        except GLib.Error as error:
            print(f"not sent: {error.message}", file=sys.stderr)
            self.status = 1

    def on_message(self, data):
        try:
            print(f"< {self.envelope.open(data)}", flush=True)
        except (GLib.Error, ValueError) as error:
            why = getattr(error, "message", error)
            print(f"a message that cannot be read: {why}", file=sys.stderr, flush=True)
            self.status = 1

    # ---- the terminal ---------------------------------------------------------------------------

    def read_lines(self):
        for line in sys.stdin:
            text = line.rstrip("\n")
            if text:
                GLib.idle_add(self.send, text)
        GLib.idle_add(self.on_input_end)

    def on_input_end(self):
        self.input_ended = True
        if self.is_open():
            self.leave()

    def leave(self):
        """Once what was sent is on its way: the other side closes the connection then."""
        if self.channel.props.buffered_amount > 0:
            GLib.timeout_add(20, self.leave)
        else:
            self.signalling.send(type="bye")
            GLib.timeout_add(500, self.loop.quit)

    def run(self):
        for target in (
            lambda: self.signalling.run(self.on_signal, self.loop.quit),
            self.read_lines,
        ):
            threading.Thread(target=target, daemon=True).start()
        try:
            self.loop.run()
        except KeyboardInterrupt:
            pass
        self.pipeline.set_state(Gst.State.NULL)
        return self.status


def listen(port):
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        return needs.give_up(f"port {port}: {error.strerror}")


def connection(given):
    if given.listen is not None:
        with listen(given.listen) as server:
            port = server.getsockname()[1]
            print(f"waiting on 127.0.0.1:{port}", file=sys.stderr, flush=True)
            return server.accept()[0]
    return socket.create_connection(given.peer, timeout=10)


def main(given):
    Gst.init(None)
    needs.elements("webrtcbin", "nicesrc", "nicesink", "dtlssrtpenc", "dtlssrtpdec", "sctpenc", "sctpdec")
    try:
        provider = GstE2EE.KeyProvider.new_from_string(given.key_provider)
        provider.check()
        envelope = Envelope(provider, given.participant)
    except GLib.Error as error:
        needs.give_up(error.message)
    try:
        peer = connection(given)
        peer.settimeout(None)
    except OSError as error:
        raise SystemExit(f"chat.py: {':'.join(map(str, given.peer))}: {error.strerror or error}") from None
    return Chat(Signalling(peer), envelope, offers=given.connect is not None).run()


if __name__ == "__main__":
    sys.exit(main(ARGUMENTS))

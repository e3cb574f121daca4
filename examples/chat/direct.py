# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two terminals and nobody between them. On the data channel a message is: key index (1 byte), IV (12),
payload with tag."""

import json
import threading

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

from gi.repository import GLib, GstE2EE  # noqa: E402

from datapeer import Peer, is_open  # noqa: E402
from terminal import FAILED  # noqa: E402

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


class Direct:
    """The other end of a Terminal."""

    def __init__(self, connection, envelope, offers, terminal):
        self.envelope = envelope
        self.terminal = terminal
        self.channel = None
        self.signalling = Signalling(connection)
        self.peer = Peer(
            on_description=lambda kind, sdp: self.signalling.send(type=kind, sdp=sdp),
            on_candidate=lambda line, text: self.signalling.send(type="candidate", line=line, candidate=text),
            on_channel=self.take_channel,
            on_failed=lambda: terminal.end(FAILED, "the connection failed"),
        )
        if offers:
            self.take_channel(self.peer.make_channel("chat"))
            self.peer.offer()
        threading.Thread(target=self.signalling.run, args=(self.on_signal, terminal.end), daemon=True).start()

    def on_signal(self, message):
        kind = message.get("type")
        if kind == "candidate":
            self.peer.take_candidate(message["line"], message["candidate"])
        elif kind in ("offer", "answer"):
            self.peer.take_description(kind, message["sdp"])

    def take_channel(self, channel):
        self.channel = channel
        channel.connect("on-open", lambda _: GLib.idle_add(self.terminal.on_open))
        channel.connect("on-message-data", lambda _, data: GLib.idle_add(self.on_message, data))
        channel.connect("on-close", lambda _: GLib.idle_add(self.terminal.end))
        if is_open(channel):
            GLib.idle_add(self.terminal.on_open)

    def is_open(self):
        return is_open(self.channel)

    def send(self, text):
        self.channel.emit("send-data", self.envelope.seal(text))

    def use_key(self, index):
        self.envelope.cryptor.props.key_index = index

    def on_message(self, data):
        try:
            self.terminal.show(self.envelope.open(data))
        except (GLib.Error, ValueError) as error:
            self.terminal.lost(f"a message that cannot be read: {getattr(error, 'message', error)}")

    def leave(self, done):
        """The other side closes the connection."""
        if self.channel.props.buffered_amount > 0:
            GLib.timeout_add(20, self.leave, done)
        else:
            self.signalling.send(type="bye")
            GLib.timeout_add(500, done)

    def close(self):
        self.peer.close()

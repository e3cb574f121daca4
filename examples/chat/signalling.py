# SPDX-License-Identifier: LGPL-2.1-or-later
"""LiveKit's signalling: protobuf messages on a WebSocket."""

import time
from urllib.parse import urlencode, urlsplit

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

from gi.repository import GLib, Soup  # noqa: E402

import protobuf  # noqa: E402
from access import HTTP_SCHEMES  # noqa: E402
from messages import SIGNAL_REQUEST, SIGNAL_RESPONSE  # noqa: E402
from terminal import FAILED, REFUSED  # noqa: E402

PROTOCOL = 16  # LiveKit's protocol version: the server offers the connection that we receive on
MAX_MESSAGE = 4 << 20  # bytes; the join response of a large room has more than libsoup's 128 KiB
JOIN_SECONDS = 10


class Signalling:
    """Calls `handle(name, message)` for each message, and `ended(status, why)` once."""

    def __init__(self, url, token, handle, ended):
        self.url = url
        self.token = token
        self.handle = handle
        self.ended = ended
        self.session = Soup.Session()
        self.socket = None
        self.silent_after = 0  # seconds without a pong; 0: pongs are not awaited
        self.answered_at = 0
        self.joining = GLib.timeout_add_seconds(JOIN_SECONDS, self.on_late)

    def request(self, path, **query):
        """The token is in a header and not in the URL, which servers and proxies write into their logs."""
        url = urlsplit(self.url)
        path = f"{url.path.rstrip('/')}{path}"
        url = url._replace(scheme=HTTP_SCHEMES[url.scheme], path=path, query=urlencode(query), fragment="")
        message = Soup.Message.new("GET", url.geturl())
        message.get_request_headers().append("Authorization", f"Bearer {self.token}")
        return message

    def start(self):
        message = self.request("/rtc", protocol=PROTOCOL, auto_subscribe=0, version="1")
        self.session.websocket_connect_async(
            message, None, None, GLib.PRIORITY_DEFAULT, None, self.on_connected, message
        )

    def on_connected(self, session, result, message):
        try:
            self.socket = session.websocket_connect_finish(result)
        except GLib.Error as error:
            self.end(*self.why_not(int(message.get_status()), error))
            return
        self.socket.props.max_incoming_payload_size = MAX_MESSAGE
        self.socket.connect("message", self.on_message)
        self.socket.connect("error", lambda _, error: self.end(FAILED, f"{self.url}: {error.message}"))
        self.socket.connect("closed", lambda _: self.end(FAILED, f"{self.url}: the server closed the connection"))

    def why_not(self, status, error):
        """Exit status and reason."""
        if not status:
            return FAILED, f"{self.url} was never reached: {error.message}"
        if not 400 <= status < 500:
            return FAILED, f"{self.url}: the server answered with HTTP status {status}"
        try:  # a refused WebSocket does not tell the reason, this does
            said = self.session.send_and_read(self.request("/rtc/validate"), None).get_data()
        except GLib.Error:
            said = None
        # The server repeats the token.
        reason = (said or b"").decode(errors="replace").replace(self.token, "TOKEN").strip()[:200]
        return REFUSED, (
            f"{self.url} refuses the token (HTTP status {status}: {reason}): "
            "look at its API key and secret, its room, and when it expires"
        )

    def on_late(self):
        self.joining = 0
        self.end(FAILED, f"{self.url}: no answer within {JOIN_SECONDS} s")
        return GLib.SOURCE_REMOVE

    # ---- messages ---------------------------------------------------------------------------------

    def on_message(self, _socket, kind, data):
        if kind != Soup.WebsocketDataType.BINARY:
            return
        try:
            response = protobuf.decode(SIGNAL_RESPONSE, data.get_data() or b"")
        except protobuf.DecodeError as error:
            self.end(FAILED, f"{self.url}: a message that is not LiveKit's: {error}")
            return
        for name, message in response.items():
            if name == "join":
                self.on_join(message)
            elif name == "pong":
                self.answered_at = time.monotonic()
            if self.ended:
                self.handle(name, message)

    def send(self, **message):
        """May be called on any thread."""
        GLib.idle_add(self.send_now, protobuf.encode(SIGNAL_REQUEST, message))

    def send_now(self, data):
        if self.socket is not None and self.socket.get_state() == Soup.WebsocketState.OPEN:
            self.socket.send_binary(data)

    # ---- whether the server is there --------------------------------------------------------------

    def on_join(self, join):
        if not self.joining:
            return
        GLib.source_remove(self.joining)
        self.joining = 0
        self.answered_at = time.monotonic()
        self.silent_after = join.get("ping_timeout", 0)
        if join.get("ping_interval"):
            GLib.timeout_add_seconds(join["ping_interval"], self.ping)

    def ping(self):
        if not self.ended:
            return GLib.SOURCE_REMOVE
        if self.silent_after and time.monotonic() - self.answered_at > self.silent_after:
            self.end(FAILED, f"{self.url}: the connection was lost")
            return GLib.SOURCE_REMOVE
        self.send(ping={"timestamp": time.time_ns() // 1_000_000})
        return GLib.SOURCE_CONTINUE

    def end(self, status, why):
        ended, self.ended = self.ended, None
        if ended:
            ended(status, why)

    def close(self):
        self.ended = None
        if self.socket is not None and self.socket.get_state() == Soup.WebsocketState.OPEN:
            self.socket.close(Soup.WebsocketCloseCode.NORMAL, None)

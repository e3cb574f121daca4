#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chat in a terminal over WebRTC data channels, encrypted end to end.

In a LiveKit room, with everyone whose client encrypts data (livekit-client: the option `encryption`):

  chat.py --livekit wss://HOST --token-file token --key-provider "shared,passphrase-file=/run/secrets/meeting"
  chat.py --livekit wss://HOST --room NAME --api-key-file api-key --name alice --key-provider ...

Between two terminals, which find each other over a TCP connection:

  chat.py --listen 5000 --key-provider "shared,passphrase-file=/run/secrets/meeting"
  chat.py --connect 127.0.0.1:5000 --key-provider "shared,passphrase-file=/run/secrets/meeting"

DTLS protects a data channel from hop to hop; GstE2EEDataCryptor protects each message from end to end,
so that a server in between sees ciphertext. Messages that are not encrypted are not shown. The line
"/key 1" is not sent: what follows it is encrypted with the key at index 1.

Run it with the library found, for example under: meson devenv -C build -w .
Exit status: 0 = ended by end of input or by the other side, 1 = failed, 2 = wrong usage, keys that
cannot be used, a port in use, or refused by the room, 3 = ended as asked, but a message was not sent or
could not be read.
"""

import argparse
import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
import needs  # noqa: E402

import access  # noqa: E402

ROOM_OPTIONS = ("token_file", "room", "api_key_file", "name")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Chat over WebRTC data channels, encrypted end to end: in a LiveKit room, or between two "
        "terminals, of which one listens and the other connects. All sides need the same keys. The line "
        '"/key N" has everything after it encrypted with the key at index N.',
        epilog="Environment, for what is not given: LIVEKIT_URL, LIVEKIT_TOKEN, LIVEKIT_API_KEY, LIVEKIT_API_SECRET.",
    )
    side = parser.add_mutually_exclusive_group()
    side.add_argument("--livekit", metavar="URL", help="a LiveKit server: ws:// or wss://")
    side.add_argument("--listen", type=int, metavar="PORT", help="wait for the other side here; 0: any port")
    side.add_argument("--connect", metavar="HOST:PORT", help="where the other side waits")
    parser.add_argument(
        "--key-provider",
        required=True,
        metavar="TEXT",
        help='for example "shared,passphrase-file=/run/secrets/meeting"',
    )
    parser.add_argument("--participant", metavar="NAME", help="whose key; default: the shared key; not in a room")
    room = parser.add_argument_group("in a LiveKit room")
    access_to = room.add_mutually_exclusive_group()
    access_to.add_argument("--token-file", metavar="FILE", help="an access token, which says room and identity")
    access_to.add_argument("--room", metavar="NAME", help="make a token for this room, with an API key")
    room.add_argument("--api-key-file", metavar="FILE", help="two lines: the API key and its secret")
    room.add_argument("--name", metavar="NAME", help="with --room: your identity; default: chat and four digits")
    parser.add_argument("--version", action="version", version=f"%(prog)s {needs.version()}")
    return parser, parser.parse_args()


def read_room_arguments(parser, given):
    if given.participant:
        parser.error("--participant is for two terminals; in a room keys go by identity")
    if (given.api_key_file or given.name) and not given.room:
        parser.error("--api-key-file and --name make a token: say for which --room")
    given.name = given.name or f"chat-{os.urandom(2).hex()}"
    try:
        given.token = access.token(given, os.environ)
    except access.AccessError as error:
        parser.error(str(error))


def read_direct_arguments(parser, given):
    for name in ROOM_OPTIONS:
        if getattr(given, name):
            parser.error(f"--{name.replace('_', '-')} needs --livekit")
    host, colon, port = (given.connect or "127.0.0.1:0").rpartition(":")
    if not (host and colon and port.isdecimal() and int(port) < 65536):
        parser.error("--connect takes HOST:PORT")
    if given.listen is not None and not 0 <= given.listen < 65536:
        parser.error("--listen takes a port, 0 to 65535")
    given.peer = (host, int(port))


def arguments():
    parser, given = parse_arguments()
    if given.connect is None and given.listen is None:
        given.livekit = given.livekit or os.environ.get("LIVEKIT_URL")
        if not given.livekit:
            parser.error("one of --livekit, --listen and --connect is needed")
        if not access.is_url(given.livekit):
            parser.error("--livekit takes the URL of a server, as in wss://HOST")
        read_room_arguments(parser, given)
    else:
        read_direct_arguments(parser, given)
    return given


if __name__ == "__main__":
    ARGUMENTS = arguments()  # before GStreamer is looked for: --help needs nothing

needs.typelibs("Gst", "GstE2EE", "GstSdp", "GstWebRTC")
from gi.repository import GLib, Gst, GstE2EE  # noqa: E402

from datapeer import ELEMENTS  # noqa: E402
from direct import Direct, Envelope  # noqa: E402
from terminal import FAILED, Terminal  # noqa: E402


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


def direct(given, provider, terminal):
    try:
        envelope = Envelope(provider, given.participant)
    except GLib.Error as error:
        needs.give_up(error.message)
    try:
        peer = connection(given)
        peer.settimeout(None)
    except OSError as error:
        print(f"chat.py: {':'.join(map(str, given.peer))}: {error.strerror or error}", file=sys.stderr)
        raise SystemExit(FAILED) from None
    return Direct(peer, envelope, given.connect is not None, terminal)


def room(given, provider, terminal):
    needs.typelibs("Soup")
    from room import Room  # pylint: disable=import-outside-toplevel

    return Room(given.livekit, given.token, provider, terminal)


def main(given):
    Gst.init(None)
    needs.elements(*ELEMENTS)
    try:
        provider = GstE2EE.KeyProvider.new_from_string(given.key_provider)
        provider.check()
    except GLib.Error as error:
        needs.give_up(error.message)
    terminal = Terminal()
    other_end = (room if given.livekit else direct)(given, provider, terminal)
    status = terminal.run(other_end)
    other_end.close()
    return status


if __name__ == "__main__":
    sys.exit(main(ARGUMENTS))

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""LiveKit's encrypted data tracks, in lines of hex: what an application puts on the data channel
`_data_track`, and what it gets from there.

  datatrack.py send --key-provider "shared,passphrase-file=/run/secrets/meeting" < frames > packets
  datatrack.py receive --key-provider "shared,passphrase-file=/run/secrets/meeting" < packets > frames

An application has the packets from Outgoing and the frames from Incoming, in track.py. The handle of a
track comes from the server, in its answer to the publication or to the subscription.

Run it with the library found, for example under: meson devenv -C build -w .
Exit status: 0 = all of the input went through, 1 = the output was closed, 2 = wrong usage, or keys that
cannot be used, 3 = a line or frame could not be used, which standard error names, or is incomplete.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
import needs  # noqa: E402

FAILED, SOMETHING_LOST = 1, 3


def arguments():
    parser = argparse.ArgumentParser(
        description="LiveKit's encrypted data tracks. send: each line of standard input is a frame, its packets "
        "are printed. receive: each line is a packet, whole frames are printed. All lines are hex.",
        epilog="Without --handle, receive takes the track of the first frame that verifies.",
    )
    parser.add_argument("direction", choices=("send", "receive"))
    parser.add_argument(
        "--key-provider",
        required=True,
        metavar="TEXT",
        help='for example "shared,passphrase-file=/run/secrets/meeting"',
    )
    parser.add_argument("--participant", metavar="NAME", help="whose key; default: the shared key")
    parser.add_argument(
        "--key-index", type=int, default=-1, metavar="N", help="send: with this key; default: the current one"
    )
    parser.add_argument("--handle", type=int, metavar="N", help="the track, 1 to 65535; default of send: 1")
    parser.add_argument("--user-timestamp", type=int, metavar="N", help="send: goes with each frame")
    parser.add_argument("--version", action="version", version=f"%(prog)s {needs.version()}")
    given = parser.parse_args()
    if given.handle is not None and not 0 < given.handle < 1 << 16:
        parser.error("--handle takes 1 to 65535")
    if not -1 <= given.key_index < 256:
        parser.error("--key-index takes 0 to 255")
    if given.user_timestamp is not None and not 0 <= given.user_timestamp < 1 << 64:
        parser.error("--user-timestamp takes 0 to 2^64 - 1")
    return given


if __name__ == "__main__":
    ARGUMENTS = arguments()  # before GStreamer is looked for: --help needs nothing

needs.typelibs("Gst", "GstE2EE")
from gi.repository import GLib, Gst, GstE2EE  # noqa: E402

from packet import Packet, PacketError  # noqa: E402
from track import Incoming, Outgoing  # noqa: E402


class Sending:
    def __init__(self, cryptor, given):
        self.track = Outgoing(cryptor, given.handle or 1)
        self.user_timestamp = given.user_timestamp

    def work(self, line):
        return [packet.pack() for packet in self.track.packets(line, self.user_timestamp)]

    def lost(self):
        return 0


class Receiving:
    def __init__(self, cryptor, given):
        self.track = Incoming(cryptor)
        self.handle = given.handle

    def work(self, line):
        packet = Packet.unpack(line)
        if self.handle not in (None, packet.handle):
            raise PacketError(f"a packet is of track {packet.handle}")
        frame = self.track.frame(packet)
        if frame is None:
            return []
        self.handle = packet.handle  # not before a frame has verified: anybody can send one packet
        return [frame.payload]

    def lost(self):
        self.track.joiner.close()
        return self.track.joiner.lost


def run(direction):
    """Whether all of the input could be used."""
    all_well = True
    for line in sys.stdin:
        try:
            for result in direction.work(bytes.fromhex(line)):
                print(result.hex(), flush=True)
        except (GLib.Error, ValueError) as error:
            all_well = False
            print(f"datatrack.py: {getattr(error, 'message', error)}", file=sys.stderr)
    if lost := direction.lost():
        print(f"datatrack.py: incomplete frames: {lost}", file=sys.stderr)
    return all_well and not lost


def main(given):
    Gst.init(None)
    try:
        provider = GstE2EE.KeyProvider.new_from_string(given.key_provider)
        provider.check()
        cryptor = GstE2EE.DataCryptor.new(provider, given.participant)
        cryptor.props.key_index = given.key_index
    except GLib.Error as error:
        needs.give_up(error.message)
    try:
        all_well = run((Sending if given.direction == "send" else Receiving)(cryptor, given))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more when Python ends
        return FAILED
    return 0 if all_well else SOMETHING_LOST


if __name__ == "__main__":
    sys.exit(main(ARGUMENTS))

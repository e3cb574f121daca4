# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames to packets of a data track, and back. Nothing here knows whether they are encrypted."""

import collections
import dataclasses
import secrets
import time

from packet import Packet

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

MTU = 16000  # bytes of a packet, as LiveKit's clients have it
CLOCK_RATE = 90000
MAX_PARTIAL = 4  # frames that are put together at a time
MAX_PACKETS = 128  # of a frame: LiveKit's clients receive no longer ones
REMEMBERED = 64  # frames that are done, of which another packet may come late
MASK_16, MASK_32 = 0xFFFF, 0xFFFFFFFF


@dataclasses.dataclass
class Frame:
    """`protection`, `user_timestamp`: as in a Packet. `timestamp` is set for a frame that was received."""

    payload: bytes
    protection: tuple | None = None
    user_timestamp: int | None = None
    timestamp: int | None = None


class Splitter:
    """The packets of one track that is sent."""

    def __init__(self, handle, mtu=MTU):
        self.handle = handle
        self.mtu = mtu
        self.sequence = 0
        self.frame = 0
        self.begin = secrets.randbits(32) - int(time.monotonic() * CLOCK_RATE)

    def split(self, frame):
        """Raises ValueError for a frame that needs more than MAX_PACKETS packets."""
        packet = Packet(
            self.handle,
            self.sequence,
            self.frame,
            (self.begin + int(time.monotonic() * CLOCK_RATE)) & MASK_32,
            protection=frame.protection,
            user_timestamp=frame.user_timestamp,
        )
        room = self.mtu - len(packet.header())
        parts = [frame.payload[at : at + room] for at in range(0, len(frame.payload), room)] or [b""]
        if len(parts) > MAX_PACKETS:
            raise ValueError(f"a frame of {len(frame.payload)} bytes does not fit {MAX_PACKETS} packets")
        self.frame = (self.frame + 1) & MASK_16
        self.sequence = (self.sequence + len(parts)) & MASK_16
        return [
            dataclasses.replace(
                packet,
                sequence=(packet.sequence + number) & MASK_16,
                payload=part,
                first=number == 0,
                last=number == len(parts) - 1,
            )
            for number, part in enumerate(parts)
        ]


class Partial:
    """What has come of a frame, by sequence number."""

    def __init__(self):
        self.packets = {}
        self.first = self.last = None

    def add(self, packet):
        self.packets[packet.sequence] = packet
        self.first = packet if packet.first else self.first
        self.last = packet if packet.last else self.last

    def frame(self):
        """None while something is missing."""
        if self.first is None or self.last is None:
            return None
        size = ((self.last.sequence - self.first.sequence) & MASK_16) + 1
        parts = [self.packets.get((self.first.sequence + at) & MASK_16) for at in range(min(size, MAX_PACKETS + 1))]
        if None in parts:
            return None
        payload = b"".join(part.payload for part in parts)
        return Frame(payload, self.first.protection, self.first.user_timestamp, self.first.timestamp)


class Joiner:
    """The frames of one publication of a track. Packets may come out of order, twice or not at all: a
    frame comes out whole or not, and is then counted in `lost`."""

    def __init__(self):
        self.partial = {}
        self.done = collections.deque(maxlen=REMEMBERED)
        self.lost = 0

    def join(self, packet):
        """The frame that this packet was the last missing part of, or None."""
        if packet.frame in self.done:
            return None
        partial = self.partial.setdefault(packet.frame, Partial())
        partial.add(packet)
        frame = partial.frame()
        if frame is not None:
            self.end(packet.frame)
        elif len(partial.packets) >= MAX_PACKETS:
            self.give_up(packet.frame)
        elif len(self.partial) > MAX_PARTIAL:
            self.give_up(next(iter(self.partial)))
        return frame

    def end(self, number):
        del self.partial[number]
        self.done.append(number)

    def give_up(self, number):
        self.end(number)
        self.lost += 1

    def close(self):
        """The track has ended: what is incomplete stays so."""
        for number in list(self.partial):
            self.give_up(number)

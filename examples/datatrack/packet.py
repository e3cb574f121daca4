# SPDX-License-Identifier: LGPL-2.1-or-later
"""LiveKit's data track packet, version 0.

    byte 0    version (3 bits, 0), first packet of its frame, last one, extensions follow, reserved (2)
    byte 1    reserved, 0
    2 bytes   track handle, not 0
    2 bytes   sequence number
    2 bytes   frame number
    4 bytes   timestamp, 90 kHz
    extensions, where byte 0 says so: a count of 2 bytes, of words of 4 bytes behind the first one, which
              the count itself begins; then tag, length and value of each, and zeros up to a whole word
    payload

All numbers are big endian. What an extension has behind the bytes that are known here is left out.
"""

import dataclasses
import struct

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

VERSION_SHIFT = 5
FIRST, LAST, EXTENDED = 0x10, 0x08, 0x04
BASE = struct.Struct(">BxHHHI")
COUNT = struct.Struct(">H")
WORD = 4

PADDING, E2EE, USER_TIMESTAMP = 0, 1, 2  # tags
PROTECTION = struct.Struct(">B12s")  # key index, IV
USER_TIME = struct.Struct(">Q")


class PacketError(ValueError):
    """Not a packet of a data track, or not one of an encrypted track."""


def extension(tag, value):
    return bytes([tag, len(value)]) + value


def extensions_in(block):
    """Value by tag."""
    found, at = {}, 0
    while at + 2 <= len(block):
        tag, size = block[at], block[at + 1]
        at += 2
        if tag == PADDING:
            continue
        if at + size > len(block):
            raise PacketError(f"extension {tag} goes beyond the header")
        found[tag] = block[at : at + size]
        at += size
    return found


def read(layout, value):
    """The fields at the front of an extension; None: there is no such extension, or a shorter one."""
    return layout.unpack_from(value) if len(value or b"") >= layout.size else None


@dataclasses.dataclass
class Packet:
    """A part of a frame. `protection`: key index and IV, the same in all packets of a frame; None: the
    frame is not encrypted. `user_timestamp` is the application's own, 64 bits, or None."""

    handle: int
    sequence: int
    frame: int
    timestamp: int
    payload: bytes = b""
    first: bool = False
    last: bool = False
    protection: tuple | None = None
    user_timestamp: int | None = None

    def extensions(self):
        block = b""
        if self.protection is not None:
            block += extension(E2EE, PROTECTION.pack(*self.protection))
        if self.user_timestamp is not None:
            block += extension(USER_TIMESTAMP, USER_TIME.pack(self.user_timestamp))
        if not block:
            return b""
        words = -(-(COUNT.size + len(block)) // WORD)
        return COUNT.pack(words - 1) + block.ljust(words * WORD - COUNT.size, b"\0")

    def header(self):
        block = self.extensions()
        flags = FIRST * self.first | LAST * self.last | (EXTENDED if block else 0)
        return BASE.pack(flags, self.handle, self.sequence, self.frame, self.timestamp) + block

    def pack(self):
        return self.header() + self.payload

    @classmethod
    def unpack(cls, data):
        """Raises PacketError."""
        if len(data) < BASE.size:
            raise PacketError("a packet is shorter than its header")
        flags, handle, sequence, frame, timestamp = BASE.unpack_from(data)
        if flags >> VERSION_SHIFT:
            raise PacketError(f"packet version {flags >> VERSION_SHIFT} is unknown")
        if handle == 0:
            raise PacketError("track handle 0 is reserved")
        found, end = {}, BASE.size
        if flags & EXTENDED:
            if len(data) < end + COUNT.size:
                raise PacketError("the count of extensions is missing")
            begin = end + COUNT.size
            end += WORD * (COUNT.unpack_from(data, end)[0] + 1)
            if end > len(data):
                raise PacketError("extensions go beyond the packet")
            found = extensions_in(data[begin:end])
        (user_timestamp,) = read(USER_TIME, found.get(USER_TIMESTAMP)) or (None,)
        return cls(
            handle,
            sequence,
            frame,
            timestamp,
            payload=data[end:],
            first=bool(flags & FIRST),
            last=bool(flags & LAST),
            protection=read(PROTECTION, found.get(E2EE)),
            user_timestamp=user_timestamp,
        )

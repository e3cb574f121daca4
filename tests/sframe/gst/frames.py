# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames by their hashes, as tests/sframe/peer/frames.mjs has them."""

import hashlib

RTP_HEADER = 12
START_CODE = b"\x00\x00\x01"
LENGTH = 4


def nal_units(data):
    """Those of a byte stream."""
    units = []
    start = data.find(START_CODE)
    while start >= 0:
        following = data.find(START_CODE, start + 3)
        unit = data[start + 3 : following if following >= 0 else len(data)]
        units.append(unit.rstrip(b"\x00"))
        start = following
    return units


def with_lengths(data):
    return b"".join(len(unit).to_bytes(LENGTH, "big") + unit for unit in nal_units(data))


def hash_of(codec, data):
    """Start codes, which may have three or four bytes, do not count."""
    form = with_lengths(data) if codec in ("h264", "h265") else data
    return hashlib.sha256(form).hexdigest()[:16]


def payload_of(packet):
    """Of an RTP packet without padding."""
    start = RTP_HEADER + 4 * (packet[0] & 15)
    if packet[0] & 0x10:
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    return packet[start:]


def hash_of_payload(packet):
    return hashlib.sha256(payload_of(packet)).hexdigest()[:16]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Addresses at which nobody but this machine reaches a socket.

Firefox never sends to 127.0.0.1 in a call. It does send to the machine's own address in a network,
and such packets take the loopback device: a socket there that listens to no other device hears
this machine alone.
"""

import contextlib
import ctypes
import ipaddress
import os
import socket
import struct
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Addresses of the documentation, to ask which way leads out. Nothing is sent to them.
FAR = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))

SO_ATTACH_FILTER = 26  # <asm/socket.h>
FILTER = ctypes.create_string_buffer(
    b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (  # <linux/filter.h>, <linux/if_arp.h>
            (0x28, 0, 0, 0xFFFFF000 + 28),  # the kind of device that the packet came by
            (0x15, 0, 1, 772),  # loopback
            (0x06, 0, 0, 0xFFFFFFFF),  # take all of it
            (0x06, 0, 0, 0),  # take nothing
        )
    )
)


def hear_this_machine(sock):
    """From here on packets of other machines are dropped unread. May raise OSError."""
    program = struct.pack("HP", 4, ctypes.addressof(FILTER))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def own_addresses():
    """With which this machine goes to others; none without a network."""
    for family, far in FAR:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            address = probe.getsockname()[0]
            hear_this_machine(probe)  # where that is refused the address cannot be used
            if not ipaddress.ip_address(address).is_link_local:
                yield address


def sockets_at(address, port):
    """Duplicates of this process's UDP sockets there: libnice shows its own to C programs only."""
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if not file.is_socket():
                continue
            with socket.socket(fileno=os.dup(int(file.name))) as sock:
                if sock.type == socket.SOCK_DGRAM and sock.getsockname()[:2] == (address, port):
                    yield sock

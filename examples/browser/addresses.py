# SPDX-License-Identifier: LGPL-2.1-or-later
"""Addresses at which only this machine can reach a socket.

Firefox never sends to 127.0.0.1 in a call. It does send to the machine's own address in a network.
Such packets take the loopback device, so a socket that accepts packets of that device only hears
nobody but this machine.
"""

import contextlib
import ctypes
import ipaddress
import os
import socket
import struct
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Addresses reserved for documentation. Connecting a UDP socket to one of them shows this machine's
# own address; no packet is sent.
FAR = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))

SO_ATTACH_FILTER = 26  # <asm/socket.h>
FILTER = ctypes.create_string_buffer(
    b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (  # <linux/filter.h>, <linux/if_arp.h>
            (0x28, 0, 0, 0xFFFFF000 + 28),  # the type of device on which the packet arrived
            (0x15, 0, 1, 772),  # loopback
            (0x06, 0, 0, 0xFFFFFFFF),  # take all of it
            (0x06, 0, 0, 0),  # take nothing
        )
    )
)


def hear_this_machine(sock):
    """From here on packets of other machines are dropped unread, and so is all that waits to be read.
    May raise OSError."""
    program = struct.pack("HP", 4, ctypes.addressof(FILTER))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
    with contextlib.suppress(BlockingIOError):  # nothing waits any more
        while True:
            sock.recv(1, socket.MSG_DONTWAIT)


def own_addresses():
    """This machine's source addresses for packets to other machines; none without a network."""
    for family, far in FAR:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            address = probe.getsockname()[0]
            hear_this_machine(probe)  # an address without the filter must not be used
            if not ipaddress.ip_address(address).is_link_local:
                yield address


def sockets_at(address, port):
    """Duplicates of this process's UDP sockets there. libnice gives its sockets to C programs only."""
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if not file.is_socket():
                continue
            with socket.socket(fileno=os.dup(int(file.name))) as sock:
                if sock.type == socket.SOCK_DGRAM and sock.getsockname()[:2] == (address, port):
                    yield sock

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""examples/datatrack: LiveKit's packets, and what is damaged, lost or out of order. tests/interop holds it
against livekit-client."""

import dataclasses
import random
import subprocess
import sys
import unittest
from pathlib import Path

import support
from gi.repository import GstE2EE

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "datatrack"
sys.path.insert(0, str(EXAMPLE))

import frames  # noqa: E402
import track  # noqa: E402
from packet import Packet, PacketError  # noqa: E402

PATIENCE = 60  # seconds
KEYS = "shared,passphrase=for-tests"
# livekit-datatrack of the Rust SDK, test_serialize
HEADER = "0c00881144224411442211880006" + "010dfa" + "3c" * 12 + "02084411221111118811" + "00"
KNOWN = Packet(
    0x8811,
    0x4422,
    0x4411,
    0x44221188,
    payload=b"\xfa" * 1024,
    last=True,
    protection=(0xFA, b"\x3c" * 12),
    user_timestamp=0x4411221111118811,
)
LONG = bytes(random.Random(1).randbytes(40000))  # three packets


def with_extensions(block):
    """A whole frame of two bytes."""
    words = (2 + len(block) + 3) // 4
    block = block.ljust(4 * words - 2, b"\0")
    return bytes.fromhex("1c00000100000000" + "00000000") + (words - 1).to_bytes(2, "big") + block + b"ok"


class Packets(unittest.TestCase):
    def test_known_packet_is_written_and_read(self):
        data = bytes.fromhex(HEADER) + b"\xfa" * 1024
        self.assertEqual(len(data), 1064)
        self.assertEqual(KNOWN.pack(), data)
        self.assertEqual(Packet.unpack(data), KNOWN)

    def test_packet_without_extensions(self):
        packet = Packet(101, 102, 103, 104, payload=bytes(range(10)), first=True, last=True)
        data = bytes.fromhex("18000065006600670000006800010203040506070809")
        self.assertEqual(packet.pack(), data)
        self.assertEqual(Packet.unpack(data), packet)

    def test_extensions_of_later_versions(self):
        iv = bytes(range(12))
        protection = b"\x01\x0d\x07" + iv
        for name, block, read in (
            ("unknown", b"\x63\x03abc" + protection, (7, iv)),
            ("longer", b"\x01\x0f\x07" + iv + b"xx", (7, iv)),
            ("shorter", b"\x01\x05abcde", None),
            ("shorter, then whole", b"\x01\x05abcde" + protection, (7, iv)),
            ("padding", b"\0\0\0\0" + protection, (7, iv)),
            ("padding alone", b"\0" * 6, None),
        ):
            with self.subTest(name):
                packet = Packet.unpack(with_extensions(block))
                self.assertEqual((packet.protection, packet.payload), (read, b"ok"))

    def test_damage_is_named(self):
        good = KNOWN.pack()
        for what, data in (
            ("shorter than its header", good[:11]),
            ("version 1", b"\x2c" + good[1:]),
            ("handle 0", good[:2] + b"\0\0" + good[4:]),
            ("count of extensions", good[:13]),
            ("beyond the packet", good[:12] + b"\xff\xff" + good[14:]),
            ("beyond the header", with_extensions(b"\x63\xffabc")),
        ):
            with self.subTest(what), self.assertRaisesRegex(PacketError, what):
                Packet.unpack(data)

    def test_noise_is_read_or_refused(self):
        noise, good, refused = random.Random(2), KNOWN.pack(), 0
        for _ in range(20000):
            data = bytearray(good[: 1 + noise.randrange(60)])
            for _ in range(3):
                data[noise.randrange(len(data))] = noise.randrange(256)
            try:
                Packet.unpack(bytes(data))
            except PacketError:
                refused += 1
        self.assertTrue(1000 < refused < 20000, refused)


class Frames(unittest.TestCase):
    def setUp(self):
        self.splitter = frames.Splitter(5)
        self.joiner = frames.Joiner()

    def joined(self, packets):
        return [frame.payload for frame in map(self.joiner.join, packets) if frame is not None]

    def test_packets_fill_the_mtu(self):
        packets = self.splitter.split(frames.Frame(LONG, KNOWN.protection))
        self.assertEqual([len(packet.pack()) for packet in packets], [16000, 16000, 40000 + 3 * 32 - 32000])
        self.assertEqual([packet.first for packet in packets], [True, False, False])
        self.assertEqual([packet.last for packet in packets], [False, False, True])
        self.assertEqual(len({(packet.frame, packet.timestamp, packet.protection) for packet in packets}), 1)

    def test_any_order_and_twice(self):
        self.splitter.sequence = 0xFFFE  # it wraps around within the frame
        packets = self.splitter.split(frames.Frame(LONG))
        self.assertEqual([packet.sequence for packet in packets], [0xFFFE, 0xFFFF, 0])
        for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 0, 2, 2, 1, 1, 0, 1, 2)):
            with self.subTest(order):
                self.joiner = frames.Joiner()
                self.assertEqual(self.joined(packets[at] for at in order), [LONG])
                self.joiner.close()
                self.assertEqual(self.joiner.lost, 0)

    def test_lost_packet_costs_its_frame_alone(self):
        for missing in range(3):
            with self.subTest(missing):
                self.joiner = frames.Joiner()
                packets = self.splitter.split(frames.Frame(LONG))
                del packets[missing]
                following = self.splitter.split(frames.Frame(LONG[::-1])) + self.splitter.split(frames.Frame(b"end"))
                self.assertEqual(self.joined(packets + following), [LONG[::-1], b"end"])
                self.joiner.close()
                self.assertEqual(self.joiner.lost, 1)

    def test_memory_is_bounded(self):
        for number in range(20):
            (packet,) = self.splitter.split(frames.Frame(b"x"))
            packet.last = False
            self.assertIsNone(self.joiner.join(packet))
        self.assertEqual((len(self.joiner.partial), self.joiner.lost), (frames.MAX_PARTIAL, 20 - frames.MAX_PARTIAL))
        (packet,) = self.splitter.split(frames.Frame(b"x"))
        for number in range(2 * frames.MAX_PACKETS):
            self.joiner.join(dataclasses.replace(packet, sequence=number, first=False, last=False))
        self.assertNotIn(packet.frame, self.joiner.partial)
        self.assertLessEqual(sum(len(partial.packets) for partial in self.joiner.partial.values()), frames.MAX_PACKETS)

    def test_longest_frame(self):
        room = self.splitter.mtu - 12
        longest = bytes(room * frames.MAX_PACKETS)
        self.assertEqual(self.joined(self.splitter.split(frames.Frame(longest))), [longest])
        with self.assertRaisesRegex(ValueError, "128 packets"):
            self.splitter.split(frames.Frame(longest + b"x"))


class Tracks(unittest.TestCase):
    def setUp(self):
        self.provider = GstE2EE.KeyProvider.new_from_string(KEYS)
        self.outgoing = track.Outgoing(GstE2EE.DataCryptor.new(self.provider, None), 5)
        self.incoming = track.Incoming(GstE2EE.DataCryptor.new(self.provider, None))

    def test_frames_arrive(self):
        for payload in (b"x", b"hello", LONG):
            packets = self.outgoing.packets(payload, 1234567)
            *before, frame = [self.incoming.frame(Packet.unpack(packet.pack())) for packet in packets]
            self.assertEqual((set(before) - {None}, frame.payload, frame.user_timestamp), (set(), payload, 1234567))

    def test_changed_frame_is_refused(self):
        for field, change in (
            ("payload", lambda payload: payload[:-1] + bytes([payload[-1] ^ 1])),
            ("protection", lambda protection: (protection[0], b"\0" * 12)),
        ):
            (packet,) = self.outgoing.packets(b"hello")
            setattr(packet, field, change(getattr(packet, field)))
            with self.subTest(field), support.ErrorsOf(self, GstE2EE.Error.AUTH):
                self.incoming.frame(packet)

    def test_frame_that_is_not_encrypted_is_refused(self):
        (packet,) = self.outgoing.packets(b"hello")
        packet.protection = None
        with self.assertRaisesRegex(PacketError, "not encrypted"):
            self.incoming.frame(packet)


class Program(unittest.TestCase):
    def run_program(self, direction, lines, *options, keys=KEYS):
        return subprocess.run(
            [sys.executable, "-B", str(EXAMPLE / "datatrack.py"), direction, "--key-provider", keys, *options],
            input="".join(f"{line.hex()}\n" for line in lines),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def test_there_and_back(self):
        sent = self.run_program("send", [b"hello", LONG], "--handle", "7", "--user-timestamp", "9")
        self.assertEqual(sent.returncode, 0, sent.stderr)
        self.assertNotIn(b"hello".hex(), sent.stdout)
        packets = [bytes.fromhex(line) for line in sent.stdout.split()]
        self.assertEqual(len(packets), 4)
        received = self.run_program("receive", packets, "--handle", "7")
        self.assertEqual((received.returncode, received.stdout.split()), (0, [b"hello".hex(), LONG.hex()]))

        received = self.run_program("receive", packets[:-1] + [b"noise"])
        self.assertEqual((received.returncode, received.stdout.split()), (3, [b"hello".hex()]))
        self.assertIn("shorter than its header", received.stderr)
        self.assertIn("incomplete frames: 1", received.stderr)

        wrong = self.run_program("receive", packets, keys="shared,passphrase=another")
        self.assertEqual((wrong.returncode, wrong.stdout), (3, ""))
        other = self.run_program("receive", packets, "--handle", "8")
        self.assertEqual((other.returncode, other.stdout), (3, ""))
        self.assertIn("of track 7", other.stderr)

    def test_mistakes_are_named(self):
        for options in (["--handle", "0"], ["--key-index", "256"], ["--user-timestamp", "-1"]):
            with self.subTest(options):
                refused = self.run_program("send", [], *options)
                self.assertEqual(refused.returncode, 2)
                self.assertIn(options[0], refused.stderr)
        refused = self.run_program("send", [], keys="shared,passphrase-file=/nowhere")
        self.assertEqual(refused.returncode, 2)
        self.assertRegex(refused.stderr, r"datatrack\.py: passphrase-file.*\n$")


if __name__ == "__main__":
    unittest.main(verbosity=2)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Encrypted data tracks: a frame is encrypted as a whole, then split. IV and key index are in each packet."""

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

from gi.repository import GLib

from frames import Frame, Joiner, Splitter
from packet import PacketError


class Outgoing:
    """A track that is sent: frames to packets. `cryptor`: a GstE2EE.DataCryptor with one's own keys."""

    def __init__(self, cryptor, handle):
        self.cryptor = cryptor
        self.splitter = Splitter(handle)

    def packets(self, payload, user_timestamp=None):
        """Raises GLib.Error: there is no key, or the frame is empty. ValueError: it is too long."""
        sealed, iv, index = self.cryptor.encrypt(GLib.Bytes.new(payload))
        frame = Frame(sealed.get_data(), (index, iv.get_data()), user_timestamp)
        return self.splitter.split(frame)


class Incoming:
    """A track that is received: packets to frames. `cryptor`: one with the sender's keys."""

    def __init__(self, cryptor):
        self.cryptor = cryptor
        self.joiner = Joiner()

    def frame(self, packet):
        """The frame that is whole with this packet, decrypted, or None. Raises PacketError when it is not
        encrypted, GLib.Error when it cannot be decrypted."""
        frame = self.joiner.join(packet)
        if frame is None:
            return None
        if frame.protection is None:
            raise PacketError("a frame is not encrypted")
        index, iv = frame.protection
        plain = self.cryptor.decrypt(GLib.Bytes.new(frame.payload), GLib.Bytes.new(iv), index)
        frame.payload = plain.get_data() or b""
        return frame

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames without a pipeline, in Python: what a bot with a media path of its own does.

Run it with the library found, for example
  meson devenv -C build -w . /usr/bin/python3 examples/frames/frames.py
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
import needs  # noqa: E402

if __name__ == "__main__":  # before GStreamer is looked for: --help needs nothing
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--version", action="version", version=f"%(prog)s {needs.version()}")
    parser.parse_args()

needs.typelibs("Gst", "GstE2EE")  # gi.require_version(), with a word on what is missing
from gi.repository import GLib, Gst, GstE2EE  # noqa: E402

FRAMES = 100


def cryptor_for(keys):
    cryptor = GstE2EE.FrameCryptor.new(keys, GstE2EE.Scheme.LIVEKIT, None)
    cryptor.set_caps(Gst.Caps.from_string("audio/x-opus"))
    cryptor.prepare(5 * Gst.SECOND)
    return cryptor


def main():
    Gst.init(None)
    keys = GstE2EE.SharedKeyProvider.new()
    keys.set_passphrase("for this example only", 0)
    sender, receiver = cryptor_for(keys), cryptor_for(keys)
    for number in range(FRAMES):
        frame = bytes([number]) * 80  # in place of an encoder's
        sealed = sender.encrypt(Gst.Buffer.new_wrapped(frame))
        opened = receiver.decrypt(sealed)  # the network is in between
        assert opened.extract_dup(0, opened.get_size()) == frame
    try:
        receiver.decrypt(Gst.Buffer.new_wrapped(b"in the clear, from somewhere else"))
    except GLib.Error as error:
        print("refused:", error.message)
    print("decrypted", receiver.props.stats.get_value("frames-out"), "frames")


if __name__ == "__main__":
    main()

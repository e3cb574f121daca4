#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A key provider in Python: asks a key service and follows its changes.

The service here is a dictionary. Run it with the library found, for example
  meson devenv -C build -w . /usr/bin/python3 examples/providers/provider.py
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
import needs  # noqa: E402

if __name__ == "__main__":  # before GStreamer is looked for: --help needs nothing
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--version", action="version", version=f"%(prog)s {needs.version()}")
    parser.parse_args()

needs.typelibs("Gst", "GstE2EE")  # gi.require_version(), with a word on what is missing
from gi.repository import GLib, GObject, Gst, GstE2EE  # noqa: E402


class KeyService(GObject.Object, GstE2EE.KeyProvider):
    """Hands out random keys; look-ups run on a worker thread and may take their time."""

    def __init__(self):
        super().__init__()
        self.keys = {}  # (participant, key id) -> bytes
        self.current = {}  # participant -> key id

    def set_key(self, participant, key_id, secret):
        self.keys[participant, key_id] = secret
        self.current[participant] = key_id
        self.changed(participant, key_id)

    def withdraw(self, participant):
        self.current.pop(participant, None)
        self.keys = {place: key for place, key in self.keys.items() if place[0] != participant}
        self.removed(participant, GLib.MAXUINT64)  # nothing is decrypted once this returns

    # The interface. None says: no such key now. An exception says the same.

    def do_lookup_current(self, participant):
        if participant not in self.current:
            return None
        return self.do_lookup(participant, self.current[participant])

    def do_lookup(self, participant, key_id):
        secret = self.keys.get((participant, key_id))
        if secret is None:
            return None
        return GstE2EE.KeyMaterial.new_raw(GLib.Bytes.new(secret), key_id)


def main():
    Gst.init(None)
    needs.elements("audiotestsrc", "opusenc", "e2eeencrypt", "e2eedecrypt")
    service = KeyService()
    service.set_key("alice", 0, os.urandom(32))
    pipeline = Gst.parse_launch(
        "audiotestsrc num-buffers=100 ! opusenc ! e2eeencrypt name=e participant=alice"
        " ! e2eedecrypt name=d participant=alice ! fakesink"
    )
    for name in ("e", "d"):
        pipeline.get_by_name(name).set_property("key-provider", service)
    pipeline.set_state(Gst.State.PLAYING)
    done = pipeline.get_bus().timed_pop_filtered(
        20 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR
    )
    stats = pipeline.get_by_name("d").get_property("stats")
    print("decrypted", stats.get_value("frames-out"), "frames under", stats.get_value("key-fingerprint"))
    service.withdraw("alice")
    pipeline.set_state(Gst.State.NULL)
    if done is None or done.type != Gst.MessageType.EOS or stats.get_value("frames-out") == 0:
        raise SystemExit("the pipeline did not finish")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pipelines, provider strings and media files that the docs name."""

import re
import shlex

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

from sandbox import LIMIT, Fault  # noqa: E402

SCHEMES = ("livekit", "realtimekit", "jitsi", "sframe")


def parse(text):
    """A piece of a pipeline, `...` where it goes on: elements, properties and links exist."""
    Gst.init(None)
    line = re.sub(r"^\.\.\. !", "fakesrc !", text.strip())
    line = re.sub(r"! \.\.\.$", "! fakesink", line)
    line = re.sub(r" \.\.\.(?= !|$)", "", line)
    if "/" in line.rsplit("!", 1)[1]:  # caps
        line += " ! fakesink"
    try:
        Gst.parse_launch(line)
    except GLib.Error as error:
        raise Fault(f"{line}: {error.message}") from None


def encrypt_with(sandbox, provider, table_row=""):
    """A provider string, with or without key-provider=: frames go through both elements."""
    scheme = next((name for name in SCHEMES if f"`{name}`" in table_row), SCHEMES[0])
    raw = scheme == "jitsi" or "`key=`" in table_row
    provider = re.sub(r"^key-provider=", "", provider).replace("KID", "3")
    provider = provider.replace("passphrase-file=FILE", "passphrase-file=meeting")
    provider = provider.replace("keys-file=FILE", "keys-file=keys-raw.ini" if raw else "keys-file=keys.ini")
    provider = provider.replace("key-file=FILE", "key-file=key.bin")
    if provider[0] != '"':
        provider = shlex.quote(provider)
    who = " participant=alice" if "participant," in provider else ""
    settings = f"scheme={scheme}{who} key-provider={provider}"
    sandbox.run(
        f"""
        exec 3<meeting
        gst-launch-1.0 -q audiotestsrc num-buffers=5 ! opusenc ! e2eeencrypt {settings} \\
          ! e2eedecrypt {settings} ! filesink location=opened
        [ -s opened ]"""
    )


def pictures(path):
    """How many come out of the decoder."""
    Gst.init(None)
    player = Gst.parse_launch(
        f'filesrc location="{path}" ! decodebin ! videoconvert ! fakesink name=sink sync=false'
    )
    player.set_state(Gst.State.PLAYING)
    end = player.get_bus().timed_pop_filtered(
        LIMIT * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR
    )
    count = player.get_by_name("sink").get_property("stats").get_value("rendered")
    player.set_state(Gst.State.NULL)
    if end is None or end.type != Gst.MessageType.EOS:
        raise Fault(f"{path.name} does not play: {end and end.parse_error()[0].message}")
    return count

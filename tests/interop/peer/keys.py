# SPDX-License-Identifier: LGPL-2.1-or-later
"""Key providers as the driver describes them, and what the installed plugin can do."""

import gi

gi.require_version("GstE2EE", "1.0")
from gi.repository import GLib, Gst, GstE2EE  # noqa: E402

from formats import CODECS, has  # noqa: E402

SCHEMES = ("livekit", "realtimekit", "jitsi", "sframe")
PROBE_CAPS = {
    "vp8": "video/x-vp8",
    "vp9": "video/x-vp9",
    "h264": "video/x-h264,stream-format=byte-stream,alignment=au,width=320,height=192",
    "opus": "audio/x-opus,channel-mapping-family=0,channels=2,rate=48000",
    "red": "audio/x-opus,channel-mapping-family=0,channels=2,rate=48000,redundancy=red",
}
ELEMENTS = ("e2eeencrypt", "e2eedecrypt", "rtpe2eepay", "rtpe2eedepay", "e2eereddec", "e2eevp9merge")
RATCHET_WINDOW = 8


def set_key(provider, key):
    """key: {"index", "passphrase"} or {"index", "hex"}."""
    if "passphrase" in key:
        provider.set_passphrase(key["passphrase"], key["index"])
    else:
        provider.set_key(GLib.Bytes.new(bytes.fromhex(key["hex"])), key["index"])


def make_provider(keys, window=RATCHET_WINDOW):
    provider = GstE2EE.SharedKeyProvider(ratchet_window=window)
    for key in keys:
        set_key(provider, key)
    return provider


def codec_problem(scheme, codec):
    """Why this plugin does not encrypt this, or None."""
    if not has("e2eeencrypt"):
        return "no element e2eeencrypt"
    element = Gst.ElementFactory.make("e2eeencrypt")
    element.set_property("scheme", scheme)
    provider = make_provider([{"index": 0, "hex": "00" * 32}], 0)
    element.set_property("key-provider", provider)
    bus = Gst.Bus()
    element.set_bus(bus)
    try:
        if element.set_state(Gst.State.PAUSED) == Gst.StateChangeReturn.FAILURE:
            return error_of(bus) or f"scheme {scheme} does not start"
        sink = element.get_static_pad("sink")
        caps = Gst.Caps.from_string(PROBE_CAPS[codec])
        if not sink.query_accept_caps(caps):
            return f"e2eeencrypt takes no {codec}"
        sink.send_event(Gst.Event.new_stream_start("probe"))
        if not sink.send_event(Gst.Event.new_caps(caps)):
            return error_of(bus) or f"e2eeencrypt refuses {codec}"
        return None
    finally:
        element.set_state(Gst.State.NULL)


def error_of(bus):
    message = bus.pop_filtered(Gst.MessageType.ERROR)
    return message.parse_error()[0].message if message else None


def abilities():
    return {
        "elements": {name: has(name) for name in ELEMENTS},
        "problems": {
            scheme: {codec: codec_problem(scheme, codec) for codec in CODECS}
            for scheme in SCHEMES
        },
    }

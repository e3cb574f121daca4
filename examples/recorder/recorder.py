# SPDX-License-Identifier: LGPL-2.1-or-later
"""A recorder in ten lines, a module for those who have signalling of their own."""

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

import gi  # noqa: E402

gi.require_version("Gst", "1.0")
gi.require_version("GstE2EE", "1.0")
from gi.repository import Gst, GstE2EE  # noqa: E402

TRACKS = """webmmux name=mux ! filesink name=file async=false
    rtpvp8depay name=VP8 ! e2eedecrypt name=video key-wait=10000000000 ! queue ! mux.video_0
    rtpopusdepay name=OPUS ! e2eedecrypt name=audio key-wait=10000000000 ! opusparse ! queue ! mux.audio_0"""


def record(pipeline, peer, keys, participant, file):
    """What the webrtcbin `peer` receives of one participant, into a WebM file. To end it send EOS to
    the elements VP8 and OPUS; a message GstBinForwarded with an EOS in it tells when it is whole."""

    def on_pad(_peer, pad):
        # With and without GStreamer's Python overrides, whose Caps.get_structure() is another one.
        caps = Gst.Structure.new_from_string(pad.get_current_caps().to_string())
        codec = caps.get_value("encoding-name")
        if not pad.link_maybe_ghosting(tracks.get_by_name(codec).get_static_pad("sink")):
            raise RuntimeError(f"{codec} cannot be recorded")

    tracks = Gst.parse_bin_from_description(TRACKS, False)
    tracks.set_property("message-forward", True)
    tracks.get_by_name("file").set_property("location", file)
    for name in ("video", "audio"):
        tracks.get_by_name(name).set_property("participant", participant)
    pipeline.set_context(GstE2EE.context_new_key_provider(keys))
    pipeline.add(tracks)
    tracks.sync_state_with_parent()
    peer.connect("pad-added", on_pad)
    return tracks

# SPDX-License-Identifier: LGPL-2.1-or-later
"""webrtcbin for data channels alone."""

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

ELEMENTS = ("webrtcbin", "nicesrc", "nicesink", "dtlssrtpenc", "dtlssrtpdec", "sctpenc", "sctpdec")
TYPES = {"offer": GstWebRTC.WebRTCSDPType.OFFER, "answer": GstWebRTC.WebRTCSDPType.ANSWER}


def is_open(channel):
    return channel is not None and channel.props.ready_state == GstWebRTC.WebRTCDataChannelState.OPEN


class Peer:
    """Calls `on_description(kind, sdp)` and `on_candidate(line, candidate)` in threads of webrtcbin, with
    what the other side must be told; `on_channel(channel)` there too; `on_failed()` in the main loop.
    """

    def __init__(self, on_description, on_candidate, on_channel, on_failed):
        self.on_description = on_description
        self.on_failed = on_failed
        self.pipeline = Gst.Pipeline.new(None)
        self.element = Gst.ElementFactory.make("webrtcbin")
        self.element.props.bundle_policy = GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE
        self.pipeline.add(self.element)
        self.ask_no_router()
        self.element.connect("on-ice-candidate", lambda _, line, candidate: on_candidate(line, candidate))
        self.element.connect("on-data-channel", lambda _, channel: on_channel(channel))
        self.element.connect("notify::connection-state", self.on_connection_state)
        self.pipeline.set_state(Gst.State.PLAYING)

    def ask_no_router(self):
        """UPnP would have ports opened, and searches for seconds."""
        ice = self.element.props.ice_agent
        # The agent of GStreamer 1.22 is floating, so that Python has taken webrtcbin's reference.
        if ice.__grefcount__ == 1:
            ice._ref()  # pylint: disable=protected-access
        ice.props.agent.props.upnp = False

    def use_server(self, url, username=None, password=None):
        """A STUN or TURN server, by its URL in the form of WebRTC: stun:HOST:PORT."""
        scheme, _, address = url.partition(":")
        if scheme == "stun":
            self.element.props.stun_server = f"stun://{address}"
        elif scheme in ("turn", "turns"):
            user = ":".join(GLib.Uri.escape_string(part or "", None, False) for part in (username, password))
            self.element.emit("add-turn-server", f"{scheme}://{user}@{address}")

    def make_channel(self, label, options=None):
        return self.element.emit("create-data-channel", label, options)

    def offer(self):
        self.element.emit("create-offer", None, Gst.Promise.new_with_change_func(self.on_made, "offer"))

    def take_description(self, kind, text):
        """The other side's; an offer is answered. False: it cannot be used."""
        result, sdp = GstSdp.SDPMessage.new_from_text(text)
        if kind not in TYPES or result != GstSdp.SDPResult.OK or sdp.medias_len() == 0:
            return False
        description = GstWebRTC.WebRTCSessionDescription.new(TYPES[kind], sdp)
        self.element.emit("set-remote-description", description, None)
        if kind == "offer":
            self.element.emit("create-answer", None, Gst.Promise.new_with_change_func(self.on_made, "answer"))
        return True

    def take_candidate(self, line, candidate):
        self.element.emit("add-ice-candidate", line, candidate)

    def on_made(self, promise, kind):
        reply = promise.get_reply()  # owns the description
        description = reply.get_value(kind)
        self.element.emit("set-local-description", description, None)
        self.on_description(kind, description.sdp.as_text())

    def on_connection_state(self, element, _):
        if element.props.connection_state == GstWebRTC.WebRTCPeerConnectionState.FAILED:
            GLib.idle_add(self.on_failed)

    def close(self):
        self.pipeline.set_state(Gst.State.NULL)

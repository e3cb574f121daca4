# SPDX-License-Identifier: LGPL-2.1-or-later
"""webrtcbin for calls on one machine, with offers and answers that hold all their candidates.

tests/interop uses it too.
"""

import threading

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

import gi  # noqa: E402

gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402

from addresses import LOOPBACK, hear_this_machine, sockets_at  # noqa: E402

GATHER_SECONDS = 5


class CallError(Exception):
    pass


def endpoint(candidate):
    """Address and port; None if it is not UDP.  candidate:1 1 UDP 2015363327 127.0.0.1 40000 typ host"""
    fields = candidate.split()
    if len(fields) <= 5 or fields[2].upper() != "UDP":
        return None
    return fields[4], int(fields[5])


def candidates_of(sdp):
    """Pairs of media line and candidate."""
    line = -1
    for text in sdp.splitlines():
        if text.startswith("m="):
            line += 1
        elif text.startswith("a=candidate:"):
            yield line, text[2:]


# GStreamer's Python overrides, which may be installed or not, change what Pad.link() and
# Caps.get_structure() do. These two do the same in both cases.


def link(source, sink):
    if source.link_full(sink, Gst.PadLinkCheck.DEFAULT) != Gst.PadLinkReturn.OK:
        raise CallError(f"{source.get_path_string()} cannot be linked to {sink.get_path_string()}")


def fields_of(caps):
    """Those of its first structure, as a Gst.Structure."""
    return Gst.Structure.new_from_string(caps.to_string())


def without_candidates(sdp):
    return [line for line in sdp.splitlines() if not line.startswith("a=candidate:")]


def leave_red_alone(decoder):
    """Browsers have RED inside the encryption: webrtcbin's own rtpreddec would take ciphertext apart.
    webrtcbin tells it now and then which payload types are RED."""

    def on_payloads(element, _spec):
        element.handler_block(handler)
        Gst.util_set_object_arg(element, "payloads", "<>")
        element.handler_unblock(handler)

    handler = decoder.connect("notify::payloads", on_payloads)


class Leg:
    """One webrtcbin. It listens at `addresses` and accepts packets of this machine only. With None it
    listens at all addresses and accepts packets of any machine."""

    def __init__(self, name, latency=200, addresses=(LOOPBACK,)):
        self.addresses = addresses
        self.element = Gst.ElementFactory.make("webrtcbin", name)
        self.element.set_property("bundle-policy", "max-bundle")
        self.element.set_property("latency", latency)
        ice = self.element.get_property("ice-agent")
        # The agent of GStreamer 1.22 is floating, so that Python has taken webrtcbin's reference.
        if ice.__grefcount__ == 1:
            ice._ref()  # pylint: disable=protected-access
        for address in addresses or ():
            ice.emit("add-local-ip-address", address)
        agent = ice.get_property("agent")
        agent.set_property("upnp", False)
        agent.set_property("ice-tcp", False)
        self.candidates = []
        self.gathered = threading.Event()
        self.handlers = []
        self.connect("on-ice-candidate", self.on_candidate)
        self.connect("notify::ice-gathering-state", self.on_gathering)
        self.connect("on-new-transceiver", self.on_transceiver)
        self.connect("deep-element-added", self.on_element)

    def connect(self, signal, handler):
        self.handlers.append(self.element.connect(signal, handler))

    def close(self):
        """Breaks a cycle of references: the handlers hold objects that hold webrtcbin, which would keep
        its sockets open."""
        while self.handlers:
            self.element.disconnect(self.handlers.pop())

    def usable(self, candidate):
        at = endpoint(candidate)
        return at is not None and (self.addresses is None or at[0] in self.addresses)

    def hear_this_machine(self):
        """Call it before the candidates are sent to anyone: packets that libnice read earlier were of no
        call, as nobody had the user name and password of ICE."""
        for address, port in {endpoint(candidate) for _line, candidate in self.candidates}:
            if address == LOOPBACK:
                continue
            if not [hear_this_machine(sock) for sock in sockets_at(address, port)]:
                raise CallError(f"no socket at {address}, port {port}")

    def on_candidate(self, _element, line, candidate):
        if self.usable(candidate):
            self.candidates.append((line, candidate))

    def on_gathering(self, element, _spec):
        state = element.get_property("ice-gathering-state")
        if state == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self.gathered.set()

    @staticmethod
    def on_transceiver(_element, transceiver):
        # On audio this adds a group of SSRCs that Chromium refuses.
        if transceiver.get_property("kind") == GstWebRTC.WebRTCKind.VIDEO:
            transceiver.set_property("do-nack", True)

    @staticmethod
    def on_element(_element, _bin, added):
        # Where packets are asked for again it also guesses when the next one is due, and drops what
        # comes later: the first packet after a pause, or of a picture that took long to encode.
        factory = added.get_factory()  # what webrtcbin makes for itself has none
        if factory and factory.get_name() == "rtpjitterbuffer":
            added.set_property("rtx-next-seqnum", False)
        elif factory and factory.get_name() == "rtpreddec":
            leave_red_alone(added)

    def promise(self, signal, argument):
        promise = Gst.Promise.new()
        self.element.emit(signal, argument, promise)
        if promise.wait() != Gst.PromiseResult.REPLIED:
            raise CallError(f"{signal}: no answer from webrtcbin")
        reply = promise.get_reply()
        if reply is not None and reply.has_field("error"):
            raise CallError(f"{signal}: {reply.get_value('error')}")
        return reply

    def make(self, kind):
        """Makes and applies an offer or answer; its text, with candidates."""
        reply = self.promise(f"create-{kind}", None)
        description = reply.get_value(kind)
        self.promise("set-local-description", description)
        if not self.gathered.wait(GATHER_SECONDS):
            raise CallError("ICE gathered no candidates in time")
        if self.addresses is not None:
            self.hear_this_machine()
        lines = without_candidates(description.sdp.as_text())
        end = next(index for index, line in enumerate(lines) if line.startswith("c=")) + 1
        lines[end:end] = [f"a={candidate}" for _line, candidate in self.candidates]
        return "\r\n".join(lines) + "\r\n"

    def take(self, kind, text):
        """Applies the other side's description."""
        lines = without_candidates(text)
        result, message = GstSdp.SDPMessage.new_from_text("\r\n".join(lines) + "\r\n")
        if result != GstSdp.SDPResult.OK:
            raise CallError(f"the {kind} is no SDP")
        types = {"offer": GstWebRTC.WebRTCSDPType.OFFER, "answer": GstWebRTC.WebRTCSDPType.ANSWER}
        description = GstWebRTC.WebRTCSessionDescription.new(types[kind], message)
        self.promise("set-remote-description", description)
        for line, candidate in candidates_of(text):
            if self.usable(candidate):
                self.element.emit("add-ice-candidate", line, candidate)

    def state(self):
        return self.element.get_property("connection-state").value_nick

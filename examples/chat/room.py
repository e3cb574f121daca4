# SPDX-License-Identifier: LGPL-2.1-or-later
"""A LiveKit room, as far as data goes: what we send goes over a connection that we offer, what others
send comes over one that the server offers. Each packet is encrypted from end to end; packets in the clear
are not shown."""

import json

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

from gi.repository import GLib, Gst, GstE2EE  # noqa: E402

import protobuf  # noqa: E402
import texts  # noqa: E402
from messages import (  # noqa: E402
    DATA_PACKET,
    DISCONNECTED,
    ENCRYPTED_PAYLOAD,
    GCM,
    PUBLISHER,
    SIGNAL_REQUEST,
    SUBSCRIBER,
)
from datapeer import Peer, is_open  # noqa: E402
from signalling import Signalling  # noqa: E402
from terminal import FAILED, REFUSED, printable, say  # noqa: E402

RELIABLE, LOSSY = "_reliable", "_lossy"
CONNECT_SECONDS = 20  # for ICE, DTLS and SCTP
LEAVE_SECONDS = 2
CLIENT_INITIATED = 1
# Why the server sends us away, and the exit status.
REASONS = {
    2: (REFUSED, "another participant has joined with the same identity: take another one with --name"),
    3: (FAILED, "the server is shutting down"),
    4: (REFUSED, "an administrator removed you from the room"),
    5: (REFUSED, "an administrator closed the room"),
    7: (REFUSED, "the server could not let you join"),
    10: (FAILED, "the room was closed"),
    15: (FAILED, "the server saw the connection fail"),
}


class Cryptors:
    """One for each participant, made when it is first needed."""

    def __init__(self, provider):
        self.provider = provider
        self.cryptors = {}

    def of(self, participant):
        if participant not in self.cryptors:
            self.cryptors[participant] = GstE2EE.DataCryptor.new(self.provider, participant)
        return self.cryptors[participant]

    def seal(self, sender, payload):
        """A packet for the data channel."""
        plain = GLib.Bytes.new(protobuf.encode(ENCRYPTED_PAYLOAD, payload))
        value, iv, index = self.of(sender).encrypt(plain)
        encrypted = {
            "encryption_type": GCM,
            "iv": iv.get_data(),
            "key_index": index,
            "encrypted_value": value.get_data(),
        }
        return GLib.Bytes.new(protobuf.encode(DATA_PACKET, {"encrypted_packet": encrypted}))

    def open(self, sender, packet):
        plain = self.of(sender).decrypt(
            GLib.Bytes.new(packet.get("encrypted_value", b"")),
            GLib.Bytes.new(packet.get("iv", b"")),
            packet.get("key_index", 0),
        )
        return protobuf.decode(ENCRYPTED_PAYLOAD, plain.get_data() or b"")


class Room:
    """The other end of a Terminal."""

    def __init__(self, url, token, provider, terminal):
        self.terminal = terminal
        self.cryptors = Cryptors(provider)
        self.texts = texts.Texts()
        self.unreadable = set()  # whose last packet could not be decrypted
        self.identity = None
        self.others = set()
        self.ice_servers = []
        self.peers = {}  # by whose offer it is
        self.sending = self.receiving = None  # the reliable channels
        self.handlers = {
            "join": self.on_join,
            "answer": lambda answer: self.take_description(PUBLISHER, answer),
            "offer": lambda offer: self.take_description(SUBSCRIBER, offer),
            "trickle": self.on_trickle,
            "update": lambda update: self.on_participants(update.get("participants", [])),
            "leave": self.on_leave,
        }
        self.signalling = Signalling(url, token, self.on_signal, terminal.end)
        self.signalling.start()

    # ---- signalling -------------------------------------------------------------------------------

    def on_signal(self, name, message):
        joined = self.identity is not None
        if name == "leave" or (name in self.handlers and joined != (name == "join")):
            self.handlers[name](message)

    def on_join(self, join):
        self.identity = join.get("participant", {}).get("identity", "")
        self.ice_servers = join.get("ice_servers", [])
        self.others = {other.get("identity", "") for other in join.get("other_participants", [])}
        where = join.get("room", {}).get("name", "")
        who = ", ".join(sorted(self.others)) or "nobody else"
        say(printable(f"in the room {where} as {self.identity}, with {who}"))
        publisher = self.peer(PUBLISHER)
        self.take_channel(publisher.make_channel(RELIABLE), sends=True)
        lossy = Gst.Structure.new_from_string("options,ordered=(boolean)false,max-retransmits=(int)0")
        publisher.make_channel(LOSSY, lossy)  # the server takes it that there are two
        publisher.offer()
        GLib.timeout_add_seconds(CONNECT_SECONDS, self.on_late)

    def on_late(self):
        if not self.terminal.connected:
            self.terminal.end(
                FAILED,
                f"no connection for data within {CONNECT_SECONDS} s: are the media ports of the server "
                "reachable, and does the token allow to subscribe and to send data?",
            )
        return GLib.SOURCE_REMOVE

    def on_participants(self, participants):
        for participant in participants:
            who = participant.get("identity", "")
            if who == self.identity:
                continue
            if participant.get("state") == DISCONNECTED:
                if who in self.others:
                    self.others.remove(who)
                    say(f"{printable(who)} has left")
            elif who not in self.others:
                self.others.add(who)
                say(f"{printable(who)} has joined")

    def on_leave(self, leave):
        reason = leave.get("reason", 0)
        status, why = REASONS.get(reason, (FAILED, f"the server ended the connection, reason {reason}"))
        self.terminal.end(status, why)

    # ---- the two connections ----------------------------------------------------------------------

    def peer(self, target):
        if target not in self.peers:
            peer = Peer(
                on_description=lambda kind, sdp: self.send_description(target, kind, sdp),
                on_candidate=lambda line, text: self.send_candidate(target, line, text),
                on_channel=self.take_channel,
                on_failed=lambda: self.terminal.end(FAILED, "the connection for data was lost"),
            )
            for server in self.ice_servers:
                for url in server.get("urls", []):
                    peer.use_server(url, server.get("username"), server.get("credential"))
            peer.remote_id = 0  # of the last description, which its answer repeats
            self.peers[target] = peer
        return self.peers[target]

    def take_description(self, target, description):
        peer = self.peer(target)
        peer.remote_id = description.get("id", 0)
        if not peer.take_description(description.get("type"), description.get("sdp", "")):
            self.terminal.end(FAILED, "the server sent a description of the connection that cannot be used")

    def send_description(self, target, kind, sdp):
        description = {"type": kind, "sdp": sdp}
        if kind == "answer":
            description["id"] = self.peers[target].remote_id
        self.signalling.send(**{kind: description})

    def send_candidate(self, target, line, candidate):
        init = json.dumps({"candidate": candidate, "sdpMLineIndex": line})
        self.signalling.send(trickle={"candidate_init": init, "target": target})

    def on_trickle(self, trickle):
        try:
            init = json.loads(trickle.get("candidate_init", ""))
            line, candidate = init.get("sdpMLineIndex") or 0, init["candidate"]
        except (ValueError, KeyError, AttributeError):
            return
        if candidate:
            self.peer(trickle.get("target", PUBLISHER)).take_candidate(line, candidate)

    # ---- data -------------------------------------------------------------------------------------

    def take_channel(self, channel, sends=False):
        """A lossy channel may bring chat as well; the reliable ones tell that all is ready."""
        if sends:
            self.sending = channel
        elif channel.props.label == RELIABLE:
            self.receiving = channel
        channel.connect("on-open", lambda _: GLib.idle_add(self.on_channel_open))
        channel.connect("on-message-data", lambda _, data: GLib.idle_add(self.on_packet, data))
        GLib.idle_add(self.on_channel_open)

    def on_channel_open(self):
        if self.is_open():
            self.terminal.on_open()

    def is_open(self):
        return is_open(self.sending) and is_open(self.receiving)

    def send(self, text):
        for payload in texts.stream_of(text):
            self.sending.emit("send-data", self.cryptors.seal(self.identity, payload))

    def use_key(self, index):
        self.cryptors.of(self.identity).props.key_index = index

    def on_packet(self, data):
        try:
            packet = protobuf.decode(DATA_PACKET, data.get_data() or b"")
        except protobuf.DecodeError as error:
            self.terminal.lost(f"a packet that is not LiveKit's: {error}")
            return
        sender = packet.get("participant_identity", "")
        if "encrypted_packet" in packet:
            self.on_encrypted(sender, packet["encrypted_packet"])
        elif texts.is_chat(packet):
            self.terminal.lost(f"a message of {sender} is not shown: it was not encrypted")

    def on_encrypted(self, sender, packet):
        try:
            payload = self.cryptors.open(sender, packet)
            self.unreadable.discard(sender)
            text = self.texts.take(sender, payload)
        except GLib.Error as error:
            self.on_unreadable(sender, packet.get("key_index", 0), error.message)
        except (protobuf.DecodeError, texts.TextError) as error:
            self.terminal.lost(f"a message of {sender} is lost: {error}")
        else:
            if text is not None:
                self.terminal.show(text, sender)

    def on_unreadable(self, sender, index, why):
        """Told once until a packet can be read again: a text is several packets."""
        if sender not in self.unreadable:
            self.unreadable.add(sender)
            self.terminal.lost(
                f"messages of {sender} cannot be read: {why}; they are encrypted with key index {index}, "
                f"at which --key-provider must give the key of {sender}"
            )

    # ---- the end ----------------------------------------------------------------------------------

    def leave(self, done):
        """A channel closes when the server has all that was sent on it."""
        self.sending.connect("on-close", lambda _: GLib.idle_add(done))
        self.sending.emit("close")
        GLib.timeout_add_seconds(LEAVE_SECONDS, done)

    def close(self):
        if self.identity:
            self.signalling.send_now(protobuf.encode(SIGNAL_REQUEST, {"leave": {"reason": CLIENT_INITIATED}}))
        self.signalling.close()
        for peer in self.peers.values():
            peer.close()

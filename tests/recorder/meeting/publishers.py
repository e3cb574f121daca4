# SPDX-License-Identifier: LGPL-2.1-or-later
"""Participants that publish into a room, their keys, and what they sent."""

import json
import os
import secrets
import threading
import time

from janus import Session
from process import Lines, MeetingError, expect, until

RING = 4  # small, so that indices repeat


class KeysFile:
    """keys.ini, which the recorder watches. Always replaced at once."""

    def __init__(self, path):
        self.path = path
        self.rings = {}  # identity -> {index: passphrase}
        self.lock = threading.Lock()
        self.history = []  # (identity, index, passphrase), in the order they were made

    def set(self, identity, index, passphrase):
        with self.lock:
            self.rings.setdefault(identity, {})[index] = passphrase
            self.write()

    def remove(self, identity):
        with self.lock:
            ring = self.rings.pop(identity)
            self.write()
        return ring

    def restore(self, identity, ring):
        with self.lock:
            self.rings[identity] = ring
            self.write()

    def write(self):
        lines = []
        for identity, ring in self.rings.items():
            lines.append(f"[{identity}]")
            lines += [f"passphrase.{index}={text}" for index, text in sorted(ring.items())]
        self.replace("\n".join(lines) + "\n")

    def begin(self):
        """Recorders want to know somebody's key from the start."""
        with self.lock:
            if not os.path.exists(self.path):
                self.replace(f"[nobody]\npassphrase={secrets.token_urlsafe(12)}\n")

    def replace(self, text):
        temporary = f"{self.path}.new"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        os.replace(temporary, self.path)


class Publishers:
    """A process that plays participants, and their connections to the SFU."""

    def __init__(self, janus, room, folder, program):
        self.folder = folder
        self.room = room
        self.janus = janus
        os.makedirs(folder, exist_ok=True)
        self.keys = KeysFile(os.path.join(folder, "keys.ini"))
        self.indices = {}  # current key index of each identity
        self.states = {}
        self.handles = {}
        self.manifests = {}  # name -> prefix of its files
        self.program = Lines(program, os.path.join(folder, "publisher.log"), self.on_event)
        self.session = None
        self.connect()

    def connect(self):
        self.session = Session(self.janus)
        self.session.create_room(self.room)

    def on_event(self, entry):
        if entry.get("event") == "connection":
            self.states[entry["name"]] = entry["state"]

    # ---- Keys

    def new_key(self, identity, told=True):
        """Announced: in keys.ini first (unless not told), then with the publisher."""
        index = (self.indices.get(identity, -1) + 1) % RING
        passphrase = secrets.token_urlsafe(24)
        self.keys.history.append((identity, index, passphrase))
        if told:
            self.keys.set(identity, index, passphrase)
        self.program.ask("key", identity=identity, index=index, passphrase=passphrase)
        return index, passphrase

    def use_key(self, identity, index):
        self.program.ask("use_key", identity=identity, index=index)
        self.indices[identity] = index

    def rotate(self, identity, pause=0.4):
        index, _ = self.new_key(identity)
        time.sleep(pause)
        self.use_key(identity, index)

    def ratchet(self, identity):
        self.program.ask("ratchet", identity=identity, index=self.indices[identity])

    # ---- Coming and going

    def join(self, identity, name=None, told=True, **options):
        """`name`: of this stay in the meeting, for its manifest. Answers it."""
        name = name or identity
        protection = options.get("protection", "encrypt")
        if identity not in self.indices and protection != "none":
            self.indices[identity] = self.new_key(identity, told)[0]
        if protection == "encrypt":
            self.manifests[name] = os.path.join(self.folder, name)
            options["manifest"] = self.manifests[name]
        self.states[name] = "new"
        offer = self.program.ask("join", name=name, identity=identity, **options)["sdp"]
        handle = self.session.attach()
        handle.request({
            "request": "join", "ptype": "publisher", "room": self.room, "display": identity,
        })  # fmt: skip
        encrypted = {"e2ee": True} if protection != "none" else {}
        _, answer = handle.request(
            {"request": "publish"}, {"type": "offer", "sdp": offer, **encrypted}
        )
        self.program.ask("answer", name=name, sdp=answer["sdp"])
        self.handles[name] = handle
        until(f"{name} connecting", 10, lambda: self.states[name] in ("connected", "failed"))
        expect(self.states[name] == "connected", f"{name} does not connect")
        return name

    def leave(self, name):
        self.program.ask("leave", name=name)
        try:
            self.handles.pop(name).detach()
        except (OSError, MeetingError):
            pass  # the SFU is gone

    def mute(self, name, media, on):
        self.program.ask("mute", name=name, media=media, on=on)

    def resize(self, name, width, height):
        self.program.ask("size", name=name, width=width, height=height)

    def sent(self, name):
        return self.program.ask("report", name=name)

    def manifest(self, name, media):
        """What was handed to the encryptor so far, as a list of dictionaries."""
        if name in self.handles:
            self.sent(name)  # flushes
        entries = []
        with open(f"{self.manifests[name]}.{media}.jsonl", encoding="ascii") as file:
            for line in file:
                if line.endswith("\n"):
                    entries.append(json.loads(line))
        return entries

    def close(self):
        for name in list(self.handles):
            self.leave(name)
        self.session.close()
        self.program.child.stdin.close()
        self.program.end()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The SFU: Janus with its videoroom alone on 127.0.0.1, and publishers' side of its protocol."""

import glob
import itertools
import json
import os
import queue
import threading
import time
import urllib.request
from http.client import HTTPException
from urllib.parse import urlencode

from process import MeetingError, Program, until

PLUGIN, TRANSPORT = "libjanus_videoroom", "libjanus_http"
PLUGIN_NAME = "janus.plugin.videoroom"
START_SECONDS = 10
ANSWER_SECONDS = 15

numbers = itertools.count(1)


def others_than(kind, kept):
    names = {os.path.basename(path) for path in glob.glob(f"/usr/lib/*/janus/{kind}/*.so*")}
    return ",".join(sorted(name for name in names if not name.startswith(kept)))


class Open:
    """Whoever reaches the SFU may use it."""

    scheme = "http"
    context = None
    credentials = {}

    def general(self):
        return ""

    def transport(self, port):
        return f"""http = true
            port = {port}
            ip = "127.0.0.1"
            https = false"""

    def certificates(self):
        return ""

    def rooms(self):
        return ""


def configuration(port, media_ports, guard):
    return {
        "janus.jcfg": f"""general: {{ log_to_stdout = true
            debug_level = 4
            {guard.general()}
            admin_secret = "unused" }}
          nat: {{ ice_lite = false
            ice_tcp = false
            full_trickle = false
            ignore_mdns = true
            ice_enforce_list = "127.0.0.1" }}
          media: {{ ipv6 = false
            rtp_port_range = "{media_ports}" }}
          plugins: {{ disable = "{others_than('plugins', PLUGIN)}" }}
          transports: {{ disable = "{others_than('transports', TRANSPORT)}" }}
          loggers: {{ }}
          events: {{ broadcast = false }}
          """,
        "janus.transport.http.jcfg": f"""general: {{ json = "plain"
            base_path = "/janus"
            {guard.transport(port)} }}
          {guard.certificates()}
          admin: {{ admin_http = false
            admin_https = false }}
          """,
        "janus.plugin.videoroom.jcfg": f"general: {{ {guard.rooms()} }}\n",
    }


class Janus:
    def __init__(self, folder, port=8088, media_ports="20000-40000", guard=Open()):
        self.folder = folder
        self.guard = guard
        self.url = f"{guard.scheme}://127.0.0.1:{port}/janus"
        os.makedirs(folder, exist_ok=True)
        for name, text in configuration(port, media_ports, guard).items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        self.program = None
        self.start()

    def start(self):
        log = os.path.join(self.folder, "janus.log")
        with open(log, "ab") as output:
            self.program = Program(["janus", "-F", self.folder, "-o"], log, stdout=output)
        until("the SFU, starting", START_SECONDS, self.answers)

    def answers(self):
        if not self.program.alive():
            raise MeetingError(f"the SFU does not start; see {self.program.log}")
        try:
            return self.get(self.url + "/info", 2).get("janus") == "server_info"
        except OSError:
            return False

    def get(self, url, seconds):
        return self.request(f"{url}?{urlencode({'maxev': 20, **self.guard.credentials})}", seconds)

    def post(self, url, body, seconds=ANSWER_SECONDS):
        body = {"transaction": str(next(numbers)), **self.guard.credentials, **body}
        answer = self.request(urllib.request.Request(url, json.dumps(body).encode()), seconds)
        if answer.get("janus") == "error":
            raise MeetingError(f"the SFU: {answer['error']['reason']}")
        return answer

    def request(self, what, seconds):
        with urllib.request.urlopen(what, timeout=seconds, context=self.guard.context) as response:
            return json.load(response)

    def kill(self):
        self.program.kill()


class Handle:
    def __init__(self, session, number):
        self.session = session
        self.url = f"{session.url}/{number}"
        self.events = queue.Queue()

    def request(self, body, jsep=None):
        transaction = str(next(numbers))
        message = {"janus": "message", "body": body, "transaction": transaction}
        if jsep:
            message["jsep"] = jsep
        answer = self.session.janus.post(self.url, message)
        end = time.monotonic() + ANSWER_SECONDS
        while answer.get("janus") == "ack" or answer.get("transaction") != transaction:
            try:
                answer = self.events.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise MeetingError(f"the SFU does not answer {body['request']}") from None
        data = answer.get("plugindata", {}).get("data", {})
        if "error" in data:
            raise MeetingError(f"the SFU refuses {body['request']}: {data['error']}")
        return data, answer.get("jsep")

    def detach(self):
        self.session.janus.post(self.url, {"janus": "detach"})


class Session:
    """Of all publishers of one test."""

    def __init__(self, janus):
        self.janus = janus
        self.handles = {}
        self.open = True
        self.url = f"{janus.url}/{janus.post(janus.url, {'janus': 'create'})['data']['id']}"
        threading.Thread(target=self.poll, daemon=True).start()

    def poll(self):
        while self.open:
            try:
                events = self.janus.get(self.url, 40)
            except (OSError, ValueError, HTTPException):
                time.sleep(0.2)  # killed, or closing
                continue
            for event in events if isinstance(events, list) else [events]:
                handle = self.handles.get(event.get("sender"))
                if handle:
                    handle.events.put(event)

    def attach(self):
        answer = self.janus.post(self.url, {"janus": "attach", "plugin": PLUGIN_NAME})
        number = answer["data"]["id"]
        handle = self.handles[number] = Handle(self, number)
        return handle

    def create_room(self, room, **options):
        handle = self.attach()
        handle.request({
            "request": "create", "room": room, "publishers": 100, "bitrate": 0, "fir_freq": 0,
            "audiocodec": "opus", "videocodec": "vp8,vp9,h264", **options,
        })  # fmt: skip
        handle.detach()

    def close(self):
        self.open = False
        try:
            self.janus.post(self.url, {"janus": "destroy"}, 2)
        except (OSError, MeetingError):
            pass

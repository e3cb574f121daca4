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

from process import MeetingError, Program, until

PLUGIN, TRANSPORT = "libjanus_videoroom", "libjanus_http"
START_SECONDS = 10
ANSWER_SECONDS = 15

numbers = itertools.count(1)


def others_than(kind, kept):
    names = {os.path.basename(path) for path in glob.glob(f"/usr/lib/*/janus/{kind}/*.so*")}
    return ",".join(sorted(name for name in names if not name.startswith(kept)))


def configuration(port, media_ports):
    return {
        "janus.jcfg": f"""general: {{ log_to_stdout = true
            debug_level = 4
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
            http = true
            port = {port}
            ip = "127.0.0.1"
            https = false }}
          admin: {{ admin_http = false
            admin_https = false }}
          """,
        "janus.plugin.videoroom.jcfg": "general: { }\n",
    }


def post(url, body, seconds=ANSWER_SECONDS):
    data = json.dumps({"transaction": str(next(numbers)), **body}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=seconds) as response:
        answer = json.load(response)
    if answer.get("janus") == "error":
        raise MeetingError(f"the SFU: {answer['error']['reason']}")
    return answer


class Janus:
    def __init__(self, folder, port=8088, media_ports="20000-40000"):
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}/janus"
        os.makedirs(folder, exist_ok=True)
        for name, text in configuration(port, media_ports).items():
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
            with urllib.request.urlopen(self.url + "/info", timeout=2) as response:
                return json.load(response).get("janus") == "server_info"
        except OSError:
            return False

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
        answer = post(self.url, message)
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
        post(self.url, {"janus": "detach"})


class Session:
    """Of all publishers of one test."""

    def __init__(self, janus):
        self.handles = {}
        self.open = True
        self.url = f"{janus.url}/{post(janus.url, {'janus': 'create'})['data']['id']}"
        threading.Thread(target=self.poll, daemon=True).start()

    def poll(self):
        while self.open:
            try:
                with urllib.request.urlopen(f"{self.url}?maxev=20", timeout=40) as response:
                    events = json.load(response)
            except (OSError, ValueError, HTTPException):
                time.sleep(0.2)  # killed, or closing
                continue
            for event in events if isinstance(events, list) else [events]:
                handle = self.handles.get(event.get("sender"))
                if handle:
                    handle.events.put(event)

    def attach(self):
        answer = post(self.url, {"janus": "attach", "plugin": "janus.plugin.videoroom"})
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
            post(self.url, {"janus": "destroy"}, 2)
        except (OSError, MeetingError):
            pass

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Serves the page on 127.0.0.1 and calls whoever opens it. examples/browser/run.sh starts this.

  POST   /calls            {scheme, codec}  ->  {id, sdp, fingerprint}   an offer
  POST   /calls/ID/answer  {sdp}            ->  {}
  GET    /calls/ID                          ->  what GStreamer sees
  DELETE /calls/ID                          ->  {}                       the page leaves

Whatever is refused is answered with {error}, in words; a call that another page took over with
{error, taken: true}.

The passphrase is in none of these, in neither direction.
"""

import argparse
import collections
import json
import os
import secrets
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
import needs  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(prog="run.sh", description="An encrypted call with a browser.")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--passphrase-file")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--any-address", action="store_true")
    parser.add_argument("--version", action="version", version=f"%(prog)s {needs.version()}")
    return parser.parse_args()


if __name__ == "__main__":
    OPTIONS = arguments()  # before GStreamer is looked for: --help needs nothing

needs.typelibs("Gst", "GstE2EE", "GstSdp", "GstWebRTC")
from gi.repository import GLib, Gst  # noqa: E402

from peer import ELEMENTS, SCHEMES, VIDEO, Call  # noqa: E402

PAGE = Path(__file__).resolve().parent / "page"
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css"),
    **{
        f"/{name}": (name, "text/javascript")
        for name in ("app.js", "call.js", "media.js", "worker.js", "formats.js", "words.js")
    },
}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; worker-src 'self'; "
    "style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
MAX_BODY = 1 << 17
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else
GONE_SECONDS = 30  # without a question from the page
TAKEN = "another page took it over"
REMEMBERED = 32  # calls that have ended


def say(text):
    print(text, flush=True)
    return GLib.SOURCE_REMOVE


def make_passphrase():
    """20 characters of 31: 99 bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(4))


def read_passphrase(file):
    """As a key provider reads its passphrase-file: without byte order mark and one newline."""
    try:
        text = Path(file).expanduser().read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ValueError(f"{file} holds no passphrase")
    if text[-1].isspace():
        print(
            f"run.sh: {file}: the passphrase ends in a blank or a newline, which is part of it",
            file=sys.stderr,
        )
    return text


class NotFound(Exception):
    """Says what."""


class Ended(Exception):
    """Says why."""


class Desk:
    """One call at a time: a page that calls ends the call of the one before."""

    def __init__(self, passphrase, show, any_address):
        self.passphrase = passphrase
        self.options = {"show": show, "any_address": any_address}
        self.lock = threading.Lock()
        self.id = None
        self.call = None
        self.asked = 0.0
        self.ended = collections.deque(maxlen=REMEMBERED)  # pairs of ID and reason
        GLib.timeout_add_seconds(1, self.watch)

    def start(self, scheme, codec):
        if scheme not in SCHEMES or codec not in VIDEO:
            raise ValueError("no such scheme or codec")
        with self.lock:
            self.end(TAKEN)
            say(f"Call: {scheme}, {codec} and opus")
            call = Call(scheme, codec, self.passphrase, self.tell, **self.options)
            try:
                sdp = call.offer()
            except Exception:
                call.stop()
                raise
            self.id, self.call, self.asked = secrets.token_urlsafe(12), call, time.monotonic()
            fingerprint = call.fingerprint()
            say(f"  key fingerprint {fingerprint}: the page must show the same")
            return {"id": self.id, "sdp": sdp, "fingerprint": fingerprint}

    @staticmethod
    def tell(text):
        return say(f"  {text}")

    def find(self, number):
        if self.call is None or number != self.id:
            why = dict(self.ended).get(number)
            raise Ended(why) if why else NotFound("run.sh does not know this call")
        self.asked = time.monotonic()
        return self.call

    def answer(self, number, sdp):
        with self.lock:
            self.find(number).take_answer(sdp)
        return {}

    def report(self, number):
        with self.lock:
            return self.find(number).report()

    def leave(self, number):
        with self.lock:
            self.find(number)
            self.end("the page left")
        return {}

    def watch(self):
        with self.lock:
            if self.call and time.monotonic() - self.asked > GONE_SECONDS:
                self.end(f"nothing was heard of the page for {GONE_SECONDS} seconds")
        return GLib.SOURCE_CONTINUE

    def end(self, why):
        """Lock held."""
        if self.call is None:
            return
        for what, stats in self.call.report()["streams"].items():
            verb = "encrypted" if what.startswith("sent") else "decrypted"
            told = [f"{stats.get('frames-out', 0)} frames {verb}"]
            told += [f"{name} {n}" for name, n in stats.items() if name.startswith("dropped-")]
            say(f"  {what}: {', '.join(told)}")
        say(f"Call ended: {why}")
        self.call.stop()
        self.ended.append((self.id, why))
        self.id = self.call = None

    def close(self):
        with self.lock:
            self.end("run.sh was stopped")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    desk = None

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass

    def reply(self, status, body, kind="application/json"):
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status != 200:
            self.send_header("Connection", "close")  # what of the body was not read is no request
        self.end_headers()
        self.wfile.write(body)

    def is_ours(self):
        """Other sites' pages must not call, nor get here under their own name (DNS rebinding)."""
        hosts = {f"{name}:{self.server.server_port}" for name in ("127.0.0.1", "localhost")}
        origin = self.headers.get("Origin")
        return self.headers.get("Host") in hosts and (
            origin is None or origin.removeprefix("http://") in hosts
        )

    def read_body(self):
        """None: too long. It is read in any case, or the client would miss the answer."""
        length = self.headers.get("Content-Length") or "0"
        size = int(length) if length.isdecimal() else MAX_BODY + 1
        return self.rfile.read(size) if size <= MAX_BODY else None

    def run(self, action):
        if not self.is_ours():
            self.reply(403, b'{"error": "not from this page"}')
            return
        try:
            status, result = 200, action()
        except NotFound as error:
            status, result = 404, {"error": str(error)}
        except Ended as error:
            status, result = 410, {"error": str(error), "taken": str(error) == TAKEN}
        except (KeyError, TypeError, ValueError) as error:
            status, result = 400, {"error": f"bad request: {error}"}
        except Exception as error:  # pylint: disable=broad-except
            say(f"  error: {error}")
            status, result = 500, {"error": str(error)}
        self.reply(status, json.dumps(result).encode())

    def parts(self):
        return self.path.strip("/").split("/")

    def do_GET(self):
        if self.path in FILES and self.is_ours():
            name, kind = FILES[self.path]
            self.reply(200, (PAGE / name).read_bytes(), kind)
            return
        self.run(lambda: self.get(*self.parts()))

    def get(self, *parts):
        if len(parts) != 2 or parts[0] != "calls":
            raise NotFound("nothing is here")
        return self.desk.report(parts[1])

    def do_POST(self):
        text = self.read_body()
        self.run(lambda: self.post(text, *self.parts()))

    def post(self, text, *parts):
        if text is None:
            raise ValueError("too long")
        body = json.loads(text)
        if parts == ("calls",):
            return self.desk.start(body["scheme"], body["codec"])
        if len(parts) == 3 and parts[0] == "calls" and parts[2] == "answer":
            return self.desk.answer(parts[1], body["sdp"])
        raise NotFound("nothing is here")

    def do_DELETE(self):
        self.run(lambda: self.delete(*self.parts()))

    def delete(self, *parts):
        if len(parts) != 2 or parts[0] != "calls":
            raise NotFound("nothing is here")
        return self.desk.leave(parts[1])


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # a page that went away
            super().handle_error(request, client_address)


def listen(port):
    try:
        return Server(("127.0.0.1", port), Handler)
    except OSError as error:
        raise OSError(f"port {port}: {error.strerror}; --port=N takes another one") from None


def main(options):
    Gst.init(None)
    needs.elements(*ELEMENTS)
    try:
        # autovideosink can crash without one.
        if options.show and not (os.getenv("DISPLAY") or os.getenv("WAYLAND_DISPLAY")):
            raise ValueError("--show needs a display")
        if options.passphrase_file:
            passphrase, shown = read_passphrase(options.passphrase_file), None
        else:
            passphrase = shown = make_passphrase()
        server = listen(options.port)
    except (OSError, OverflowError, ValueError) as error:
        print(f"run.sh: {error}", file=sys.stderr)
        return 2
    Handler.desk = Desk(passphrase, options.show, options.any_address)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    say(f"Open http://127.0.0.1:{server.server_port}/ in a browser on this machine.")
    if shown:
        say(f"Key: {shown}\nType it into the page. It is shown only here.")
    else:
        say(f"Key: what {options.passphrase_file} holds; type it into the page.")
    say("Ctrl-C ends.\n")

    loop = GLib.MainLoop()
    for number in (signal.SIGINT, signal.SIGTERM):
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, number, loop.quit)
    loop.run()
    server.shutdown()
    Handler.desk.close()
    return 0


if __name__ == "__main__":
    status = main(OPTIONS)
    sys.stdout.flush()
    # Threads of the server and of GStreamer may still be at work.
    os._exit(status)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests of the library from Python share."""

import os
import subprocess
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstE2EE", "1.0")
from gi.repository import GLib, Gst, GstApp  # noqa: E402, F401

Gst.init(None)
CAPS = {
    "vp8": "video/x-vp8,width=320,height=240,framerate=30/1",
    "vp9": "video/x-vp9,width=320,height=240,framerate=30/1",
    "opus": "audio/x-opus,channel-mapping-family=0,channels=2,rate=48000",
}
WITH_GST = "gi.require_version('Gst', '1.0')\nfrom gi.repository import Gst\n"
PATIENCE = 10 * Gst.SECOND


def python(code):
    """Runs `code` in a new interpreter whose GLib warnings are fatal."""
    preamble = (
        "import gi\n"
        "gi.require_version('GstE2EE', '1.0')\n"
        "from gi.repository import GstE2EE\n"
    )
    environment = dict(os.environ, G_DEBUG="fatal-warnings")
    return subprocess.run(
        [sys.executable, "-c", preamble + code],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )


class Decryptor:
    """appsrc ! e2eedecrypt ! appsink"""

    def __init__(self, provider, codec, key_wait=0):
        self.pipeline = Gst.Pipeline.new(None)
        self.source = Gst.ElementFactory.make("appsrc")
        self.element = Gst.ElementFactory.make("e2eedecrypt")
        self.sink = Gst.ElementFactory.make("appsink")
        for element in (self.source, self.element, self.sink):
            self.pipeline.add(element)
        self.source.link(self.element)
        self.element.link(self.sink)
        self.source.props.caps = Gst.Caps.from_string(CAPS[codec])
        self.source.props.format = Gst.Format.TIME
        self.sink.props.sync = False
        self.sink.set_property("async", False)
        self.element.props.key_provider = provider
        self.element.props.key_wait = key_wait
        self.pipeline.set_state(Gst.State.PLAYING)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pipeline.set_state(Gst.State.NULL)

    def push(self, frame):
        assert self.source.push_buffer(Gst.Buffer.new_wrapped(frame)) == Gst.FlowReturn.OK

    def pull(self, patience=PATIENCE):
        sample = self.sink.try_pull_sample(patience)
        if sample is None:
            return None
        buffer = sample.get_buffer()
        return buffer.extract_dup(0, buffer.get_size())

    def pull_pushing(self, frame):
        """Pushes it until one comes out: the key of the first is looked up."""
        for _ in range(100):
            self.push(frame)
            opened = self.pull(Gst.SECOND // 20)
            if opened is not None:
                return opened
        return None

    def stat(self, name):
        found, value = self.element.props.stats.get_uint64(name)
        assert found, name
        return value

    def wait_for_stat(self, name, value):
        for _ in range(500):
            if self.stat(name) >= value:
                return True
            threading.Event().wait(0.01)
        return False


class ErrorsOf:
    """Asserts that a call throws a GError of the library."""

    def __init__(self, test, code):
        self.test = test
        self.code = code

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        self.test.assertIsNotNone(error, "no error")
        self.test.assertIs(kind, GLib.Error)
        self.test.assertTrue(
            error.matches(GLib.quark_from_string("gst-e2ee-error-quark"), self.code), str(error)
        )
        return True


def sealed_by(provider, plain):
    """Opus from e2eeencrypt."""
    pipeline = Gst.parse_launch(
        f'appsrc name=in caps="{CAPS["opus"]}" format=time ! e2eeencrypt name=e2ee ! '
        "appsink name=out sync=false async=false"
    )
    pipeline.get_by_name("e2ee").props.key_provider = provider
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_by_name("in").push_buffer(Gst.Buffer.new_wrapped(plain))
    sample = pipeline.get_by_name("out").try_pull_sample(PATIENCE)
    pipeline.set_state(Gst.State.NULL)
    if sample is None:
        return None
    buffer = sample.get_buffer()
    return buffer.extract_dup(0, buffer.get_size())

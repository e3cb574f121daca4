#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""examples/chat: LiveKit's messages, against bytes that LiveKit's own library for JavaScript wrote, and
what is refused before a room is joined. tests/livekit chats in real rooms."""

import argparse
import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest
import zlib
from pathlib import Path

import gi

gi.require_version("Soup", "3.0")
from gi.repository import GLib, Soup  # noqa: E402

CHAT = Path(__file__).resolve().parents[2] / "examples" / "chat"
sys.path.insert(0, str(CHAT))

import access  # noqa: E402
import messages  # noqa: E402
import protobuf  # noqa: E402
import texts  # noqa: E402

PATIENCE = 60  # seconds
KEYS = ("--key-provider", "shared,passphrase=for-tests")
# @livekit/protocol 1.52.1, toBinary()
ENCRYPTED = "2205616c6963658001078a010450415f78920116120c01010101010101010101010118c8012203090807"
CHAT_MESSAGE = "1a200a01781080d0eab6b73318ffffffffffffffffff0122076772c3bcc39f653001"
HEADER = (
    "3a340a01731080d0eab6b7331a076c6b2e63686174220a746578742f706c61696e"
    "280542060a01611201624a0210035a0568656c6c6f"
)
CHUNK = "420a0a017310ac021a020102"
TRAILER = "4a090a01731204676f6e65"
OFFER = "0a0e0a056f666665721203763d301801"
TRICKLE = "22080a027b7d10011801"
MS = 1767225600000


def payload(text):
    return protobuf.decode(messages.ENCRYPTED_PAYLOAD, bytes.fromhex(text))


class WireFormat(unittest.TestCase):
    def test_packet_of_livekit_is_read(self):
        self.assertEqual(
            protobuf.decode(messages.DATA_PACKET, bytes.fromhex(ENCRYPTED)),
            {
                "participant_identity": "alice",
                "encrypted_packet": {"iv": b"\1" * 12, "key_index": 200, "encrypted_value": b"\t\b\7"},
            },
        )

    def test_payloads_of_livekit_are_read(self):
        message = {"id": "x", "timestamp": MS, "edit_timestamp": (1 << 64) - 1, "message": "grüße"}
        self.assertEqual(payload(CHAT_MESSAGE), {"chat_message": message})
        header = payload(HEADER)["stream_header"]
        self.assertEqual(header["topic"], "lk.chat")
        self.assertEqual((header["total_length"], header["inline_content"]), (5, b"hello"))
        self.assertEqual(header["text_header"], {})
        chunk = {"stream_id": "s", "chunk_index": 300, "content": b"\1\2"}
        self.assertEqual(payload(CHUNK), {"stream_chunk": chunk})
        self.assertEqual(payload(TRAILER), {"stream_trailer": {"stream_id": "s", "reason": "gone"}})

    def test_what_we_write_is_as_livekit_writes_it(self):
        for schema, text in (
            (messages.ENCRYPTED_PAYLOAD, CHUNK),
            (messages.ENCRYPTED_PAYLOAD, TRAILER),
            (messages.SIGNAL_REQUEST, OFFER),
        ):
            with self.subTest(text):
                decoded = protobuf.decode(schema, bytes.fromhex(text))
                self.assertEqual(protobuf.encode(schema, decoded).hex(), text)

    def test_fields_that_are_unknown_are_skipped(self):
        self.assertEqual(
            protobuf.decode(messages.SIGNAL_RESPONSE, bytes.fromhex(TRICKLE)),
            {"trickle": {"candidate_init": "{}", "target": messages.SUBSCRIBER}},
        )
        # Each wire type that a newer schema may use, with a field number of two bytes.
        unknown = bytes.fromhex("f83f9601 f93f0102030405060708 fa3f03616263 fd3f01020304".replace(" ", ""))
        self.assertEqual(protobuf.decode(messages.SIGNAL_RESPONSE, unknown), {})

    def test_negative_numbers_and_repeated_fields(self):
        schema = {"number": (1, int), "names": (2, [str])}
        encoded = protobuf.encode(schema, {"number": -1, "names": ["a", "", "b"]})
        self.assertEqual(encoded.hex(), "08ffffffffffffffffff01120161" + "1200" + "120162")
        self.assertEqual(protobuf.decode(schema, encoded), {"number": (1 << 64) - 1, "names": ["a", "", "b"]})

    def test_every_truncation_is_refused_or_shorter(self):
        whole = bytes.fromhex(ENCRYPTED)
        full = protobuf.decode(messages.DATA_PACKET, whole)
        for size in range(len(whole)):
            with self.subTest(size):
                try:
                    part = protobuf.decode(messages.DATA_PACKET, whole[:size])
                except protobuf.DecodeError:
                    continue
                self.assertNotEqual(part, full)

    def test_garbage_is_refused(self):
        for text in ("0f", "ff" * 11, "0a05", "2000", "0a80808080808080808080"):
            with self.subTest(text), self.assertRaises(protobuf.DecodeError):
                protobuf.decode({"name": (1, str), "text": (4, str)}, bytes.fromhex(text))


class Texts(unittest.TestCase):
    def setUp(self):
        self.texts = texts.Texts()

    def take(self, sender, *payloads):
        """What was complete behind each."""
        return [self.texts.take(sender, one) for one in payloads]

    def test_texts_come_as_they_were_sent(self):
        for text in ("hello", "ü" * texts.CHUNK_SIZE, "", "x" * (2 * texts.CHUNK_SIZE)):
            with self.subTest(len(text)):
                sent = list(texts.stream_of(text))
                for one in sent:
                    chunk = one.get("stream_chunk", {}).get("content", b"")
                    self.assertLessEqual(len(chunk), texts.CHUNK_SIZE)
                    chunk.decode()  # no character is cut
                wire = [protobuf.encode(messages.ENCRYPTED_PAYLOAD, one) for one in sent]
                came = [protobuf.decode(messages.ENCRYPTED_PAYLOAD, one) for one in wire]
                self.assertEqual([one for one in self.take("alice", *came) if one is not None], [text])

    def test_text_within_its_header(self):
        header = payload(HEADER)
        self.assertEqual(self.take("alice", header), ["hello"])
        packed = zlib.compressobj(wbits=-15)
        data = packed.compress(b"hello hello") + packed.flush()
        inline = {"stream_id": "t", "inline_content": data, "compression": messages.DEFLATE_RAW}
        self.assertEqual(self.take("alice", {"stream_header": {**header["stream_header"], **inline}}), ["hello hello"])

    def test_edited_and_deleted_messages(self):
        message = {"id": "1", "message": "hi"}
        self.assertEqual(self.take("alice", {"chat_message": message}), ["hi"])
        edited = {**message, "message": "ho", "edit_timestamp": 5}
        self.assertEqual(self.take("alice", {"chat_message": edited}), ["(edited) ho"])
        self.assertEqual(self.take("alice", {"chat_message": {**message, "deleted": 1}}), [None])

    def test_what_came_before_is_refused(self):
        stream = list(texts.stream_of("pay me"))
        message = {"chat_message": {"id": "1", "message": "yes"}}
        self.take("alice", *stream, message)
        for again in (stream[0], message):
            with self.assertRaisesRegex(texts.TextError, "before"):
                self.texts.take("alice", again)
        self.assertEqual(self.take("bob", message), ["yes"])

    def test_parts_that_are_missing_or_of_others(self):
        header, first, second, trailer = texts.stream_of("x" * (2 * texts.CHUNK_SIZE))
        self.take("alice", header, first)
        self.assertEqual(self.take("bob", second, trailer), [None, None])
        self.assertEqual(self.take("alice", second, trailer)[-1], "x" * (2 * texts.CHUNK_SIZE))
        header, first, second, trailer = texts.stream_of("x" * (2 * texts.CHUNK_SIZE))
        self.take("alice", header)
        with self.assertRaisesRegex(texts.TextError, "missing"):
            self.texts.take("alice", second)
        self.assertEqual(self.take("alice", first, trailer), [None, None])

    def test_memory_is_bounded(self):
        bomb = zlib.compressobj(wbits=-15)
        data = bomb.compress(bytes(texts.MAX_TEXT + 1)) + bomb.flush()
        header = {"topic": texts.TOPIC, "text_header": {}, "stream_id": "bomb"}
        packed = {**header, "inline_content": data, "compression": messages.DEFLATE_RAW}
        with self.assertRaisesRegex(texts.TextError, "larger"):
            self.texts.take("alice", {"stream_header": packed})
        for number in range(texts.MAX_OPEN):
            self.texts.take("alice", {"stream_header": {**header, "stream_id": str(number)}})
        with self.assertRaisesRegex(texts.TextError, "too many"):
            self.texts.take("alice", {"stream_header": {**header, "stream_id": "more"}})
        self.assertEqual(len(self.texts.open), texts.MAX_OPEN)

    def test_other_topics_and_files_are_no_chat(self):
        header = payload(HEADER)["stream_header"]
        self.assertTrue(texts.is_chat({"stream_header": header}))
        self.assertFalse(texts.is_chat({"stream_header": {**header, "topic": "lk.transcription"}}))
        del header["text_header"]
        self.assertFalse(texts.is_chat({"stream_header": header}))
        self.assertEqual(self.take("alice", {"stream_header": header}), [None])


class Access(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def token(self, environment=None, **given):
        options = {"token_file": None, "room": None, "api_key_file": None, "name": "alice", **given}
        return access.token(argparse.Namespace(**options), environment or {})

    def test_token_is_signed_with_the_secret(self):
        token = self.token(room="blue", api_key_file=self.file("key", "id\nsecret\n"))
        head, body, signature = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
        signed = token.rpartition(".")[0].encode()
        self.assertEqual(signature, hmac.digest(b"secret", signed, hashlib.sha256))
        self.assertEqual(json.loads(head)["alg"], "HS256")
        claims = json.loads(body)
        self.assertEqual((claims["iss"], claims["sub"], claims["video"]["room"]), ("id", "alice", "blue"))
        self.assertFalse(claims["video"]["canPublish"], "chat needs no media")

    def test_what_is_given_goes_before_the_environment(self):
        everything = {"LIVEKIT_TOKEN": "t", "LIVEKIT_API_KEY": "id", "LIVEKIT_API_SECRET": "secret"}
        self.assertEqual(self.token(everything), "t")
        self.assertEqual(self.token(everything, token_file=self.file("token", "from-file\n")), "from-file")
        self.assertEqual(self.token(everything, room="blue").count("."), 2)

    def test_mistakes_are_told_without_the_secret(self):
        for said, given in (
            ("needs --token-file", {}),
            ("needs an API key", {"room": "blue"}),
            ("two lines", {"room": "blue", "api_key_file": self.file("one", "hush-hush")}),
            ("one token", {"token_file": self.file("two", "hush hush")}),
            ("No such file", {"token_file": "/nowhere"}),
        ):
            with self.subTest(said), self.assertRaisesRegex(access.AccessError, said) as caught:
                self.token(**given)
            self.assertNotIn("hush", str(caught.exception))

    def test_urls(self):
        for url in ("ws://127.0.0.1:7880", "wss://example.org", "https://example.org/livekit"):
            self.assertTrue(access.is_url(url), url)
        for url in ("example.org", "ftp://example.org", "ws://", "ws://host:port", ""):
            self.assertFalse(access.is_url(url), url)


class Server:
    """A WebSocket server on 127.0.0.1 that sends `said` to who connects, and nothing more."""

    def __init__(self, said):
        self.said = said
        self.connections = []  # Soup closes those that nobody holds
        self.started = threading.Event()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        self.started.wait(PATIENCE)

    def serve(self):
        context = GLib.MainContext()
        context.push_thread_default()
        self.loop = GLib.MainLoop(context)
        server = Soup.Server()
        server.add_websocket_handler("/rtc", None, None, self.on_connection)
        server.listen_local(0, Soup.ServerListenOptions.IPV4_ONLY)
        self.url = f"ws://127.0.0.1:{server.get_uris()[0].get_port()}"
        self.started.set()
        self.loop.run()
        server.disconnect()
        context.pop_thread_default()

    def on_connection(self, _server, _message, _path, connection, *_data):
        self.connections.append(connection)
        for one in self.said:
            connection.send_message(Soup.WebsocketDataType.BINARY, GLib.Bytes.new(one))

    def close(self):
        self.loop.quit()
        self.thread.join(PATIENCE)


class Program(unittest.TestCase):
    def refused(self, *arguments, **environment):
        result = subprocess.run(
            [sys.executable, "-B", str(CHAT / "chat.py"), *KEYS, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={**os.environ, **environment},
            check=False,
        )
        self.assertNotIn("Traceback", result.stderr)
        return result.returncode, result.stderr

    def test_wrong_usage(self):
        room = ("--livekit", "ws://127.0.0.1:1", "--room", "blue")
        for said, arguments in (
            ("--livekit, --listen and --connect", ()),
            ("as in wss://HOST", ("--livekit", "127.0.0.1", "--room", "blue")),
            ("needs --token-file", ("--livekit", "ws://127.0.0.1:1")),
            ("LIVEKIT_API_SECRET", room),
            ("not allowed with", (*room, "--token-file", __file__)),
            ("say for which --room", ("--livekit", "ws://127.0.0.1:1", "--name", "alice")),
            ("--participant is for two terminals", (*room, "--participant", "alice")),
            ("--room needs --livekit", ("--listen", "0", "--room", "blue")),
        ):
            with self.subTest(said):
                status, text = self.refused(*arguments)
                self.assertEqual(status, 2, text)
                self.assertIn(said, text)

    def test_server_that_is_not_there_was_never_reached(self):
        status, text = self.refused(LIVEKIT_URL="ws://127.0.0.1:1", LIVEKIT_TOKEN="hush-hush")
        self.assertEqual(status, 1, text)
        self.assertIn("chat.py: ws://127.0.0.1:1 was never reached", text)
        self.assertNotIn("hush", text)

    def join(self, *said):
        server = Server(said)
        try:
            return self.refused("--livekit", server.url, LIVEKIT_TOKEN="hush-hush")
        finally:
            server.close()

    def test_server_that_says_something_else(self):
        status, text = self.join(b"\x0f garbage")
        self.assertEqual(status, 1, text)
        self.assertIn("a message that is not LiveKit's", text)

    def test_message_larger_than_any_of_livekit(self):
        status, text = self.join(bytes(5 << 20))
        self.assertEqual(status, 1, text)
        self.assertIn("chat.py: ws://127.0.0.1", text)

    def test_reasons_of_a_server_that_sends_us_away(self):
        for reason, status, said in ((4, 2, "administrator"), (3, 1, "shutting down"), (99, 1, "reason 99")):
            with self.subTest(reason):
                leave = protobuf.encode(messages.SIGNAL_RESPONSE, {"leave": {"reason": reason}})
                self.assertEqual(self.join(leave)[0], status)
                self.assertIn(said, self.join(leave)[1])

    def test_offer_that_cannot_be_read(self):
        join = {"join": {"participant": {"identity": "me"}}}
        offer = {"offer": {"type": "offer", "sdp": "nonsense"}}
        status, text = self.join(*(protobuf.encode(messages.SIGNAL_RESPONSE, one) for one in (join, offer)))
        self.assertEqual(status, 1, text)
        self.assertIn("a description of the connection that cannot be used", text)


if __name__ == "__main__":
    unittest.main(verbosity=2)

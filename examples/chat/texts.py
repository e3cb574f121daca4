# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chat texts in LiveKit's two forms: a `chat_message`, or a text stream of topic `lk.chat`, which is a
header with the whole text in it, or a header, chunks and a trailer. Both are read; text streams are sent,
as livekit-client's sendText() does.
"""

import collections
import time
import uuid
import zlib

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

from messages import DEFLATE_RAW, UPDATE  # noqa: E402

TOPIC = "lk.chat"
CHUNK_SIZE = 15_000  # bytes; livekit-client's, below what every data channel takes
MAX_TEXT = 1 << 20  # bytes
MAX_OPEN = 64  # streams that have begun; the oldest is given up for a new one
MAX_REMEMBERED = 4096  # texts that came, so that none is shown again


class TextError(ValueError):
    pass


# ---- sending --------------------------------------------------------------------------------------


def pieces(text):
    """At most CHUNK_SIZE bytes each. A receiver decodes each for itself, so no character is cut."""
    data = text.encode()
    while data:
        end = min(len(data), CHUNK_SIZE)
        while end < len(data) and data[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        yield data[:end]
        data = data[end:]


def stream_of(text):
    """The payloads of a text stream."""
    stream = str(uuid.uuid4())
    header = {
        "stream_id": stream,
        "timestamp": time.time_ns() // 1_000_000,
        "topic": TOPIC,
        "mime_type": "text/plain",
        "total_length": len(text.encode()),
        "text_header": {},
    }
    yield {"stream_header": header}
    for index, content in enumerate(pieces(text)):
        yield {"stream_chunk": {"stream_id": stream, "chunk_index": index, "content": content}}
    yield {"stream_trailer": {"stream_id": stream}}


# ---- receiving ------------------------------------------------------------------------------------


def is_chat(message):
    """Of a payload, or of a packet that is not encrypted."""
    header = message.get("stream_header", {})
    return "chat_message" in message or (header.get("topic") == TOPIC and "text_header" in header)


def inflated(data):
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        text = decompressor.decompress(data, MAX_TEXT)
    except zlib.error as error:
        raise TextError("it cannot be decompressed") from error
    if not decompressor.eof:
        raise TextError("it is cut off, or larger than 1 MiB")
    return text


class Stream:
    def __init__(self, header):
        self.compressed = header.get("compression") == DEFLATE_RAW
        self.edited = header.get("text_header", {}).get("operation_type") == UPDATE
        self.data = b""
        self.chunks = 0

    def add(self, chunk):
        if chunk.get("chunk_index", 0) != self.chunks:
            raise TextError("a part of it is missing")
        self.chunks += 1
        self.data += chunk.get("content", b"")
        if len(self.data) > MAX_TEXT:
            raise TextError("it is larger than 1 MiB")

    def text(self):
        data = inflated(self.data) if self.compressed else self.data
        return ("(edited) " if self.edited else "") + data.decode(errors="replace")


class Texts:
    """Puts texts together out of decrypted payloads."""

    def __init__(self):
        self.open = collections.OrderedDict()  # by sender and stream
        self.seen = collections.OrderedDict()  # texts by sender, id and time of an edit

    def take(self, sender, payload):
        """The text that is complete now, or None. Raises TextError for one that is lost."""
        if "chat_message" in payload:
            return self.take_message(sender, payload["chat_message"])
        if is_chat(payload):
            return self.begin(sender, payload["stream_header"])
        if "stream_chunk" in payload:
            return self.go_on(sender, payload["stream_chunk"])
        if "stream_trailer" in payload:
            return self.finish(sender, payload["stream_trailer"])
        return None

    def refuse_again(self, *what):
        """Encryption does not keep a server from sending a text again."""
        if what in self.seen:
            raise TextError("it came before and is not shown again")
        self.seen[what] = True
        if len(self.seen) > MAX_REMEMBERED:
            self.seen.popitem(last=False)

    def take_message(self, sender, message):
        edited = message.get("edit_timestamp", 0)
        if message.get("deleted"):
            return None
        self.refuse_again(sender, message.get("id"), edited)
        return ("(edited) " if edited else "") + message.get("message", "")

    def begin(self, sender, header):
        name = header.get("stream_id")
        self.refuse_again(sender, name, "stream")
        stream = Stream(header)
        if "inline_content" in header:
            stream.add({"content": header["inline_content"]})
            return stream.text()
        self.open[sender, name] = stream
        if len(self.open) > MAX_OPEN:
            self.open.popitem(last=False)
            raise TextError("too many have begun and not ended")
        return None

    def go_on(self, sender, chunk):
        key = sender, chunk.get("stream_id")
        if key in self.open:  # not so for other topics
            try:
                self.open[key].add(chunk)
            except TextError:
                del self.open[key]
                raise

    def finish(self, sender, trailer):
        stream = self.open.pop((sender, trailer.get("stream_id")), None)
        if stream is not None and trailer.get("reason"):
            raise TextError("its sender gave it up")
        return stream and stream.text()

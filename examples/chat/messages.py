# SPDX-License-Identifier: LGPL-2.1-or-later
"""Schemas of LiveKit's messages, for protobuf.py: those fields that the chat uses."""

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

# ---- signalling -----------------------------------------------------------------------------------

PUBLISHER, SUBSCRIBER = 0, 1  # whose offer it was, in TRICKLE["target"]
DISCONNECTED = 3  # in PARTICIPANT["state"]

PARTICIPANT = {"sid": (1, str), "identity": (2, str), "state": (3, int)}
ICE_SERVER = {"urls": (1, [str]), "username": (2, str), "credential": (3, str)}
JOIN = {
    "room": (1, {"sid": (1, str), "name": (2, str)}),
    "participant": (2, PARTICIPANT),
    "other_participants": (3, [PARTICIPANT]),
    "ice_servers": (5, [ICE_SERVER]),
    "ping_timeout": (10, int),  # seconds, as is the next
    "ping_interval": (11, int),
}
SESSION_DESCRIPTION = {"type": (1, str), "sdp": (2, str), "id": (3, int)}
TRICKLE = {"candidate_init": (1, str), "target": (2, int)}
LEAVE = {"reason": (2, int)}
PING = {"timestamp": (1, int)}
PONG = {"last_ping_timestamp": (1, int)}

SIGNAL_REQUEST = {
    "offer": (1, SESSION_DESCRIPTION),
    "answer": (2, SESSION_DESCRIPTION),
    "trickle": (3, TRICKLE),
    "leave": (8, LEAVE),
    "ping": (16, PING),
}
SIGNAL_RESPONSE = {
    "join": (1, JOIN),
    "answer": (2, SESSION_DESCRIPTION),
    "offer": (3, SESSION_DESCRIPTION),
    "trickle": (4, TRICKLE),
    "update": (5, {"participants": (1, [PARTICIPANT])}),
    "leave": (8, LEAVE),
    "pong": (20, PONG),
}

# ---- data channels --------------------------------------------------------------------------------

GCM = 1  # in ENCRYPTED_PACKET["encryption_type"]; livekit-client leaves the field out
DEFLATE_RAW = 1  # in STREAM_HEADER["compression"]
UPDATE = 1  # in TEXT_HEADER["operation_type"]

CHAT_MESSAGE = {
    "id": (1, str),
    "timestamp": (2, int),  # ms since 1970
    "edit_timestamp": (3, int),
    "message": (4, str),
    "deleted": (5, int),
}
TEXT_HEADER = {"operation_type": (1, int)}
STREAM_HEADER = {
    "stream_id": (1, str),
    "timestamp": (2, int),
    "topic": (3, str),
    "mime_type": (4, str),
    "total_length": (5, int),
    "text_header": (9, TEXT_HEADER),
    "inline_content": (11, bytes),
    "compression": (12, int),
}
STREAM_CHUNK = {"stream_id": (1, str), "chunk_index": (2, int), "content": (3, bytes)}
STREAM_TRAILER = {"stream_id": (1, str), "reason": (2, str)}

ENCRYPTED_PACKET = {
    "encryption_type": (1, int),
    "iv": (2, bytes),
    "key_index": (3, int),
    "encrypted_value": (4, bytes),
}
ENCRYPTED_PAYLOAD = {
    "chat_message": (3, CHAT_MESSAGE),
    "stream_header": (7, STREAM_HEADER),
    "stream_chunk": (8, STREAM_CHUNK),
    "stream_trailer": (9, STREAM_TRAILER),
}
DATA_PACKET = {
    "participant_identity": (4, str),  # the server writes who sent it
    "chat_message": (9, CHAT_MESSAGE),
    "stream_header": (13, STREAM_HEADER),
    "encrypted_packet": (18, ENCRYPTED_PACKET),
}

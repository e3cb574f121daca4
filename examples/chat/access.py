# SPDX-License-Identifier: LGPL-2.1-or-later
"""A LiveKit server's address, and access tokens: from a file, from the environment, or made here with an
API key."""

import base64
import hashlib
import hmac
import json
import time
from urllib.parse import urlsplit

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

HTTP_SCHEMES = {"ws": "http", "wss": "https", "http": "http", "https": "https"}
SECONDS_TO_JOIN = 600
TOKEN, KEY, SECRET = "LIVEKIT_TOKEN", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"  # environment


class AccessError(Exception):
    pass


def is_url(text):
    try:
        url = urlsplit(text)
        return url.scheme in HTTP_SCHEMES and bool(url.hostname) and url.port != 0
    except ValueError:
        return False


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def make_token(key, secret, room, identity):
    """A JWT with which `identity` can join the room, to write and read data."""
    now = int(time.time())
    grants = {"roomJoin": True, "room": room, "canPublish": False, "canPublishData": True, "canSubscribe": True}
    claims = {"iss": key, "sub": identity, "name": identity, "nbf": now, "exp": now + SECONDS_TO_JOIN, "video": grants}
    parts = [base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signed = b".".join(parts)
    return b".".join([signed, base64url(hmac.digest(secret.encode(), signed, hashlib.sha256))]).decode()


def read_words(option, path, count, what):
    try:
        with open(path, encoding="utf-8") as file:
            words = file.read(1 << 16).split()
    except (OSError, UnicodeDecodeError) as error:
        raise AccessError(f"{option} {path}: {getattr(error, 'strerror', None) or 'it is not text'}") from None
    if len(words) != count:
        raise AccessError(f"{option} {path}: {what}")
    return words


def token(given, environment):
    """For the options --token-file, --room, --api-key-file and --name. What is given goes before what
    is in the environment."""
    if given.token_file:
        return read_words("--token-file", given.token_file, 1, "it must hold one token")[0]
    if not given.room:
        if environment.get(TOKEN):
            return environment[TOKEN]
        raise AccessError(f"a room needs --token-file, or --room and an API key, or {TOKEN}")
    if given.api_key_file:
        key, secret = read_words(
            "--api-key-file", given.api_key_file, 2, "it must have two lines, the API key and its secret"
        )
    elif environment.get(KEY) and environment.get(SECRET):
        key, secret = environment[KEY], environment[SECRET]
    else:
        raise AccessError(f"--room needs an API key: --api-key-file, or {KEY} and {SECRET}")
    return make_token(key, secret, given.room, given.name)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""How an SFU keeps others out, and names its rooms: not at all, or as on the open Internet."""

import base64
import hmac
import os
import secrets
import ssl
import subprocess
import time

from janus import PLUGIN_NAME

HOST = "127.0.0.1"


class Guard:
    """https with a certificate of an authority of its own; an API secret, or a signed token; rooms
    that have names instead of numbers."""

    scheme = "https"

    def __init__(self, folder):
        self.folder = folder
        self.secret = secrets.token_urlsafe(16)
        self.token_secret = secrets.token_urlsafe(16)
        self.credentials = {"apisecret": self.secret}
        self.authority = os.path.join(folder, "authority.pem")
        os.makedirs(folder, exist_ok=True)
        self.make_certificates()
        self.context = ssl.create_default_context(cafile=self.authority)

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_certificates(self):
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-days", "2"]  # fmt: skip
        subprocess.run(
            [*new, "-subj", "/CN=authority", "-addext", "keyUsage=critical,keyCertSign", "-keyout", self.path("authority.key"),
             "-out", self.authority],
            check=True, capture_output=True,
        )  # fmt: skip
        subprocess.run(
            [*new, "-subj", "/CN=sfu", "-addext", f"subjectAltName=IP:{HOST}",
             "-addext", "basicConstraints=critical,CA:FALSE",
             "-CA", self.authority, "-CAkey", self.path("authority.key"),
             "-keyout", self.path("sfu.key"), "-out", self.path("sfu.pem")],
            check=True, capture_output=True,
        )  # fmt: skip

    def token(self, plugin=PLUGIN_NAME):
        """Signed, so Janus need not know it beforehand; for one plugin, for an hour."""
        text = f"{int(time.time()) + 3600},janus,{plugin}"
        signature = hmac.new(self.token_secret.encode(), text.encode(), "sha1").digest()
        return f"{text}:{base64.b64encode(signature).decode()}"

    def general(self):
        return f"""api_secret = "{self.secret}"
            token_auth = true
            token_auth_secret = "{self.token_secret}"
            """

    def transport(self, port):
        return f"""http = false
            https = true
            secure_port = {port}
            secure_ip = "{HOST}" """

    def certificates(self):
        return f"""certificates: {{ cert_pem = "{self.path('sfu.pem')}"
            cert_key = "{self.path('sfu.key')}" }}
          """

    def rooms(self):
        return "string_ids = true"

"""A token issuer of our own for tests: real RS256 tokens, its keys served over HTTP as OIDC demands."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID = "doorstep-test-app"


class Issuer:
    """Signs access tokens with any claims, right or wrong, and counts how often its keys are fetched."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.fetches = 0
        self.add_key("first")
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetches += 1
                body = json.dumps({"keys": [issuer._public(kid) for kid in issuer.keys]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def add_key(self, kid: str) -> None:
        self.keys[kid] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def token(self, subject: str, *groups: str, kid: str = "first", **claims: Any) -> str:
        now = int(time.time())
        told = {
            "iss": self.url,
            "sub": subject,
            "iat": now,
            "exp": now + 3600,
            "token_use": "access",
            "client_id": CLIENT_ID,
            "cognito:groups": list(groups),
            **claims,
        }
        told = {name: value for name, value in told.items() if value is not None}
        return jwt.encode(told, self.keys[kid], algorithm="RS256", headers={"kid": kid})

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _public(self, kid: str) -> dict[str, Any]:
        return {
            **json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.keys[kid].public_key())),
            "kid": kid,
            "use": "sig",
            "alg": "RS256",
        }

"""Clients that cost next to nothing: one kept-alive connection each, because they share the cores with the stack."""

from __future__ import annotations

import http.client
import json
import socket
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from benchmarks import shop

Json = dict[str, Any]
VISA = "pm_card_visa"


@dataclass(frozen=True)
class Answer:
    """Status and decoded body."""

    status: int
    body: Any
    replayed: bool = False


class Refused(Exception):
    """An answer that a benchmark did not expect."""


class Wire:
    """One connection to one address. Not for several threads."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=60)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._token = token
        self.requests = 0

    def send(self, method: str, path: str, body: bytes, kind: str, **headers: str) -> Answer:
        """One request."""
        self.requests += 1
        given = {"Authorization": f"Bearer {self._token}", "Content-Type": kind, **headers}
        self._connection.request(method, path, body, given)
        response = self._connection.getresponse()
        text = response.read()
        replayed = response.getheader("Idempotent-Replayed") == "true"
        return Answer(response.status, json.loads(text) if text else None, replayed)

    def post(self, path: str, body: Json, **headers: str) -> Answer:
        """A JSON body."""
        return self.send("POST", path, json.dumps(body).encode(), "application/json", **headers)


@dataclass
class Shopper:
    """A customer's app: from a full basket to an authorised payment in three requests."""

    api: Wire
    stripe: Wire
    store_id: str
    walls: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, api_url: str, stripe_url: str, token: str, stripe_key: str, store_id: str) -> Shopper:
        """One with connections of its own."""
        return cls(Wire(api_url, token), Wire(stripe_url, stripe_key), store_id)

    @property
    def requests(self) -> int:
        """How many requests were made so far."""
        return self.api.requests + self.stripe.requests

    def quote(self, **changes: Any) -> Json:
        """A price for the basket."""
        return _expect(201, self.api.post("/v1/quotes", shop.basket(self.store_id, **changes)))

    def place(self, quote_id: str, key: str | None = None) -> Answer:
        """Order what was quoted, whatever the answer."""
        asked = {"quote_id": quote_id, "payment_method": "card"}
        return self.api.post("/v1/orders", asked, **{"Idempotency-Key": key or str(uuid.uuid4())})

    def pay(self, payment: Json) -> None:
        """Confirm with the client secret."""
        form = urlencode({"client_secret": payment["client_secret"], "payment_method": VISA})
        path = f"/v1/payment_intents/{payment['payment_intent_id']}/confirm"
        answer = self.stripe.send("POST", path, form.encode(), "application/x-www-form-urlencoded")
        status = _expect(200, answer)["status"]
        if status != "requires_capture":
            raise Refused(f"the payment is {status}")

    def order(self) -> Json:
        """All three."""
        placed = _expect(201, self.place(self.quote()["id"]))
        self.pay(placed["payment"])
        return placed


def _expect(status: int, answer: Answer) -> Json:
    if answer.status != status:
        raise Refused(f"{answer.status} {answer.body}")
    body: Json = answer.body
    return body

"""A sandbox with its webhook receiver, and Stripe's own SDK to talk to it."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import stripe

from infra.local.httpd import HttpRequest, HttpResponse, HttpServer
from infra.local.stripe_sandbox import Config, Endpoint, Sandbox

SECRET_KEY = "sk_test_doorstep"
PUBLISHABLE_KEY = "pk_test_doorstep"
WEBHOOK_SECRET = "whsec_doorstep"


@dataclass(frozen=True)
class Received:
    """A webhook as it arrived: verified by the SDK, with its raw parts."""

    event: stripe.Event
    body: bytes
    signature: str
    at: float


class Receiver:
    """An endpoint that keeps what it is sent. `answers` are given first, each one once; then 200."""

    def __init__(self, port: int = 0) -> None:
        self.received: list[Received] = []
        self.answers: list[int] = []
        self._server = HttpServer(port, self._receive)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/v1/webhooks/stripe"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def types(self) -> list[str]:
        return [received.event.type for received in self.received]

    def wait_for(self, condition: Callable[[list[str]], bool], seconds: float = 10.0) -> list[str]:
        """The types received, once they satisfy the condition."""
        deadline = time.monotonic() + seconds
        while not condition(self.types()):
            assert time.monotonic() < deadline, f"received only {self.types()}"
            time.sleep(0.01)
        return self.types()

    def _receive(self, request: HttpRequest) -> HttpResponse:
        signature = request.headers["stripe-signature"]
        event = stripe.Webhook.construct_event(request.body, signature, WEBHOOK_SECRET)
        self.received.append(Received(event, request.body, signature, time.monotonic()))
        return HttpResponse(self.answers.pop(0) if self.answers else 200)


@dataclass(frozen=True)
class Caller:
    """Plain HTTP, for what an app on a phone or a test does without the SDK."""

    url: str

    def __call__(
        self,
        method: str,
        path: str,
        form: dict[str, str] | None = None,
        *,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        sent = dict(headers or {})
        if body is not None:
            data, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(self.url + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def start(tmp_path: Path, receiver: Receiver) -> Iterator[Callable[..., Sandbox]]:
    """Starts a sandbox on the test's file, sending webhooks to the receiver unless told otherwise."""
    running: list[Sandbox] = []

    def start_one(**endpoint: Any) -> Sandbox:
        wanted = Endpoint(
            **{"url": receiver.url, "secret": WEBHOOK_SECRET, "first_retry": 0.05, "timeout": 2.0} | endpoint
        )
        running.append(Sandbox(Config(tmp_path / "stripe.sqlite", SECRET_KEY, endpoint=wanted)).start())
        return running[-1]

    yield start_one
    for sandbox in running:
        sandbox.stop()


@pytest.fixture
def sandbox(start: Callable[..., Sandbox]) -> Sandbox:
    return start()


@pytest.fixture
def client(sandbox: Sandbox) -> stripe.StripeClient:
    return client_of(sandbox.url)


@pytest.fixture
def call(sandbox: Sandbox) -> Caller:
    return Caller(sandbox.url)


def client_of(url: str, *, retries: int = 0, key: str = SECRET_KEY) -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": url}, max_network_retries=retries)


def order_intent(client: stripe.StripeClient, **changes: Any) -> stripe.PaymentIntent:
    """An intent as an order makes it: held at confirmation, taken at hand-over."""
    wanted = {
        "amount": 2350,
        "currency": "eur",
        "capture_method": "manual",
        "automatic_payment_methods": {"enabled": True},
        "metadata": {"order_id": "ord_1"},
    }
    return client.v1.payment_intents.create({**wanted, **changes})


def pay(client: stripe.StripeClient, intent: stripe.PaymentIntent, card: str = "pm_card_visa") -> stripe.PaymentIntent:
    return client.v1.payment_intents.confirm(
        intent.id, {"payment_method": card, "return_url": "https://shop.test/back"}
    )


def paid(client: stripe.StripeClient, amount: int = 2350, **changes: Any) -> stripe.PaymentIntent:
    """A card payment that was captured."""
    return client.v1.payment_intents.capture(pay(client, order_intent(client, amount=amount, **changes)).id)


def connected(client: stripe.StripeClient, call: Caller, **changes: Any) -> stripe.Account:
    """A connected account that can be paid."""
    wanted = {"type": "express", "country": "DE", "capabilities": {"transfers": {"requested": True}}}
    account = client.v1.accounts.create({**wanted, **changes})
    assert call("POST", f"/sandbox/accounts/{account.id}/onboard")[0] == 200
    return client.v1.accounts.retrieve(account.id)


def available(client: stripe.StripeClient, account: str | None = None, currency: str = "eur") -> int:
    """What an account (the platform when None) may spend."""
    options = {"stripe_account": account} if account else {}
    found = client.v1.balance.retrieve(options=options).available
    return next((funds.amount for funds in found if funds.currency == currency), 0)

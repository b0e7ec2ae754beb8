"""Payments stand on a real DynamoDB and the stateful Stripe sandbox, spoken to by Stripe's own SDK."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import ids, settings
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import provider, service
from chalicelib.payments.model.bill import Bill, BillLine
from infra.local.stripe_sandbox import Config, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chalicelib.payments.model import Payment
    from infra.local.wire import Emulator

KEY = "sk_test_payments"


@dataclass
class Stripe:
    """The sandbox as the customer's phone and the operator see it."""

    url: str

    def confirm(self, action: provider.ClientAction | None, card: str = "pm_card_visa") -> dict[str, Any]:
        """What the phone's payment form does with the client secret."""
        assert action is not None
        body = f"client_secret={action.client_secret}&payment_method={card}"
        return self._call(f"/v1/payment_intents/{action.intent_id}/confirm", body, form=True)

    def fault(self, kind: str, path_prefix: str, times: int = 1, method: str = "POST") -> None:
        """Make the next calls go wrong."""
        match = {"method": method, "path_prefix": path_prefix}
        self._call("/sandbox/faults", json.dumps({"kind": kind, "match": match, "times": times}))

    def cause(self, fault: dict[str, Any], path_prefix: str, method: str) -> None:
        """Make calls of a path go wrong as ``fault`` says: its ``kind``, ``times`` and whether it is ``remembered``."""
        match = {"method": method, "path_prefix": path_prefix}
        assert "error" not in self._call("/sandbox/faults", json.dumps({**fault, "match": match}))

    def faults_left(self) -> int:
        """How many calls will still go wrong."""
        return sum(fault["remaining"] for fault in self._call("/sandbox/faults")["faults"])

    def forget_faults(self) -> None:
        """From now on nothing goes wrong."""
        request = urllib.request.Request(f"{self.url}/sandbox/faults", method="DELETE")
        urllib.request.urlopen(request, timeout=10).close()

    def authenticate(self, intent_id: str, outcome: str | None = None) -> None:
        """The customer in the app of a wallet, or of a bank."""
        body = "{}" if outcome is None else json.dumps({"outcome": outcome})
        self._call(f"/sandbox/payment_intents/{intent_id}/authenticate", body)

    def set_up(self, action: provider.ClientAction | None, card: str = "pm_card_visa") -> None:
        """What the phone's form does with the secret of a setup intent, the bank's dialogue included."""
        assert action is not None
        body = f"client_secret={action.client_secret}&payment_method={card}"
        told = self._call(f"/v1/setup_intents/{action.intent_id}/confirm", body, form=True)
        if told.get("status") == "requires_action":
            self._call(f"/sandbox/setup_intents/{action.intent_id}/authenticate", "{}")

    def summary(self) -> dict[str, Any]:
        """All the money at once."""
        return self._call("/sandbox/summary")

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """What somebody else makes happen: `/sandbox/…`."""
        return self._call(path, json.dumps(body))

    def expire_hold(self, intent_id: str) -> None:
        """Let the bank's hold run out, as it does after seven days."""
        self._call(f"/sandbox/payment_intents/{intent_id}/expire", "{}")

    def intents_of(self, order_id: str) -> list[dict[str, Any]]:
        """Every intent that was ever made for the order."""
        told = self._call("/sandbox/summary")["intents"]
        return [intent for intent in told if intent["metadata"].get("order_id") == order_id]

    def _call(self, path: str, body: str | None = None, *, form: bool = False) -> dict[str, Any]:
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        request = urllib.request.Request(
            self.url + path, data=body.encode() if body else None, headers={"Content-Type": kind}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as refused:
            return dict(json.loads(refused.read()))


# A lunch whose bill is one line.
BILL = Bill(currency="EUR", lines=(BillLine(ref="0", gross=2350, tax=154, tax_rate_bps=700),))


def captured(stripe: Stripe) -> Payment:
    """A payment that was held and taken, as when an order has reached its customer."""
    tx = Transaction()
    payment = service.open_payment(
        tx,
        order_id=ids.new_id("ord"),
        store_id=ids.new_id("sto"),
        customer_id="cus-1",
        amount=Money(BILL.total, "EUR"),
        method="card",
        sums=BILL.sums,
    )
    tx.commit()
    stripe.confirm(service.start_intent(payment))
    tx = Transaction()
    service.record_authorised(tx, payment, service.look_up_provider(payment))
    tx.commit()
    return service.capture_payment(payment.order_id)


def api() -> Any:
    """Stripe's own API, as the platform's account sees it."""
    return provider.client.connected().v1


@pytest.fixture
def stripe(tmp_path: Path, dynamodb: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stripe]:
    """A fresh sandbox that the code under test speaks to."""
    with Sandbox(Config(tmp_path / "stripe.db", KEY, port=0)) as sandbox:
        monkeypatch.setenv("DOORSTEP_STRIPE_API_BASE", sandbox.url)
        monkeypatch.setenv("STRIPE_API_KEY", KEY)
        settings.reload()
        monkeypatch.setattr(provider.client, "_client", None)
        yield Stripe(sandbox.url)
    monkeypatch.undo()
    settings.reload()


@pytest.fixture
def open_payment(dynamodb: Emulator) -> Any:
    """Put a payment, as an order's transaction would."""

    def opened(method: str = "card", amount: int = 2350, currency: str = "EUR") -> Payment:
        tx = Transaction()
        payment = service.open_payment(
            tx,
            order_id=ids.new_id("ord"),
            store_id="sto_1",
            customer_id="cus-1",
            amount=Money(amount, currency),
            method=method,
        )
        tx.commit()
        return payment

    return opened

"""Whatever happens in whatever order: the sandbox's own books agree with a model that is kept beside them."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from infra.local.stripe_sandbox import Config, Sandbox, fees
from tests.infra.stripe_sandbox.conftest import SECRET_KEY, Caller, client_of, connected

PRICES = st.integers(500, 5_000)
PERCENT = st.integers(1, 110)
"""Of what there is: mostly possible, sometimes a little too much."""
PARTS = st.none() | PERCENT
METHODS = ("pm_card_visa", "pm_card_visa", "pm_card_threeDSecure2Required", "alipay", "pm_card_chargeDeclined")
FLOAT = 4_000
AFTER = {"pending": ("in_transit", "paid", "failed"), "in_transit": ("paid", "failed"), "paid": ("failed",)}
PLATFORM = ""


@dataclass
class Payment:
    amount: int
    method: str
    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    state: str = "open"
    charge: str = ""


@dataclass
class Sent:
    amount: int
    account: str
    source: str | None = None
    reversed: int = 0


@dataclass
class Books:
    """What ought to be: balances worked out from what was asked for and granted."""

    balances: Counter[str] = field(default_factory=Counter)
    payments: dict[str, Payment] = field(default_factory=dict)
    transfers: dict[str, Sent] = field(default_factory=dict)
    payouts: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    disputes: dict[str, tuple[str, int]] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)
    decided: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    """Refunds that came back."""
    fees: int = 0


class Money(RuleBasedStateMachine):
    """Payments, refunds, transfers, reversals, payouts and disputes at random, each refused where it must be."""

    payments = Bundle("payments")
    transfers = Bundle("transfers")
    payouts = Bundle("payouts")
    disputes = Bundle("disputes")
    refunds = Bundle("refunds")

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.sandbox = Sandbox(Config(Path(self.directory.name) / "stripe.sqlite", SECRET_KEY)).start()
        self.client = client_of(self.sandbox.url)
        self.call = Caller(self.sandbox.url)
        self.books = Books()

    def teardown(self) -> None:
        try:
            for account in (PLATFORM, *getattr(self, "accounts", ())):
                self._check_lines(account)
        finally:
            self.sandbox.stop()
            self.directory.cleanup()

    @initialize(target=transfers)
    def open_accounts(self) -> Any:
        self.accounts = [connected(self.client, self.call).id for _ in range(2)]
        self.call("POST", "/sandbox/balance/top_up", body={"amount": FLOAT, "currency": "eur"})
        self.books.balances[PLATFORM] += FLOAT
        return multiple(*(self.transfer(25, which, None) for which in range(2)))

    @rule(target=payments, amount=PRICES, method=st.sampled_from(METHODS), held=st.booleans())
    def pay(self, amount: int, method: str, held: bool) -> str:
        options = {"payment_method_options": {"card": {"capture_method": "manual"}}} if held else {}
        intent = self.client.v1.payment_intents.create(
            {
                "amount": amount,
                "currency": "eur",
                "capture_method": "automatic",
                "allowed_payment_method_types": ["card", "alipay"],
                **options,
            }
        )
        payment = self.books.payments[intent.id] = Payment(amount, method)
        means: dict[str, Any] = {"payment_method": method}
        if method == "alipay":
            means = {"payment_method_data": {"type": "alipay"}}
        try:
            intent = self.client.v1.payment_intents.confirm(intent.id, {**means, "return_url": "https://shop.test"})
        except stripe.CardError:
            assert method == "pm_card_chargeDeclined"
            return intent.id
        if intent.status == "requires_action":
            _, document = self.call("POST", f"/sandbox/payment_intents/{intent.id}/authenticate")
            intent = stripe.PaymentIntent.construct_from(document, None)
        payment.charge = intent.latest_charge
        payment.state = intent.status
        if held and method != "alipay":
            assert intent.status == "requires_capture"
        else:
            self._banked(payment, amount)
        return intent.id

    @rule(id_=payments, percent=PARTS)
    def capture(self, id_: str, percent: int | None) -> None:
        payment = self.books.payments[id_]
        part = _part(payment.amount, percent)
        params = {} if part is None else {"amount_to_capture": part}
        try:
            self.client.v1.payment_intents.capture(id_, params)
        except stripe.InvalidRequestError:
            assert payment.state != "requires_capture" or (part or 0) > payment.amount
            return
        assert payment.state == "requires_capture"
        payment.state = "succeeded"
        self._banked(payment, payment.amount if part is None else part)

    @rule(id_=payments)
    def cancel(self, id_: str) -> None:
        payment = self.books.payments[id_]
        try:
            self.client.v1.payment_intents.cancel(id_)
        except stripe.InvalidRequestError:
            assert payment.state in ("succeeded", "canceled")
            return
        payment.state = "canceled"

    @rule(target=refunds, id_=payments, percent=PARTS)
    def refund(self, id_: str, percent: int | None) -> Any:
        payment = self.books.payments[id_]
        left = payment.captured - payment.refunded
        part = _part(left, percent)
        params = {"payment_intent": id_, **({} if part is None else {"amount": part})}
        try:
            made = self.client.v1.refunds.create(params)
        except stripe.InvalidRequestError:
            assert payment.disputed or left == 0 or (part or 0) > left
            return multiple()
        assert made.amount == (left if part is None else part) <= left
        assert not payment.disputed
        payment.refunded += made.amount
        self.books.balances[PLATFORM] -= made.amount
        return (made.id, id_, made.amount)

    @rule(refund=refunds)
    def fail_refund(self, refund: tuple[str, str, int]) -> None:
        id_, intent, amount = refund
        status, _ = self.call("POST", f"/sandbox/refunds/{id_}/fail")
        assert status == (400 if id_ in self.books.failed else 200)
        if status == 200:
            self.books.failed.add(id_)
            self.books.payments[intent].refunded -= amount
            self.books.balances[PLATFORM] += amount

    @rule(target=transfers, percent=PERCENT, which=st.integers(0, 1), id_=st.none() | payments)
    def transfer(self, percent: int, which: int, id_: str | None) -> Any:
        account, payment = self.accounts[which], self.books.payments.get(id_ or "")
        source = payment.charge if payment and payment.charge else None
        used = sum(sent.amount - sent.reversed for sent in self.books.transfers.values() if sent.source == source)
        room = payment.captured - used if payment and source else self.books.balances[PLATFORM]
        amount = max(1, room * percent // 100)
        params = {"amount": amount, "currency": "eur", "destination": account}
        if source:
            params["source_transaction"] = source
        try:
            made = self.client.v1.transfers.create(params)
        except stripe.InvalidRequestError:
            assert amount > room
            return multiple()
        assert amount <= room
        self.books.transfers[made.id] = Sent(amount, account, source)
        self.books.balances[PLATFORM] -= amount
        self.books.balances[account] += amount
        return made.id

    @rule(id_=transfers, percent=PARTS)
    def reverse(self, id_: str, percent: int | None) -> None:
        sent = self.books.transfers[id_]
        left = sent.amount - sent.reversed
        part = _part(left, percent)
        try:
            made = self.client.v1.transfers.reversals.create(id_, {} if part is None else {"amount": part})
        except stripe.InvalidRequestError:
            wanted = left if part is None else part
            assert left == 0 or wanted > left or wanted > self.books.balances[sent.account]
            return
        assert made.amount == (left if part is None else part) <= min(left, self.books.balances[sent.account])
        sent.reversed += made.amount
        self.books.balances[PLATFORM] += made.amount
        self.books.balances[sent.account] -= made.amount

    @rule(target=payouts, percent=PERCENT, which=st.sampled_from((0, 1, 0, 1, None)))
    def pay_out(self, percent: int, which: int | None) -> Any:
        account = PLATFORM if which is None else self.accounts[which]
        amount = max(1, self.books.balances[account] * percent // 100)
        options = {"stripe_account": account} if account else {}
        try:
            made = self.client.v1.payouts.create({"amount": amount, "currency": "eur"}, options)
        except stripe.InvalidRequestError:
            assert amount > self.books.balances[account]
            return multiple()
        assert amount <= self.books.balances[account]
        self.books.balances[account] -= amount
        self.books.payouts[made.id] = (account, amount, "pending")
        return made.id

    @rule(id_=payouts, what=st.sampled_from(("in_transit", "paid", "failed", "canceled")))
    def go_on(self, id_: str, what: str) -> None:
        account, amount, state = self.books.payouts[id_]
        options = {"stripe_account": account} if account else {}
        if what == "canceled":
            try:
                self.client.v1.payouts.cancel(id_, options=options)
            except stripe.InvalidRequestError:
                assert state != "pending"
                return
            assert state == "pending"
        else:
            status, _ = self.call("POST", f"/sandbox/payouts/{id_}/{what}")
            assert (status == 200) is (what in AFTER.get(state, ()))
            if status != 200:
                return
        self.books.payouts[id_] = (account, amount, what)
        if what in ("failed", "canceled"):
            self.books.balances[account] += amount

    @rule(target=disputes, id_=payments, percent=PARTS)
    def dispute(self, id_: str, percent: int | None) -> Any:
        payment = self.books.payments[id_]
        part = _part(payment.captured, percent)
        if not payment.charge:
            return multiple()
        body = {} if part is None else {"amount": part}
        status, opened = self.call("POST", f"/sandbox/charges/{payment.charge}/dispute", body=body)
        if status != 200:
            assert payment.captured < (part or 1) or payment.disputed or id_ in self.books.disputed
            return multiple()
        assert 0 < opened["amount"] <= payment.captured
        assert id_ not in self.books.disputed
        self.books.disputed.add(id_)
        payment.disputed = opened["amount"]
        self.books.balances[PLATFORM] -= opened["amount"] + 2000
        self.books.fees += 2000
        self.books.disputes[opened["id"]] = (id_, opened["amount"])
        return opened["id"]

    @rule(id_=disputes, how=st.sampled_from(("won", "lost")))
    def decide(self, id_: str, how: str) -> None:
        intent, amount = self.books.disputes[id_]
        status, _ = self.call("POST", f"/sandbox/disputes/{id_}/{how}")
        assert status == (400 if id_ in self.books.decided else 200)
        self.books.decided.add(id_)
        if status == 200 and how == "won":
            self.books.payments[intent].disputed = 0
            self.books.balances[PLATFORM] += amount

    @invariant()
    def the_sandbox_agrees_with_the_books(self) -> None:
        _, summary = self.call("GET", "/sandbox/summary")
        balances = {name: funds["eur"]["available"] for name, funds in summary["balances"].items()}
        assert balances == {name or "platform": amount for name, amount in self.books.balances.items()}
        assert all(amount >= 0 for name, amount in balances.items() if name != "platform")
        for line in summary["intents"]:
            payment = self.books.payments[line["id"]]
            assert (line["captured"], line["refunded"], line["disputed"]) == (
                payment.captured,
                payment.refunded,
                payment.disputed,
            )
            assert line["refunded"] <= line["captured"] <= line["amount"]
            assert line["capturable"] == (payment.amount if payment.state == "requires_capture" else 0)
            assert line["captures"] <= 1
        sent: dict[str, int] = defaultdict(int)
        for line in summary["transfers"]:
            assert line["reversed"] == self.books.transfers[line["id"]].reversed <= line["amount"]
            sent[line["source_transaction"] or ""] += line["amount"] - line["reversed"]
        for payment in self.books.payments.values():
            assert sent[payment.charge or "none"] <= payment.captured
        taken_back: Counter[str] = Counter()
        for line in summary["reversals"]:
            taken_back[line["transfer"]] += line["amount"]
        assert all(taken_back[line["id"]] == line["reversed"] for line in summary["transfers"])
        assert summary["fees"].get("eur", 0) == self.books.fees

    def _check_lines(self, account: str) -> None:
        """A balance is the sum of its lines, which are those that the SDK pages through."""
        options = {"stripe_account": account} if account else {}
        shown = self.client.v1.balance.retrieve(options=options)
        held = sum(funds.amount for funds in (*shown.available, *shown.pending))
        lines = list(self.client.v1.balance_transactions.list({"limit": 100}, options).auto_paging_iter())
        assert held == sum(line.net for line in lines) == self.books.balances[account]
        assert all(line.net == line.amount - line.fee for line in lines)

    def _banked(self, payment: Payment, amount: int) -> None:
        payment.captured = amount
        fee = fees.payment_fee("alipay" if payment.method == "alipay" else "card", amount, "eur")
        self.books.balances[PLATFORM] += amount - fee
        self.books.fees += fee


def _part(whole: int, percent: int | None) -> int | None:
    return None if percent is None else max(1, whole * percent // 100)


Money.TestCase.settings = settings(
    max_examples=50, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestMoneyAddsUp = pytest.mark.slow(Money.TestCase)

"""A store and a rider who are settled with: their orders, by any method, and what the ledger says of them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.kernel import clock, events, ids, tables
from chalicelib.kernel.errors import Conflict, DomainError
from chalicelib.kernel.idempotency import IdempotencyKey
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import service
from chalicelib.payments.model.bill import DELIVERY_FEE, Bill, BillLine
from chalicelib.payments.model.credit import CreditPart
from chalicelib.payments.model.ledger import Entry, lines_of
from chalicelib.payments.model.refunds import Refund, RefundRequest
from chalicelib.payments.service import settlement
from chalicelib.payments.tables.ledger import RIDERS, STORES, indexed_between
from chalicelib.stores import service as stores
from tests.ordering import world

if TYPE_CHECKING:
    from chalicelib.payments.model import Payment
    from tests.payments.conftest import Stripe

# A Wednesday noon in Berlin; the week that it is in ends on Sunday night, at 23:00 in UTC.
WEDNESDAY = datetime(2026, 3, 4, 11, tzinfo=UTC)
WEEK_ENDS = datetime(2026, 3, 8, 23, tzinfo=UTC)
WEEK = timedelta(days=7)
CLOSING = WEEK_ENDS + timedelta(hours=1, minutes=1)

BILL = Bill(
    currency="EUR",
    lines=(
        BillLine(ref="0", quantity=3, gross=3000, tax=196, tax_rate_bps=700),
        BillLine(ref="1", gross=850, tax=136, tax_rate_bps=1900),
    ),
    fees=(BillLine(ref=DELIVERY_FEE, gross=300, tax=48, tax_rate_bps=1900),),
    tip=200,
)


def key() -> IdempotencyKey:
    return IdempotencyKey("0" * 32, ids.new_id("key"), "f" * 64, lambda result: {"body": {}})


def open_store() -> str:
    owner = ids.new_id("usr")
    merchant = stores.create_merchant("Pizza Nuova", owner)
    return stores.create_store(merchant.id, owner, world.store_settings()).id


@dataclass
class Settled:
    """A store with a rider, and their orders."""

    stripe: Stripe
    store_id: str = field(default_factory=open_store)
    rider_id: str = field(default_factory=lambda: ids.new_id("rdr"))

    @property
    def store(self) -> settlement.Party:
        return settlement.Party("store", self.store_id)

    @property
    def rider(self) -> settlement.Party:
        return settlement.Party("rider", self.rider_id)

    # --- orders -------------------------------------------------------------------------------------------------------

    def sell(self, method: str = "card", bill: Bill = BILL, *, given: int = 0) -> Payment:
        """An order that reached its customer; ``given`` of it was paid by a gift card."""
        tx = Transaction()
        payment = service.open_payment(
            tx,
            order_id=ids.new_id("ord"),
            store_id=self.store_id,
            customer_id=ids.new_id("cus"),
            amount=Money(bill.total, bill.currency),
            method=method,
            sums=bill.sums,
            rates=bill.rates,
            mode="pickup" if method == "pay_at_store" else "delivery",
            credits=_gift(given) if given else (),
        )
        tx.commit()
        if payment.provider_minor:
            self.stripe.confirm(service.start_intent(payment))
            tx = Transaction()
            service.record_authorised(tx, payment, service.look_up_provider(payment))
            tx.commit()
        return service.capture_payment(payment.order_id, None if method == "pay_at_store" else self.rider_id)

    def refund(self, payment: Payment, *, payer: str = "store", bill: Bill = BILL, **wanted: Any) -> Refund:
        request = RefundRequest(reason="quality", payer=payer, requested_by="usr-1", **wanted)  # type: ignore[arg-type]
        asked = service.request_refund(payment.order_id, bill, request, key())
        return service.settle_refund(payment.order_id, asked.number)

    # --- settlement ---------------------------------------------------------------------------------------------------

    def close(self, party: settlement.Party | None = None, at: datetime = CLOSING) -> settlement.Statement | None:
        with clock.freeze(at):
            return settlement.close_due(party or self.store, "EUR")

    def onboard(self, party: settlement.Party | None = None) -> settlement.PayoutAccount:
        """Open an account and fill in its form."""
        party = party or self.store
        if party.kind == "store":
            account = settlement.open_store_account(party.id, "usr-1", key())
        else:
            account = settlement.open_rider_account(party.id, "DE", key())
        self.sandbox(f"accounts/{account.account_id}/onboard")
        return account

    def pay_out(self, statement: settlement.Statement, at: datetime = CLOSING) -> settlement.Payout:
        with clock.freeze(at):
            return settlement.settle_payout(statement.party, statement.currency, statement.number)

    def sandbox(self, path: str, **body: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.stripe.url}/sandbox/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as refused:
            raise AssertionError(refused.read()) from refused

    def transfers(self) -> list[Any]:
        """What Stripe has sent to the store and the rider, newest first."""
        from chalicelib.payments import provider

        with_us = (f"{self.store.kind}:{self.store_id}:", f"{self.rider.kind}:{self.rider_id}:")
        listed = provider.client.connected().v1.transfers.list(params={"limit": 100})
        return [each for each in listed.data if (each.transfer_group or "").startswith(with_us)]


def moved(party: settlement.Party, amount: int, at: datetime, kind: str = "adjustment") -> Entry:
    """Something that changes what a party has, posted at its moment."""
    order_id = ids.new_id("ord")
    entry = Entry(
        id=f"{order_id}:by_hand:{kind}",
        cause="by_hand",
        kind=kind,
        at=at,
        currency="EUR",
        lines=lines_of((party.payable, -amount, "adjustment"), ("platform:revenue", amount, "adjustment")),
        order_id=order_id,
        store_id=party.id if party.kind == "store" else None,
        rider_id=party.id if party.kind == "rider" else None,
    )
    tx = Transaction()
    with clock.freeze(at):
        service.post(tx, entry)
        tx.commit()
    return entry


def something_settled(kind: str, party_id: str, *, closes: bool) -> str:
    """The name of a statement that was closed a moment ago; or of none, where it is still to be closed."""
    party = settlement.party_of(kind, party_id)
    moved(party, 500, clock.now())
    return settlement.close_now(party, "EUR", key()).statement.id if closes else "EUR-1"


def account_opened(kind: str, party_id: str) -> None:
    """The party has an account at the provider."""
    with suppress(Conflict):
        if kind == "store":
            settlement.open_store_account(party_id, "usr-1", key())
        else:
            settlement.open_rider_account(party_id, "DE", key())


def balance(party: settlement.Party) -> int:
    """What the ledger says that a party is owed, less the cash that it holds: from all its entries."""
    return -sum(entry.on(party.payable) + entry.on(party.cash) for entry in entries_of(party))


def entries_of(party: settlement.Party) -> list[Entry]:
    index = STORES if party.kind == "store" else RIDERS
    far = datetime(2100, 1, 1, tzinfo=UTC)
    return [entry for _, entry in indexed_between(index, party.id, datetime(1970, 1, 2, tzinfo=UTC), far)]


def statements_of(party: settlement.Party) -> list[settlement.Statement]:
    """All of a party's statements, oldest first."""
    page = settlement.list_statements(party, 100, None)
    return [each.statement for each in reversed(page.items)]


def until_it_works(act: Any, tries: int = 8) -> Any:
    """Do it again as its queue would, while what failed is retryable."""
    for _ in range(tries):
        try:
            return act()
        except DomainError as error:
            if not error.retryable:
                raise
    raise AssertionError("never worked")


def emitted(event_type: str, **having: Any) -> list[events.Envelope]:
    """Events of a type that were written, with these fields."""
    found: list[events.Envelope] = []
    scan: dict[str, Any] = {}
    while True:
        answer = tables.connection().client.scan(TableName=events.EventsRow.Meta.table_name, **scan)
        for item in answer["Items"]:
            if "outbox" in item:
                found += [events.Envelope(**each) for each in events.EventsRow.outbox.deserialize(item["outbox"]["B"])]
        if "LastEvaluatedKey" not in answer:
            break
        scan = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    return [
        each
        for each in found
        if each.type == event_type and all(each.data.get(name) == value for name, value in having.items())
    ]


def _gift(given: int) -> tuple[CreditPart, ...]:
    issued = service.issue_gift_card(
        Money(given, "EUR"),
        funded_by="promotions",
        merchant_id=None,
        valid_days=None,
        reason="spring",
        by="adm_1",
        key=key(),
    )
    return (CreditPart(issued.card.id, issued.card.kind, given),)

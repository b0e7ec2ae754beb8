"""Small makers of ordering's values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from chalicelib.kernel import ids
from chalicelib.kernel.money import Money
from chalicelib.ordering.model import commands, news
from chalicelib.ordering.model import order as rules
from chalicelib.ordering.model.order import Actor, Change, Order, Promise, Status

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CUSTOMER = Actor("customer", "cus-1")
STAFF = Actor("staff", "sta-1")
RIDER = Actor("rider", "rdr-1")
SYSTEM = rules.SYSTEM_ACTOR


def change(actor: Actor = SYSTEM, *, minutes: float = 0, cause: str | None = None) -> Change:
    """A change at noon plus ``minutes``."""
    return Change(actor, NOON + timedelta(minutes=minutes), cause or ids.new_id("evt"))


def placed(*, confirmed: bool = True, mode: str = rules.DELIVERY, **fields: Any) -> Order:
    """An order as it is right after noon."""
    raw = Order(
        id=ids.new_id("ord"),
        customer_id="cus-1",
        store_id=ids.new_id("sto"),
        mode=mode,
        payment_method=rules.CARD,
        total=Money(4650, "EUR"),
        status=Status.PLACED,
        version=0,
        placed_at=NOON,
        pay_by=NOON + timedelta(minutes=10),
        asked_from=NOON,
        accept_within=timedelta(minutes=5),
        promise=Promise(None, NOON + timedelta(minutes=20), NOON + timedelta(minutes=35)),
        pickup_code="4711",
        delivery_pin="0815" if mode == rules.DELIVERY else None,
    )
    return rules.place(replace(raw, **fields), change(CUSTOMER), confirmed=confirmed)


def accepted(**fields: Any) -> Order:
    """An order that the store has taken on at 12:01, ready at 12:21."""
    return commands.accept(placed(**fields), change(STAFF, minutes=1), prep=timedelta(minutes=20))


def preparing(**fields: Any) -> Order:
    """An order that the kitchen works on since 12:02."""
    return commands.start(accepted(**fields), change(STAFF, minutes=2))


def ready(**fields: Any) -> Order:
    """An order that is ready since 12:20."""
    return commands.make_ready(preparing(**fields), change(STAFF, minutes=20))


def out_for_delivery(**fields: Any) -> Order:
    """An order that a rider has picked up at 12:22."""
    return news.note_picked_up(ready(**fields), change(RIDER, minutes=22))

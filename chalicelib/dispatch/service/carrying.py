"""What riders carry: checked again when they accept, and the cash that they collect and hand in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.dispatch.model.capacity import is_demanding, refusal
from chalicelib.dispatch.model.rider import in_hand
from chalicelib.dispatch.service.records import read_deliveries, read_own_rider, read_rider, write_rider
from chalicelib.dispatch.tables import STATE, RiderRow, rider_pk
from chalicelib.kernel.errors import Conflict, Contention, VersionConflict
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.dispatch.model.delivery import Delivery
    from chalicelib.dispatch.model.rider import Rider
    from chalicelib.kernel.idempotency import IdempotencyKey

logger = logging.getLogger(__name__)

_RACES = 4


def check_capacity(tx: Transaction, rider_id: str, accepted: Sequence[Delivery]) -> None:
    """Refuse what the rider can't carry any more, on the condition that the rider stays as read.

    An order that asks for nothing special has its place since the offer, and costs no read here.
    """
    if not any(is_demanding(each) for each in accepted):
        return
    rider = read_own_rider(rider_id)
    jobs = read_deliveries(each for each in rider.jobs if each not in {one.id for one in accepted})
    held = [each for job in in_hand(rider, jobs) if (each := jobs.get(job)) is not None]
    for number, each in enumerate(accepted):
        refused = refusal(rider, each, [*held, *accepted[:number]])
        if refused is not None:
            raise refused
    tx.check(
        RiderRow,
        rider_pk(rider_id),
        STATE,
        condition=RiderRow.version == rider.version,
        error=VersionConflict("rider", rider_id),
    )


def count_cash(tx: Transaction, delivered: Delivery) -> None:
    """Add what was collected at the door to what the rider has to hand in."""
    collected = delivered.cash_collected
    if collected is None or not collected.amount or delivered.rider_id is None:
        return
    rider = read_own_rider(delivered.rider_id)
    if rider.cash is not None and rider.cash.currency != collected.currency:
        # Offers never lead here; the delivery itself still tells what was collected.
        logger.error("cash of two currencies", extra={"rider_id": rider.id, "delivery_id": delivered.id})
        return
    cash = Money(collected.amount + (rider.cash.amount if rider.cash else 0), collected.currency)
    write_rider(tx, rider, replace(rider, version=rider.version + 1, cash=cash))


def hand_in_cash(rider_id: str, handed_in: Money, idempotency: IdempotencyKey | None = None) -> Rider:
    """Take cash from a rider. Refused for more than the rider has, or another currency."""
    for _ in range(_RACES):
        rider = read_rider(rider_id)
        left = _left(rider, handed_in)
        after = replace(rider, version=rider.version + 1, cash=left if left.amount else None)
        tx = Transaction()
        write_rider(tx, rider, after)
        if idempotency is not None:
            tx.remember(idempotency, after)
        try:
            tx.commit()
        except VersionConflict:
            continue
        return after
    raise Contention


def _left(rider: Rider, handed_in: Money) -> Money:
    cash = rider.cash
    if cash is None or cash.currency != handed_in.currency or cash.amount < handed_in.amount:
        has = None if cash is None else {"amount": cash.amount, "currency": cash.currency}
        raise Conflict("cash_not_in_hand", "The rider does not have this much cash to hand in.", cash_in_hand=has)
    return Money(cash.amount - handed_in.amount, cash.currency)

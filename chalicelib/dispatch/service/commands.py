"""What riders report from the road. Each is one conditional write; a repeat is answered as the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.dispatch.model import journey
from chalicelib.dispatch.model.delivery import TO_STORE, Status, Step
from chalicelib.dispatch.service.arrivals import noticed, on_leaving, with_first_times
from chalicelib.dispatch.service.carrying import check_capacity, count_cash
from chalicelib.dispatch.service.policy import in_force
from chalicelib.dispatch.service.preparation import learn_preparation
from chalicelib.dispatch.service.records import read_deliveries, read_delivery, write_delivery
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Contention, DomainError, VersionConflict
from chalicelib.kernel.event_types import (
    DeliveryCheckDue,
    DeliveryDelivered,
    DeliveryFailed,
    DeliveryMissed,
    DeliveryPickedUp,
    DeliveryReturned,
    DeliverySearchDue,
)
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from chalicelib.dispatch.model.delivery import Delivery
    from chalicelib.dispatch.model.journey import Command, Taken
    from chalicelib.dispatch.model.proofs import Evidence
    from chalicelib.kernel.events import Event

_RACES = 5


def accept_offer(delivery_id: str, command: Command) -> Step:
    """Take the offer, with all deliveries that it is for."""
    return _take(
        delivery_id,
        command,
        journey.accept,
        with_mates=True,
        also=lambda tx, accepted: check_capacity(tx, command.rider_id, accepted),
    )


def decline_offer(delivery_id: str, command: Command) -> Step:
    """Turn the offer down, with all deliveries that it is for; the next rider is asked at once."""
    return _take(delivery_id, command, journey.decline, with_mates=True)


def arrive_at_store(delivery_id: str, command: Command) -> Step:
    """Be at the store."""
    return _take(delivery_id, command, journey.arrive_at_store)


def pick_up(delivery_id: str, command: Command) -> Step:
    """Leave the store with the order; how long that took is remembered."""
    return _take(delivery_id, command, journey.pick_up, then=learn_preparation)


def arrive_at_door(delivery_id: str, command: Command) -> Step:
    """Be at the door."""
    return _take(delivery_id, command, journey.arrive_at_door)


def deliver(delivery_id: str, command: Command, evidence: Evidence) -> Step:
    """Hand the order over, with the proof that the store demands."""
    return _take(
        delivery_id,
        command,
        lambda delivery, told, now: journey.deliver(delivery, told, now, evidence, in_force()),
        also=lambda tx, delivered: count_cash(tx, delivered[0]),
    )


def miss_customer(delivery_id: str, command: Command, reason: str) -> Step:
    """Try in vain at the door, and again later on the same trip."""
    return _take(
        delivery_id,
        command,
        lambda delivery, told, now: journey.miss(delivery, told, now, reason, in_force()),
    )


def fail_delivery(delivery_id: str, command: Command, reason: str) -> Step:
    """Give up at the door: the order goes back to the store."""
    return _take(delivery_id, command, lambda delivery, told, now: journey.fail(delivery, told, now, reason))


def start_return(delivery_id: str, command: Command) -> Step:
    """Be on the way back."""
    return _take(delivery_id, command, journey.start_return)


def finish_return(delivery_id: str, command: Command) -> Step:
    """Give the order back at the store."""
    return _take(delivery_id, command, journey.finish_return)


def drop_delivery(delivery_id: str, command: Command) -> Step:
    """Drop out before the pick-up: the delivery is open again, for others."""
    return _take(delivery_id, command, journey.drop)


def _take(
    delivery_id: str,
    command: Command,
    decide: Callable[[Delivery, Command, datetime], Taken],
    *,
    with_mates: bool = False,
    also: Callable[[Transaction, list[Delivery]], None] | None = None,
    then: Callable[[Delivery], None] | None = None,
) -> Step:
    """Decide on the delivery as it is and write that, again when another write came between.

    The first copy may lag behind (half the price): a refusal by it is checked against the newest. ``with_mates`` does
    the same to what is offered together with the delivery and still is; ``also`` adds to the write, ``then`` follows.
    """
    command = journey.checked(command, clock.now())
    for race in range(_RACES):
        now = clock.now()
        newest = race > 0
        try:
            delivery = read_delivery(delivery_id, consistent=newest)
            taken = decide(delivery, command, now)
        except DomainError:
            if newest:
                raise
            continue
        if taken.delivery is not delivery:
            tx = Transaction()
            mates = _mates(delivery, command.rider_id) if with_mates else []
            after = [taken.delivery, *(decide(mate, command, now).delivery for mate in mates)]
            if also is not None and taken.delivery.status is not delivery.status:
                also(tx, after)
            _write(tx, (delivery, *mates), after)
            for event in _news(delivery, taken, mates):
                tx.emit(event)
            try:
                tx.commit()
            except (VersionConflict, Contention):
                continue
            if then is not None:
                then(taken.delivery)
        if taken.refusal is not None:
            raise taken.refusal
        return taken.step
    raise Contention


def _write(tx: Transaction, before: Sequence[Delivery], after: list[Delivery]) -> None:
    """What a report made of deliveries, with the times at which they are now expected."""
    first, now = after[0], after[0].steps[-1].at
    rider_id = first.rider_id or ""
    if before[0].status is Status.OFFERED and first.status is Status.ASSIGNED:
        for number, each in enumerate(with_first_times(rider_id, after, now)):
            after[number], news = noticed(each, now)
            for event in news:
                tx.emit(event)
    elif before[0].status in TO_STORE and first.status is Status.PICKED_UP:
        after[0], news, again = on_leaving(rider_id, first, now)
        for event in news:
            tx.emit(event)
        if again is not None:
            tx.emit_at(again, DeliveryCheckDue(delivery_id=first.id))
    elif len(first.misses) > len(before[0].misses):
        after[:1] = with_first_times(rider_id, after[:1], now)
        tx.emit(
            DeliveryMissed(
                delivery_id=first.id,
                order_id=first.order_id,
                rider_id=rider_id,
                at=clock.rfc3339(now),
                reason=first.misses[-1].reason or "",
            )
        )
    for old, new in zip(before, after, strict=True):
        write_delivery(tx, old, new)


def _mates(delivery: Delivery, rider_id: str) -> list[Delivery]:
    """What is offered to the rider together with the delivery: not what was cancelled since."""
    known = read_deliveries(each for each in delivery.mates if each != delivery.id)
    return [each for each in known.values() if each is not None and _belongs(each, delivery, rider_id)]


def _belongs(mate: Delivery, delivery: Delivery, rider_id: str) -> bool:
    same = mate.mates == delivery.mates and mate.offer_expires_at == delivery.offer_expires_at
    return same and mate.status is Status.OFFERED and mate.offered_to == rider_id


def _news(before: Delivery, taken: Taken, mates: Sequence[Delivery] = ()) -> list[Event]:
    """The events that tell of a change of status."""
    after = taken.delivery
    if after.status is before.status or after.misses != before.misses:
        return []
    place = {
        "delivery_id": after.id,
        "order_id": after.order_id,
        "rider_id": after.rider_id or "",
        "at": clock.rfc3339(taken.step.at),
    }
    if after.status is Status.UNASSIGNED:
        others = tuple(each.id for each in mates)
        return [DeliverySearchDue(delivery_id=after.id, attempt=after.rounds + 1, others=others)]
    if after.status is Status.PICKED_UP:
        return [DeliveryPickedUp(**place)]
    if after.status is Status.DELIVERED:
        return [DeliveryDelivered(**place)]
    if after.status is Status.FAILED:
        return [DeliveryFailed(**place, reason=taken.step.reason or "")]
    if after.status is Status.RETURNED:
        return [DeliveryReturned(**place)]
    return []

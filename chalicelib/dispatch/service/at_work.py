"""A rider on shift with the duty and everything in hand, and what changes of them go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chalicelib.dispatch.model import journey, shift
from chalicelib.dispatch.model.delivery import Delivery, Status
from chalicelib.dispatch.model.rider import Rider, in_hand
from chalicelib.dispatch.model.shift import Duty, DutyStatus
from chalicelib.dispatch.service.records import read_deliveries, read_own_rider, write_delivery
from chalicelib.dispatch.tables import duty_ref, write_duty
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.event_types import DeliverySearchDue, ShiftEnded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chalicelib.kernel.transaction import Transaction


class Work(msgspec.Struct, frozen=True):
    """A rider on shift with what there is to know for a change: the duty, and every delivery on the rider's list."""

    rider: Rider
    duty: Duty | None
    known: Mapping[str, Delivery | None]

    @property
    def held(self) -> list[Delivery]:
        """What is offered to the rider, or taken and not ended."""
        named = in_hand(self.rider, self.known)
        return [delivery for each in named if (delivery := self.known[each]) is not None]

    @property
    def taken(self) -> list[Delivery]:
        """What the rider has to finish."""
        return [each for each in self.held if each.status is not Status.OFFERED]

    def done_since(self, since: datetime) -> datetime:
        """When the last delivery of the rider's list was finished, at the earliest ``since``."""
        own = (each for each in self.known.values() if each is not None and each.rider_id == self.rider.id)
        return shift.last_done(own, since)


def paused(work: Work, duty: Duty, now: datetime) -> Duty:
    """The duty with the break that ends now, if it ever began: not as long as anything was in hand."""
    if work.rider.break_at is None or work.taken:
        return duty
    return shift.paused(duty, work.done_since(work.rider.break_at), now)


def close(tx: Transaction, work: Work, ended_at: datetime) -> None:
    """Write down when the duty ended, with the break that it ended in."""
    duty = work.duty
    if duty is None or duty.status is not DutyStatus.WORKING:
        return
    after = shift.ended(paused(work, duty, ended_at), ended_at)
    write_duty(tx, duty, after)
    begun_at = after.begun_at or ended_at
    tx.emit(
        ShiftEnded(
            rider_id=duty.rider_id,
            shift_id=duty.shift_id,
            begun_at=clock.rfc3339(begun_at),
            ended_at=clock.rfc3339(after.ended_at or ended_at),
            worked_seconds=round(after.worked.total_seconds()),
        )
    )


def release(tx: Transaction, rider: Rider, deliveries: list[Delivery], now: datetime) -> None:
    """Let what the rider was offered, or has not picked up, go to somebody else."""
    for delivery in deliveries:
        command = journey.Command(rider.id, ids.new_id("op"), now)
        write_delivery(tx, delivery, journey.release(delivery, command, now).delivery)
        tx.emit(DeliverySearchDue(delivery_id=delivery.id, attempt=delivery.rounds + 1))


def read_work(rider: Rider) -> Work:
    """The duty and what is in hand: a request each."""
    duty = None
    if rider.shift_id is not None:
        (duty,) = tables.fetch(duty_ref(rider.id, rider.shift_id))
    return Work(rider, duty, read_deliveries(rider.jobs))


def has_work(rider: Rider) -> bool:
    """Whether the rider has something to finish. A request where anything was offered of late, else none."""
    if not rider.on_shift or not rider.jobs or rider.is_available:
        return False
    return bool(Work(rider, None, read_deliveries(rider.jobs, consistent=False)).taken)


def read_on_shift(rider_id: str) -> Rider:
    """The rider who is calling. Raises ``NotRegistered``, or ``not_on_shift``."""
    rider = read_own_rider(rider_id)
    if not rider.on_shift:
        raise Conflict("not_on_shift", "Start your shift first.")
    return rider

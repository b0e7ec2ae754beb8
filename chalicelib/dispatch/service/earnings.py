"""What riders earn: rules that admins set, what each delivery pays by them, and what a shift pays at least.

An earning is written once, with the event that has it entered in the books; what was paid stays, whatever rules come.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from chalicelib.dispatch.model import pay
from chalicelib.dispatch.model.delivery import Status
from chalicelib.dispatch.model.pay import EVERYWHERE, PayRules
from chalicelib.dispatch.model.rider import zone_of
from chalicelib.dispatch.model.shift import DutyStatus, Origin
from chalicelib.dispatch.service.duties import read_duty
from chalicelib.dispatch.service.records import read_deliveries
from chalicelib.dispatch.tables import DutyRow, duty_of, rider_pk
from chalicelib.dispatch.tables.earnings import (
    AlreadyEarned,
    Earning,
    earnings_of,
    read_rules,
    write_earning,
    write_rules,
)
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import Invalid, Violation
from chalicelib.kernel.event_types import RiderEarned, ShiftPayDue
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.dispatch.model.shift import Duty
    from chalicelib.kernel.idempotency import IdempotencyKey

# The last delivery of a shift is paid by a reaction of its own: by then it is, and the guarantee can be reckoned.
PAY_AFTER = timedelta(minutes=14)
AHEAD = timedelta(days=366)
_ON_ITS_WAY = timedelta(minutes=1)
_LONGEST_SHIFT = timedelta(hours=24)


class ShiftEarnings(msgspec.Struct, frozen=True):
    """The statement of a shift: what was worked, and everything that it has paid so far."""

    duty: Duty
    earnings: list[Earning]


# --- rules ------------------------------------------------------------------------------------------------------------


def set_pay_rules(rules: PayRules, key: IdempotencyKey) -> PayRules:
    """Put the next version of an area's rules; its number is given here.

    It holds from ``since`` on, which is not before the version that it follows; a moment that has passed on its way
    here is now. Raises ``Invalid``, ``VersionConflict`` after a lost race.
    """
    now = clock.now()
    newest = next(iter(read_rules(rules.area, limit=1)), None)
    earliest = max(now - _ON_ITS_WAY, newest.since) if newest is not None else now - _ON_ITS_WAY
    violations = pay.check(rules)
    if rules.since < earliest:
        detail = "Rules hold from now on or later, and after those before them."
        told = {"earliest_at": clock.rfc3339(max(now, earliest))}
        violations.append(Violation("rules_too_early", "/since", detail, told))
    if rules.since > now + AHEAD:
        detail = f"Rules are set {AHEAD.days} days ahead at most."
        violations.append(Violation("too_far_ahead", "/since", detail))
    if violations:
        raise Invalid(violations)
    version = 1 if newest is None else newest.version + 1
    # What was taken before this moment is paid by the rules before, whenever its pay is reckoned.
    made = msgspec.structs.replace(rules, version=version, since=max(rules.since, now))
    tx = Transaction()
    write_rules(tx, made)
    tx.remember(key, made)
    tx.commit()
    return made


def list_pay_rules(area: str) -> list[PayRules]:
    """The versions of an area's rules, the newest first; the latest hundred."""
    return read_rules(area)


def rules_at(zone: str, at: datetime, currency: str) -> PayRules | None:
    """The rules of a zone, or those for everywhere, that hold at a moment; none of another currency."""
    for area in (zone, EVERYWHERE):
        found = pay.in_force(read_rules(area), at)
        if found is not None and found.currency == currency:
            return found
    return None


# --- earning ----------------------------------------------------------------------------------------------------------


def pay_delivery(delivery_id: str, rider_id: str) -> None:
    """Pay a rider for a delivery that reached its door, or came back to its store. A repetition changes nothing."""
    delivery = read_deliveries((delivery_id,))[delivery_id]
    if delivery is None or delivery.status not in (Status.DELIVERED, Status.RETURNED):
        return
    ride = pay.ride_of(delivery, rider_id)
    if ride is None:
        return
    rules = rules_at(zone_of(delivery.store_point), ride.taken_at, delivery.currency)
    lines = pay.lines_for(ride, rules)
    if not lines:
        return
    duty = _duty_at(rider_id, ride.taken_at)
    _write(
        Earning(
            rider_id=rider_id,
            shift_id=duty.shift_id if duty is not None else ids.earliest("shf", ride.taken_at),
            at=clock.now(),
            currency=delivery.currency,
            lines=lines,
            delivery_id=delivery_id,
            rules_area=None if rules is None else rules.area,
            rules_version=None if rules is None else rules.version,
        ),
        order_id=delivery.order_id,
    )


def set_shift_pay_going(rider_id: str, shift_id: str) -> None:
    """A shift is over: have its guarantee reckoned when its last delivery is paid. Twice does no harm."""
    tx = Transaction()
    tx.emit_at(clock.now() + PAY_AFTER, ShiftPayDue(rider_id=rider_id, shift_id=shift_id))
    tx.commit()


def pay_guarantee(rider_id: str, shift_id: str) -> None:
    """Pay what a planned shift that is over lacks to its guarantee. A repetition changes nothing.

    The guarantee is by the rules that held when the shift began; everything that it has paid counts.
    """
    duty = read_duty(rider_id, shift_id)
    if duty.status is not DutyStatus.ENDED or duty.origin is Origin.OFF_ROSTER or duty.begun_at is None:
        return
    earned = _all_earnings(rider_id, shift_id)
    if any(each.delivery_id is None for each in earned):
        return
    rules = _guarantee_rules(duty.zone, duty.begun_at)
    if rules is None:
        return
    paid = sum(pay.total(each.lines) for each in earned if each.currency == rules.currency)
    line = pay.top_up(rules, duty.worked, paid)
    if line is None:
        return
    _write(
        Earning(
            rider_id=rider_id,
            shift_id=shift_id,
            at=clock.now(),
            currency=rules.currency,
            lines=(line,),
            rules_area=rules.area,
            rules_version=rules.version,
        )
    )


def read_shift_earnings(rider_id: str, shift_id: str) -> ShiftEarnings:
    """What a shift was worked and has paid. Raises ``NotFound``."""
    return ShiftEarnings(read_duty(rider_id, shift_id), _all_earnings(rider_id, shift_id))


def list_earnings(rider_id: str, start: Mapping[str, object] | None, limit: int) -> tables.Page[Earning]:
    """A page of everything that a rider earned, the latest shift first."""
    return earnings_of(rider_id, limit=limit, cursor_key=start, ascending=False)


def _guarantee_rules(zone: str, at: datetime) -> PayRules | None:
    return pay.in_force(read_rules(zone), at) or pay.in_force(read_rules(EVERYWHERE), at)


def _write(earning: Earning, order_id: str | None = None) -> None:
    tx = Transaction()
    write_earning(tx, earning)
    tx.emit(
        RiderEarned(
            rider_id=earning.rider_id,
            shift_id=earning.shift_id,
            cause=earning.cause,
            amount=pay.total(earning.lines),
            currency=earning.currency,
            at=clock.rfc3339(earning.at),
            order_id=order_id,
            rules=f"{earning.rules_area}:{earning.rules_version}" if earning.rules_area else "",
        )
    )
    try:
        tx.commit()
    except AlreadyEarned:
        return


def _duty_at(rider_id: str, at: datetime) -> Duty | None:
    """The duty that a rider was on at a moment: the latest that had begun by then."""
    between = DutyRow.sk.between(ids.earliest("shf", at - _LONGEST_SHIFT), ids.earliest("shf", at + timedelta(hours=1)))
    page = tables.query(DutyRow, rider_pk(rider_id), between, limit=20, ascending=False, consistent=True)
    begun = [duty for row in page.items if (duty := duty_of(row)) is not None and duty.begun_at and duty.begun_at <= at]
    return max(begun, key=lambda each: (each.begun_at, each.shift_id), default=None)


def _all_earnings(rider_id: str, shift_id: str) -> list[Earning]:
    found: list[Earning] = []
    start: Mapping[str, object] | None = None
    while True:
        page = earnings_of(rider_id, shift_id, cursor_key=start, consistent=True)
        found += page.items
        start = page.next_key
        if start is None:
            return found

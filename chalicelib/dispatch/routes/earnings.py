"""What riders earn: the rules, each delivery's lines, the statement of a shift."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.dispatch import service
from chalicelib.dispatch.routes.riders import endpoints
from chalicelib.dispatch.routes.shifts import instant
from chalicelib.dispatch.schemas.earnings import (
    EarningLine,
    EarningList,
    EarningView,
    PayRulesList,
    PayRulesQuery,
    PayRulesView,
    PeakTime,
    SetPayRules,
    ShiftStatementView,
)
from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role
from chalicelib.edge.schemas import PageQuery
from chalicelib.kernel import clock

if TYPE_CHECKING:
    from typing import Any

_RIDER = Role("rider")
_ADMIN = Role("admin")
_DAYS: Any = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _ruled(rules: service.PayRules) -> Reply[PayRulesView]:
    return Reply(_rules_view(rules))


@endpoints.post(
    "/v1/pay-rules",
    permission=_ADMIN,
    body=SetPayRules,
    returns=PayRulesView,
    status=201,
    idempotent=True,
    errors=("version_conflict",),
    answer=_ruled,
)
def set_pay_rules(request: Request[SetPayRules]) -> service.PayRules:
    """Set how riders are paid in an area from a moment on.

    What was taken before is paid by the version before; nothing that was paid changes.
    """
    body = request.body
    rules = service.PayRules(
        area=body.area,
        version=0,
        since=instant(body.since, "/since"),
        currency=body.currency,
        time_zone=body.time_zone,
        base=body.base,
        per_km=body.per_km,
        per_waiting_minute=body.per_waiting_minute,
        free_wait_minutes=body.free_wait_minutes,
        peaks=tuple(_peak(each) for each in body.peaks),
        guarantee_per_hour=body.guarantee_per_hour,
        set_by=request.principal.id,
    )
    return service.set_pay_rules(rules, request.key)


@endpoints.get("/v1/pay-rules", permission=_ADMIN, query=PayRulesQuery, returns=PayRulesList)
def list_pay_rules(request: Request[None]) -> Reply[PayRulesList]:
    """List the versions of an area's pay rules, the newest first; the latest hundred."""
    return Reply(PayRulesList(items=[_rules_view(each) for each in service.list_pay_rules(request.query.area)]))


@endpoints.get("/v1/rider/earnings", permission=_RIDER, query=PageQuery, returns=EarningList)
def list_own_earnings(request: Request[None]) -> Reply[EarningList]:
    """List what you earned, the latest shift first: each delivery with its lines and the version of the rules."""
    return _earnings(request.principal.id, request.query)


@endpoints.get(
    "/v1/rider/shifts/{shift_id}/earnings", permission=_RIDER, returns=ShiftStatementView, errors=("shift_not_found",)
)
def get_own_shift_earnings(request: Request[None]) -> Reply[ShiftStatementView]:
    """See the statement of a shift of yours."""
    return Reply(_statement(service.read_shift_earnings(request.principal.id, request.path["shift_id"])))


@endpoints.get(
    "/v1/riders/{rider_id}/earnings",
    permission=_ADMIN,
    query=PageQuery,
    returns=EarningList,
    errors=("rider_not_found",),
)
def list_earnings_of_rider(request: Request[None]) -> Reply[EarningList]:
    """List what a rider earned, the latest shift first."""
    service.read_rider(request.path["rider_id"])
    return _earnings(request.path["rider_id"], request.query)


@endpoints.get(
    "/v1/riders/{rider_id}/shifts/{shift_id}/earnings",
    permission=_ADMIN,
    returns=ShiftStatementView,
    errors=("rider_not_found", "shift_not_found"),
)
def get_shift_earnings(request: Request[None]) -> Reply[ShiftStatementView]:
    """See the statement of a rider's shift."""
    service.read_rider(request.path["rider_id"])
    return Reply(_statement(service.read_shift_earnings(request.path["rider_id"], request.path["shift_id"])))


def _earnings(rider_id: str, query: PageQuery) -> Reply[EarningList]:
    start = cursors.decode(query.cursor, "earnings", rider_id)
    page = service.list_earnings(rider_id, start, query.limit)
    following = cursors.encode(page.next_key, "earnings", rider_id)
    return Reply(EarningList(items=[_earning_view(each) for each in page.items], next_cursor=following))


def _statement(found: service.ShiftEarnings) -> ShiftStatementView:
    duty, currencies = found.duty, {each.currency for each in found.earnings}
    one = len(currencies) == 1
    totals: Counter[str] = Counter()
    for each in found.earnings if one else ():
        for line in each.lines:
            totals[line.kind] += line.amount
    return ShiftStatementView(
        shift_id=duty.shift_id,
        begun_at=_told(duty.begun_at),
        ended_at=_told(duty.ended_at),
        worked_seconds=round(duty.worked.total_seconds()),
        deliveries=sum(1 for each in found.earnings if each.delivery_id is not None),
        totals=dict(totals),
        amount=sum(totals.values()),
        currency=currencies.pop() if one else None,
        items=[_earning_view(each) for each in found.earnings],
    )


def _earning_view(earning: service.Earning) -> EarningView:
    return EarningView(
        delivery_id=earning.delivery_id,
        shift_id=earning.shift_id,
        at=clock.rfc3339(earning.at),
        amount=service.total(earning.lines),
        currency=earning.currency,
        lines=[
            EarningLine(kind=line.kind, amount=line.amount, quantity=line.quantity, rate=line.rate)
            for line in earning.lines
        ],
        rules_area=earning.rules_area,
        rules_version=earning.rules_version,
    )


def _rules_view(rules: service.PayRules) -> PayRulesView:
    return PayRulesView(
        area=rules.area,
        version=rules.version,
        since=clock.rfc3339(rules.since),
        currency=rules.currency,
        time_zone=rules.time_zone,
        base=rules.base,
        per_km=rules.per_km,
        per_waiting_minute=rules.per_waiting_minute,
        free_wait_minutes=rules.free_wait_minutes,
        peaks=[
            PeakTime(
                days=[_DAYS[day] for day in each.days], start=_clock(each.start), end=_clock(each.end), bonus=each.bonus
            )
            for each in rules.peaks
        ],
        guarantee_per_hour=rules.guarantee_per_hour,
        set_by=rules.set_by,
    )


def _peak(told: PeakTime) -> service.Peak:
    days = tuple(sorted({_DAYS.index(day) for day in told.days}))
    return service.Peak(days, _minutes(told.start), _minutes(told.end), told.bonus)


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _told(at: datetime | None) -> str | None:
    return None if at is None else clock.rfc3339(at)

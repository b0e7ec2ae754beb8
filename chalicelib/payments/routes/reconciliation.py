"""Stripe's books beside ours."""

from __future__ import annotations

import re
from typing import Literal, cast

from msgspec import UNSET

from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role
from chalicelib.kernel import clock
from chalicelib.kernel.errors import NotFound
from chalicelib.payments import service
from chalicelib.payments.routes.blueprint import endpoints
from chalicelib.payments.schemas.reconciliation import (
    DifferenceView,
    Reconciliations,
    ReconciliationsQuery,
    ReconciliationSummary,
    ReconciliationView,
)

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)


@endpoints.get("/v1/reconciliations", permission=Role("admin"), query=ReconciliationsQuery, returns=Reconciliations)
def list_reconciliations(request: Request[None]) -> Reply[Reconciliations]:
    """List the daily comparisons of Stripe's books with the ledger, newest first."""
    year = str(clock.now().year if request.query.year is UNSET else request.query.year)
    filters = ("reconciliations", year)
    start = cursors.decode(request.query.cursor, *filters)
    page = service.list_reports(year, limit=request.query.limit, start=start)
    return Reply(
        Reconciliations(
            items=[_summary(report) for report in page.items], next_cursor=cursors.encode(page.next_key, *filters)
        )
    )


@endpoints.get(
    "/v1/reconciliations/{day}",
    permission=Role("admin"),
    returns=ReconciliationView,
    errors=("reconciliation_not_found",),
)
def get_reconciliation(request: Request[None]) -> Reply[ReconciliationView]:
    """See a day's comparison of Stripe's books with the ledger, with every difference."""
    day = request.path["day"]
    if not _DAY.match(day):
        raise NotFound("reconciliation", day)
    report = service.get_report(day)
    return Reply(
        ReconciliationView(
            summary=_summary(report),
            by_category=report.by_category,
            differences=[_difference(difference) for difference in report.differences],
            differences_left_out=report.differences_left_out,
        )
    )


def _summary(report: service.Report) -> ReconciliationSummary:
    return ReconciliationSummary(
        day=report.day,
        made_at=clock.rfc3339(report.made_at),
        even=report.is_even,
        lines=report.lines,
        matched=report.matched,
        entries=report.entries,
        fees=report.fees,
        stripe_balance=report.stripe_balance,
        ledger_balance=report.ledger_balance,
        differences=len(report.differences) + report.differences_left_out,
    )


def _difference(difference: service.Difference) -> DifferenceView:
    return DifferenceView(
        id=difference.id,
        side=cast("Literal['stripe', 'ledger']", difference.side),
        amount=difference.amount,
        currency=difference.currency,
        what=difference.what,
        source=difference.source,
        order_id=difference.order_id,
        seen_on=difference.seen_on,
        case_id=service.Case(service.DIFFERENCE_CASE, difference.id).id,
    )

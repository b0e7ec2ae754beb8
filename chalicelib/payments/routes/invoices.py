"""A merchant's invoices and credit notes, by time."""

from __future__ import annotations

from datetime import UTC, datetime

from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import MerchantOwner
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Invalid, Violation
from chalicelib.payments import service
from chalicelib.payments.routes.blueprint import endpoints
from chalicelib.payments.schemas import amount_view
from chalicelib.payments.schemas.invoices import PaperPage, PapersQuery, PaperTax, PaperView

_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@endpoints.get("/v1/merchants/{merchant_id}/invoices", permission=MerchantOwner(), query=PapersQuery, returns=PaperPage)
def list_invoices(request: Request[None]) -> Reply[PaperPage]:
    """List the invoices and credit notes of a merchant that you own, oldest first, by the time of their issue."""
    merchant_id, asked = request.path["merchant_id"], request.query
    since, until = _instant(asked.since, "?since", _EARLIEST), _instant(asked.until, "?until", _LATEST)
    period = ("invoices", merchant_id, clock.rfc3339(since), clock.rfc3339(until))
    start = cursors.decode(asked.cursor, *period)
    page = service.papers_of_merchant(merchant_id, since, max(since, until), limit=asked.limit, start=start)
    return Reply(
        PaperPage(items=[_view(paper) for paper in page.items], next_cursor=cursors.encode(page.next_key, *period))
    )


def _instant(given: str | None, pointer: str, otherwise: datetime) -> datetime:
    """An instant within the two centuries in which there is something."""
    try:
        at = datetime.fromisoformat(given) if given else otherwise
    except ValueError as error:
        raise Invalid([Violation("invalid_value", pointer, "Give an instant, like 2026-03-01T00:00:00Z.")]) from error
    return min(max(at, _EARLIEST), _LATEST).astimezone(UTC)


def _view(paper: service.Invoice) -> PaperView:
    currency = paper.currency
    return PaperView(
        kind=paper.kind.value,
        number=paper.number,
        sequence=paper.sequence,
        year=paper.year,
        corrects=paper.corrects,
        id=paper.cause if paper.corrects else None,
        order_id=paper.order_id,
        store_id=paper.store_id,
        issued_at=clock.rfc3339(paper.issued_at),
        supplied_at=clock.rfc3339(paper.supplied_at),
        total=amount_view(paper.total, currency),
        tip=amount_view(paper.sums.tip, currency),
        taxes=[
            PaperTax(
                rate_basis_points=rate.rate_bps,
                gross=amount_view(rate.gross, currency),
                tax=amount_view(rate.tax, currency),
            )
            for rate in paper.rates
        ],
    )

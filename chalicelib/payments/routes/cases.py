"""What about money needs a person."""

from __future__ import annotations

from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role
from chalicelib.kernel import clock
from chalicelib.payments import service
from chalicelib.payments.routes.blueprint import endpoints
from chalicelib.payments.schemas.cases import Cases, CasesQuery, CaseView, ResolveCase


@endpoints.get("/v1/cases", permission=Role("admin"), query=CasesQuery, returns=Cases)
def list_cases(request: Request[None]) -> Reply[Cases]:
    """List what about money needs a person, oldest first.

    A case is opened where the machine found something that no rule decides: a capture that failed after the hand-over,
    a dispute, a difference between Stripe's books and ours. Each has its evidence.
    """
    state = request.query.state
    filters = ("cases", state)
    start = cursors.decode(request.query.cursor, *filters)
    page = service.list_cases(service.CaseState(state), limit=request.query.limit, start=start)
    return Reply(Cases(items=[_view(case) for case in page.items], next_cursor=cursors.encode(page.next_key, *filters)))


@endpoints.get("/v1/cases/{case_id}", permission=Role("admin"), returns=CaseView, errors=("case_not_found",))
def get_case(request: Request[None]) -> Reply[CaseView]:
    """See a case."""
    return Reply(_view(service.get_case(request.path["case_id"])))


@endpoints.post(
    "/v1/cases/{case_id}/resolve",
    permission=Role("admin"),
    body=ResolveCase,
    returns=CaseView,
    errors=("case_not_found", "case_resolved"),
)
def resolve_case(request: Request[ResolveCase]) -> Reply[CaseView]:
    """Close a case with what came of it.

    It moves no money: do first what is to be done. Closing it again in the same words changes nothing.
    """
    body = request.body
    return Reply(_view(service.resolve_case(request.path["case_id"], body.outcome, body.note, by=request.principal.id)))


def _view(case: service.Case) -> CaseView:
    return CaseView(
        id=case.id,
        kind=case.kind,
        subject=case.subject,
        state=case.state.value,
        opened_at=clock.rfc3339(case.opened_at or clock.now()),
        order_id=case.order_id,
        store_id=case.store_id,
        evidence=case.evidence,
        outcome=case.outcome,
        note=case.note,
        resolved_by=case.resolved_by,
        resolved_at=clock.rfc3339(case.resolved_at) if case.resolved_at else None,
    )

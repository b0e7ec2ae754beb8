"""Statements: for a store's owner, for a rider, and for the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role, StoreStaff
from chalicelib.kernel.errors import Invalid, NotFound, Violation
from chalicelib.payments.routes.blueprint import endpoints
from chalicelib.payments.routes.render_settlement import (
    CSV,
    balance_view,
    line_view,
    lines_as_csv,
    statement_tag,
    statement_view,
)
from chalicelib.payments.schemas.settlement import (
    CloseStatement,
    LinesQuery,
    PartyBalances,
    StatementLines,
    StatementPage,
    StatementsQuery,
    StatementView,
)
from chalicelib.payments.service import settlement

if TYPE_CHECKING:
    from collections.abc import Mapping

_STORE = "/v1/stores/{store_id}/statements"
_RIDER = "/v1/rider/statements"
_ANYBODY = "/v1/settlement/{party}/{party_id}/statements"
_ONE = "/{statement_id}"
_LINES = "/{statement_id}/lines"
_NOT_FOUND = ("statement_not_found",)
_CHUNKS_IN_A_CSV = 20
_HEADS_ON_A_PAGE = 50


# --- a store's --------------------------------------------------------------------------------------------------------


@endpoints.get(_STORE, permission=StoreStaff("owner"), query=StatementsQuery, returns=StatementPage)
def list_store_statements(request: Request[None]) -> Reply[StatementPage]:
    """List the statements of a store of yours, newest first."""
    return _list(request, _store(request))


@endpoints.get(_STORE + _ONE, permission=StoreStaff("owner"), returns=StatementView, errors=_NOT_FOUND)
def get_store_statement(request: Request[None]) -> Reply[StatementView]:
    """See a statement of a store of yours: what came in and went out, by kind and tax rate, and what is paid out."""
    return _get(request, _store(request))


@endpoints.get(
    _STORE + _LINES,
    permission=StoreStaff("owner"),
    query=LinesQuery,
    returns=StatementLines,
    also=(CSV,),
    errors=_NOT_FOUND,
)
def list_store_statement_lines(request: Request[None]) -> Reply[Any]:
    """List a statement's lines, each with its order and its entry in the ledger.

    With `Accept: text/csv` they come as a table; where there are more than 10,000, a `Link` header leads on.
    """
    return _lines(request, _store(request))


# --- a rider's --------------------------------------------------------------------------------------------------------


@endpoints.get(_RIDER, permission=Role("rider"), query=StatementsQuery, returns=StatementPage)
def list_rider_statements(request: Request[None]) -> Reply[StatementPage]:
    """List your statements, newest first."""
    return _list(request, _rider(request))


@endpoints.get(_RIDER + _ONE, permission=Role("rider"), returns=StatementView, errors=_NOT_FOUND)
def get_rider_statement(request: Request[None]) -> Reply[StatementView]:
    """See a statement of yours: what you earned, the cash that you hold, and what is paid out."""
    return _get(request, _rider(request))


@endpoints.get(
    _RIDER + _LINES, permission=Role("rider"), query=LinesQuery, returns=StatementLines, also=(CSV,), errors=_NOT_FOUND
)
def list_rider_statement_lines(request: Request[None]) -> Reply[Any]:
    """List a statement's lines, each with its order. `Accept: text/csv` gives a table."""
    return _lines(request, _rider(request))


# --- everybody's ------------------------------------------------------------------------------------------------------


@endpoints.get("/v1/settlement", permission=Role("admin"), query=LinesQuery, returns=PartyBalances)
def list_balances(request: Request[None]) -> Reply[PartyBalances]:
    """List every store and rider with whom the platform settles, and where their statements stand."""
    start = cursors.decode(request.query.cursor, "settlement")
    shard, after = _place(start)
    heads, following = settlement.list_heads(shard, after, _HEADS_ON_A_PAGE)
    key = {"shard": {"N": str(following[0])}, "after": {"S": following[1]}} if following else None
    return Reply(
        PartyBalances(items=[balance_view(head) for head in heads], next_cursor=cursors.encode(key, "settlement"))
    )


@endpoints.get(
    _ANYBODY,
    permission=Role("admin"),
    query=StatementsQuery,
    returns=StatementPage,
    errors=("party_not_found", "settlement_not_found"),
)
def list_statements(request: Request[None]) -> Reply[StatementPage]:
    """List the statements of any store (`party` is `stores`) or rider (`riders`), newest first."""
    party = _named(request)
    settlement.check_party(party)
    return _list(request, party)


@endpoints.get(
    _ANYBODY + _ONE, permission=Role("admin"), returns=StatementView, errors=("party_not_found", *_NOT_FOUND)
)
def get_statement(request: Request[None]) -> Reply[StatementView]:
    """See any statement."""
    return _get(request, _named(request))


@endpoints.get(
    _ANYBODY + _LINES,
    permission=Role("admin"),
    query=LinesQuery,
    returns=StatementLines,
    also=(CSV,),
    errors=("party_not_found", *_NOT_FOUND),
)
def list_statement_lines(request: Request[None]) -> Reply[Any]:
    """List any statement's lines. `Accept: text/csv` gives a table."""
    return _lines(request, _named(request))


@endpoints.post(
    _ANYBODY,
    permission=Role("admin"),
    body=CloseStatement,
    returns=StatementView,
    status=201,
    idempotent=True,
    answer=lambda closed: Reply(statement_view(closed), etag=statement_tag(closed)),
    errors=("party_not_found", "settlement_not_found", "nothing_to_close"),
)
def close_statement(request: Request[CloseStatement]) -> settlement.SettledStatement:
    """Close the period of a store or a rider now, before its end. What it leaves is paid out as always."""
    return settlement.close_now(_named(request), request.body.currency, request.key)


@endpoints.post(
    _ANYBODY + _ONE + "/payout/retry",
    permission=Role("admin"),
    returns=StatementView,
    errors=(
        "party_not_found",
        "statement_not_found",
        "payout_not_found",
        "payout_over",
        "payment_provider_unavailable",
    ),
)
def retry_payout(request: Request[None]) -> Reply[StatementView]:
    """Have a payout tried at once that waits, or that Stripe has refused. One that was sent is asked about instead."""
    party, name = _named(request), request.path["statement_id"]
    statement = settlement.get_statement(party, name).statement
    settlement.retry_payout(party, statement.currency, statement.number)
    return _get(request, party)


def _list(request: Request[Any], party: settlement.Party) -> Reply[StatementPage]:
    filters = ("statements", party.kind, party.id)
    start = cursors.decode(request.query.cursor, *filters)
    page = settlement.list_statements(party, request.query.limit, start)
    return Reply(
        StatementPage(
            items=[statement_view(each) for each in page.items], next_cursor=cursors.encode(page.next_key, *filters)
        )
    )


def _get(request: Request[Any], party: settlement.Party) -> Reply[StatementView]:
    settled = settlement.get_statement(party, request.path["statement_id"])
    return Reply(statement_view(settled), etag=statement_tag(settled))


def _lines(request: Request[Any], party: settlement.Party) -> Reply[Any]:
    statement = settlement.get_statement(party, request.path["statement_id"]).statement
    filters = ("lines", party.kind, party.id, statement.id)
    first = _number(cursors.decode(request.query.cursor, *filters), "chunk")
    wants_csv = request.wanted == CSV
    beyond = first + (_CHUNKS_IN_A_CSV if wants_csv else 1)
    lines = [line for chunk in range(first, beyond) for line in settlement.lines_in(statement, chunk)]
    key = {"chunk": {"N": str(beyond)}} if beyond < len(statement.chunks) else None
    following = cursors.encode(key, *filters)
    if not wants_csv:
        items = [line_view(line, statement.currency) for line in lines]
        return Reply(StatementLines(items=items, next_cursor=following), etag=f"{statement.number}.{first}")
    headers = {"Content-Disposition": f'attachment; filename="statement-{statement.id}.csv"'}
    if following:
        headers["Link"] = f'<?cursor={following}>; rel="next"'
    return Reply(
        lines_as_csv(statement, lines),
        etag=f"{statement.number}.{first}.csv",
        content_type=f"{CSV}; charset=utf-8",
        headers=headers,
    )


def _number(key: Mapping[str, Any] | None, name: str) -> int:
    """A number of a cursor, which comes from outside and may be made by hand."""
    told = (key or {name: {"N": "0"}}).get(name, {}).get("N", "")
    if not (told.isascii() and told.isdigit() and len(told) <= 6):
        raise Invalid([Violation("invalid_cursor", "?cursor", "The cursor is not of this list: start without one.")])
    return int(told)


def _place(key: Mapping[str, Any] | None) -> tuple[int, str]:
    after = (key or {}).get("after", {}).get("S", "")
    if not after.isascii():
        raise Invalid([Violation("invalid_cursor", "?cursor", "The cursor is not of this list: start without one.")])
    return _number(key, "shard"), after


def _store(request: Request[Any]) -> settlement.Party:
    return settlement.Party(settlement.STORE, request.path["store_id"])


def _rider(request: Request[Any]) -> settlement.Party:
    return settlement.Party(settlement.RIDER, request.principal.id)


def _named(request: Request[Any]) -> settlement.Party:
    if request.path["party"] == "stores":
        return settlement.Party(settlement.STORE, request.path["party_id"])
    if request.path["party"] == "riders":
        return settlement.Party(settlement.RIDER, request.path["party_id"])
    raise NotFound("party", request.path["party"])

"""Changing an accepted order before its hand-over: what the store finds, and what its customer agrees to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role, StoreStaff
from chalicelib.kernel.errors import Invalid, Violation
from chalicelib.ordering import service
from chalicelib.ordering.routes.blueprint import endpoints
from chalicelib.ordering.routes.inputs import command_of, counted
from chalicelib.ordering.routes.render import order_view, state_view
from chalicelib.ordering.schemas import OrderView, StoreOrderState
from chalicelib.ordering.schemas.money import AdjustOrder, AgreedProposal
from chalicelib.ordering.schemas.values import OrderAmount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.ordering.schemas.money import SubstitutedLine, WeighedLine

_ORDER = "/v1/stores/{store_id}/orders/{order_id}"
_PROPOSAL = "/v1/orders/{order_id}/proposal"


@endpoints.post(
    _ORDER + "/adjust",
    permission=StoreStaff("clerk"),
    body=AdjustOrder,
    returns=StoreOrderState,
    if_match=True,
    errors=(
        "order_not_found",
        "order_status_conflict",
        "version_conflict",
        "payment_captured",
        "nothing_left",
        "cash_announced",
        "proposal_open",
        "out_of_stock",
    ),
)
def adjust_order(request: Request[AdjustOrder]) -> Reply[StoreOrderState]:
    """Change an accepted order to what you can give, before the hand-over.

    Pieces that are missing and lines that weigh less cost so much less. What costs more than was held, and a substitute
    that the customer wants to be asked about, is proposed to them (`proposal`): until they have answered, the order
    can't be marked ready.
    """
    body = request.body
    if not (body.missing or body.weighed or body.substituted):
        raise Invalid([Violation("nothing_to_adjust", "", "Say what is missing, weighed or substituted.")])
    adjustment = service.Adjustment(
        missing=counted(body.missing, "/missing"),
        weighed=_weights(body.weighed),
        substituted=tuple(_substitute(line) for line in body.substituted),
    )
    order = service.adjust_order(command_of(request), adjustment, body.reason)
    return Reply(state_view(order), etag=order.version)


@endpoints.post(
    _ORDER + "/proposal/withdraw",
    permission=StoreStaff("clerk"),
    returns=StoreOrderState,
    if_match=True,
    errors=("order_not_found", "proposal_not_found", "version_conflict"),
)
def withdraw_proposal(request: Request[None]) -> Reply[StoreOrderState]:
    """Go on without what you proposed, and without waiting for the customer any longer."""
    order = service.withdraw_proposal(command_of(request))
    return Reply(state_view(order), etag=order.version)


@endpoints.post(
    _PROPOSAL + "/agree",
    permission=Role("customer"),
    returns=AgreedProposal,
    errors=("order_not_found", "proposal_not_found", "proposal_over", "payment_provider_unavailable"),
)
def agree_to_proposal(request: Request[None]) -> Reply[AgreedProposal]:
    """Agree to what the store proposes. Where that costs more than is held, your app confirms a second, small payment.

    The answer then carries its client secret, and the order changes once it is confirmed. Agreeing again is the same.
    """
    order, action = service.agree_to_proposal(request.principal.id, request.path["order_id"], request.request_id)
    proposal = order.proposal
    currency = order.total.currency
    view = AgreedProposal(
        order_id=order.id,
        order_version=order.version,
        state="requires_payment" if action else "agreed",
        total=OrderAmount(amount=proposal.total_minor if proposal else order.total.amount, currency=currency),
        extra=OrderAmount(amount=proposal.extra_minor, currency=currency) if proposal and action else None,
        payment_intent_id=action.intent_id if action else None,
        client_secret=action.client_secret if action else None,
    )
    return Reply(view)


@endpoints.post(
    _PROPOSAL + "/decline",
    permission=Role("customer"),
    returns=OrderView,
    errors=("order_not_found", "proposal_not_found"),
)
def decline_proposal(request: Request[None]) -> Reply[OrderView]:
    """Turn down what the store proposes: you get the order without it, and pay no more than before."""
    customer_id, order_id = request.principal.id, request.path["order_id"]
    service.decline_proposal(customer_id, order_id, request.request_id)
    snapshot = service.get_own_order(customer_id, order_id)
    return Reply(order_view(snapshot), etag=snapshot.tag)


def _weights(lines: Sequence[WeighedLine]) -> dict[str, int]:
    weights: dict[str, int] = {}
    for number, line in enumerate(lines):
        ref = str(int(line.line))
        if ref in weights:
            raise Invalid([Violation("line_repeated", f"/weighed/{number}/line", "Name each line once.")])
        weights[ref] = line.grams
    return weights


def _substitute(line: SubstitutedLine) -> service.Substitute:
    wanted: dict[str, Any] = {
        "sku": line.sku,
        "quantity": line.quantity,
        "modifiers": msgspec.to_builtins(line.modifiers),
    }
    return service.Substitute(line=str(int(line.line)), request=msgspec.convert(wanted, service.LineRequest))

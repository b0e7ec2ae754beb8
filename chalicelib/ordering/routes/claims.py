"""Cancelling after acceptance and complaints: what customers ask for, and what the store answers."""

from __future__ import annotations

from typing import Any

from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role, StoreStaff
from chalicelib.kernel.errors import Invalid, NotFound, Violation
from chalicelib.ordering import service
from chalicelib.ordering.routes.blueprint import endpoints
from chalicelib.ordering.routes.inputs import command_of, counted, key_of
from chalicelib.ordering.routes.render import state_view
from chalicelib.ordering.routes.render_claims import claimed_view
from chalicelib.ordering.schemas import StoreOrderState
from chalicelib.ordering.schemas.claims import (
    AcceptClaim,
    ClaimedOrderView,
    CounterClaim,
    OfferCredit,
    OfferRefund,
    OfferResend,
    OpenClaim,
    RejectClaim,
)

_OWN = "/v1/orders/{order_id}/claims"
_CLAIM = _OWN + "/{number}"
_OF_STORE = "/v1/stores/{store_id}/orders/{order_id}/claims/{number}"
_TURN = ("order_not_found", "claim_not_found", "claim_out_of_turn")
_GRANTING = (
    "order_status_conflict",
    "delivery_under_way",
    "payment_not_captured",
    "too_many_refunds",
    "resend_not_possible",
    "out_of_stock",
)


def _answer_claimed(claimed: service.ClaimedOrder) -> Reply[ClaimedOrderView]:
    return Reply(claimed_view(claimed.order, claimed.claim.number))


@endpoints.post(
    _OWN,
    permission=Role("customer"),
    body=OpenClaim,
    returns=ClaimedOrderView,
    status=201,
    idempotent=True,
    answer=_answer_claimed,
    errors=(
        "order_not_found",
        "order_status_conflict",
        "claim_open",
        "claim_window_over",
        "too_many_claims",
        "claim_on_original",
    ),
)
def open_claim(request: Request[OpenClaim]) -> service.ClaimedOrder:
    """Ask to cancel an order that the store has accepted, or for what was wrong with one to be made good.

    The store accepts, rejects, or offers something else until `answer_by`; if it is silent, its policy answers. Until
    the store has accepted an order, `POST …/cancel` needs nobody's consent.
    """
    body = request.body
    wish = service.Remedy(kind=body.wish, quantities=counted(body.lines, "/lines"))
    draft = service.Draft(kind=body.kind, reason=body.reason, wish=wish, note=body.note)
    return service.open_claim(
        request.principal.id, request.path["order_id"], draft, key_of(request), request.request_id
    )


@endpoints.post(
    _CLAIM + "/agree",
    permission=Role("customer"),
    returns=ClaimedOrderView,
    idempotent=True,
    answer=_answer_claimed,
    errors=(*_TURN, *_GRANTING),
)
def agree_to_offer(request: Request[None]) -> service.ClaimedOrder:
    """Take what the store offers instead, which is done at once."""
    return service.agree_to_offer(
        request.principal.id, request.path["order_id"], _number(request), key_of(request), request.request_id
    )


@endpoints.post(_CLAIM + "/decline", permission=Role("customer"), returns=ClaimedOrderView, errors=_TURN)
def decline_offer_of_store(request: Request[None]) -> Reply[ClaimedOrderView]:
    """Turn down what the store offers instead: the order stays as it is."""
    number = _number(request)
    order = service.decline_offer_of_store(request.principal.id, request.path["order_id"], number, request.request_id)
    return Reply(claimed_view(order, number))


@endpoints.post(_CLAIM + "/withdraw", permission=Role("customer"), returns=ClaimedOrderView, errors=_TURN)
def withdraw_claim(request: Request[None]) -> Reply[ClaimedOrderView]:
    """Take a claim back, as long as nothing is decided."""
    number = _number(request)
    order = service.withdraw_claim(request.principal.id, request.path["order_id"], number, request.request_id)
    return Reply(claimed_view(order, number))


@endpoints.post(
    _OF_STORE + "/accept",
    permission=StoreStaff("clerk"),
    body=AcceptClaim,
    returns=StoreOrderState,
    if_match=True,
    errors=(*_TURN, *_GRANTING, "version_conflict"),
)
def accept_claim(request: Request[AcceptClaim]) -> Reply[StoreOrderState]:
    """Grant what a customer asks for: the order is cancelled, the price goes back, or the goods are made once more.

    Complaints are for managers.
    """
    order = service.accept_claim(command_of(request), _number(request), request.body.paid_by)
    return Reply(state_view(order), etag=order.version)


@endpoints.post(
    _OF_STORE + "/reject",
    permission=StoreStaff("clerk"),
    body=RejectClaim,
    returns=StoreOrderState,
    if_match=True,
    errors=(*_TURN, "version_conflict"),
)
def reject_claim(request: Request[RejectClaim]) -> Reply[StoreOrderState]:
    """Say no to what a customer asks for, and why. Complaints are for managers."""
    order = service.reject_claim(command_of(request), _number(request), request.body.answer)
    return Reply(state_view(order), etag=order.version)


@endpoints.post(
    _OF_STORE + "/counter",
    permission=StoreStaff("clerk"),
    body=CounterClaim,
    returns=StoreOrderState,
    if_match=True,
    errors=(*_TURN, "version_conflict"),
)
def counter_claim(request: Request[CounterClaim]) -> Reply[StoreOrderState]:
    """Offer a customer something else: part of the price, credit, or the goods once more. Complaints are for managers.

    The customer takes it or not until `answer_by`; silence ends it.
    """
    body = request.body
    amount = None if isinstance(body.remedy, OfferResend) else body.remedy.amount
    currency = amount.currency if amount else None
    order = service.counter_claim(
        command_of(request), _number(request), _offered(body.remedy), body.answer, currency=currency
    )
    return Reply(state_view(order), etag=order.version)


def _offered(remedy: OfferRefund | OfferCredit | OfferResend) -> service.Remedy:
    if isinstance(remedy, OfferResend):
        pieces = counted(remedy.lines, "/remedy/lines")
        return service.Remedy(kind="resend", quantities=pieces, payer=remedy.paid_by)
    if isinstance(remedy, OfferCredit):
        return service.Remedy(kind="credit", amount=remedy.amount.amount, payer=remedy.paid_by)
    if (remedy.lines is None) == (remedy.amount is None):
        detail = "Offer the price of some pieces, or an amount."
        raise Invalid([Violation("lines_or_amount", "/remedy/amount", detail)])
    return service.Remedy(
        kind="refund",
        quantities=counted(remedy.lines or (), "/remedy/lines"),
        amount=remedy.amount.amount if remedy.amount else None,
        payer=remedy.paid_by,
    )


def _number(request: Request[Any]) -> int:
    given = request.path["number"]
    if not given.isascii() or not given.isdecimal() or len(given) > 3:
        raise NotFound("claim", given[:20])
    return int(given)

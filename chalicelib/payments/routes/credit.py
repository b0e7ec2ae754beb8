"""Gift cards and store credit: given by the platform, merchants and stores, seen by their customers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import MerchantOwner, Role, StoreStaff
from chalicelib.edge.schemas import PageQuery
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Invalid, NotFound, Violation
from chalicelib.kernel.limits import Limit
from chalicelib.kernel.money import Money, is_currency
from chalicelib.payments import service
from chalicelib.payments.routes.blueprint import endpoints
from chalicelib.payments.schemas import amount_view
from chalicelib.payments.schemas.credit import (
    CreditAmount,
    CreditMovement,
    CreditMovements,
    CreditView,
    GiftCardBalance,
    GiftCardCode,
    GiftCardView,
    GiveCredit,
    IssuedGiftCard,
    IssueGiftCard,
    IssueMerchantGiftCard,
    OwnCredits,
    RevokeGiftCard,
)

_CARD = "/v1/gift-cards/{gift_card_id}"
_MERCHANT_CARDS = "/v1/merchants/{merchant_id}/gift-cards"
_MERCHANT_CARD = _MERCHANT_CARDS + "/{gift_card_id}"


def _issued(issued: service.IssuedCard) -> Reply[IssuedGiftCard]:
    return Reply(IssuedGiftCard(card=_card_view(issued.card), code=issued.code))


def _given(credit: service.Credit) -> Reply[CreditView]:
    return Reply(_credit_view(credit))


# --- gift cards of the platform ---------------------------------------------------------------------------------------


@endpoints.post(
    "/v1/gift-cards",
    permission=Role("admin"),
    body=IssueGiftCard,
    returns=IssuedGiftCard,
    status=201,
    idempotent=True,
    answer=_issued,
)
def issue_gift_card(request: Request[IssueGiftCard]) -> service.IssuedCard:
    """Issue a gift card that every store takes.

    The platform's promotions pay for it. The code is told in this answer and nowhere else.
    """
    body = request.body
    return service.issue_gift_card(
        _money(body.value),
        funded_by=service.PROMOTIONS,
        merchant_id=None,
        valid_days=body.valid_days,
        reason=body.reason,
        by=request.principal.id,
        key=request.key,
    )


@endpoints.post(
    "/v1/gift-cards/balance",
    permission=Role("customer"),
    body=GiftCardCode,
    returns=GiftCardBalance,
    errors=("gift_card_not_found", "too_many_wrong_codes"),
    # Ten wrong codes of a customer are counted where orders see them, too; this is for many customers at one address.
    limit=Limit(name="gift-card-codes", window=timedelta(hours=1), per_ip=50, on=("gift_card_not_found",)),
)
def look_at_gift_card(request: Request[GiftCardCode]) -> Reply[GiftCardBalance]:
    """See what a gift card is worth, by its code.

    After ten codes that belong to no card, none is looked at for an hour.
    """
    card = service.look_at_gift_card(request.principal.id, request.body.code)
    return Reply(
        GiftCardBalance(
            available=amount_view(card.available, card.currency),
            state=card.state.value,
            expires_at=clock.rfc3339(card.expires_at) if card.expires_at else None,
            merchant_id=card.merchant_id,
        )
    )


@endpoints.get(_CARD, permission=Role("admin"), returns=GiftCardView, errors=("gift_card_not_found",))
def get_gift_card(request: Request[None]) -> Reply[GiftCardView]:
    """See a gift card."""
    return Reply(_card_view(service.get_gift_card(request.path["gift_card_id"])))


@endpoints.get(
    _CARD + "/movements",
    permission=Role("admin"),
    query=PageQuery,
    returns=CreditMovements,
    errors=("gift_card_not_found",),
)
def list_gift_card_movements(request: Request[None]) -> Reply[CreditMovements]:
    """See what was paid with a gift card, newest first."""
    return _card_movements(request, service.get_gift_card(request.path["gift_card_id"]))


@endpoints.post(
    _CARD + "/revoke",
    permission=Role("admin"),
    body=RevokeGiftCard,
    returns=GiftCardView,
    errors=("gift_card_not_found",),
)
def revoke_gift_card(request: Request[RevokeGiftCard]) -> Reply[GiftCardView]:
    """End a gift card that was lost, stolen or made by mistake.

    What is left of it goes back to who paid for it; what orders hold stays theirs. Revoking again changes nothing.
    """
    card_id, reason = request.path["gift_card_id"], request.body.reason
    return Reply(_card_view(service.revoke_gift_card(card_id, None, reason, request.principal.id)))


# --- gift cards of merchants ------------------------------------------------------------------------------------------


@endpoints.post(
    _MERCHANT_CARDS,
    permission=MerchantOwner(),
    body=IssueMerchantGiftCard,
    returns=IssuedGiftCard,
    status=201,
    idempotent=True,
    answer=_issued,
)
def issue_merchant_gift_card(request: Request[IssueMerchantGiftCard]) -> service.IssuedCard:
    """Issue a gift card that all stores of a merchant take.

    The named store pays for it, whether you sell it or give it away: you must be manager there. The code is told in
    this answer and nowhere else.
    """
    body = request.body
    StoreStaff("manager").check(request.principal, {"store_id": body.store_id})
    return service.issue_gift_card(
        _money(body.value),
        funded_by=f"store:{body.store_id}",
        merchant_id=request.path["merchant_id"],
        valid_days=body.valid_days,
        reason=body.reason,
        by=request.principal.id,
        key=request.key,
    )


@endpoints.get(_MERCHANT_CARD, permission=MerchantOwner(), returns=GiftCardView, errors=("gift_card_not_found",))
def get_merchant_gift_card(request: Request[None]) -> Reply[GiftCardView]:
    """See a gift card of a merchant that you own."""
    return Reply(_card_view(_merchant_card(request)))


@endpoints.get(
    _MERCHANT_CARD + "/movements",
    permission=MerchantOwner(),
    query=PageQuery,
    returns=CreditMovements,
    errors=("gift_card_not_found",),
)
def list_merchant_gift_card_movements(request: Request[None]) -> Reply[CreditMovements]:
    """See what was paid with a gift card of a merchant that you own, newest first."""
    return _card_movements(request, _merchant_card(request))


@endpoints.post(
    _MERCHANT_CARD + "/revoke",
    permission=MerchantOwner(),
    body=RevokeGiftCard,
    returns=GiftCardView,
    errors=("gift_card_not_found",),
)
def revoke_merchant_gift_card(request: Request[RevokeGiftCard]) -> Reply[GiftCardView]:
    """End a gift card of a merchant that you own.

    What is left of it goes back to the store that paid for it; what orders hold stays theirs. Revoking again changes
    nothing.
    """
    path = request.path
    card = service.revoke_gift_card(
        path["gift_card_id"], path["merchant_id"], request.body.reason, request.principal.id
    )
    return Reply(_card_view(card))


# --- store credit -----------------------------------------------------------------------------------------------------


@endpoints.post(
    "/v1/customers/{customer_id}/credits",
    permission=Role("admin"),
    body=GiveCredit,
    returns=CreditView,
    status=201,
    idempotent=True,
    answer=_given,
)
def give_credit(request: Request[GiveCredit]) -> service.Credit:
    """Give a customer credit, to spend at every store.

    The platform's promotions pay for it. An expiry that is later than that of the customer's credit puts it off for all
    of it; an earlier one changes nothing.
    """
    body = request.body
    return service.give_credit(
        request.path["customer_id"],
        _money(body.value),
        valid_days=body.valid_days,
        reason=body.reason,
        by=request.principal.id,
        key=request.key,
    )


@endpoints.post(
    "/v1/stores/{store_id}/orders/{order_id}/goodwill",
    permission=StoreStaff("manager"),
    body=GiveCredit,
    returns=CreditView,
    status=201,
    idempotent=True,
    answer=_given,
    errors=("order_not_found", "credit_given_already"),
)
def give_goodwill(request: Request[GiveCredit]) -> service.Credit:
    """Give the customer of an order credit, once for the order and at most what it cost.

    The store pays for it; the customer may spend it at every store.
    """
    body = request.body
    return service.give_goodwill(
        request.path["store_id"],
        request.path["order_id"],
        _money(body.value),
        valid_days=body.valid_days,
        reason=body.reason,
        by=request.principal.id,
        key=request.key,
    )


@endpoints.get("/v1/me/credits", permission=Role("customer"), returns=OwnCredits)
def list_own_credits(request: Request[None]) -> Reply[OwnCredits]:
    """See your credit, one balance for each currency."""
    return Reply(OwnCredits(items=[_credit_view(credit) for credit in service.list_own_credit(request.principal.id)]))


@endpoints.get(
    "/v1/me/credits/{currency}/movements",
    permission=Role("customer"),
    query=PageQuery,
    returns=CreditMovements,
    errors=("currency_not_found",),
)
def list_own_credit_movements(request: Request[None]) -> Reply[CreditMovements]:
    """See what your credit in a currency was given for and spent on, newest first."""
    customer_id, currency = request.principal.id, request.path["currency"]
    if not is_currency(currency):
        raise NotFound("currency", currency)
    filters = ("credits", customer_id, currency)
    start = cursors.decode(request.query.cursor, *filters)
    page = service.list_own_movements(customer_id, currency, limit=request.query.limit, start=start)
    return Reply(_movements(page.items, page.next_key, currency, filters))


def _money(value: CreditAmount) -> Money:
    if not is_currency(value.currency):
        raise Invalid([Violation("unknown_currency", "/value/currency", "There is no such currency.")])
    return Money(value.amount, value.currency)


def _merchant_card(request: Request[Any]) -> service.Credit:
    return service.get_gift_card(request.path["gift_card_id"], request.path["merchant_id"])


def _card_movements(request: Request[None], card: service.Credit) -> Reply[CreditMovements]:
    filters = ("gift-card", card.id)
    start = cursors.decode(request.query.cursor, *filters)
    page = service.list_card_movements(card, limit=request.query.limit, start=start)
    return Reply(_movements(page.items, page.next_key, card.currency, filters))


def _movements(
    movements: list[service.Movement], next_key: dict[str, Any] | None, currency: str, filters: tuple[str, ...]
) -> CreditMovements:
    return CreditMovements(
        items=[
            CreditMovement(
                kind=movement.kind,
                amount=amount_view(movement.amount, currency),
                at=clock.rfc3339(movement.at),
                order_id=movement.order_id,
                reason=movement.reason,
            )
            for movement in movements
        ],
        next_cursor=cursors.encode(next_key, *filters),
    )


def _credit_view(credit: service.Credit) -> CreditView:
    return CreditView(
        available=amount_view(credit.available, credit.currency),
        held=amount_view(credit.held, credit.currency),
        state=credit.state.value,
        expires_at=clock.rfc3339(credit.expires_at) if credit.expires_at else None,
    )


def _card_view(card: service.Credit) -> GiftCardView:
    return GiftCardView(
        id=card.id,
        available=amount_view(card.available, card.currency),
        held=amount_view(card.held, card.currency),
        state=card.state.value,
        expires_at=clock.rfc3339(card.expires_at) if card.expires_at else None,
        merchant_id=card.merchant_id,
    )

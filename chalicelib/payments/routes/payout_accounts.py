"""Accounts at Stripe that stores and riders are paid to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role, StoreStaff
from chalicelib.kernel import clock
from chalicelib.payments.routes.blueprint import endpoints
from chalicelib.payments.routes.render_settlement import account_view
from chalicelib.payments.schemas.settlement import OnboardingLink, OpenOnboarding, OpenRiderAccount, PayoutAccountView
from chalicelib.payments.service import settlement

_STORE = "/v1/stores/{store_id}/payout-account"
_RIDER = "/v1/rider/payout-account"
_ERRORS = ("payout_account_exists", "payment_provider_unavailable", "payment_refused")


def _answer(account: settlement.PayoutAccount) -> Reply[PayoutAccountView]:
    return Reply(account_view(account), etag=account.version)


@endpoints.post(
    _STORE,
    permission=StoreStaff("owner"),
    returns=PayoutAccountView,
    status=201,
    idempotent=True,
    answer=_answer,
    errors=("store_not_found", *_ERRORS),
)
def open_store_account(request: Request[None]) -> settlement.PayoutAccount:
    """Open the account at Stripe that a store of yours is paid to. Then fill in Stripe's form: `…/onboarding-link`."""
    return settlement.open_store_account(request.path["store_id"], request.principal.id, request.key)


@endpoints.get(_STORE, permission=StoreStaff("owner"), returns=PayoutAccountView, errors=("payout_account_not_found",))
def get_store_account(request: Request[None]) -> Reply[PayoutAccountView]:
    """See whether a store of yours can be paid, and what Stripe still wants to know."""
    return _answer(settlement.see_account(_store(request)))


@endpoints.post(
    f"{_STORE}/onboarding-link",
    permission=StoreStaff("owner"),
    body=OpenOnboarding,
    returns=OnboardingLink,
    errors=("payout_account_not_found", "payment_provider_unavailable", "payment_refused"),
)
def open_store_onboarding(request: Request[OpenOnboarding]) -> Reply[OnboardingLink]:
    """Get a link to Stripe's form for the store's account."""
    return _link(request, _store(request))


@endpoints.post(
    _RIDER,
    permission=Role("rider"),
    body=OpenRiderAccount,
    returns=PayoutAccountView,
    status=201,
    idempotent=True,
    answer=_answer,
    errors=_ERRORS,
)
def open_rider_account(request: Request[OpenRiderAccount]) -> settlement.PayoutAccount:
    """Open the account at Stripe that you are paid to. Then fill in Stripe's form: `…/onboarding-link`."""
    return settlement.open_rider_account(request.principal.id, request.body.country, request.key)


@endpoints.get(_RIDER, permission=Role("rider"), returns=PayoutAccountView, errors=("payout_account_not_found",))
def get_rider_account(request: Request[None]) -> Reply[PayoutAccountView]:
    """See whether you can be paid, and what Stripe still wants to know."""
    return _answer(settlement.see_account(_rider(request)))


@endpoints.post(
    f"{_RIDER}/onboarding-link",
    permission=Role("rider"),
    body=OpenOnboarding,
    returns=OnboardingLink,
    errors=("payout_account_not_found", "payment_provider_unavailable", "payment_refused"),
)
def open_rider_onboarding(request: Request[OpenOnboarding]) -> Reply[OnboardingLink]:
    """Get a link to Stripe's form for your account."""
    return _link(request, _rider(request))


def _link(request: Request[OpenOnboarding], party: settlement.Party) -> Reply[OnboardingLink]:
    body = request.body
    link = settlement.open_onboarding(party, body.return_url, body.refresh_url, request.request_id)
    expires = datetime.fromtimestamp(link.expires_at, UTC)
    return Reply(OnboardingLink(url=link.url, expires_at=clock.rfc3339(expires)))


def _store(request: Request[Any]) -> settlement.Party:
    return settlement.Party(settlement.STORE, request.path["store_id"])


def _rider(request: Request[Any]) -> settlement.Party:
    return settlement.Party(settlement.RIDER, request.principal.id)

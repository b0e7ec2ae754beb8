"""Connected accounts at Stripe, and money sent to them and taken back: separate charges and transfers.

Before a transfer or a reversal is asked for, Stripe is asked whether it has made it: by the transfer's group, or by the
reversal's metadata. So neither a forgotten key nor a failure after the money has moved makes another one. Only Stripe's
refusal of the very request, after such a look, says that nothing moved; whatever else goes wrong says nothing, and is
``Unavailable``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.kernel.errors import DomainError, Unavailable
from chalicelib.payments.model.accounts import AccountStatus
from chalicelib.payments.model.payouts import BankNews
from chalicelib.payments.provider import client

if TYPE_CHECKING:
    from collections.abc import Callable

    import stripe

    from chalicelib.payments.model.payouts import Payout
    from chalicelib.payments.model.reversals import Reversal
    from chalicelib.payments.model.statements import Party

_PAYOUTS_LOOKED_AT = 30


class Link(msgspec.Struct, frozen=True):
    """Where a store's owner or a rider tells Stripe what it wants to know. It works once, until ``expires_at``."""

    url: str
    expires_at: int


def open_account(party: Party, country: str, name: str) -> tuple[str, AccountStatus]:
    """Create a party's account, or get the one that was created before: its id, and what Stripe wants to know."""
    account = client.under_first_working_key(
        f"{party.kind}:{party.id}:account:{country}",
        lambda key: client.connected().v1.accounts.create(
            params={
                "country": country,
                "controller": {
                    "fees": {"payer": "application"},
                    "losses": {"payments": "application"},
                    "stripe_dashboard": {"type": "express"},
                },
                "capabilities": {"transfers": {"requested": True}},
                "business_profile": {"name": name} if name else {},
                "metadata": {"party": party.kind, "party_id": party.id},
            },
            options={"idempotency_key": key},
        ),
    )
    return account.id, _status(account)


def open_link(account_id: str, return_url: str, refresh_url: str, request_id: str) -> Link:
    """A fresh link to the account's form."""
    link = client.under_first_working_key(
        f"{account_id}:link:{request_id}",
        lambda key: client.connected().v1.account_links.create(
            params={
                "account": account_id,
                "type": "account_onboarding",
                "return_url": return_url,
                "refresh_url": refresh_url,
            },
            options={"idempotency_key": key},
        ),
    )
    return Link(link.url, link.expires_at)


def look_at_account(account_id: str) -> AccountStatus:
    """What an account can do now."""
    with client.translated_errors():
        return _status(client.connected().v1.accounts.retrieve(account_id))


def _status(account: stripe.Account) -> AccountStatus:
    requirements = account.requirements
    return AccountStatus(
        details_submitted=bool(account.details_submitted),
        transfers_enabled=bool(account.capabilities) and _told(account.capabilities, "transfers") == "active",
        payouts_enabled=bool(account.payouts_enabled),
        disabled_reason=requirements.disabled_reason if requirements else None,
        due=tuple((requirements.currently_due or ())[:20]) if requirements else (),
    )


def transfer(payout: Payout) -> str:
    """Send a payout to its account; the id of Stripe's transfer. Raises ``payment_refused`` where nothing moved."""

    def made_or_make(key: str) -> str:
        made = _surely(
            lambda: client.connected().v1.transfers.list(params={"transfer_group": payout.group, "limit": 1})
        )
        for known in made.data:
            return str(known.id)
        return (
            client.connected()
            .v1.transfers.create(
                params={
                    "amount": payout.amount,
                    "currency": payout.currency.lower(),
                    "destination": payout.account_id or "",
                    "transfer_group": payout.group,
                    "description": f"Statement {payout.statement}",
                    "metadata": {
                        "party": payout.party.kind,
                        "party_id": payout.party.id,
                        "statement": payout.statement,
                    },
                },
                options={"idempotency_key": key},
            )
            .id
        )

    return _refused_or_unknown(
        lambda: client.under_first_working_key(f"{payout.group}:transfer:{payout.attempt}", made_or_make)
    )


def reverse(transfer_id: str, reversal: Reversal) -> str:
    """Take part of a transfer back; the id of Stripe's reversal. Raises ``payment_refused`` where nothing moved."""

    def made_or_make(key: str) -> str:
        listed = _surely(
            lambda: client.connected().v1.transfers.reversals.list(transfer_id, params={"limit": 100}),
        )
        for made in listed.auto_paging_iter():
            if _told(made.metadata or {}, "reversal") == reversal.name:
                return str(made.id)
        return (
            client.connected()
            .v1.transfers.reversals.create(
                transfer_id,
                params={"amount": reversal.amount, "metadata": {"reversal": reversal.name}},
                options={"idempotency_key": key},
            )
            .id
        )

    return _refused_or_unknown(
        lambda: client.under_first_working_key(f"{transfer_id}:reversal:{reversal.name}", made_or_make)
    )


def bank_news(payout: Payout) -> BankNews:
    """What became of a payout's transfer: how much was reversed, and how the account's payout to its bank stands.

    The account's newest payouts are looked through for the one that carries the transfer's money.
    """
    stripe_client = client.connected()
    account_id = payout.account_id or ""
    with client.translated_errors():
        made = stripe_client.v1.transfers.retrieve(payout.transfer_id or "")
        back = made.amount_reversed or 0
        arrived = made.destination_payment
        source = arrived if isinstance(arrived, str) else getattr(arrived, "id", None)
        listed = stripe_client.v1.payouts.list(
            params={"limit": _PAYOUTS_LOOKED_AT}, options={"stripe_account": account_id}
        )
        for each in listed.data:
            if each.automatic and _carries(stripe_client, each.id, source, account_id):
                return BankNews(reversed=back, payout_id=each.id, status=each.status, failure_code=each.failure_code)
    return BankNews(reversed=back)


def _carries(stripe_client: stripe.StripeClient, payout_id: str, source: str | None, account_id: str) -> bool:
    lines = stripe_client.v1.balance_transactions.list(
        params={"payout": payout_id, "limit": 100}, options={"stripe_account": account_id}
    )
    return any(line.source == source for line in lines.auto_paging_iter())


def _told(mapping: Any, name: str) -> Any:
    """A value of one of Stripe's objects, which know only the attributes that they were sent."""
    if name in mapping:
        return mapping[name]
    return None


def _surely(look: Callable[[], Any]) -> Any:
    """A look whose failure says nothing about whether money moved: never the refusal of what comes after it."""
    import stripe

    try:
        return look()
    except stripe.InvalidRequestError as error:
        raise Unavailable("payment_provider_unavailable", "The payment provider does not tell.") from error


def _refused_or_unknown(call: Callable[[], str]) -> str:
    """Only a refusal of the request itself is one; a key that is not accepted, say, leaves open what happened.

    ``api_error``, that Stripe keeps a failure for every key of the series, is told on: the next attempt has other keys.
    """
    import stripe

    try:
        return call()
    except DomainError as error:
        cause = error.__cause__
        refused = isinstance(cause, stripe.InvalidRequestError | stripe.CardError)
        if error.code == "payment_refused" and not refused and error.extra.get("provider_code") != "api_error":
            raise Unavailable("payment_provider_unavailable", "The payment provider can't be asked.") from error
        raise

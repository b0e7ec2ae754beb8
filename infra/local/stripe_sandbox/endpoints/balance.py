"""/v1/balance and /v1/balance_transactions, of the platform or, with `Stripe-Account`, of a connected account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.stripe_sandbox import errors, render
from infra.local.stripe_sandbox.currencies import check_currency
from infra.local.stripe_sandbox.endpoints import lists
from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.model import Payout
from infra.local.stripe_sandbox.render import money
from infra.local.stripe_sandbox.work import Answer

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.work import Work


def retrieve(work: Work) -> Answer:
    Params(work.call.values, {"expand"})
    account = work.call.account
    return Answer(money.balance(account, work.balances.totals(account, work.now)))


def list_transactions(work: Work) -> Answer:
    params = Params(work.call.values, lists.PAGING | {"currency", "payout", "source", "type"})
    payout, currency = params.text("payout"), params.text("currency")
    if payout is not None:
        _check_automatic(work, payout)
    where = {
        "currency": check_currency(currency) if currency else None,
        "payout": payout,
        "source": params.text("source"),
        "type": params.text("type"),
    }
    found, more = work.balances.page(work.call.account, lists.page(params), where)
    body = render.listing("/v1/balance_transactions", [work.line(line) for line in found], has_more=more)
    return Answer(work.expanded(body, params.texts("expand")))


def retrieve_transaction(work: Work) -> Answer:
    params = Params(work.call.values, {"expand"})
    line = work.balances.find(work.call.account, work.call.ids[0])
    if line is None:
        raise errors.missing_resource("balance transaction", work.call.ids[0], "id")
    return Answer(work.expanded(work.line(line), params.texts("expand")))


def _check_automatic(work: Work, id_: str) -> None:
    payout = work.find(Payout, id_, "payout", 400)
    if payout.account != work.call.account:
        raise errors.missing_resource("payout", id_, "payout", 400)
    if not payout.automatic:
        raise StripeError(
            "Balance transaction history can only be filtered on automatic transfers, not manual.", param="payout"
        )

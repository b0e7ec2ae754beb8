"""/v1/payouts, of the platform or, with `Stripe-Account`, of a connected account."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from infra.local.stripe_sandbox import connect, errors
from infra.local.stripe_sandbox.currencies import check_currency
from infra.local.stripe_sandbox.endpoints import accounts, lists
from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.model import PLATFORM, Change, Payout
from infra.local.stripe_sandbox.render.accounts import bank_account_id
from infra.local.stripe_sandbox.work import Answer, new_id

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.work import Work

_CREATE: Final = frozenset(
    [
        "amount",
        "currency",
        "description",
        "destination",
        "metadata",
        "method",
        "source_type",
        "statement_descriptor",
        "expand",
    ]
)
_STATUSES: Final = ("pending", "in_transit", "paid", "failed", "canceled")


def create(work: Work) -> Answer:
    params = Params(work.call.values, _CREATE, {"payout_method"})
    params.require("amount", "currency")
    params.choice("source_type", ("card",))
    currency = check_currency(params.text("currency", 10) or "")
    destination = _bank(work, work.call.account, currency)
    if params.text("destination") not in (None, destination):
        raise errors.missing_resource("external account", params.text("destination") or "", "destination", 400)
    asked = replace(
        _new(work, work.call.account, params.integer("amount", least=1) or 0, currency),
        description=params.text("description"),
        destination=destination,
        method=params.choice("method", ("standard", "instant")) or "standard",
        statement_descriptor=params.text("statement_descriptor", 22),
        metadata=params.metadata({}),
    )
    available = work.balances.available(work.call.account, currency, work.now)
    shown = work.apply(connect.pay_out(asked, available, work.moment))
    return Answer(work.expanded(shown, params.texts("expand")))


def retrieve(work: Work) -> Answer:
    params = Params(work.call.values, {"expand"})
    return Answer(work.expanded(work.shown(_own(work)), params.texts("expand")))


def update(work: Work) -> Answer:
    params = Params(work.call.values, {"metadata", "expand"})
    payout = _own(work)
    changed = replace(payout, metadata=params.metadata(payout.metadata))
    shown = work.apply(Change((changed,), (("payout.updated", changed),)))
    return Answer(work.expanded(shown, params.texts("expand")))


def cancel(work: Work) -> Answer:
    params = Params(work.call.values, {"expand"})
    return Answer(work.expanded(work.apply(connect.cancel(_own(work), work.moment)), params.texts("expand")))


def list_(work: Work) -> Answer:
    params = Params(work.call.values, lists.PAGING | {"destination", "status"}, {"arrival_date"})
    where = {
        "account": work.call.account,
        "destination": params.text("destination"),
        "status": params.choice("status", _STATUSES),
    }
    return lists.answer(work, params, Payout, where)


def send(work: Work) -> Answer:
    """The payout is submitted to the bank."""
    Params(work.call.values, ())
    return Answer(work.apply(connect.send(work.find(Payout, work.call.ids[0]))))


def arrive(work: Work) -> Answer:
    """The payout arrived at the bank."""
    Params(work.call.values, ())
    return Answer(work.apply(connect.arrive(work.find(Payout, work.call.ids[0]))))


def fail(work: Work) -> Answer:
    """`{"failure_code"}`: the bank sent the payout back, perhaps after it seemed to be paid."""
    params = Params(work.call.values, {"failure_code"})
    code = params.choice("failure_code", connect.FAILURE_CODES) or "could_not_process"
    return Answer(work.apply(connect.fail(work.find(Payout, work.call.ids[0]), code, work.moment)))


def automatic(work: Work) -> Answer:
    """`{"account", "currency"}`: pay out all that is available, as Stripe does by schedule.

    Without an account it is the platform's. The balance transactions that it carries can be listed by `payout`.
    """
    params = Params(work.call.values, {"account", "currency"})
    params.require("currency")
    currency = check_currency(params.text("currency", 10) or "")
    account = params.text("account") or PLATFORM
    destination = _bank(work, account, currency)
    available = work.balances.available(account, currency, work.now)
    if available <= 0:
        raise StripeError(f"There is nothing to pay out: {available} {currency} are available.", status=409)
    asked = replace(_new(work, account, available, currency), automatic=True, destination=destination)
    shown = work.apply(connect.pay_out(asked, available, work.moment))
    work.balances.carry_out(account, currency, asked.id, work.moment.now)
    return Answer(shown)


def _new(work: Work, account: str, amount: int, currency: str) -> Payout:
    return Payout(
        new_id("po"),
        work.moment.now,
        amount,
        currency,
        new_id("txn"),
        account,
        arrival_date=work.moment.now + connect.ARRIVAL_SECONDS,
    )


def _bank(work: Work, account: str, currency: str) -> str:
    """The id of the bank account that takes this currency; the platform's takes all."""
    if account == PLATFORM:
        return bank_account_id(PLATFORM)
    known = accounts.find(work, account)
    if not known.onboarded or currency != known.default_currency:
        raise StripeError(f"Sorry, you don't have any external accounts in that currency ({currency})", remembered=True)
    if not known.enabled:
        raise StripeError(
            "Cannot create payouts: this account has requirements that need to be collected. "
            f"({known.disabled_reason})",
            code="payouts_not_allowed",
            remembered=True,
        )
    return bank_account_id(known.id)


def _own(work: Work) -> Payout:
    payout = work.find(Payout, work.call.ids[0])
    if payout.account != work.call.account:
        raise errors.missing_resource("payout", payout.id, "payout")
    return payout

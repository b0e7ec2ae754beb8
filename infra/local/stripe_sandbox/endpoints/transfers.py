"""/v1/transfers and their reversals: separate charges and transfers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from infra.local.stripe_sandbox import connect, errors
from infra.local.stripe_sandbox.currencies import check_currency
from infra.local.stripe_sandbox.endpoints import lists
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.model import PLATFORM, Account, Change, Charge, Reversal, Transfer
from infra.local.stripe_sandbox.work import Answer

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.work import Work

_CREATE: Final = frozenset(
    [
        "amount",
        "currency",
        "description",
        "destination",
        "metadata",
        "source_transaction",
        "source_type",
        "transfer_group",
        "expand",
    ]
)


def create(work: Work) -> Answer:
    params = Params(work.call.values, _CREATE)
    params.require("currency", "destination")
    params.choice("source_type", ("card",))
    currency = check_currency(params.text("currency", 10) or "")
    source_id = params.text("source_transaction")
    if source_id is None:
        params.require("amount")
    order = connect.TransferOrder(
        params.integer("amount", least=1),
        currency,
        params.text("description"),
        params.text("transfer_group"),
        params.metadata({}),
    )
    destination = work.store.find(Account, params.text("destination") or "")
    if destination is None:
        raise errors.missing_resource("destination", params.text("destination") or "", "destination", 400)
    source = work.find(Charge, source_id, "source_transaction", 400) if source_id else None
    change = connect.transfer(
        order,
        destination,
        work.moment,
        available=work.balances.available(PLATFORM, currency, work.now),
        source=source,
        from_source=list(work.store.those(Transfer, "source_transaction", source.id)) if source else (),
    )
    if source is not None and source.details.get("transfer_group") is None:
        made = change.values[0]
        group = made.transfer_group if isinstance(made, Transfer) else None
        change = replace(change, values=(made, replace(source, details={**source.details, "transfer_group": group})))
    return Answer(work.expanded(work.apply(change), params.texts("expand")))


def retrieve(work: Work) -> Answer:
    params = Params(work.call.values, {"expand"})
    return Answer(work.expanded(work.shown(work.find(Transfer, work.call.ids[0])), params.texts("expand")))


def update(work: Work) -> Answer:
    params = Params(work.call.values, {"description", "metadata", "expand"})
    made = work.find(Transfer, work.call.ids[0])
    changed = replace(
        made,
        metadata=params.metadata(made.metadata),
        description=params.text("description") if "description" in params else made.description,
    )
    shown = work.apply(Change((changed,), (("transfer.updated", changed),)))
    return Answer(work.expanded(shown, params.texts("expand")))


def list_(work: Work) -> Answer:
    params = Params(work.call.values, lists.PAGING | {"destination", "transfer_group"})
    where = {"destination": params.text("destination"), "transfer_group": params.text("transfer_group")}
    return lists.answer(work, params, Transfer, where)


def reverse(work: Work) -> Answer:
    params = Params(work.call.values, {"amount", "description", "metadata", "expand"}, {"refund_application_fee"})
    amount = params.integer("amount", least=1)
    made = work.find(Transfer, work.call.ids[0])
    at = connect.available_on(made, work.moment)
    available = work.balances.available(made.destination, made.currency, at)
    change = connect.reverse(made, amount, params.metadata({}), available, work.moment)
    return Answer(work.expanded(work.apply(change), params.texts("expand")))


def retrieve_reversal(work: Work) -> Answer:
    params = Params(work.call.values, {"expand"})
    made = work.find(Reversal, work.call.ids[1])
    if made.transfer != work.call.ids[0]:
        raise errors.missing_resource("transfer_reversal", made.id, "id")
    return Answer(work.expanded(work.shown(made), params.texts("expand")))


def list_reversals(work: Work) -> Answer:
    params = Params(work.call.values, lists.PAGING)
    made = work.find(Transfer, work.call.ids[0])
    return lists.answer(work, params, Reversal, {"transfer": made.id})

"""Money between the platform, its connected accounts and the banks: transfers, reversals, payouts.

    payout: pending ── in_transit ─► in_transit ── paid ─► paid
               └─ cancel ─► canceled     └───── fail ─────┴─► failed

A payout leaves the balance when it is made and comes back when it fails or is canceled. One that was paid can still
fail, days later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from infra.local.stripe_sandbox import funds
from infra.local.stripe_sandbox.currencies import written
from infra.local.stripe_sandbox.errors import StripeError, balance_insufficient
from infra.local.stripe_sandbox.model import Change, Payout, Reversal, Transfer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.local.stripe_sandbox.model import Account, Charge, Moment

ARRIVAL_SECONDS: Final = 24 * 3600
_FAILURES: Final = {
    "account_closed": "The bank account has been closed.",
    "account_frozen": "The bank account has been frozen.",
    "bank_account_restricted": "The bank account has restrictions on either the type, or the number, of payouts "
    "allowed. This normally indicates that the bank account is a savings or other non-checking account.",
    "could_not_process": "The bank could not process this payout.",
    "declined": "The bank has declined this transfer. Please contact the bank before retrying.",
    "incorrect_account_holder_name": "Your bank notified us that the bank account holder name on file is incorrect.",
    "insufficient_funds": "Your Stripe account has insufficient funds to cover the payout.",
    "invalid_account_number": "The routing number seems correct, but the account number is invalid.",
    "no_account": "The bank account could not be located.",
}
FAILURE_CODES: Final = tuple(_FAILURES)


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """A transfer as it is asked for. Without an amount it takes all of its source."""

    amount: int | None
    currency: str
    description: str | None = None
    transfer_group: str | None = None
    metadata: Mapping[str, str] | None = None


def transfer(
    order: TransferOrder,
    destination: Account,
    moment: Moment,
    *,
    available: int,
    source: Charge | None = None,
    from_source: Sequence[Transfer] = (),
) -> Change:
    """Move money to a connected account.

    With a `source` it comes out of that payment, whose earlier transfers are `from_source`, and becomes available
    when the payment does; without one, out of what is `available` now.
    """
    if not destination.can("transfers"):
        raise StripeError(
            "Your destination account needs to have at least one of the following capabilities enabled: transfers, "
            "crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
            remembered=True,
        )
    if source is not None:
        _check_source(order, source, from_source)
    amount = order.amount or (source.amount_captured if source else 0)
    if source is None and amount > available:
        raise balance_insufficient("transfer")
    made = Transfer(
        moment.new_id("tr"),
        moment.now,
        amount,
        order.currency,
        destination.id,
        moment.new_id("py"),
        moment.new_id("txn"),
        moment.new_id("txn"),
        max(moment.now, source.available_on) if source else moment.now,
        order.description,
        order.metadata or {},
        source.id if source else None,
        order.transfer_group or _group_of(source),
    )
    return Change((made,), (("transfer.created", made),), funds.transferred(made, moment))


def reverse(made: Transfer, amount: int | None, metadata: Mapping[str, str], available: int, moment: Moment) -> Change:
    """Take back `amount` of the transfer, all that is left of it when None.

    `available` is what the connected account will have at `available_on(made, moment)`.
    """
    if made.unreversed == 0:
        raise StripeError(f"The transfer {made.id} is already fully reversed.", remembered=True)
    taken = made.unreversed if amount is None else amount
    if taken > made.unreversed:
        raise StripeError(
            f"Transfer reversal amount ({written(taken, made.currency)}) is greater than unreversed amount on "
            f"transfer ({written(made.unreversed, made.currency)})",
            param="amount",
            remembered=True,
        )
    if taken > available:
        raise balance_insufficient("reversal")
    reversal = Reversal(
        moment.new_id("trr"),
        moment.now,
        made.id,
        taken,
        made.currency,
        moment.new_id("txn"),
        moment.new_id("pyr"),
        moment.new_id("txn"),
        metadata,
    )
    after = replace(made, amount_reversed=made.amount_reversed + taken, reversals=(reversal.id, *made.reversals))
    posted = funds.taken_back(reversal, made, moment, available_on(made, moment))
    return Change((reversal, after), (("transfer.reversed", after),), posted)


def available_on(made: Transfer, moment: Moment) -> int:
    """When a reversal of the transfer moves the money: money still on its way turns round where it is."""
    return max(moment.now, made.available_on)


def pay_out(asked: Payout, available: int, moment: Moment) -> Change:
    """Send money of the balance to the bank."""
    if asked.amount > available:
        raise balance_insufficient("payout")
    return Change((asked,), (("payout.created", asked),), (funds.paid_out(asked, moment),))


def send(payout: Payout) -> Change:
    """The bank has it."""
    _check_status(payout, "sent", "pending")
    sent = replace(payout, status="in_transit")
    return Change((sent,), (("payout.updated", sent),))


def arrive(payout: Payout) -> Change:
    _check_status(payout, "paid", "pending", "in_transit")
    paid = replace(payout, status="paid")
    return Change((paid,), (("payout.paid", paid),))


def fail(payout: Payout, code: str, moment: Moment) -> Change:
    """The bank sent it back."""
    _check_status(payout, "failed", "pending", "in_transit", "paid")
    failed = replace(payout, status="failed", failure_code=code, failure_message=_FAILURES[code])
    return _returned(failed, "payout.failed", moment)


def cancel(payout: Payout, moment: Moment) -> Change:
    if payout.status != "pending" or payout.automatic:
        raise StripeError("Payouts can only be canceled while they are pending.", remembered=True)
    return _returned(replace(payout, status="canceled"), "payout.canceled", moment)


def _returned(payout: Payout, event: str, moment: Moment) -> Change:
    line = funds.payout_returned(payout, moment)
    back = replace(payout, failure_balance_transaction=line.id)
    return Change((back,), ((event, back),), (line,))


def _check_status(payout: Payout, verb: str, *allowed: str) -> None:
    if payout.status not in allowed:
        raise StripeError(f"Payout {payout.id} can't be {verb}: it is {payout.status}, not {' or '.join(allowed)}.")


def _check_source(order: TransferOrder, source: Charge, from_source: Sequence[Transfer]) -> None:
    if source.status != "succeeded" or not source.captured:
        raise StripeError(
            f"The charge {source.id} cannot be used as a source_transaction: it has not been captured.",
            param="source_transaction",
            remembered=True,
        )
    if source.currency != order.currency:
        raise StripeError(
            f"The currency of source_transaction's balance transaction ({source.currency}) must be the same as the "
            f"transfer currency ({order.currency})",
            param="currency",
            remembered=True,
        )
    used = sum(earlier.unreversed for earlier in from_source)
    amount = source.amount_captured if order.amount is None else order.amount
    if amount + used > source.amount_captured:
        count = len(from_source)
        already = f"There is already a transfer using this source, amounting to {written(used, source.currency)}."
        if count > 1:
            already = (
                f"There are already {count} transfers using this source, totaling {written(used, source.currency)}."
            )
        raise StripeError(
            "Transfers using this transaction as a source must not exceed the source amount of "
            f"{written(source.amount_captured, source.currency)}." + (f" ({already})" if count else ""),
            param="amount",
            remembered=True,
        )


def _group_of(source: Charge | None) -> str | None:
    """A transfer out of a payment belongs to its group; a payment without one is a group of its own."""
    if source is None:
        return None
    return source.details.get("transfer_group") or f"group_{source.payment_intent}"

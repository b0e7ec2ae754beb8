"""A dispute's states: pure functions from values to a `Change`.

    needs_response ── evidence submitted ─► under_review ── won ─► won
          └──────────── closed or lost ──────────┴───── lost ────► lost

The money is withdrawn, with a fee, as soon as the dispute exists; winning brings back the money, not the fee.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from infra.local.stripe_sandbox import funds
from infra.local.stripe_sandbox.currencies import written
from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.model import Change, Dispute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.stripe_sandbox.model import Charge, Json, Moment

REASONS: Final = (
    "bank_cannot_process",
    "check_returned",
    "credit_not_processed",
    "customer_initiated",
    "debit_not_authorized",
    "duplicate",
    "fraudulent",
    "general",
    "incorrect_account_details",
    "insufficient_funds",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
)
OPEN: Final = ("needs_response", "under_review")
_DAYS_TO_ANSWER: Final = 7


def open_(charge: Charge, amount: int | None, reason: str, moment: Moment) -> Change:
    """The customer's bank takes back `amount` (all that was captured when None), whatever was refunded before."""
    if charge.status != "succeeded" or not charge.captured:
        raise StripeError(f"Charge {charge.id} can't be disputed: it was not captured.")
    if charge.dispute is not None:
        raise StripeError(f"Charge {charge.id} was disputed already: {charge.dispute}.")
    taken = charge.amount_captured if amount is None else amount
    if taken > charge.amount_captured:
        raise StripeError(
            f"A dispute takes back no more than was captured: {written(charge.amount_captured, charge.currency)}.",
            param="amount",
        )
    opened = Dispute(
        moment.new_id("dp"),
        moment.now,
        charge.id,
        charge.payment_intent,
        taken,
        charge.currency,
        reason,
        charge.template or charge.payment_method,
        due_by=moment.now + _DAYS_TO_ANSWER * 24 * 3600,
    )
    line = funds.withdrawn(opened, moment)
    opened = replace(opened, balance_transactions=(line.id,))
    told = (("charge.dispute.created", opened), ("charge.dispute.funds_withdrawn", opened))
    return Change((opened, replace(charge, dispute=opened.id, charged_back=True)), told, (line,))


def update(dispute: Dispute, evidence: Json, metadata: Mapping[str, str], *, submit: bool) -> Change:
    """Gather evidence; `submit` hands it to the bank. Evidence is taken only while a response is awaited."""
    if (evidence or submit) and dispute.status != "needs_response":
        raise StripeError(
            "This dispute is already closed"
            if dispute.status not in OPEN
            else "This dispute's evidence has already been submitted",
            remembered=True,
        )
    changed = replace(dispute, evidence={**dispute.evidence, **evidence}, metadata=metadata)
    if submit:
        changed = replace(changed, status="under_review", submissions=changed.submissions + 1)
    return Change((changed,), (("charge.dispute.updated", changed),))


def close(dispute: Dispute) -> Change:
    """Accept the loss."""
    if dispute.status not in OPEN:
        raise StripeError("This dispute is already closed", remembered=True)
    lost = replace(dispute, status="lost")
    return Change((lost,), (("charge.dispute.closed", lost),))


def win(dispute: Dispute, charge: Charge, moment: Moment) -> Change:
    """The bank gives the money back."""
    if dispute.status not in OPEN:
        raise StripeError("This dispute is already closed", remembered=True)
    line = funds.reinstated(dispute, moment)
    won = replace(dispute, status="won", balance_transactions=(*dispute.balance_transactions, line.id))
    told = (("charge.dispute.funds_reinstated", won), ("charge.dispute.closed", won))
    return Change((won, replace(charge, charged_back=False)), told, (line,))

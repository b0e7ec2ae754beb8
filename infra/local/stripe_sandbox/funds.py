"""The lines of balances: every movement of money as one balance transaction for each account that it touches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.local.stripe_sandbox.fees import dispute_fee, payment_fee
from infra.local.stripe_sandbox.model import PLATFORM, BalanceTransaction

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.model import Charge, Dispute, Moment, Payout, Refund, Reversal, Transfer


def earned(charge: Charge, method_type: str, moment: Moment, *, at_once: bool) -> BalanceTransaction:
    """A payment, less the fee for it. `at_once`: its money skips the wait for becoming available."""
    return _line(
        moment,
        ("charge" if method_type == "card" else "payment", "charge"),
        charge.id,
        charge.amount_captured,
        charge.currency,
        fee=payment_fee(method_type, charge.amount_captured, charge.currency),
        fee_description="Stripe processing fees",
        available_on=moment.now + (0 if at_once else moment.funds_after),
        description=charge.details.get("description"),
    )


def given_back(refund: Refund, moment: Moment) -> BalanceTransaction:
    type_ = "refund" if refund.type == "card" else "payment_refund"
    description = f"REFUND FOR {'CHARGE' if refund.type == 'card' else 'PAYMENT'}"
    return _line(moment, (type_, "refund"), refund.id, -refund.amount, refund.currency, description=description)


def refund_failed(refund: Refund, moment: Moment) -> BalanceTransaction:
    type_ = "refund_failure" if refund.type == "card" else "payment_failure_refund"
    description = f"REFUND FAILURE ({refund.failure_reason})"
    return _line(moment, (type_, "refund_failure"), refund.id, refund.amount, refund.currency, description=description)


def transferred(transfer: Transfer, moment: Moment) -> tuple[BalanceTransaction, BalanceTransaction]:
    """What leaves the platform, and what arrives at the account (under the ids that the transfer names)."""
    out = _line(
        moment,
        ("transfer", "transfer"),
        transfer.id,
        -transfer.amount,
        transfer.currency,
        id=transfer.balance_transaction,
        available_on=transfer.available_on,
        description=transfer.description,
    )
    arrived = _line(
        moment,
        ("payment", "charge"),
        transfer.destination_payment,
        transfer.amount,
        transfer.currency,
        id=transfer.destination_transaction,
        account=transfer.destination,
        available_on=transfer.available_on,
    )
    return out, arrived


def taken_back(
    reversal: Reversal, transfer: Transfer, moment: Moment, available_on: int
) -> tuple[BalanceTransaction, BalanceTransaction]:
    """What returns to the platform, and what leaves the account (under the ids that the reversal names)."""
    back = _line(
        moment,
        ("transfer_refund", "transfer_reversal"),
        reversal.id,
        reversal.amount,
        reversal.currency,
        id=reversal.balance_transaction,
        available_on=available_on,
        description=f"REFUND FOR TRANSFER ({transfer.id})",
    )
    gone = _line(
        moment,
        ("payment_refund", "refund"),
        reversal.destination_payment_refund,
        -reversal.amount,
        reversal.currency,
        id=reversal.destination_transaction,
        account=transfer.destination,
        available_on=available_on,
        description="REFUND FOR PAYMENT",
    )
    return back, gone


def paid_out(payout: Payout, moment: Moment) -> BalanceTransaction:
    return _line(
        moment,
        ("payout", "payout"),
        payout.id,
        -payout.amount,
        payout.currency,
        id=payout.balance_transaction,
        account=payout.account,
        description=payout.description or "STRIPE PAYOUT",
    )


def payout_returned(payout: Payout, moment: Moment) -> BalanceTransaction:
    """The money of a payout that failed or was canceled, back in the balance."""
    type_ = "payout_cancel" if payout.status == "canceled" else "payout_failure"
    return _line(
        moment,
        (type_, "payout_reversal"),
        payout.id,
        payout.amount,
        payout.currency,
        account=payout.account,
        description=type_.replace("_", " ").upper(),
    )


def withdrawn(dispute: Dispute, moment: Moment) -> BalanceTransaction:
    """What a dispute takes back from the platform, and its fee."""
    return _line(
        moment,
        ("adjustment", "dispute"),
        dispute.id,
        -dispute.amount,
        dispute.currency,
        fee=dispute_fee(dispute.currency),
        fee_description="Dispute fee",
        description=f"Chargeback withdrawal for {dispute.charge}",
    )


def reinstated(dispute: Dispute, moment: Moment) -> BalanceTransaction:
    return _line(
        moment,
        ("adjustment", "dispute_reversal"),
        dispute.id,
        dispute.amount,
        dispute.currency,
        description=f"Chargeback reversal for {dispute.charge}",
    )


def topped_up(amount: int, currency: str, moment: Moment) -> BalanceTransaction:
    """Money that the platform put into its balance from its bank."""
    return _line(moment, ("topup", "topup"), moment.new_id("tu"), amount, currency, description="TOP-UP")


def _line(
    moment: Moment,
    kind: tuple[str, str],
    source: str,
    amount: int,
    currency: str,
    *,
    id: str | None = None,
    account: str = PLATFORM,
    available_on: int | None = None,
    **more: Any,
) -> BalanceTransaction:
    """`kind` is the type and the category that reports group it under."""
    return BalanceTransaction(
        id or moment.new_id("txn"),
        amount,
        currency,
        *kind,
        source,
        moment.now,
        moment.now if available_on is None else available_on,
        account,
        **more,
    )

"""What Stripe's notices are about, as it stands now: disputes, refunds, payouts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.payments.provider import client
from chalicelib.payments.provider.extras import EXTRA_OF
from chalicelib.payments.provider.listing import told
from chalicelib.payments.provider.tips import TIP_OF

if TYPE_CHECKING:
    import stripe


# A refund of ours names in its metadata what it is of.
_OURS = ("order_id", "unclaimed", TIP_OF, EXTRA_OF)


class SeenDispute(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute; ``withdrawn`` and ``reinstated`` are what its balance transactions moved, fees apart."""

    id: str
    status: str
    reason: str
    amount: int
    currency: str
    withdrawn: int
    reinstated: int
    intent_id: str | None
    order_id: str | None
    due_by: int | None


class SeenRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund. ``by_us``: it carries our metadata. A hold that was let go is one that ``moved_money`` of nobody."""

    id: str
    status: str
    amount: int
    currency: str
    intent_id: str | None
    order_id: str | None
    by_us: bool
    failure: str | None
    moved_money: bool = True

    @property
    def has_failed(self) -> bool:
        """Whether the money has come back to the platform."""
        return self.status in ("failed", "canceled")


class SeenPayout(msgspec.Struct, frozen=True, kw_only=True):
    """A payout to a bank: the platform's, or that of a connected account."""

    id: str
    status: str
    amount: int
    currency: str
    failure: str | None


def look_at_dispute(dispute_id: str) -> SeenDispute:
    """A dispute as it stands now, and the order whose payment it is about."""
    with client.translated_errors():
        dispute = client.connected().v1.disputes.retrieve(dispute_id, params={"expand": ["payment_intent"]})
    moved = {"dispute": 0, "dispute_reversal": 0}
    for line in dispute.balance_transactions:
        if line.reporting_category in moved:
            moved[line.reporting_category] += line.amount
    intent = dispute.payment_intent
    return SeenDispute(
        id=dispute.id,
        status=dispute.status,
        reason=dispute.reason,
        amount=dispute.amount,
        currency=dispute.currency.upper(),
        withdrawn=-moved["dispute"],
        reinstated=moved["dispute_reversal"],
        intent_id=_id_of(intent),
        order_id=_order_of(intent),
        due_by=dispute.evidence_details.due_by,
    )


def look_at_refund(refund_id: str) -> SeenRefund:
    """A refund as it stands now."""
    with client.translated_errors():
        return _refund(client.connected().v1.refunds.retrieve(refund_id, params={"expand": ["payment_intent"]}))


def refunds_of_intent(intent_id: str) -> list[SeenRefund]:
    """Every refund of a payment."""
    with client.translated_errors():
        listed = client.connected().v1.refunds.list(
            params={"payment_intent": intent_id, "limit": 100, "expand": ["data.payment_intent"]}
        )
        return [_refund(refund) for refund in listed.auto_paging_iter()]


def look_at_payout(payout_id: str, account_id: str = "") -> SeenPayout:
    """A payout as it stands now: of the platform, or of a connected account."""
    with client.translated_errors():
        payout = client.connected().v1.payouts.retrieve(
            payout_id, options={"stripe_account": account_id} if account_id else {}
        )
    return SeenPayout(
        id=payout.id,
        status=payout.status,
        amount=payout.amount,
        currency=payout.currency.upper(),
        failure=payout.failure_code,
    )


def _refund(refund: stripe.Refund) -> SeenRefund:
    named = told(refund.metadata, "order_id")
    return SeenRefund(
        id=refund.id,
        status=refund.status or "",
        amount=refund.amount,
        currency=refund.currency.upper(),
        intent_id=_id_of(refund.payment_intent),
        order_id=named or _order_of(refund.payment_intent),
        by_us=any(told(refund.metadata, name) is not None for name in _OURS),
        failure=getattr(refund, "failure_reason", None),
        moved_money=refund.balance_transaction is not None,
    )


def _id_of(expanded: Any) -> str | None:
    return expanded if expanded is None or isinstance(expanded, str) else str(expanded.id)


def _order_of(intent: Any) -> str | None:
    if intent is None or isinstance(intent, str):
        return None
    return told(intent.metadata, "order_id") or told(intent.metadata, TIP_OF) or told(intent.metadata, EXTRA_OF)

"""Orders and their money."""

from __future__ import annotations

import msgspec

from chalicelib.kernel.events import Event


class OrderPlaced(Event, frozen=True, kw_only=True):
    """A customer placed an order: stock is reserved, payment may still be due."""

    order_id: str
    store_id: str
    customer_id: str
    mode: str


class TruthSweepDue(Event, frozen=True, kw_only=True):
    """Schedule: compare orders, payments, ledger and provider, from this place on, and put right what is safe."""

    phase: str = "payments"
    shard: int = 0
    since: int = 0
    until: int = 0
    after: str = ""
    done: int = 0
    put_off: bool = False


class ReconciliationDue(Event, frozen=True, kw_only=True):
    """Schedule: compare the provider's books with the ledger, from this place on; the sums are of the pages before."""

    day: str = ""
    phase: str = ""
    since: int = 0
    until: int = 0
    ledger_since: int = 0
    ledger_until: int = 0
    slot: int = 0
    after: str = ""
    lines: int = 0
    matched: int = 0
    entries: int = 0
    fees: dict[str, int] = msgspec.field(default_factory=dict)
    categories: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    ledger: dict[str, int] = msgspec.field(default_factory=dict)


class ErasureDue(Event, frozen=True, kw_only=True):
    """Timer: the next step of forgetting a customer. ``erasure`` names the job, and nobody; ``step`` counts them."""

    erasure: str
    step: int


class BackfillDue(Event, frozen=True, kw_only=True):
    """A page of a backfill is to be done (``kernel.backfill``): ``page`` counts those of its segment."""

    job: str
    segment: int
    page: int


class OrderDeadlineReached(Event, frozen=True, kw_only=True):
    """Timer: the order may have run out of its time to be paid or accepted."""

    order_id: str


class OrderAccepted(Event, frozen=True, kw_only=True):
    """The store took the order on."""

    order_id: str
    store_id: str


class OrderHandedOver(Event, frozen=True, kw_only=True):
    """The customer has the goods at the store's counter or table."""

    order_id: str
    store_id: str


class OrderEnded(Event, frozen=True, kw_only=True):
    """The order ended without being fulfilled; ``status`` is ``cancelled`` or ``rejected``.

    ``kept``: by agreement its customer pays a part all the same, which the payment says.
    """

    order_id: str
    store_id: str
    status: str
    actor: str
    reason: str
    kept: bool = False


class ClaimDeadlineReached(Event, frozen=True, kw_only=True):
    """Timer: the store, or its customer, may have let the time run out to answer about a claim."""

    order_id: str
    number: int


class ConsentDeadlineReached(Event, frozen=True, kw_only=True):
    """Timer: the customer may have let the time run out to agree to an order's ``number``-th proposal."""

    order_id: str
    number: int


class ExtraNotified(Event, frozen=True, kw_only=True):
    """The payment provider says that something happened to a second hold for an order: ask it what."""

    order_id: str
    payment_intent_id: str


class ExtraDeclined(Event, frozen=True, kw_only=True):
    """What a second hold was for is not going to be: let it go, or see that nobody can pay it any more."""

    order_id: str
    payment_intent_id: str


class ResendFailed(Event, frozen=True, kw_only=True):
    """The order that was to make good another one, ``order_id``, ended without being fulfilled."""

    order_id: str
    resend_id: str


class PaymentNotified(Event, frozen=True, kw_only=True):
    """The payment provider says that something happened to an order's payment: ask it what."""

    order_id: str
    provider_event_id: str
    provider_type: str
    payment_intent_id: str


class OrderPaymentDue(Event, frozen=True, kw_only=True):
    """Timer: the money for an order may have to be held now, held anew, or asked of its customer."""

    order_id: str


class HoldSuperseded(Event, frozen=True, kw_only=True):
    """Another hold has taken the place of this intent's, which is to be let go."""

    order_id: str
    payment_intent_id: str


class RefundRequested(Event, frozen=True, kw_only=True):
    """Part of an order's payment is to be given back by the provider; ``number`` is the refund's."""

    order_id: str
    number: int


class SaleRecorded(Event, frozen=True, kw_only=True):
    """The ledger says of an order what was sold, or what of it was undone: that is to have its invoice or credit note.

    ``cause`` and ``kind`` name the ledger's entry.
    """

    order_id: str
    cause: str
    kind: str


class RefundSettled(Event, frozen=True, kw_only=True):
    """Part of a sale was undone, and its store or rider owes something for it; ``cause`` is the refund's."""

    order_id: str
    cause: str


class SettlementDue(Event, frozen=True, kw_only=True):
    """Timer, every hour: periods may have ended whose statements are to be closed. A page begins in a shard."""

    shard: int = 0
    after: str = ""


class StatementDue(Event, frozen=True, kw_only=True):
    """A period of a store (``party`` is ``store``) or a rider may have ended."""

    party: str
    party_id: str
    currency: str


class PayoutDue(Event, frozen=True, kw_only=True):
    """The next step of a statement's payout may be due."""

    party: str
    party_id: str
    currency: str
    number: int


class TipNotified(Event, frozen=True, kw_only=True):
    """The payment provider says that something happened to the tip that was added to an order: ask it what."""

    order_id: str
    payment_intent_id: str


class DisputeNotified(Event, frozen=True, kw_only=True):
    """The payment provider says that something happened to a dispute: ask it what."""

    dispute_id: str


class RefundNotified(Event, frozen=True, kw_only=True):
    """The payment provider says that something happened to a refund, or (without its id) to those of a payment."""

    payment_intent_id: str
    refund_id: str = ""


class AccountNotified(Event, frozen=True, kw_only=True):
    """The payment provider says that something happened to a store's or a rider's account: ask it what."""

    account_id: str


class BankPayoutNotified(Event, frozen=True, kw_only=True):
    """The payment provider says that something happened to a payout to a bank: ask it what.

    ``account_id`` is the connected account that is paid out; empty for the platform's own.
    """

    payout_id: str
    account_id: str = ""


class TipRefundRequested(Event, frozen=True, kw_only=True):
    """The tip that was paid apart for an order is to be given back by the provider."""

    order_id: str


class CreditExpiryReached(Event, frozen=True, kw_only=True):
    """Timer: the time of a gift card or of a customer's credit may be over."""

    credit_id: str
    currency: str

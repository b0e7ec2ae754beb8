"""/sandbox/summary: all the money at once, for whoever checks that it adds up."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from infra.local.stripe_sandbox.model import (
    PLATFORM,
    Charge,
    Dispute,
    PaymentIntent,
    Payout,
    Refund,
    Reversal,
    Transfer,
)
from infra.local.stripe_sandbox.work import Answer

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.model import Json
    from infra.local.stripe_sandbox.work import Work


def summary(work: Work) -> Answer:
    """All payments, transfers, payouts and disputes with their sums, and what every account has.

    Minor units throughout. `refunded` was captured before; `released` was only ever authorised.
    """
    charges: dict[str, list[Charge]] = defaultdict(list)
    for charge in work.store.everything(Charge):
        charges[charge.payment_intent].append(charge)
    refunds: dict[str, list[Refund]] = defaultdict(list)
    for refund in work.store.everything(Refund):
        refunds[refund.payment_intent].append(refund)
    disputes = list(work.store.everything(Dispute))
    withdrawn: Counter[str] = Counter()
    for dispute in disputes:
        withdrawn[dispute.payment_intent] += 0 if dispute.status == "won" else dispute.amount
    intents = [
        {**_line(intent, charges[intent.id], refunds[intent.id]), "disputed": withdrawn[intent.id]}
        for intent in work.store.everything(PaymentIntent)
    ]
    currencies: dict[str, Counter[str]] = defaultdict(Counter)
    for line in intents:
        for name in ("capturable", "captured", "refunded", "released"):
            currencies[line["currency"]][name] += line[name]
    return Answer(
        {
            "statuses": dict(Counter(line["status"] for line in intents)),
            "currencies": {currency: dict(sums) for currency, sums in currencies.items()},
            "intents": intents,
            "transfers": [_transfer(made) for made in work.store.everything(Transfer)],
            "reversals": [_reversal(made) for made in work.store.everything(Reversal)],
            "payouts": [_payout(made) for made in work.store.everything(Payout)],
            "disputes": [_dispute(dispute) for dispute in disputes],
            "balances": {account or "platform": _balance(work, account) for account in work.balances.accounts()},
            "fees": work.balances.fees(),
            "webhooks": work.deliveries.counts(),
        }
    )


def _line(intent: PaymentIntent, charges: list[Charge], refunds: list[Refund]) -> Json:
    captured = [charge for charge in charges if charge.captured and charge.status == "succeeded"]
    given = [refund for refund in refunds if not refund.released and refund.status == "succeeded"]
    return {
        "id": intent.id,
        "status": intent.status,
        "currency": intent.currency,
        "amount": intent.amount,
        "capturable": intent.amount_capturable,
        "captured": sum(charge.amount_captured for charge in captured),
        "refunded": sum(refund.amount for refund in given),
        "released": sum(refund.amount for refund in refunds if refund.released),
        "captures": len(captured),
        "refunds": len(given),
        "attempts": len(charges),
        "cancellation_reason": intent.cancellation_reason,
        "created": intent.created,
        "customer": intent.customer,
        "metadata": dict(intent.metadata),
    }


def _transfer(made: Transfer) -> Json:
    return {
        "id": made.id,
        "amount": made.amount,
        "reversed": made.amount_reversed,
        "currency": made.currency,
        "destination": made.destination,
        "source_transaction": made.source_transaction,
        "transfer_group": made.transfer_group,
        "metadata": dict(made.metadata),
    }


def _reversal(made: Reversal) -> Json:
    return {
        "id": made.id,
        "transfer": made.transfer,
        "amount": made.amount,
        "currency": made.currency,
        "metadata": dict(made.metadata),
    }


def _payout(made: Payout) -> Json:
    return {
        "id": made.id,
        "account": made.account or "platform",
        "status": made.status,
        "amount": made.amount,
        "currency": made.currency,
        "automatic": made.automatic,
        "metadata": dict(made.metadata),
    }


def _dispute(opened: Dispute) -> Json:
    return {
        "id": opened.id,
        "charge": opened.charge,
        "payment_intent": opened.payment_intent,
        "status": opened.status,
        "amount": opened.amount,
        "currency": opened.currency,
        "reason": opened.reason,
    }


def _balance(work: Work, account: str) -> Json:
    totals = work.balances.totals(account or PLATFORM, work.now)
    return {currency: {"available": available, "pending": pending} for currency, (available, pending) in totals.items()}

"""Stripe's own books of the platform: its balance, and every line of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.payments.model.reconciliation import BalanceLine
from chalicelib.payments.provider import client
from chalicelib.payments.provider.extras import EXTRA_OF
from chalicelib.payments.provider.listing import look_at_intent, told
from chalicelib.payments.provider.notices import look_at_dispute
from chalicelib.payments.provider.tips import TIP_OF

if TYPE_CHECKING:
    import stripe

_PAGE = 100


def list_lines(since: int, until: int, after: str | None = None) -> tuple[list[BalanceLine], str | None]:
    """A page of the lines from ``since`` until before ``until`` (Stripe's seconds), and where the next page begins."""
    with client.translated_errors():
        listed = client.connected().v1.balance_transactions.list(
            params={
                "created": {"gte": since, "lt": until},
                "limit": _PAGE,
                "expand": ["data.source"],
                **({"starting_after": after} if after else {}),
            }
        )
    lines = [_line(found) for found in listed.data]
    return lines, lines[-1].id if listed.has_more and lines else None


def balance() -> dict[str, int]:
    """What Stripe holds for the platform, available or not yet, by currency."""
    with client.translated_errors():
        now = client.connected().v1.balance.retrieve()
    sums: dict[str, int] = {}
    parts: list[Any] = [*now.available, *now.pending]
    for part in parts:
        currency = str(part.currency).upper()
        sums[currency] = sums.get(currency, 0) + int(part.amount)
    return {currency: amount for currency, amount in sorted(sums.items()) if amount}


def _line(found: stripe.BalanceTransaction) -> BalanceLine:
    source: Any = found.source
    return BalanceLine(
        id=found.id,
        category=found.reporting_category,
        amount=found.amount,
        fee=found.fee,
        currency=found.currency.upper(),
        created=found.created,
        source="" if source is None else source if isinstance(source, str) else str(source.id),
        order_id=_order_of(source),
    )


def _order_of(source: Any) -> str | None:
    """The order that a charge, a refund or a dispute is about; None for what is about no order."""
    if source is None or isinstance(source, str):
        return None
    if source.object not in ("charge", "refund", "dispute"):
        return None
    if source.object == "dispute":
        return look_at_dispute(source.id).order_id
    named = told(source.metadata, "order_id") or told(source.metadata, TIP_OF) or told(source.metadata, EXTRA_OF)
    intent = source.payment_intent
    if named is not None or intent is None:
        return named
    seen = look_at_intent(intent if isinstance(intent, str) else str(intent.id))
    return seen.claimed_by

"""Paying later with a method that was saved: for orders that lie beyond the life of a bank's hold.

A card's hold lives seven days when the customer is there and five when not (docs.stripe.com/payments/place-a-hold-on-a-
payment-method); each hold says itself until when. So the method is saved at placement, the hold is made when the
kitchen is about to begin, and it is made anew when it would lapse before the hand-over.

    due (36 h before the work begins) ──▶ held
       │ refused                            ▲
       ▼                                    │ the customer pays
    tried again twice, 6 h apart ──▶ the customer is asked ──▶ cancelled at the deadline
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

# A hand-over that is promised later than this from now is not held for at once: two days of the hold's seven are for
# what comes late.
HELD_AHEAD = timedelta(days=5)
_DUE_AHEAD = timedelta(hours=36)
_TRY_AGAIN_AFTER = timedelta(hours=6)
_ATTEMPTS = 3
_PAY_WITHIN = timedelta(hours=12)
_CLOSED_AHEAD = timedelta(hours=2)
_LEAST_TO_PAY = timedelta(minutes=30)
# A hold is made anew, or taken, this long before it lapses.
RENEWED_AHEAD = timedelta(hours=12)
# Of a hold that doesn't say until when it lives: Visa's for a customer who is absent, the shortest of the networks'.
SHORTEST_HOLD = timedelta(days=4, hours=18)
# Of one that a customer made who was there, whatever the network.
HOLD_OF_A_CUSTOMER = timedelta(days=7)
# What a bank says that another try without the customer won't change.
_HOPELESS = frozenset(
    (
        "authentication_required",
        "expired_card",
        "fraudulent",
        "incorrect_cvc",
        "incorrect_number",
        "invalid_account",
        "lost_card",
        "pickup_card",
        "restricted_card",
        "stolen_card",
    )
)


class Deferral(msgspec.Struct, frozen=True, array_like=True):
    """What a payment with a saved method needs.

    ``due_at``: when the hold is made. ``customer`` and ``method`` are the provider's ids of what was saved. ``holds``
    counts the holds that were asked for, ``attempts`` the refusals of the present one. ``hold_until`` is when the bank
    lets go of it; ``renewal_id`` the intent that is to take its place.
    """

    due_at: datetime
    customer: str | None = None
    method: str | None = None
    holds: int = 1
    attempts: int = 0
    hold_until: datetime | None = None
    renewal_id: str | None = None


def deferral_of(start_at: datetime, promised_at: datetime, now: datetime) -> Deferral | None:
    """How an order is paid whose work begins, and whose hand-over is promised, then; None where it is held at once."""
    if promised_at - now <= HELD_AHEAD:
        return None
    return Deferral(due_at=max(now, start_at - _DUE_AHEAD))


def refused(deferral: Deferral) -> Deferral:
    """After the bank refused a hold."""
    return replace(deferral, attempts=deferral.attempts + 1)


def try_again_at(deferral: Deferral, failure_code: str | None) -> datetime | None:
    """When a refused hold is tried again without the customer; None where the customer has to act."""
    if failure_code in _HOPELESS or deferral.attempts >= _ATTEMPTS:
        return None
    return deferral.due_at + deferral.attempts * _TRY_AGAIN_AFTER


def pay_by(start_at: datetime, now: datetime) -> datetime:
    """Until when a customer who was asked has to pay, for work that begins at ``start_at``."""
    return max(now + _LEAST_TO_PAY, min(now + _PAY_WITHIN, start_at - _CLOSED_AHEAD))

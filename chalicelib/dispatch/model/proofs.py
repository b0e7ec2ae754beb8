"""What a rider has to show at the door before an order counts as delivered."""

from __future__ import annotations

import hmac
from typing import Any

import msgspec

from chalicelib.dispatch.model.delivery import Delivery, Need, Proof
from chalicelib.kernel.errors import Conflict, Invalid, Violation
from chalicelib.kernel.money import Money


class Evidence(msgspec.Struct, frozen=True):
    """What the rider shows at the door: the customer's PIN, a photo's reference, the cash that was collected."""

    pin: str | None = None
    photo: str | None = None
    photo_hash: str | None = None  # SHA-256 of the photo, in hex: what is found under the reference can be checked
    cash_collected: Money | None = None
    age_proven: bool | None = None  # None where nobody looked


def require_evidence(delivery: Delivery, evidence: Evidence) -> None:
    """Raises ``Invalid`` for what is missing, ``age_not_proven`` for who may not have the goods."""
    violations = []
    if delivery.proof is Proof.PIN and evidence.pin is None:
        violations.append(Violation("pin_required", "/pin", "The store demands the customer's PIN."))
    if delivery.proof is Proof.PHOTO and evidence.photo is None:
        violations.append(Violation("photo_required", "/photo", "The store demands a photo."))
    due, given = delivery.cash_to_collect, evidence.cash_collected
    if due is not None and given != due:
        params: dict[str, Any] = {"due": {"amount": due.amount, "currency": due.currency}}
        code, detail = (
            ("cash_collected_required", "State the cash that was collected.")
            if given is None
            else ("cash_amount_differs", "The cash collected is not what was due.")
        )
        violations.append(Violation(code, "/cash_collected", detail, params))
    if due is None and given is not None and given.amount:
        violations.append(Violation("no_cash_due", "/cash_collected", "This order is paid: no cash is due."))
    if Need.AGE_CHECK in delivery.needs and evidence.age_proven is None:
        violations.append(Violation("age_check_required", "/age_proven", "Check the age of whoever takes these goods."))
    if violations:
        raise Invalid(violations)
    if Need.AGE_CHECK in delivery.needs and not evidence.age_proven:
        raise Conflict("age_not_proven", "These goods are for adults: report `/failed` with `age_not_proven`.")


def pin_matches(pin: str | None, given: str | None) -> bool:
    """Whether it is the customer's PIN, in a time that does not tell how nearly."""
    return pin is not None and given is not None and hmac.compare_digest(pin.encode(), given.encode())

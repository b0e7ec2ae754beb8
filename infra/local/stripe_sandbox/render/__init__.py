"""The values as Stripe shows them, what of them a publishable key may see, errors, lists and expansion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox import model
from infra.local.stripe_sandbox.render import accounts, money, payments, saving

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.stripe_sandbox.errors import StripeError
    from infra.local.stripe_sandbox.model import Json, Resource

API_VERSION: Final = "2026-10-28.endive"
"""The version that stripe-python 16.1.0 speaks."""

_SHOWN_BY: Final[dict[type[Resource], Callable[[Any], Json]]] = {
    model.PaymentIntent: payments.payment_intent,
    model.Charge: payments.charge,
    model.Refund: payments.refund,
    model.Customer: saving.customer,
    model.SavedMethod: saving.saved_method,
    model.SetupIntent: saving.setup_intent,
    model.Account: accounts.account,
    model.Transfer: money.transfer,
    model.Reversal: money.reversal,
    model.Payout: money.payout,
    model.Dispute: money.dispute,
}
_PUBLISHABLE_FIELDS: Final = frozenset(
    [
        "id",
        "object",
        "amount",
        "amount_details",
        "automatic_payment_methods",
        "canceled_at",
        "cancellation_reason",
        "capture_method",
        "client_secret",
        "confirmation_method",
        "created",
        "currency",
        "description",
        "last_payment_error",
        "last_setup_error",
        "livemode",
        "next_action",
        "payment_method",
        "payment_method_types",
        "processing",
        "receipt_email",
        "setup_future_usage",
        "shipping",
        "source",
        "status",
        "usage",
    ]
)
_EXPANSION_DEPTH: Final = 4


def resource(value: Resource) -> Json:
    """The value by itself; a transfer's reversals and a dispute's balance transactions are filled in by `Work`."""
    return _SHOWN_BY[type(value)](value)


def publishable(document: Json) -> Json:
    """What of an intent a publishable key may see: no metadata, no charges."""
    return {name: value for name, value in document.items() if name in _PUBLISHABLE_FIELDS}


def error(failure: StripeError, *, reduced: bool = False) -> Json:
    """The error document. `reduced` shows of the intent only what a publishable key may see."""
    shown: Json = {
        "type": failure.type,
        "message": failure.message,
        "code": failure.code,
        "param": failure.param,
        "decline_code": failure.decline_code,
        "charge": failure.charge,
        "doc_url": saving.doc_url(failure.code),
    }
    for kind, intent in (("payment_intent", failure.intent), ("setup_intent", failure.setup_intent)):
        if intent is not None:
            shown[kind] = publishable(resource(intent)) if reduced else resource(intent)
    if failure.payment_method is not None:
        shown["payment_method"] = saving.payment_method(failure.payment_method)
    return {"error": {name: value for name, value in shown.items() if value is not None}}


def listing(url: str, data: list[Json], *, has_more: bool) -> Json:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def expand(document: Json, path: str, find: Callable[[str, str], Json | None]) -> bool:
    """Replace the id at `path` ("latest_charge.payment_intent", "data.charge") by its object, in place.

    `find(field, id)` gives the object, or None where that field can't be expanded; False is returned then.
    """
    steps = path.split(".")
    if len(steps) > _EXPANSION_DEPTH + (steps[0] == "data"):
        return False
    return _expand(document, steps, find)


def _expand(document: Json, steps: list[str], find: Callable[[str, str], Json | None]) -> bool:
    field, *rest = steps
    inner = document.get(field)
    if isinstance(inner, list):
        return bool(rest) and all(_expand(item, rest, find) for item in inner)
    if field == "refunds" and document.get("object") == "charge":
        inner = inner or find("refunds", document["id"])
    elif isinstance(inner, str):
        inner = find(field, inner)
    elif inner is None and field in document:
        return True
    if not isinstance(inner, dict):
        return False
    document[field] = inner
    return _expand(inner, rest, find) if rest else True

"""What is kept of a customer as the API hands it out: in the words of the routes that show it otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.kernel import clock
from chalicelib.ordering.routes.render import order_view, quote_view
from chalicelib.ordering.routes.render_money import money_view
from chalicelib.ordering.schemas.privacy import ErasureView, ExportItem

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from chalicelib.ordering import service


def export_item(record: service.ExportRecord) -> ExportItem:
    """One thing that is kept."""
    return ExportItem(kind=record.kind, id=record.id, data=_DATA[record.kind](record.what))


def erasure_view(erasure: service.Erasure) -> ErasureView:
    """How far the forgetting of a customer is."""
    state = "erased" if erasure.erased_at else "waiting" if erasure.can_be_withdrawn else "erasing"
    return ErasureView(
        id=erasure.id,
        state=state,  # type: ignore[arg-type]  # mypy joins the three to a str
        requested_at=clock.rfc3339(erasure.requested_at),
        due_at=clock.rfc3339(erasure.due_at),
        waits_for=list(erasure.waits_for),
        orders=erasure.orders,
        erased_at=_instant(erasure.erased_at),
    )


def _account(account: Any) -> dict[str, Any]:
    if account is None:
        return {"attributes": {}, "groups": []}
    return {"attributes": dict(account.attributes), "groups": list(account.groups)}


def _credit(credit: Any) -> dict[str, Any]:
    return {
        "currency": credit.currency,
        "available": credit.available,
        "held": credit.held,
        "state": str(credit.state),
        "expires_at": _instant(credit.expires_at),
    }


def _movement(what: Any) -> dict[str, Any]:
    currency, movement = what
    return {
        "kind": movement.kind,
        "amount": {"amount": movement.amount, "currency": currency},
        "at": clock.rfc3339(movement.at),
        "order_id": movement.order_id,
        "reason": movement.reason,
    }


def _order(exported: Any) -> dict[str, Any]:
    """Beside what an order shows of itself: what was saved at the payment provider, and what the rider was told."""
    snapshot = exported.snapshot
    payment, delivery = snapshot.payment, snapshot.delivery
    deferral = payment.deferral
    return {
        "order": _plain(order_view(snapshot)),
        "money": _plain(money_view(exported.money)),
        "payment_provider": {
            "payment_intent_id": payment.intent_id,
            "customer_id": deferral.customer if deferral else None,
            "payment_method_id": deferral.method if deferral else None,
        },
        "refund_notes": [refund.note for refund in exported.money.refunds if refund.note],
        "delivery": None if delivery is None else _delivery(delivery),
    }


def _delivery(delivery: Any) -> dict[str, Any]:
    brief = delivery.brief
    return {
        "id": delivery.id,
        "point": {"lat": delivery.dropoff_point.lat, "lng": delivery.dropoff_point.lng},
        "address": brief.dropoff_address if brief else "",
        "recipient": brief.recipient if brief else "",
        "phone": brief.phone if brief else "",
        "note": brief.note if brief else "",
        "photo": delivery.photo,
        "steps": [{"status": str(step.status), "at": clock.rfc3339(step.at)} for step in delivery.steps],
    }


def _plain(view: msgspec.Struct) -> dict[str, Any]:
    return dict(msgspec.to_builtins(view))


def _instant(at: datetime | None) -> str | None:
    return None if at is None else clock.rfc3339(at)


_DATA: dict[str, Callable[[Any], dict[str, Any]]] = {
    "account": _account,
    "erasure": lambda erasure: _plain(erasure_view(erasure)),
    "wrong_codes": lambda tried: {"tried": tried},
    "credit": _credit,
    "quote": lambda quote: _plain(quote_view(quote)),
    "credit_movement": _movement,
    "order": _order,
}

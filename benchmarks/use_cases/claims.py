"""What it costs to negotiate: cancelling after acceptance, complaints, substitutes, and a tip that goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import shop
from benchmarks.use_cases.place import STORE_ORDER, key, match

if TYPE_CHECKING:
    from benchmarks.use_cases.place import Place

CLAIMS = "/v1/orders/{order_id}/claims"
CLAIM = f"{CLAIMS}/{{number}}"
OF_STORE = f"{STORE_ORDER}/claims/{{number}}"


def claims(place: Place) -> None:
    """Cancellations that are answered in every way, a complaint, and a proposal that is declined."""
    count, customer, owner = place.count, place.customer, place.owner
    cancel = {"kind": "cancellation", "reason": "changed_mind"}
    order_id = _accepted(place)
    where: dict[str, Any] = {"store_id": place.store_id, "order_id": order_id}
    credit = {"remedy": {"kind": "credit", "amount": {"amount": 100, "currency": "EUR"}}}

    def version() -> dict[str, str]:
        return match(place.version(order_id))

    count("claim", "POST", CLAIMS, customer, cancel, headers=key(), order_id=order_id)
    count("withdraw claim", "POST", f"{CLAIM}/withdraw", customer, order_id=order_id, number="1")
    _ask(place, order_id, cancel)
    refusal = {"answer": "Too late."}
    count("reject claim", "POST", f"{OF_STORE}/reject", owner, refusal, headers=version(), number="2", **where)
    _ask(place, order_id, cancel)
    count("counter claim", "POST", f"{OF_STORE}/counter", owner, credit, headers=version(), number="3", **where)
    count("decline offer", "POST", f"{CLAIM}/decline", customer, order_id=order_id, number="3")
    _ask(place, order_id, cancel)
    path = f"{OF_STORE}/counter".format(number="4", **where)
    place.machine.call("POST", path, owner, credit, headers=version())
    count("agree to credit", "POST", f"{CLAIM}/agree", customer, headers=key(), order_id=order_id, number="4")
    _ask(place, order_id, cancel)
    count("grant a cancellation", "POST", f"{OF_STORE}/accept", owner, {}, headers=version(), number="5", **where)
    place.machine.drain()
    _proposals(place)
    _tip_back(place)


def _proposals(place: Place) -> None:
    """A substitute that is taken back, declined, and agreed to with a second hold."""
    count, customer, owner = place.count, place.customer, place.owner
    order_id = _accepted(place)
    where: dict[str, Any] = {"store_id": place.store_id, "order_id": order_id}
    own = "/v1/orders/{order_id}/proposal"
    instead = {"substituted": [{"line": "2", "sku": shop.SKUS[1]}], "reason": "substituted"}

    def propose(line: str) -> None:
        path = f"{STORE_ORDER}/adjust".format(**where)
        other = {**instead, "substituted": [{"line": line, "sku": shop.SKUS[1]}]}
        place.machine.call("POST", path, owner, other, headers=match(place.version(order_id)))

    version = match(place.version(order_id))
    count("propose a substitute", "POST", f"{STORE_ORDER}/adjust", owner, instead, headers=version, **where)
    version = match(place.version(order_id))
    count("withdraw proposal", "POST", f"{STORE_ORDER}/proposal/withdraw", owner, headers=version, **where)
    propose("1")
    count("decline proposal", "POST", f"{own}/decline", customer, order_id=order_id)
    propose("0")
    count("agree to proposal", "POST", f"{own}/agree", customer, order_id=order_id)
    place.machine.drain()


def _tip_back(place: Place) -> None:
    """A tip before the hand-over, which a manager gives back."""
    order_id = _accepted(place)
    where: dict[str, Any] = {"store_id": place.store_id, "order_id": order_id}
    tip = {"amount": {"amount": 200, "currency": "EUR"}}
    tips = f"/v1/orders/{order_id}/tips"
    offered = place.machine.call("POST", tips, place.customer, tip, headers=key()).body
    place.machine.pay({"payment": offered})
    told = place.machine.next_webhook("payment_intent.succeeded")
    while offered["payment_intent_id"].encode() not in told.body:  # captures before it have notices, too
        told = place.machine.next_webhook("payment_intent.succeeded")
    place.machine.take(told)
    place.machine.drain()
    place.count("refund tip", "POST", f"{STORE_ORDER}/tip/refund", place.owner, headers=key(), **where)
    place.machine.drain()


def _accepted(place: Place) -> str:
    order_id: str = place.place("pickup")["id"]
    place.serve(order_id, "accept")
    return order_id


def _ask(place: Place, order_id: str, body: dict[str, Any]) -> None:
    place.machine.call("POST", CLAIMS.format(order_id=order_id), place.customer, body, headers=key())

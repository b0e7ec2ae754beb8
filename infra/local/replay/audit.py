"""What must hold when the day is over. Each breach is one line that says what does not add up."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import urllib3

from chalicelib.kernel import clock
from infra.local.actors.rider import delivery_of
from infra.local.replay import invariants
from infra.local.replay.stage import COUNTED, OWNER, STOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.replay.day import Played
    from infra.local.replay.stage import Stage
    from infra.local.stack import LocalStack

Json = dict[str, Any]

SETTLE_SECONDS = 90.0


def breaches(stack: LocalStack, stage: Stage, *, finished: bool) -> list[str]:
    """Everything that does not hold; nothing when all is well."""
    found = list(stage.clockwork.troubles)
    if not finished:
        found.append("the day was not over long after its end: somebody still waits for something")
    found += _queues(stack)
    found += _ends(stage)
    found += _payments(stack, stage)
    found += _stock(stage)
    return found


def reactions(stage: Stage) -> list[float]:
    """Seconds from each offer that was taken to its being taken, by the timelines of the deliveries."""
    office = stage.cast.back_office()
    found = []
    for played in stage.day.orders:
        if played.order_id is None or played.taken_at is None:
            continue
        told = office.client.get(f"/v1/deliveries/{delivery_of(played.order_id)}/decisions").body
        offers = [each for each in told["decisions"] if each["outcome"] == "accepted"]
        if offers:
            found.append((played.taken_at - clock.parse(offers[-1]["at"])).total_seconds())
    return found


def _queues(stack: LocalStack) -> Iterator[str]:
    try:
        # Timers that are moot by now are still on their way: they must come, and change nothing.
        stack.drain(SETTLE_SECONDS, delayed=True)
    except TimeoutError as error:
        yield f"queues: {error}"
    yield from invariants.nothing_left_behind(stack.queue_depths(), stack.dlq_depths())


def _ends(stage: Stage) -> Iterator[str]:
    for played in stage.day.orders:
        name = f"order {played.recorded.id}"
        if played.order_id is None:
            yield f"{name} was never placed"
        elif not played.has_ended:
            yield f"{name} ({played.order_id}) has not ended: {played.status}"
        elif (played.status == "completed") != (played.deliveries == 1) or played.deliveries > 1:
            yield f"{name} ({played.order_id}) is {played.status} and was delivered {played.deliveries} times"
    for courier in stage.couriers:
        if courier.on_shift:
            yield f"{courier.name} never went home"


def _payments(stack: LocalStack, stage: Stage) -> Iterator[str]:
    """Captured or voided exactly once, by the provider's books and by ours, order by order and in sum."""
    placed = {
        played.order_id: (played, diner)
        for played, diner in zip(stage.day.orders, stage.diners, strict=True)
        if played.order_id is not None
    }
    charges: dict[str, list[Json]] = {}
    for intent in _summary(stack)["intents"]:
        charges.setdefault(intent["metadata"].get("order_id", "none"), []).append(intent)
    for order_id in charges.keys() - placed.keys():
        yield f"Stripe has a payment of {order_id}, which nobody placed"
    sums: Counter[str] = Counter()
    for order_id, (played, diner) in placed.items():
        ours = diner.customer.payment(order_id)
        theirs = charges.get(order_id, [])
        yield from _payment(played, ours, theirs)
        sums["ordered"] += played.total if played.status == "completed" else 0
        sums["ours"] += ours["captured"]["amount"] - ours["refunded"]["amount"]
        sums["theirs"] += sum(each["captured"] - each["refunded"] for each in theirs)
    if not sums["ordered"] == sums["ours"] == sums["theirs"]:
        yield f"money: completed orders {sums['ordered']}, our payments {sums['ours']}, Stripe {sums['theirs']} (cents)"


def _payment(played: Played, ours: Json, theirs: list[Json]) -> Iterator[str]:
    name = f"order {played.recorded.id} ({played.order_id}, {played.status})"
    if len(theirs) != 1:
        yield f"{name} has {len(theirs)} payments at Stripe"
        return
    yield from invariants.paid_once(name, played.status or "unheard of", played.total, ours, theirs)


def _stock(stage: Stage) -> Iterator[str]:
    sold: Counter[tuple[str, str]] = Counter()
    for played in stage.day.orders:
        if played.status == "completed":
            for sku, quantity in played.items.items():
                sold[played.recorded.restaurant, sku] += quantity
    for restaurant, store_id in stage.stores.items():
        tablet = stage.cast.tablet(store_id, OWNER)
        left = {sku: tablet.stock(sku) for sku in COUNTED}
        expected = {sku: STOCK - sold[restaurant, sku] for sku in COUNTED}
        yield from invariants.stock_adds_up(restaurant, left, expected)


def _summary(stack: LocalStack) -> Json:
    return dict(json.loads(urllib3.request("GET", f"{stack.stripe_url}/sandbox/summary", timeout=30.0).data))

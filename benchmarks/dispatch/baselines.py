"""What the planner is measured against: the nearest idle rider, and minute matching with same-store bundles."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks.dispatch.instances import MINUTE
from chalicelib.dispatch.planner.assignment import HOLD, assign
from chalicelib.dispatch.planner.types import Offer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.dispatch.planner.types import Delivery, Outlook, Rider, Travel

_HALF = 2 * MINUTE  # at the counter and at the door, before and after


def nearest_idle(
    now: float,
    deliveries: Sequence[Delivery],
    riders: Sequence[Rider],
    travel: Travel,
    _outlook: Sequence[Outlook] = (),
    /,
) -> list[Offer]:
    """Each order, the oldest first, goes to the nearest idle rider as soon as it must leave; no bundles."""
    idle = {each.id: each for each in riders if each.free_at <= now}
    offers = []
    for delivery in sorted(deliveries, key=lambda each: (each.placed_at, each.id)):
        ways = sorted((travel.seconds(each.place, delivery.store, each.vehicle), each.id) for each in idle.values())
        for way, rider_id in ways:
            pickup = max(delivery.ready_at, now + way + _HALF)
            if pickup > idle[rider_id].off_at:
                continue
            if pickup - way - _HALF <= now:
                offers.append(_offer(now, rider_id, [delivery], pickup))
                del idle[rider_id]
            break
    return offers


def minute_matching(
    now: float,
    deliveries: Sequence[Delivery],
    riders: Sequence[Rider],
    travel: Travel,
    _outlook: Sequence[Outlook] = (),
    /,
) -> list[Offer]:
    """Bundles of one store by the ratio of orders to riders, matched to riders at least delay, told at the last minute.

    Riders who are busy take part with the time and place where they will be free; what they get stays open.
    """
    urgent = [each for each in deliveries if each.ready_at <= now + 20 * MINUTE]
    able = [each for each in riders if each.free_at <= now + 20 * MINUTE]
    if not urgent or not able:
        return []
    size = max(1, min(3, -(-len(urgent) // len(able))))
    bundles = _bundles(urgent, size, travel)
    rows = []
    for bundle in bundles:
        ready = max(each.ready_at for each in bundle)
        row = []
        for column, rider in enumerate(able):
            way = travel.seconds(rider.place, bundle[0].store, rider.vehicle)
            pickup = max(ready, rider.free_at + way + _HALF)
            if pickup <= rider.off_at:
                row.append((column, len(bundle) * (pickup - ready) + 0.1 * way))
        rows.append(row)
    chosen = assign(rows, [len(each) * 120 * MINUTE for each in bundles], len(able))
    offers = []
    for bundle, column in zip(bundles, chosen, strict=True):
        if column == HOLD:
            continue
        rider = able[column]
        way = travel.seconds(rider.place, bundle[0].store, rider.vehicle)
        pickup = max(*(each.ready_at for each in bundle), rider.free_at + way + _HALF)
        if rider.free_at <= now and pickup - way - _HALF <= now:
            offers.append(_offer(now, rider.id, bundle, pickup))
    return offers


def _bundles(deliveries: Sequence[Delivery], size: int, travel: Travel) -> list[list[Delivery]]:
    """By store and in the sequence of readiness: into the first bundle with room that lengthens the way least."""
    bundles: list[list[Delivery]] = []
    for delivery in sorted(deliveries, key=lambda each: (each.ready_at, each.id)):
        choices = []
        for number, bundle in enumerate(bundles):
            if bundle[0].store_id != delivery.store_id or len(bundle) >= size:
                continue
            if delivery.ready_at - min(each.ready_at for each in bundle) > 10 * MINUTE:
                continue
            for place in range(len(bundle) + 1):
                tour = [*bundle[:place], delivery, *bundle[place:]]
                choices.append((_way(tour, travel) - _way(bundle, travel), number, place))
        if choices:
            _, number, place = min(choices)
            bundles[number].insert(place, delivery)
        else:
            bundles.append([delivery])
    return bundles


def _way(tour: Sequence[Delivery], travel: Travel) -> float:
    places = [tour[0].store, *(each.door for each in tour)]
    return sum(travel.seconds(start, end, "") for start, end in pairwise(places))


def _offer(now: float, rider_id: str, bundle: Sequence[Delivery], pickup: float) -> Offer:
    return Offer(
        rider_id=rider_id,
        stores=(bundle[0].store_id,),
        deliveries=tuple(each.id for each in bundle),
        leave_at=now,
        at_store_at=pickup,
        pickup_at=pickup,
        drop_at=(),
    )

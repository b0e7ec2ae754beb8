"""Moments of a busy city, made from a seed: deliveries, riders (half of them on a trip) and where orders come from."""

from __future__ import annotations

from random import Random

import msgspec

from chalicelib.dispatch.planner import Delivery, Outlook, Place, Rider

CENTRE = (52.52, 13.40)
_NORTH, _EAST = 1 / 111_195.0, 1 / 67_700.0  # degrees per metre, there
NOW = 1_000_000.0


class Snapshot(msgspec.Struct, frozen=True):
    """What a planner is asked at one moment; places are degrees, times are seconds."""

    now: float
    deliveries: tuple[Delivery, ...]
    riders: tuple[Rider, ...]
    outlook: tuple[Outlook, ...]


def snapshot(seed: int, deliveries: int, riders: int, *, across: float = 8_000.0) -> Snapshot:
    """A city of that many metres across in which orders become ready within half an hour."""
    draw = Random(seed)  # noqa: S311  (not a secret)

    def somewhere() -> Place:
        return (
            CENTRE[0] + draw.gauss(0, across / 4) * _NORTH,
            CENTRE[1] + draw.gauss(0, across / 4) * _EAST,
        )

    stores = [(f"store-{number}", somewhere()) for number in range(max(2, deliveries * 2 // 3))]
    orders = []
    for number in range(deliveries):
        store_id, store = draw.choice(stores)
        ready = NOW + draw.uniform(-300, 1_800)
        orders.append(
            Delivery(
                id=f"delivery-{number}",
                store_id=store_id,
                store=store,
                door=somewhere(),
                placed_at=ready - draw.uniform(300, 1_800),
                ready_at=ready,
                due_at=ready + 1_800,
            )
        )
    crew = [
        Rider(
            id=f"rider-{number}",
            place=somewhere(),
            free_at=NOW if draw.random() < 0.5 else NOW + draw.uniform(0, 1_500),
            off_at=NOW + draw.uniform(1_800, 14_400),
            covered=draw.uniform(-2, 6),
        )
        for number in range(riders)
    ]
    outlook = [Outlook(place, draw.uniform(0.5, 3)) for _, place in stores[:60]]
    return Snapshot(NOW, tuple(orders), tuple(crew), tuple(outlook))

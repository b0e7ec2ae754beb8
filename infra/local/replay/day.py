"""The day as it is played: where and when things are on the stack's map and clock, and what became of each order."""

from __future__ import annotations

import math
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.kernel.geo import Point

if TYPE_CHECKING:
    from infra.local.replay.instance import Instance, Order, Spot

# The instances say no place; they are put around Atlanta, where they were published.
REFERENCE = Point(33.749, -84.388)
METRES_PER_DEGREE = 6_371_008.8 * math.pi / 180


@dataclass
class Played:
    """What became of an order. Instants are None until it came so far."""

    recorded: Order
    click: datetime
    ready: datetime
    items: dict[str, int]
    order_id: str | None = None
    total: int = 0
    pin: str | None = None
    accepted_at: datetime | None = None
    marked_ready_at: datetime | None = None
    taken_at: datetime | None = None
    picked_up_at: datetime | None = None
    delivered_at: datetime | None = None
    deliveries: int = 0
    status: str | None = None
    reason: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether its customer was told its end."""
        return self.status in ("completed", "cancelled", "rejected")


@dataclass
class Day:
    """A day of an instance that begins at an instant."""

    instance: Instance
    begins: datetime
    orders: list[Played] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    by_order_id: dict[str, Played] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def at(self, minute: float) -> datetime:
        """The instant of a minute of the day."""
        return self.begins + timedelta(minutes=minute)

    def minute(self, instant: datetime) -> float:
        """The minute of the day."""
        return (instant - self.begins) / timedelta(minutes=1)

    def point(self, spot: Spot) -> Point:
        """Where a spot is on the map."""
        return on_map(spot, self.instance.centre)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a tally."""
        with self.lock:
            self.tally[what] += number

    def note_placed(self, played: Played, order_id: str) -> None:
        """From now on the others find the order by its id."""
        played.order_id = order_id
        with self.lock:
            self.by_order_id[order_id] = played


def on_map(spot: Spot, centre: Spot) -> Point:
    """Metres around the reference point, as degrees (right to 0.1 % over a city)."""
    lat = REFERENCE.lat + (spot.y - centre.y) / METRES_PER_DEGREE
    lng = REFERENCE.lng + (spot.x - centre.x) / (METRES_PER_DEGREE * math.cos(math.radians(REFERENCE.lat)))
    return Point(round(lat, 6), round(lng, 6))

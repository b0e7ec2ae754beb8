"""What dispatch's items share: sort keys, places and instants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pynamodb.attributes import Attribute
from pynamodb.constants import STRING

from chalicelib.kernel import clock
from chalicelib.kernel.geo import Point

if TYPE_CHECKING:
    from datetime import datetime

STATE = "STATE"


class PointAttribute(Attribute[Point]):
    """A place as ``52.520008,13.404954``: six decimals are a tenth of a metre."""

    attr_type = STRING

    def serialize(self, value: Point) -> str:
        """Latitude and longitude in degrees."""
        return f"{value.lat:.6f},{value.lng:.6f}"

    def deserialize(self, value: str) -> Point:
        """The place that was written."""
        lat, _, lng = value.partition(",")
        return Point(float(lat), float(lng))


def to_ms(instant: datetime | None) -> int | None:
    """An instant as it is kept: milliseconds since 1970."""
    return None if instant is None else clock.epoch_ms(instant)


def of_ms(value: float | None) -> datetime | None:
    """The instant that was kept."""
    return None if value is None else clock.from_epoch_ms(int(value))

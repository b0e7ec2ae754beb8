"""Stores to test with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.kernel.geo import Point
from chalicelib.kernel.money import Money
from chalicelib.stores.model import (
    Address,
    DeliveryZone,
    FeeTier,
    ModeSettings,
    Pause,
    Polygon,
    Radius,
    SmallOrderFee,
    Store,
    Taxes,
)

BERLIN = ZoneInfo("Europe/Berlin")
CENTER = Point(52.5200, 13.4050)
# A Wednesday without holidays or clock changes near it.
NOON = datetime(2026, 6, 10, 12, 0, tzinfo=BERLIN).astimezone(UTC)
METRES_PER_DEGREE = 111_195.08


def berlin(text: str, fold: int = 0) -> datetime:
    """An instant from Berlin's wall clock: ``2026-06-10 12:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


def north(metres: float, of: Point = CENTER) -> Point:
    """The point so many metres north."""
    return Point(of.lat + metres / METRES_PER_DEGREE, of.lng)


def euros(amount: int) -> Money:
    return Money(amount, "EUR")


def tier(fee: int, up_to_m: int | None = None) -> FeeTier:
    return FeeTier(up_to_m=up_to_m, fee=euros(fee))


def zone(identifier: str = "inner", radius_m: int = 3000, *tiers: FeeTier, **changes: Any) -> DeliveryZone:
    fields = {"area": Radius(radius_m), "tiers": tiers or (tier(290),), **changes}
    return DeliveryZone(id=identifier, **fields)


def square(half_m: float, of: Point = CENTER) -> Polygon:
    """A square ring around a point in middle latitudes."""
    lat, lng = half_m / METRES_PER_DEGREE, half_m / METRES_PER_DEGREE / 0.6
    corners = [(-lat, -lng), (-lat, lng), (lat, lng), (lat, -lng), (-lat, -lng)]
    return Polygon(tuple(Point(of.lat + d_lat, of.lng + d_lng) for d_lat, d_lng in corners))


def closed_pause(minutes: int = 30, since: datetime = NOON, **changes: Any) -> Pause:
    fields = {"id": "pau_1", "kind": "closed", "since": since, "until": since + timedelta(minutes=minutes)}
    return Pause(**{**fields, **changes})


def busy_pause(extra_minutes: int = 15, minutes: int = 60, since: datetime = NOON, **changes: Any) -> Pause:
    return closed_pause(minutes, since, kind="busy", extra_minutes=extra_minutes, **changes)


def store(**changes: Any) -> Store:
    """A pizzeria in Berlin: open 11 to 22 every day, all modes, 20 minutes, a zone of 3 km."""
    fields: dict[str, Any] = {
        "id": "sto_01k00000000000000000000000",
        "merchant_id": "mer_01k00000000000000000000000",
        "name": "Lina",
        "currency": "EUR",
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "address": Address(line1="Torstraße 1", city="Berlin", postal_code="10119"),
        "point": CENTER,
        "opening_hours": "Mo-Su 11:00-22:00",
        "modes": {
            "dine_in": ModeSettings(lead_minutes=10),
            "pickup": ModeSettings(lead_minutes=20),
            "delivery": ModeSettings(lead_minutes=20),
        },
        "zones": (zone(),),
        "taxes": Taxes(prices_include_tax=True, rates={"food": 700, "standard": 1900}, fee_tax_category="standard"),
        "payment_methods": ("card", "pay_at_store", "cash_on_delivery"),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Store(**{**fields, **changes})


def small_order_fee(below: int = 1000, fee: int = 150) -> SmallOrderFee:
    return SmallOrderFee(below=euros(below), fee=euros(fee))


def settings(**changes: Any) -> dict[str, Any]:
    """A store as the API takes it."""
    fields: dict[str, Any] = {
        "name": "Lina",
        "currency": "EUR",
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "address": {"line1": "Torstraße 1", "city": "Berlin", "postal_code": "10119"},
        "point": {"lat": CENTER.lat, "lng": CENTER.lng},
        "opening_hours": "24/7",
        "modes": {"pickup": {"lead_minutes": 20}, "delivery": {"lead_minutes": 20}},
        "zones": [
            {
                "id": "inner",
                "area": {"type": "radius", "radius_m": 3000},
                "tiers": [{"fee": {"amount": 290, "currency": "EUR"}}],
            }
        ],
        "taxes": {"prices_include_tax": True, "rates": {"food": 700}, "fee_tax_category": "food"},
        "payment_methods": ["card"],
    }
    return {**fields, **changes}

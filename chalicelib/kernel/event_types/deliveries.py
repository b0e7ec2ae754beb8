"""Deliveries, from the search for a rider to the door."""

from __future__ import annotations

from chalicelib.kernel.events import Event


class DeliveryRequested(Event, frozen=True, kw_only=True):
    """An accepted order needs a rider."""

    delivery_id: str
    order_id: str
    store_id: str


class DeliverySearchDue(Event, frozen=True, kw_only=True):
    """Timer: look whether the delivery still needs an offer to the next rider."""

    delivery_id: str
    attempt: int
    others: tuple[str, ...] = ()  # deliveries of the same offer


class ZoneTickDue(Event, frozen=True, kw_only=True):
    """Timer: plan a zone's open deliveries together. ``due`` (ms since 1970) says which of its ticks this is."""

    zone: str
    due: int


class DeliveryPickedUp(Event, frozen=True, kw_only=True):
    """The rider left the store with the order."""

    delivery_id: str
    order_id: str
    rider_id: str
    at: str


class DeliveryOnItsWay(Event, frozen=True, kw_only=True):
    """For the customer: the order has left the store. ``stops_before`` other customers come first."""

    delivery_id: str
    order_id: str
    store_id: str
    arrives_at: str
    stops_before: int


class DeliveryNearby(Event, frozen=True, kw_only=True):
    """For the customer: the rider rings in about two minutes. Told once for each delivery."""

    delivery_id: str
    order_id: str
    store_id: str
    arrives_at: str


class DeliveryAtRisk(Event, frozen=True, kw_only=True):
    """The delivery will come later than it was promised, and has not come yet. Told once for each delivery."""

    delivery_id: str
    order_id: str
    store_id: str
    arrives_at: str
    promised_at: str


class DeliveryCheckDue(Event, frozen=True, kw_only=True):
    """Timer: an order is on the way; see whether its rider is near, or late."""

    delivery_id: str


class DeliveryDelivered(Event, frozen=True, kw_only=True):
    """The customer has the order at the door, with proof."""

    delivery_id: str
    order_id: str
    rider_id: str
    at: str


class DeliveryMissed(Event, frozen=True, kw_only=True):
    """Nobody took the order at the door; the rider tries once more on the same trip."""

    delivery_id: str
    order_id: str
    rider_id: str
    at: str
    reason: str


class DeliveryFailed(Event, frozen=True, kw_only=True):
    """The rider could not hand the order over and brings it back."""

    delivery_id: str
    order_id: str
    rider_id: str
    at: str
    reason: str


class DeliveryReturned(Event, frozen=True, kw_only=True):
    """The undelivered order is back at the store."""

    delivery_id: str
    order_id: str
    rider_id: str
    at: str


class DeliveryUnfilled(Event, frozen=True, kw_only=True):
    """No rider took the delivery in ``rounds`` rounds of offers: the store should know."""

    delivery_id: str
    order_id: str
    store_id: str
    rounds: int

"""What a rider's phone polls. A poll with nothing new is one read request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.dispatch.model import journey
from chalicelib.dispatch.model.delivery import ENDED
from chalicelib.dispatch.model.feed import Feed, compose, named_deliveries
from chalicelib.dispatch.model.rider import in_hand
from chalicelib.dispatch.service.policy import in_force
from chalicelib.dispatch.service.records import (
    NotRegistered,
    delivery_ref_by_id,
    read_deliveries,
    read_delivery,
    rider_ref,
)
from chalicelib.dispatch.tables import BRIEF, BriefRow, brief_of
from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import NotFound

if TYPE_CHECKING:
    from chalicelib.dispatch.model.delivery import Delivery


def read_feed(rider_id: str, etag: str | None) -> Feed:
    """Offers and deliveries in hand. Where ``etag`` is what the feed still has, that is all that is read.

    The ETag names the deliveries that it speaks of, so that they come in the same request as the rider: half a read
    unit each, the rider half a unit.
    """
    named = named_deliveries(etag)
    refs = [delivery_ref_by_id(each) for each in named]
    rider, *copies = tables.fetch(rider_ref(rider_id), *refs, consistent=False)
    if rider is None:
        raise NotRegistered
    known: dict[str, Delivery | None] = dict(zip(named, copies, strict=True))
    now = clock.now()
    feed = compose(rider, known, now)
    if feed.etag == etag:
        return feed
    known |= read_deliveries((each for each in in_hand(rider, known) if each not in known), consistent=False)
    feed = compose(rider, known, now)
    return replace(feed, active=_with_briefs(feed.active), offers=_with_briefs(feed.offers))


def get_delivery(rider_id: str, delivery_id: str) -> Delivery:
    """A delivery that the rider has, or had to the end; nothing of the customer remains in one that has ended."""
    delivery = read_delivery(delivery_id)
    if delivery.rider_id != rider_id:
        raise NotFound("delivery", delivery_id)
    (delivery,) = _with_briefs((delivery,))
    if delivery.status in ENDED and delivery.brief is not None:
        return replace(delivery, brief=delivery.brief.without_customer())
    return delivery


def pin_attempts_left(delivery: Delivery) -> int | None:
    """How many wrong PINs are left; None where no PIN is asked for."""
    return journey.pin_attempts_left(delivery, in_force())


def tries_left(delivery: Delivery) -> int:
    """How often the rider may still try in vain and go on."""
    return max(0, in_force().second_tries - len(delivery.misses))


def _with_briefs(deliveries: tuple[Delivery, ...]) -> tuple[Delivery, ...]:
    """The deliveries with those briefs that are too long to ride along, in one request where there are any."""
    apart = [each.id for each in deliveries if each.brief is None]
    if not apart:
        return deliveries
    refs = [tables.Ref(BriefRow, each, BRIEF, brief_of) for each in apart]
    briefs = dict(zip(apart, tables.fetch(*refs, consistent=False), strict=True))
    return tuple(replace(each, brief=briefs[each.id]) if each.id in briefs else each for each in deliveries)

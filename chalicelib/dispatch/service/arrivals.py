"""When riders come, kept with each delivery: first when it is taken, then as the rider moves, told as events."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.dispatch.model import eta
from chalicelib.dispatch.model.delivery import NEARBY_TOLD, RISK_TOLD, UNDER_WAY, Delivery, Status
from chalicelib.dispatch.model.rider import Position, Rider, Vehicle, in_hand
from chalicelib.dispatch.planner.types import Travel
from chalicelib.dispatch.service.policy import in_force
from chalicelib.dispatch.service.preparation import with_expected_times
from chalicelib.dispatch.service.records import read_deliveries, rider_ref, write_delivery
from chalicelib.dispatch.service.travel import travel_known
from chalicelib.dispatch.tables import POSITION, PositionRow, position_of, rider_pk
from chalicelib.kernel import clock, geo, tables
from chalicelib.kernel.errors import Contention, VersionConflict
from chalicelib.kernel.event_types import DeliveryAtRisk, DeliveryNearby, DeliveryOnItsWay
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from chalicelib.kernel.events import Event
    from chalicelib.kernel.geo import Point

logger = logging.getLogger(__name__)

# A rider who has something in hand is looked at after so many metres or minutes; nearer heartbeats change nothing.
_LOOK_AFTER_M = 150.0
_LOOK_AFTER = timedelta(minutes=3)
# What one queue's delay can carry, so that a timer rides in the outbox row that is written anyway.
_LONGEST_WAIT = timedelta(minutes=14)


class Whereabouts(msgspec.Struct, frozen=True):
    """A rider as a heartbeat finds them: the item, the last position, and from where the deliveries were looked at."""

    rider: Rider | None
    position: Position | None = None
    looked_from: Point | None = None
    looked_at: datetime | None = None

    def looks_due(self, position: Position) -> bool:
        """Whether this heartbeat may change when somebody is reached."""
        if self.rider is None or not self.rider.jobs:
            return False
        if self.looked_from is None or self.looked_at is None:
            return True
        moved = geo.distance_m(self.looked_from, position.point) >= _LOOK_AFTER_M
        return moved or position.at - self.looked_at >= _LOOK_AFTER


def read_whereabouts(rider_id: str) -> Whereabouts:
    """Where the rider is known to be. One request, one read unit."""
    place = tables.Ref(PositionRow, rider_pk(rider_id), POSITION, lambda row: row)
    rider, row = tables.fetch(rider_ref(rider_id), place, consistent=False)
    if row is None:
        return Whereabouts(rider)
    looked_at = None if row.looked_at is None else clock.from_epoch_ms(int(row.looked_at))
    return Whereabouts(rider, position_of(row), row.looked_from, looked_at)


def with_first_times(rider_id: str, taken: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """What a rider has just taken, with the times at which it is expected; as it was where nothing is known of them."""
    where = read_whereabouts(rider_id)
    if where.rider is None or where.position is None:
        return list(taken)
    timed = _timed(where.rider, where.position.point, taken, now)
    return [timed.get(each.id, each) for each in taken]


def on_leaving(rider_id: str, picked_up: Delivery, now: datetime) -> tuple[Delivery, list[Event], datetime | None]:
    """An order that leaves the store: its times from there, what to tell, and when to look again."""
    (rider,) = tables.fetch(rider_ref(rider_id), consistent=False)
    if rider is None:
        return picked_up, [], None
    timed = _timed(rider, picked_up.store_point, (picked_up,), now).get(picked_up.id, picked_up)
    after, news = noticed(timed, now)
    on_its_way = DeliveryOnItsWay(
        delivery_id=after.id,
        order_id=after.order_id,
        store_id=after.store_id,
        arrives_at=clock.rfc3339(after.at_door_at or after.promised_at),
        stops_before=after.doors_before,
    )
    return after, [on_its_way, *news], eta.check_at(after, now, _LONGEST_WAIT)


def follow_rider(rider: Rider, position: Position) -> None:
    """A rider has moved: write what that changes for the customers. Whoever loses a race is right at the next one."""
    now = clock.now()
    carried = _carried(rider, (), consistent=False)
    if not carried:
        return
    timed = _times(rider, position.point, carried, now)
    for before in carried:
        after, news = noticed(timed.get(before.id, before), now)
        if not news and not eta.differs(before, after):
            continue
        tx = Transaction()
        write_delivery(tx, before, replace(after, version=before.version + 1))
        for event in news:
            tx.emit(event)
        try:
            tx.commit()
        except (VersionConflict, Contention):
            logger.info("a time was not written", extra={"delivery_id": before.id})


def check_on_delivery(delivery_id: str) -> None:
    """An order is on board and its rider may be silent: tell what is to be told.

    A timer that comes twice finds it told. Raises ``VersionConflict`` after a lost race.
    """
    delivery = read_deliveries((delivery_id,))[delivery_id]
    if delivery is None or delivery.status is not Status.PICKED_UP or delivery.rider_id is None:
        return
    now = clock.now()
    where = read_whereabouts(delivery.rider_id)
    timed = delivery
    if where.rider is not None and where.position is not None:
        timed = _timed(where.rider, where.position.point, (delivery,), now).get(delivery.id, delivery)
    after, news = noticed(timed, now)
    if not news and not eta.differs(delivery, after):
        return
    tx = Transaction()
    write_delivery(tx, delivery, replace(after, version=delivery.version + 1))
    for event in news:
        tx.emit(event)
    tx.commit()


def noticed(delivery: Delivery, now: datetime) -> tuple[Delivery, list[Event]]:
    """The delivery with the notices that are due marked as told, and these notices."""
    news: list[Event] = []
    told = delivery.told
    place = {"delivery_id": delivery.id, "order_id": delivery.order_id, "store_id": delivery.store_id}
    arrives_at = clock.rfc3339(delivery.at_door_at or delivery.promised_at)
    if eta.is_nearby(delivery, now):
        told += NEARBY_TOLD
        news.append(DeliveryNearby(**place, arrives_at=arrives_at))
    if eta.is_at_risk(delivery):
        told += RISK_TOLD
        promised_at = clock.rfc3339(delivery.promised_at)
        news.append(DeliveryAtRisk(**place, arrives_at=arrives_at, promised_at=promised_at))
    return (replace(delivery, told=told) if news else delivery), news


def _timed(rider: Rider, point: Point, known: Sequence[Delivery], now: datetime) -> dict[str, Delivery]:
    others = _carried(rider, (each.id for each in known), consistent=False)
    return _times(rider, point, [*known, *others], now)


def _carried(rider: Rider, known: Iterable[str], *, consistent: bool) -> list[Delivery]:
    """What the rider has in hand beside what is known already. One request, none where there is nothing else."""
    given = set(known)
    read = read_deliveries((each for each in rider.jobs if each not in given), consistent=consistent)
    named = [read[each] for each in in_hand(rider, read) if each in read]
    return [each for each in named if each is not None and each.rider_id == rider.id and each.status in UNDER_WAY]


def _times(rider: Rider, point: Point, deliveries: Sequence[Delivery], now: datetime) -> dict[str, Delivery]:
    """By the stores' history where orders are not ready yet; what is written back keeps what the store said."""
    expected = with_expected_times(deliveries, 0, now)
    trip = eta.Trip(
        now=now,
        point=point,
        vehicle=rider.vehicle,
        deliveries=tuple(expected),
        ways=_Ways(travel_known(now)),
        handling=in_force().handling,
    )
    said = {each.id: each.ready_at for each in deliveries}
    return {key: replace(each, ready_at=said[key]) for key, each in eta.with_times(trip).items()}


class _Ways(msgspec.Struct, frozen=True):
    """The planner's travel times, asked for points."""

    travel: Travel

    def time(self, start: Point, end: Point, vehicle: Vehicle) -> timedelta:
        """From door to door with this vehicle."""
        return timedelta(seconds=self.travel.seconds((start.lat, start.lng), (end.lat, end.lng), vehicle.value))

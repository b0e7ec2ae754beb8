"""Taking things off sale for a while, and what can be had now."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.catalog.model import Availability, EightySix, Kind, MenuHead
from chalicelib.catalog.model.availability import MAX_EIGHTY_SIXED, next_morning
from chalicelib.catalog.service.menus import load_menu, menu_head_ref
from chalicelib.catalog.tables import AVAILABILITY, AvailabilityRow, entry_key, store_pk, to_availability
from chalicelib.inventory import service as inventory
from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, Invalid, NotFound, Violation
from chalicelib.kernel.transaction import Transaction
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pynamodb.expressions.condition import Condition

_LONGEST = timedelta(days=366)
_NIGHT_SHIFT = timedelta(hours=8)
_SWEPT_AT_ONCE = 50
_ATTEMPTS = 4


class _Moved(Conflict):
    """The availability changed between reading and writing it."""

    def __init__(self) -> None:
        super().__init__("availability_changed", "The availability changed meanwhile: try again.")


class CurrentAvailability(msgspec.Struct, frozen=True):
    """What of the current menu can't be had now: `sold_out` are counted SKUs of which none is left."""

    eighty_sixed: tuple[EightySix, ...]
    sold_out: tuple[str, ...]


def availability_ref(store_id: str) -> tables.Ref[Availability]:
    """What is 86'd in the store; entries that have ended are left out. 1 read unit up to some 150 entries."""
    return tables.Ref(AvailabilityRow, store_pk(store_id), AVAILABILITY, lambda row: to_availability(row, clock.now()))


def read_availability(store_id: str) -> CurrentAvailability:
    """What customers can't have now. Raises ``menu_not_found``.

    One request of 1 read unit. A store that counts stock adds the query of `inventory.service.stock_levels`, at
    most once in five seconds and process.
    """
    head, availability = tables.fetch(menu_head_ref(store_id), availability_ref(store_id), consistent=False)
    if head is None:
        raise NotFound("menu", store_id)
    return CurrentAvailability(availability.eighty_sixed, _sold_out(head))


def eighty_six(store_id: str, kind: Kind, identifier: str, until: datetime | None) -> EightySix:
    """Take a product, SKU or modifier option of the current menu off sale; None is until further notice.

    It is gone from the next quote on. Doing it again replaces the end. Raises ``menu_item_not_found``,
    ``too_many_86`` and, for an end that is past or more than a year ahead, ``validation_failed``.
    """
    now = clock.now()
    if until is not None and not now < until <= now + _LONGEST:
        raise Invalid([Violation("invalid_until", "/time", "Give a time within the next 366 days.")])
    (head,) = tables.fetch(menu_head_ref(store_id))
    if head is None or not load_menu(head).has(kind, identifier):
        raise NotFound("menu_item", identifier)
    key = entry_key(kind, identifier)
    for attempt in range(_ATTEMPTS):
        try:
            _write_entry(store_id, key, clock.epoch_ms(until) if until else 0, sweep=attempt == 0)
            break
        except _Moved:
            continue
    else:
        raise _Moved
    return EightySix(kind, identifier, until)


def eighty_six_until_tomorrow(store_id: str, kind: Kind, identifier: str) -> EightySix:
    """Take something off sale until the store opens on its next day."""
    store = stores.get_store(store_id)
    return eighty_six(store_id, kind, identifier, next_service_day(store, clock.now()))


def put_back(store_id: str, kind: Kind, identifier: str) -> None:
    """Put something back on sale; nothing happens to what is on sale already."""
    key = entry_key(kind, identifier)
    tx = Transaction()
    tx.update(
        AvailabilityRow,
        store_pk(store_id),
        AVAILABILITY,
        actions=[AvailabilityRow.entries[key].remove(), AvailabilityRow.version.add(1)],
        condition=AvailabilityRow.entries[key].exists(),
        error=_Moved(),
    )
    try:
        tx.commit()
    except _Moved:
        return


def next_service_day(store: stores.Store, now: datetime) -> datetime:
    """When "tomorrow" begins for this store: its first opening after the night.

    A kitchen that is open through four in the morning ends its night with the shift. One that never closes, or
    whose next opening is unknown, begins at four.
    """
    from zoneinfo import ZoneInfo

    morning = next_morning(now.astimezone(ZoneInfo(store.time_zone)))
    state = stores.opening_state(store, None, morning)
    if state.open and state.next_change_at is not None and state.next_change_at - morning <= _NIGHT_SHIFT:
        state = stores.opening_state(store, None, state.next_change_at)
    if state.open or state.next_change_at is None or state.next_change_at - now > _LONGEST:
        return morning
    return state.next_change_at


def _write_entry(store_id: str, key: str, until_ms: int, *, sweep: bool) -> None:
    row = tables.get(AvailabilityRow, store_pk(store_id), AVAILABILITY)
    tx = Transaction()
    if row is None:
        fresh = AvailabilityRow(pk=store_pk(store_id), sk=AVAILABILITY, version=1, entries={key: until_ms})
        tx.put(fresh, AvailabilityRow.pk.does_not_exist(), _Moved())
        tx.commit()
        return
    held = row.entries.attribute_values
    ended = _ended(held, key) if sweep else []
    if len(held) - len(ended) >= MAX_EIGHTY_SIXED and key not in held:
        raise Conflict("too_many_86", f"{MAX_EIGHTY_SIXED} things are 86'd: publish a menu without them.")
    actions = [AvailabilityRow.entries[key].set(until_ms), AvailabilityRow.version.add(1)]
    condition: Condition = AvailabilityRow.pk.exists()
    if ended:
        # Sweeping takes entries away, so it must not race with a tablet that renews one of them.
        actions += [AvailabilityRow.entries[old].remove() for old in ended]
        condition = AvailabilityRow.version == int(row.version)
    tx.update(
        AvailabilityRow,
        store_pk(store_id),
        AVAILABILITY,
        actions=actions,
        condition=condition,
        error=_Moved(),
    )
    tx.commit()


def _ended(held: dict[str, Any], spared: str) -> Sequence[str]:
    now_ms = clock.epoch_ms(clock.now())
    ended = [key for key, until_ms in held.items() if until_ms and until_ms <= now_ms and key != spared]
    return ended[:_SWEPT_AT_ONCE]


def _sold_out(head: MenuHead) -> tuple[str, ...]:
    if not head.counted_skus:
        return ()
    levels = inventory.stock_levels(head.store_id)
    return tuple(sorted(sku for sku in load_menu(head).counted_skus if levels.get(sku, 0) <= 0))

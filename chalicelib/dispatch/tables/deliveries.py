"""Deliveries at rest."""

from __future__ import annotations

import base64
import json
import re
import uuid
import zlib
from typing import TYPE_CHECKING, Any

from msgspec.structs import astuple
from pynamodb.attributes import BinaryAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.dispatch.model import decision
from chalicelib.dispatch.model.delivery import (
    HOME_CURRENCY,
    USUAL_SIZE,
    Actor,
    Brief,
    Delivery,
    Need,
    Proof,
    Status,
    Step,
)
from chalicelib.dispatch.model.zone import ancestry, lineage
from chalicelib.dispatch.tables.common import STATE, PointAttribute, of_ms, to_ms
from chalicelib.kernel import clock, tables
from chalicelib.kernel.money import Money

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

BRIEF = "BRIEF"
INLINE_BRIEF_BYTES = 220
_MARK_BYTES = 4


class WaitingIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """The deliveries that wait for a rider in a zone. It is the index of riders on shift, under other partitions."""

    class Meta:
        index_name = "zone"
        projection = AllProjection()

    zone_pk = UnicodeAttribute(hash_key=True)
    zone_sk = UnicodeAttribute(range_key=True)


class DeliveryRow(tables.Row):
    """A delivery as it stands. ``zone_pk`` and ``zone_sk`` are there as long as it waits."""

    class Meta(tables.Meta):
        context = "dispatch"

    status = UnicodeAttribute()
    version = NumberAttribute()
    store_id = UnicodeAttribute()
    store_point = PointAttribute(attr_name="store_at")
    dropoff_point = PointAttribute(attr_name="door_at")
    ready_at = NumberAttribute()
    promised_at = NumberAttribute()
    marked_ready_at = NumberAttribute(null=True, attr_name="marked_at")
    proof = UnicodeAttribute()
    pin = UnicodeAttribute(null=True)
    pin_failures = NumberAttribute(null=True)
    photo = UnicodeAttribute(null=True)
    currency = UnicodeAttribute(null=True)
    cash_to_collect = NumberAttribute(null=True, attr_name="cash_due")
    cash_collected = NumberAttribute(null=True, attr_name="cash_got")
    rider_id = UnicodeAttribute(null=True)
    offered_to = UnicodeAttribute(null=True)
    offer_expires_at = NumberAttribute(null=True, attr_name="offer_ends")
    excluded = BinaryAttribute(null=True, legacy_encoding=False)
    rounds = NumberAttribute(null=True)
    searching_since = NumberAttribute(null=True, attr_name="searching")
    next_look_at = NumberAttribute(null=True, attr_name="next_look")
    unfilled_at = NumberAttribute(null=True, attr_name="unfilled")
    zone_pk = UnicodeAttribute(null=True)
    zone_sk = UnicodeAttribute(null=True)
    waiting = WaitingIndex()
    mates = UnicodeAttribute(null=True)
    bonus = NumberAttribute(null=True)
    load = NumberAttribute(null=True)
    pooled_at = NumberAttribute(null=True, attr_name="pooled")
    needs = UnicodeAttribute(null=True)
    size = NumberAttribute(null=True)
    at_store_at = NumberAttribute(null=True, attr_name="comes")
    at_door_at = NumberAttribute(null=True, attr_name="eta")
    doors_before = NumberAttribute(null=True, attr_name="ahead")
    told = UnicodeAttribute(null=True)
    photo_hash = BinaryAttribute(null=True, legacy_encoding=False)
    steps: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    brief = BinaryAttribute(null=True, legacy_encoding=False)


class BriefRow(tables.Row):
    """A brief that is too long for its delivery's item. Written once."""

    class Meta(tables.Meta):
        context = "dispatch"

    brief = BinaryAttribute(legacy_encoding=False)


def delivery_row(delivery: Delivery) -> DeliveryRow:
    """The item that keeps this delivery (without its brief when that is too long)."""
    return DeliveryRow(pk=delivery.id, sk=STATE, **_attributes(delivery), brief=_inline(delivery.brief))


def brief_row(delivery: Delivery) -> BriefRow | None:
    """The item of a brief that does not fit into the delivery's own; None when it does."""
    if delivery.brief is None or _inline(delivery.brief) is not None:
        return None
    return BriefRow(pk=delivery.id, sk=BRIEF, brief=packed_brief(delivery.brief))


def changes(before: Delivery, after: Delivery) -> list[Action]:
    """The update that makes ``after`` of ``before``: only what differs is sent."""
    old, new = _attributes(before), _attributes(after)
    actions: list[Action] = []
    for name, value in new.items():
        if value != old[name]:
            attribute = getattr(DeliveryRow, name)
            actions.append(attribute.remove() if value is None else attribute.set(value))
    return actions


def delivery_of(row: DeliveryRow | None) -> Delivery | None:
    """The delivery that an item keeps."""
    if row is None:
        return None
    marks = bytes(row.excluded or b"").hex()
    width = 2 * _MARK_BYTES
    return Delivery(
        id=row.pk,
        store_id=row.store_id,
        store_point=row.store_point,
        dropoff_point=row.dropoff_point,
        ready_at=clock.from_epoch_ms(int(row.ready_at)),
        promised_at=clock.from_epoch_ms(int(row.promised_at)),
        status=Status(row.status),
        version=int(row.version),
        marked_ready_at=of_ms(row.marked_ready_at),
        proof=Proof(row.proof),
        pin=row.pin,
        pin_failures=int(row.pin_failures or 0),
        photo=row.photo,
        cash_to_collect=_money(row.cash_to_collect, row.currency),
        cash_collected=_money(row.cash_collected, row.currency),
        rider_id=row.rider_id,
        offered_to=row.offered_to,
        offer_expires_at=of_ms(row.offer_expires_at),
        excluded=tuple(marks[start : start + width] for start in range(0, len(marks), width)),
        rounds=int(row.rounds or 0),
        searching_since=of_ms(row.searching_since),
        next_look_at=of_ms(row.next_look_at),
        unfilled_at=of_ms(row.unfilled_at),
        waits=row.zone_pk is not None,
        mates=tuple(f"dlv_{ulid}" for ulid in (row.mates or "").split()),
        bonus=int(row.bonus or 0),
        load=int(row.load or 0),
        pooled_at=of_ms(row.pooled_at),
        needs=frozenset(Need(each) for each in (row.needs or "").split()),
        size=int(row.size or USUAL_SIZE),
        currency=row.currency or HOME_CURRENCY,
        at_store_at=of_ms(row.at_store_at),
        at_door_at=of_ms(row.at_door_at),
        doors_before=int(row.doors_before or 0),
        told=row.told or "",
        photo_hash=bytes(row.photo_hash).hex() if row.photo_hash else None,
        steps=tuple(_step_of(line) for line in row.steps),
        brief=_unpacked(row.brief) if row.brief else None,
    )


def brief_of(row: BriefRow | None) -> Brief | None:
    """The brief that an item of its own keeps."""
    return None if row is None else _unpacked(row.brief)


def _attributes(delivery: Delivery) -> dict[str, Any]:
    return {
        "status": delivery.status.value,
        "version": delivery.version,
        "store_id": delivery.store_id,
        "store_point": delivery.store_point,
        "dropoff_point": delivery.dropoff_point,
        "ready_at": clock.epoch_ms(delivery.ready_at),
        "promised_at": clock.epoch_ms(delivery.promised_at),
        "marked_ready_at": to_ms(delivery.marked_ready_at),
        "proof": delivery.proof.value,
        "pin": delivery.pin,
        "pin_failures": delivery.pin_failures or None,
        "photo": delivery.photo,
        "currency": delivery.currency,
        "cash_to_collect": delivery.cash_to_collect.amount if delivery.cash_to_collect else None,
        "cash_collected": delivery.cash_collected.amount if delivery.cash_collected else None,
        "rider_id": delivery.rider_id,
        "offered_to": delivery.offered_to,
        "offer_expires_at": to_ms(delivery.offer_expires_at),
        "excluded": bytes.fromhex("".join(delivery.excluded)) or None,
        "rounds": delivery.rounds or None,
        "searching_since": to_ms(delivery.searching_since),
        "next_look_at": to_ms(delivery.next_look_at),
        "unfilled_at": to_ms(delivery.unfilled_at),
        "zone_pk": waiting_pk(lineage(delivery.store_point)[0]) if delivery.waits else None,
        "zone_sk": _waiting_sk(delivery) if delivery.waits else None,
        "mates": " ".join(each.partition("_")[2] for each in delivery.mates) or None,
        "bonus": delivery.bonus or None,
        "load": delivery.load or None,
        "pooled_at": to_ms(delivery.pooled_at),
        "needs": " ".join(sorted(delivery.needs)) or None,
        "size": delivery.size if delivery.size != USUAL_SIZE else None,
        "at_store_at": to_ms(delivery.at_store_at),
        "at_door_at": to_ms(delivery.at_door_at),
        "doors_before": delivery.doors_before or None,
        "told": delivery.told or None,
        "photo_hash": bytes.fromhex(delivery.photo_hash) if delivery.photo_hash else None,
        "steps": [step_line(step) for step in delivery.steps],
    }


def waiting_pk(whole: str) -> str:
    """The index's partition of what waits in a whole zone."""
    return f"WAIT#{whole}"


def waiting_prefix(cell: str) -> str:
    """With what the sort keys of a part begin; nothing for a whole zone."""
    return "".join(f"{each}/" for each in ancestry(cell)[1:])


def _waiting_sk(delivery: Delivery) -> str:
    return f"{waiting_prefix(lineage(delivery.store_point)[-1])}{delivery.id}"


def _money(amount: float | None, currency: str | None) -> Money | None:
    return None if amount is None or currency is None else Money(int(amount), currency)


# --- steps ------------------------------------------------------------------------------------------------------------

_ACTORS = {
    Actor.SYSTEM: "-",
    Actor.STORE: "s",
    Actor.CUSTOMER: "c",
    Actor.ADMIN: "a",
    Actor.RIDER: "r",
}
_SPACE = re.compile(r"\s")
_ACTOR_OF = {letter: actor for actor, letter in _ACTORS.items()}


def step_line(step: Step) -> str:
    """A step as one short line: status, time, actor and cause, then what applies of ``c=``, ``w=``, ``r=``, ``d=``.

    Times are hexadecimal milliseconds since 1970; ``c`` is how long before that the phone took it down, ``w`` why,
    ``r`` the rider who was asked, ``d`` what the offer cost and ``u`` the runner-up. Such lines keep a whole journey
    below 1 KB; maps would take three times as much.
    """
    parts = [step.status.value, f"{clock.epoch_ms(step.at):x}", _ACTORS[step.actor], _short(step.cause)]
    if step.captured_at is not None:
        parts.append(f"c={clock.epoch_ms(step.at) - clock.epoch_ms(step.captured_at):x}")
    if step.reason is not None:
        parts.append(f"w={step.reason}")
    if step.rider_id is not None:
        parts.append(f"r={_short(step.rider_id)}")
    if step.decision is not None:
        parts.append(f"d={decision.written(step.decision)}")
        if step.decision.runner_up is not None:
            parts.append(f"u={_short(step.decision.runner_up)}")
    return " ".join(_SPACE.sub("_", part) for part in parts)


def _step_of(line: str) -> Step:
    status, at, actor, cause, *rest = line.split(" ")
    more = dict(part.split("=", 1) for part in rest)
    moment = int(at, 16)
    captured, rider, kept, second = more.get("c"), more.get("r"), more.get("d"), more.get("u")
    return Step(
        status=Status(status),
        at=clock.from_epoch_ms(moment),
        actor=_ACTOR_OF[actor],
        cause=_long(cause),
        reason=more.get("w"),
        captured_at=None if captured is None else clock.from_epoch_ms(moment - int(captured, 16)),
        rider_id=None if rider is None else _long(rider),
        decision=None if kept is None else decision.read(kept, None if second is None else _long(second)),
    )


def _short(text: str) -> str:
    """A UUID in 22 characters behind a tilde, anything else as it is."""
    try:
        number = uuid.UUID(text)
    except ValueError:
        return text or "~"
    if str(number) != text:
        return text
    return "~" + base64.urlsafe_b64encode(number.bytes).rstrip(b"=").decode()


def _long(short: str) -> str:
    if not short.startswith("~"):
        return short
    return str(uuid.UUID(bytes=base64.urlsafe_b64decode(short[1:] + "=="))) if len(short) > 1 else ""


# --- briefs -----------------------------------------------------------------------------------------------------------


def packed_brief(brief: Brief) -> bytes:
    """The brief's values in the order of its fields: a new field goes to the end, none is ever taken out."""
    return zlib.compress(json.dumps(astuple(brief), separators=(",", ":"), ensure_ascii=False).encode(), 9)


def _unpacked(packed: bytes) -> Brief:
    return Brief(*json.loads(zlib.decompress(packed)))


def _inline(brief: Brief | None) -> bytes | None:
    if brief is None:
        return None
    packed = packed_brief(brief)
    return packed if len(packed) <= INLINE_BRIEF_BYTES else None

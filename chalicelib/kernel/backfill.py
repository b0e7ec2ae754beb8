"""Brings a whole table up to today's schema, a page at a time, at a pace, beside everything else that goes on.

Items are migrated when they are read (``kernel.schema``); a backfill is for those that nobody reads, so that a release
can stop knowing the old shape. It runs once the release that writes the new shape runs everywhere.

A job has a row for each of its segments, which keeps how far it has come, and an event for its next page. A page that
comes twice, or of which only a part was done, is done again: what is migrated is passed over, and every write is on the
condition that the item is what was read, so whoever changes one meanwhile wins and is looked at again. The pace is what
DynamoDB says that it has counted: a page that cost ``u`` units lets ``u / pace`` seconds pass before the next.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
from pynamodb.attributes import BooleanAttribute, JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import VerboseClientError

from chalicelib.kernel import clock, events, metrics, schema, tables
from chalicelib.kernel.event_types import BackfillDue
from chalicelib.kernel.transaction import AlreadyHandled, Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

RUNNING: Final = "running"
PAUSED: Final = "paused"
DONE: Final = "done"

QUEUE: Final = "upkeep"
PACE: Final = 25.0
MOST_SEGMENTS: Final = 32
_PAGE_ITEMS: Final = 200
_PAGE_SECONDS: Final = 12.0  # an invocation has 30
_LONGEST_PAUSE: Final = 60.0  # seconds, about
_ATTEMPTS: Final = 3


class BackfillRow(tables.Row):
    """How far a segment of a job has come. The counts are of its last run."""

    class Meta(tables.Meta):
        context = "events"

    row = UnicodeAttribute()
    status = UnicodeAttribute()
    segments = NumberAttribute()
    pace = NumberAttribute()
    dry = BooleanAttribute()
    page = NumberAttribute()
    cursor = JSONAttribute(null=True)
    seen = NumberAttribute()
    migrated = NumberAttribute()
    left = NumberAttribute()
    units = NumberAttribute()


class Done(msgspec.Struct):
    """What a page came to: items that were looked at, migrated (or would be), left as they were; units; where it ended.

    ``left`` are items that somebody else changed each time that they were tried.
    """

    seen: int = 0
    migrated: int = 0
    left: int = 0
    units: float = 0.0
    cursor: dict[str, Any] | None = None


class Refused(Exception):
    """There is no such job, it is not over, or there is nothing to do: the message says which."""


# --- jobs -------------------------------------------------------------------------------------------------------------


def start(row: str, *, segments: int = 1, pace: float = PACE, dry: bool = False, tell: bool = True) -> str:
    """Begin to bring up all items of a row, from the beginning; the job's name.

    ``pace`` is in capacity units a second, for each of the ``segments`` (at most 32) that go on side by side. ``dry``
    counts and writes nothing. Without ``tell`` no event is emitted: the caller does the pages (``do_page``).
    Raises ``Refused``.
    """
    kind = _row_named(row)
    job = f"{row}-{schema.current(kind)}{'-dry' if dry else ''}"
    tx = Transaction()
    for segment in range(min(segments, MOST_SEGMENTS)):
        fresh = BackfillRow(
            pk=_pk(job), sk=_sk(segment), row=row, status=RUNNING, segments=segments, pace=pace, dry=dry
        )
        fresh.page = fresh.seen = fresh.migrated = fresh.left = fresh.units = 0
        tx.put(fresh, BackfillRow.pk.does_not_exist() | (BackfillRow.status == DONE), AlreadyHandled())
        if tell:
            tx.emit(BackfillDue(job=job, segment=segment, page=0))
    try:
        tx.commit()
    except AlreadyHandled:
        raise Refused(f"{job} is not over: resume it") from None
    return job


def segments_of(job: str) -> list[BackfillRow]:
    """How far each segment has come. Raises ``Refused``."""
    found = tables.query(BackfillRow, _pk(job), consistent=True).items
    if not found:
        raise Refused(f"there is no {job}")
    return found


def pause(job: str) -> None:
    """Stop after the pages that are being done."""
    for row in segments_of(job):
        if row.status == RUNNING:
            _set_status(row, PAUSED)


def resume(job: str, *, tell: bool = True) -> None:
    """Go on where it stopped, or where its event was lost: an event too many does no harm."""
    for row in segments_of(job):
        if row.status != DONE:
            _set_status(row, RUNNING, BackfillDue(job=job, segment=int(row.sk), page=int(row.page)) if tell else None)


def _set_status(row: BackfillRow, status: str, event: BackfillDue | None = None) -> None:
    tx = Transaction()
    tx.update(
        BackfillRow,
        row.pk,
        row.sk,
        actions=[BackfillRow.status.set(status)],
        condition=(BackfillRow.page == row.page) & (BackfillRow.status == row.status),
    )
    if event is not None:
        tx.emit(event)
    tx.commit()


def _pk(job: str) -> str:
    return f"BACKFILL#{job}"


def _sk(segment: int) -> str:
    return f"{segment:03d}"


def _row_named(name: str) -> type[tables.Row]:
    def below(base: type[tables.Row]) -> list[type[tables.Row]]:
        return [each for sub in base.__subclasses__() for each in (sub, *below(sub))]

    found = next((row for row in below(tables.Row) if row.__name__ == name), None)
    if found is None or not found.MIGRATIONS or found.KEYS is None:
        raise Refused(f"{name} has no migrations, or no KEYS")
    return found


# --- pages ------------------------------------------------------------------------------------------------------------


@events.on(BackfillDue, queue=QUEUE)
def backfill(event: BackfillDue, _meta: events.Meta) -> None:
    """Do a page, and tell of the next."""
    do_page(event.job, event.segment, event.page)


def do_page(job: str, segment: int, page: int, *, tell: bool = True) -> float | None:
    """Do a page unless it was done before; how many seconds are to pass before the next, None where there is none."""
    row = tables.get(BackfillRow, _pk(job), _sk(segment))
    if row is None or row.status != RUNNING or row.page != page:
        logger.info("not the job's next page", extra={"job": job, "segment": segment, "page": page})
        return None
    done = _do(row)
    pause = done.units / float(row.pace) if done.cursor is not None else None
    tx = Transaction()
    tx.update(
        BackfillRow,
        row.pk,
        row.sk,
        actions=[
            BackfillRow.page.set(page + 1),
            BackfillRow.status.set(RUNNING if done.cursor is not None else DONE),
            BackfillRow.cursor.remove() if done.cursor is None else BackfillRow.cursor.set(done.cursor),
            BackfillRow.seen.add(done.seen),
            BackfillRow.migrated.add(done.migrated),
            BackfillRow.left.add(done.left),
            BackfillRow.units.add(done.units),
        ],
        condition=(BackfillRow.page == page) & (BackfillRow.status == RUNNING),
        error=AlreadyHandled(),
    )
    if pause is not None and tell:
        following = BackfillDue(job=job, segment=segment, page=page + 1)
        tx.emit_at(clock.now() + timedelta(seconds=pause), following)
    try:
        tx.commit()
    except AlreadyHandled:
        return None  # another copy of the event was faster, or the job was paused
    told = {"seen": done.seen, "migrated": done.migrated, "left": done.left, "units": done.units}
    logger.info("backfilled a page", extra={"job": job, "segment": segment, "page": page, "pause": pause, **told})
    metrics.count(metrics.ITEMS_BACKFILLED, done.migrated, job=job)
    return pause


def _do(row: BackfillRow) -> Done:
    """Migrate a page of items. One that takes too long ends early, behind the item that it had come to."""
    kind = _row_named(row.row)
    until = time.monotonic() + _PAGE_SECONDS
    answer = tables.connection().dispatch("Scan", _scan_of(kind, row))
    done = Done(seen=int(answer["ScannedCount"]), units=_units(answer), cursor=answer.get("LastEvaluatedKey"))
    for number, item in enumerate(answer["Items"], 1):
        if row.dry:
            done.migrated += 1
        else:
            _bring_up(kind, item, done)
        if time.monotonic() > until and number < len(answer["Items"]):
            done.seen, done.cursor = number, {"pk": item["pk"], "sk": item["sk"]}
            break
    return done


def _scan_of(kind: type[tables.Row], row: BackfillRow) -> dict[str, Any]:
    pk, sk = kind.KEYS or ("", "")
    request: dict[str, Any] = {
        "TableName": kind.Meta.table_name,
        # As many as are worth a minute at this pace, at four units each.
        "Limit": max(1, min(_PAGE_ITEMS, int(float(row.pace) * _LONGEST_PAUSE / 4))),
        "Segment": int(row.sk),
        "TotalSegments": int(row.segments),
        "FilterExpression": "begins_with(pk, :pk) AND begins_with(sk, :sk) AND attribute_not_exists(#mark)",
        "ExpressionAttributeNames": {"#mark": schema.mark(schema.current(kind))},
        "ExpressionAttributeValues": {":pk": {"S": pk}, ":sk": {"S": sk}},
        "ReturnConsumedCapacity": "TOTAL",
    }
    return {**request, "ExclusiveStartKey": row.cursor} if row.cursor else request


def _units(answer: dict[str, Any]) -> float:
    return float(answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0))


# --- items ------------------------------------------------------------------------------------------------------------


def _bring_up(kind: type[tables.Row], item: Mapping[str, Any], done: Done) -> None:
    """Write an item in today's shape if it still is what was read; else look at it again."""
    found: Mapping[str, Any] | None = item
    for _ in range(_ATTEMPTS):
        if found is None or schema.number_of(found) >= schema.current(kind):
            return  # gone, or somebody else brought it up
        try:
            answer = tables.connection().dispatch("UpdateItem", _update_of(kind, found))
        except VerboseClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
        else:
            done.units += _units(answer)
            done.migrated += 1
            return
        key = {"pk": item["pk"], "sk": item["sk"]}
        request = {"TableName": kind.Meta.table_name, "Key": key, "ConsistentRead": True}
        again = tables.connection().dispatch("GetItem", {**request, "ReturnConsumedCapacity": "TOTAL"})
        done.units += _units(again)
        found = again.get("Item")
    done.left += 1
    logger.warning("an item changed each time it was migrated", extra={"row": kind.__name__, "pk": item["pk"]["S"]})


def _update_of(kind: type[tables.Row], item: Mapping[str, Any]) -> dict[str, Any]:
    """What changes the item into today's shape, on the condition that all that this release knows of it is as read.

    What it does not know stays as it is.
    """
    after = kind.from_raw_data(dict(item)).serialize(null_check=False)
    known = {each.attr_name for each in kind.get_attributes().values()} - {"pk", "sk"}
    marks = set(schema.marks(kind))
    names = {name: f"#{number}" for number, name in enumerate(sorted(known | marks))}
    values: dict[str, Any] = {}

    def value(of: Any) -> str:
        values[name := f":{len(values)}"] = of
        return name

    sets = [
        f"{names[name]} = {value(after[name])}" for name in names if name in after and after[name] != item.get(name)
    ]
    removes = [names[name] for name in known if name in item and name not in after]
    same = [
        f"{names[name]} = {value(item[name])}" if name in item else f"attribute_not_exists({names[name]})"
        for name in names
    ]
    return {
        "TableName": kind.Meta.table_name,
        "Key": {"pk": item["pk"], "sk": item["sk"]},
        "UpdateExpression": f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(removes)}" if removes else ""),
        "ConditionExpression": f"attribute_exists(pk) AND {' AND '.join(same)}",
        "ExpressionAttributeNames": {placeholder: name for name, placeholder in names.items()},
        "ExpressionAttributeValues": values,
        "ReturnConsumedCapacity": "TOTAL",
    }

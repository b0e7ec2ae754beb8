"""Domain events: how they are written, relayed to the bus or a queue, and handed to the reactions of a context.

A use case emits into its transaction; the row's stream record reaches ``relay``, which puts what is due on the bus and
what is due within 15 minutes on the consumers' queues with a delay; ``sweep`` picks up what is due later. Delivery is
at least once and unordered.
"""

from __future__ import annotations

import json
import logging
import math
import random
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.kernel import clock, event_routes, ids, logs, settings, tables, upcasting
from chalicelib.kernel.envelopes import Envelope, Event, Meta, of_json, to_json
from chalicelib.kernel.errors import Contention, DomainError, VersionConflict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["Envelope", "Event", "Meta", "of_json", "to_json"]  # which others take from here

logger = logging.getLogger(__name__)

SOURCE = "doorstep"

ROUTES = event_routes.ROUTES
QUEUES = event_routes.QUEUES

_SQS_DELAY_LIMIT = timedelta(minutes=15)
_SHARDS = 8
_ROW_LIFE = timedelta(days=7)
_BATCH = 10  # entries a PutEvents or SendMessageBatch takes
_ATTEMPTS = 5
_CLOCKS_DIFFER = timedelta(seconds=2)  # what reactions allow for
_LONGEST_HIDDEN = 43_200  # seconds that a queue hides a message at most


E = TypeVar("E", bound=Event)


class _DueIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """Timers beyond a queue's longest delay, by shard and due time."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due_pk = UnicodeAttribute(hash_key=True)
    due_sk = NumberAttribute(range_key=True)


class EventsRow(tables.Row):
    """What one transaction leaves in the events table: inbox claim, idempotency answer and outbox, in one item."""

    class Meta(tables.Meta):
        context = "events"

    relay = UnicodeAttribute(null=True)  # "now": the stream record of this row is for the relay
    outbox = tables.JsonZ(null=True)  # list of envelopes
    fingerprint = UnicodeAttribute(null=True)
    answer = tables.JsonZ(null=True)
    due_pk = UnicodeAttribute(null=True)
    due_sk = NumberAttribute(null=True)
    due = _DueIndex()


def envelope(event: Event, due: datetime | None = None) -> Envelope:
    """The event with a fresh id, the time and the trace of the current request."""
    return Envelope(
        id=ids.new_id("evt"),
        type=type(event).__name__,
        version=event.version,
        at=clock.rfc3339(clock.now()),
        data=msgspec.to_builtins(event),
        trace=logs.trace_id(),
        due=None if due is None else clock.rfc3339(due),
    )


def expiry(after: datetime | None = None) -> int:
    """Epoch seconds at which a row of the events table may vanish."""
    return int(((after or clock.now()) + _ROW_LIFE).timestamp())


def is_for_sweep(entry: Envelope, now: datetime) -> bool:
    """Whether the entry is due too late for a queue's delay."""
    return entry.due is not None and clock.parse(entry.due) - now > _SQS_DELAY_LIMIT


def timer_row(entry: Envelope) -> EventsRow:
    """The row of one timer that the sweep will find."""
    if entry.due is None:
        raise ValueError("a timer needs its due time")
    due = clock.parse(entry.due)
    return EventsRow(
        pk=f"OUT#{entry.id}",
        sk="-",
        outbox=[to_json(entry)],
        due_pk=f"DUE#{random.randrange(_SHARDS)}",  # nosec B311
        due_sk=clock.epoch_ms(due),
        ttl=expiry(due),
    )


# --- relay ------------------------------------------------------------------------------------------------------------


def relay(stream_event: Mapping[str, Any]) -> None:
    """Send on what the stream's records carry. Raises when any of it could not be sent: the batch then comes again."""
    entries: list[Envelope] = []
    for record in stream_event["Records"]:
        image = record.get("dynamodb", {}).get("NewImage", {})
        if record.get("eventName") == "INSERT" and image.get("relay", {}).get("S") == "now":
            entries.extend(_entries_of_image(image))
    relay_entries(entries)


def _entries_of_image(image: Mapping[str, Any]) -> list[Envelope]:
    import base64

    raw = image["outbox"]["B"]
    packed = base64.b64decode(raw) if isinstance(raw, str) else raw
    return [of_json(item) for item in EventsRow.outbox.deserialize(packed)]


def relay_entries(entries: Sequence[Envelope]) -> None:
    """Put what is due on the bus and what is due soon on the queues; what is due later waits for the sweep."""
    now = clock.now()
    to_bus: list[Envelope] = []
    to_queue: dict[str, list[tuple[Envelope, int]]] = {}
    for entry in entries:
        if is_for_sweep(entry, now):
            continue
        wait = clock.to_wall(clock.parse(entry.due) - now) if entry.due else 0.0
        if wait <= 0:
            to_bus.append(entry)
            continue
        for queue in ROUTES.get(entry.type, ()):
            to_queue.setdefault(queue, []).append((entry, min(900, math.ceil(wait))))
    publish(to_bus)
    _log_relayed(to_bus, "bus")
    for queue, delayed in to_queue.items():
        _send_delayed(queue, delayed)
        _log_relayed([entry for entry, _ in delayed], queue)


def _log_relayed(entries: Sequence[Envelope], queue: str) -> None:
    """A line for each, so that an order can be followed."""
    for entry in entries:
        ids = {"event": entry.type, "event_id": entry.id, "trace_id": entry.trace, **_subject(entry.data)}
        logger.info("relayed", extra={**ids, "to": queue})


def publish(entries: Sequence[Envelope]) -> None:
    """PutEvents, with the entries that the bus did not take sent again. Raises ``Contention`` if some never went."""
    pending = [
        {
            "Source": SOURCE,
            "DetailType": entry.type,
            "Detail": json.dumps(to_json(entry), separators=(",", ":")),
            "EventBusName": settings.get().bus_name,
            "Time": clock.parse(entry.at),
        }
        for entry in entries
    ]
    for attempt in range(_ATTEMPTS):
        failed = []
        for start in range(0, len(pending), _BATCH):
            chunk = pending[start : start + _BATCH]
            answer = _client("events").put_events(Entries=chunk)
            failed += [sent for sent, told in zip(chunk, answer["Entries"], strict=True) if told.get("ErrorCode")]
        if not failed:
            return
        pending = failed
        time.sleep(0.05 * 2**attempt)
    logger.error("events not taken by the bus", extra={"count": len(pending)})
    raise Contention


def _send_delayed(queue: str, delayed: Sequence[tuple[Envelope, int]]) -> None:
    url = settings.get().queue_urls[queue]
    pending = [
        {"Id": str(number), "MessageBody": json.dumps(_as_from_bus(entry)), "DelaySeconds": delay}
        for number, (entry, delay) in enumerate(delayed)
    ]
    for attempt in range(_ATTEMPTS):
        failed = []
        for start in range(0, len(pending), _BATCH):
            chunk = pending[start : start + _BATCH]
            answer = _client("sqs").send_message_batch(QueueUrl=url, Entries=chunk)
            refused = {item["Id"] for item in answer.get("Failed", ())}
            failed += [item for item in chunk if item["Id"] in refused]
        if not failed:
            return
        pending = failed
        time.sleep(0.05 * 2**attempt)
    logger.error("timers not taken by the queue", extra={"queue": queue, "count": len(pending)})
    raise Contention


def _as_from_bus(entry: Envelope) -> dict[str, Any]:
    """The message as EventBridge would have put it on the queue, so that a consumer can't tell the way it came."""
    return {
        "version": "0",
        "id": entry.id,
        "detail-type": entry.type,
        "source": SOURCE,
        "time": entry.at,
        "detail": to_json(entry),
    }


_clients: dict[str, Any] = {}


def _client(service: str) -> Any:
    if service not in _clients:
        import botocore.session
        from botocore.config import Config

        # botocore rather than boto3: PynamoDB has loaded it already, and boto3 would add its import to a cold start.
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 4},
            connect_timeout=3,
            read_timeout=10,
            user_agent=settings.USER_AGENT,
        )
        session = botocore.session.get_session()
        _clients[service] = session.create_client(service, settings.get().region, config=config)
    return _clients[service]


# --- sweep ------------------------------------------------------------------------------------------------------------


def sweep() -> int:
    """Send on the timers that come due before the next sweep; how many. Runs every minute.

    Sent first, unmarked after: a crash between the two sends a timer twice, never not at all.
    """
    horizon = clock.epoch_ms(clock.now() + timedelta(seconds=90))
    swept = 0
    for shard in range(_SHARDS):
        while True:
            page = tables.query(EventsRow, f"DUE#{shard}", EventsRow.due_sk <= horizon, index="due", limit=100)
            rows = [row for row in tables.batch_get([(EventsRow, r.pk, r.sk) for r in page.items]) if row is not None]
            waiting = [row for row in rows if isinstance(row, EventsRow) and row.due_pk is not None]
            relay_entries([of_json(item) for row in waiting for item in row.outbox])
            for row in waiting:
                _unmark(row)
            swept += len(waiting)
            if page.next_key is None or not waiting:
                break
    return swept


def _unmark(row: EventsRow) -> None:
    from pynamodb.exceptions import UpdateError

    try:
        row.update(
            actions=[EventsRow.due_pk.remove(), EventsRow.due_sk.remove()],
            condition=EventsRow.due_pk.exists(),
        )
    except UpdateError as error:
        if error.cause_response_code != "ConditionalCheckFailedException":
            raise


# --- reactions --------------------------------------------------------------------------------------------------------

Reaction = tuple[type[Event], "Callable[[Any, Meta], None]"]
_reactions: dict[tuple[str, str], Reaction] = {}


def on(
    event_type: type[E], *, queue: str | None = None
) -> Callable[[Callable[[E, Meta], None]], Callable[[E, Meta], None]]:
    """Declare what the declaring context (``chalicelib.<context>.reactions``) does when an event arrives.

    It arrives on the context's own queue, unless another is named.
    """

    def register(reaction: Callable[[E, Meta], None]) -> Callable[[E, Meta], None]:
        _reactions[queue or reaction.__module__.split(".")[1], event_type.__name__] = (event_type, reaction)
        return reaction

    return register


def reactions() -> frozenset[tuple[str, str]]:
    """(queue, event type) of every declared reaction."""
    return frozenset(_reactions)


def consume(queue: str, messages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Hand a batch of queue messages to their reactions; answers with the ones to be delivered again."""
    failures = []
    for message in messages:
        try:
            _react(queue, message)
        except _ComesEarly as early:
            failures.append({"itemIdentifier": message["messageId"]})
            _show_again(queue, message, early.seconds)
        except Exception as error:
            if isinstance(error, upcasting.UnknownVersion):
                told = {"event": error.event_type, "version": error.version, "known": error.known}
                logger.error("event of another release", extra={"queue": queue, **told})  # noqa: TRY400 (no trace)
            else:
                logger.exception("reaction failed", extra={"queue": queue, "message_id": message["messageId"]})
            failures.append({"itemIdentifier": message["messageId"]})
            _show_again(queue, message, pause_after(_tried(message)))
    return {"batchItemFailures": failures}


class _ComesEarly(Exception):
    """A timer that by this function's clock is not due for so many seconds of the wall's."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds


def _show_again(queue: str, message: Mapping[str, Any], seconds: int) -> None:
    """Show a message again after so many seconds instead of the queue's long visibility timeout.

    That one covers a function that died with the message; one that failed and knows it need not wait as long.
    """
    try:
        _client("sqs").change_message_visibility(
            QueueUrl=settings.get().queue_urls[queue],
            ReceiptHandle=message["receiptHandle"],
            VisibilityTimeout=seconds,
        )
    except Exception:
        # The message then waits for the timeout: later, not lost.
        logger.warning("visibility not changed", extra={"queue": queue}, exc_info=True)


def _tried(message: Mapping[str, Any]) -> int:
    return int(message.get("attributes", {}).get("ApproximateReceiveCount", 1))


def pause_after(tried: int) -> int:
    """Seconds until a message that failed for the ``tried``-th time is shown again."""
    return min(900, 1 << tried)


def _react(queue: str, message: Mapping[str, Any]) -> None:
    entry = of_json(json.loads(message["body"])["detail"])
    if (queue, entry.type) not in _reactions:
        raise upcasting.UnknownVersion(entry.type, entry.version, None)
    _wait_until_due(entry)
    event_type, reaction = _reactions[queue, entry.type]
    event = event_of(entry, event_type)
    meta = Meta(event_id=entry.id, at=clock.parse(entry.at), trace_id=entry.trace)
    with logs.context(trace_id=entry.trace, event_id=entry.id, event=entry.type, **_subject(entry.data)):
        _attempt(reaction, event, meta)
        logger.info("reacted", extra={"queue": queue})


def _wait_until_due(entry: Envelope) -> None:
    """Leave a timer in its queue that comes early: the relay's clock may be ahead of this function's."""
    early = timedelta() if entry.due is None else clock.parse(entry.due) - clock.now()
    if early > _CLOCKS_DIFFER:
        logger.warning("timer came early", extra={"event": entry.type, "seconds": early.total_seconds()})
        raise _ComesEarly(min(_LONGEST_HIDDEN, math.ceil(clock.to_wall(early))))


def event_of(entry: Envelope, event_type: type[E]) -> E:
    """The event in an envelope of any version. Raises ``UnknownVersion``."""
    return msgspec.convert(upcasting.as_of_today(event_type, entry.version, entry.data), event_type)


def _attempt(reaction: Callable[[Any, Meta], None], event: Event, meta: Meta) -> None:
    """Run the reaction; when another change won the race it reads again and decides anew, at once."""
    for attempt in range(_ATTEMPTS):
        try:
            reaction(event, meta)
        except DomainError as error:
            lost_race = isinstance(error, VersionConflict | Contention)
            if not lost_race or attempt == _ATTEMPTS - 1:
                raise
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # nosec B311
        else:
            return


def _subject(data: Mapping[str, Any]) -> dict[str, str]:
    return {key: data[key] for key in ("order_id", "store_id", "delivery_id") if key in data}

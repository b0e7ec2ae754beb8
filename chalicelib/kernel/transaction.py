"""One use case, one transaction: writes of any contexts and the events that tell of them, together or not at all.

    tx = Transaction()
    tx.update(StockRow, pk, sk, actions=[…], condition=StockRow.available >= 2, error=out_of_stock)
    tx.put(OrderRow(…), condition=OrderRow.pk.does_not_exist(), error=Conflict(…))
    tx.emit(OrderPlaced(…))
    tx.emit_at(deadline, OrderDeadlineReached(…))
    tx.commit()

A write carries the domain error that its failed condition means. A lone write goes as a plain conditional write, which
costs half; everything that concerns the events table (inbox claim, idempotency answer, outbox) shares one row.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from pynamodb.constants import (
    CONDITION_EXPRESSION,
    KEY,
    RETURN_VALUES_ON_CONDITION_FAILURE,
)
from pynamodb.exceptions import TransactWriteError, VerboseClientError

from chalicelib.kernel import clock, events, ids, schema, tables
from chalicelib.kernel.errors import Conflict, Contention, DomainError, joined
from chalicelib.kernel.events import EventsRow
from chalicelib.kernel.idempotency import AlreadyAnswered, IdempotencyKey, StoredAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action

logger = logging.getLogger(__name__)

# What a failed condition means: an error, or a function of the item as it is (its strings and whole
# numbers by attribute name; None where there is no item).
Refusal = DomainError | Callable[[dict[str, Any] | None], DomainError]

_ATTEMPTS = 8
_FIRST_PAUSE = 0.01
_TRANSIENT_REASONS = frozenset(
    ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded")
)
_TRANSIENT_ERRORS = _TRANSIENT_REASONS | {
    "TransactionConflictException",
    "TransactionInProgressException",
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "InternalServerError",
}
# TransactWriteItems takes its items in this order (PynamoDB groups them so); reasons come back in the same order.
_KINDS = ("ConditionCheck", "Delete", "Put", "Update")
_PLAIN_OPERATION = {"Delete": "DeleteItem", "Put": "PutItem", "Update": "UpdateItem"}


class AlreadyHandled(DomainError):
    """This consumer has handled this event before: there is nothing left to do."""

    def __init__(self) -> None:
        super().__init__("already_handled", "The event was handled before.")


class _Write(msgspec.Struct, frozen=True):
    kind: str
    operation: dict[str, Any]
    refusal: Refusal
    place: tuple[int, int]  # whose error is told first: by what was asked for, then as it was asked for


class Transaction:
    """Collects writes and events, then commits them as one. Not to be used again after ``commit``."""

    def __init__(self) -> None:
        self._writes: list[_Write] = []
        self._outbox: list[events.Envelope] = []
        self._later: list[events.Envelope] = []
        self._claims: list[EventsRow] = []
        self._keys: set[tuple[str, str, str]] = set()
        self._afterwards: list[Callable[[], None]] = []

    def put(self, row: tables.Row, condition: Condition | None = None, error: Refusal | None = None) -> None:
        """Write a whole item. Without a condition it replaces whatever is there.

        One that may be there already is made what the row says, attribute by attribute: what a newer release keeps in
        it and this one does not know stays. It costs the same.
        """
        if condition is not None and not _is_of_new_item(condition):
            actions = schema.written_whole(row)
            operation = self._operation(type(row), row.pk, row.sk, actions=actions, condition=condition)
            self._add("Update", operation, error, asked="Put")
            return
        attributes = row.serialize(null_check=True)
        operation = self._operation(
            type(row),
            attributes.pop("pk")["S"],
            attributes.pop("sk")["S"],
            key="Item",
            attributes=attributes,
            condition=condition,
        )
        self._add("Put", operation, error)

    def update(
        self,
        row: type[tables.Row],
        pk: str,
        sk: str,
        *,
        actions: Sequence[Action],
        condition: Condition,
        error: Refusal | None = None,
    ) -> None:
        """Change attributes of an item, on a condition."""
        actions = [*actions, schema.changed_in_part(row)]
        self._add("Update", self._operation(row, pk, sk, actions=actions, condition=condition), error)

    def delete(
        self, row: type[tables.Row], pk: str, sk: str, *, condition: Condition, error: Refusal | None = None
    ) -> None:
        """Remove an item, on a condition."""
        self._add("Delete", self._operation(row, pk, sk, condition=condition), error)

    def check(
        self, row: type[tables.Row], pk: str, sk: str, *, condition: Condition, error: Refusal | None = None
    ) -> None:
        """Commit only if the condition holds for an item that is not written."""
        self._add("ConditionCheck", self._operation(row, pk, sk, condition=condition), error)

    def emit(self, event: events.Event) -> None:
        """Tell of something that this transaction made true."""
        self._outbox.append(events.envelope(event))

    def emit_at(self, due: datetime, event: events.Event) -> None:
        """Set a timer: the event arrives at ``due`` or a little later. Its reaction re-checks the state."""
        entry = events.envelope(event, due)
        (self._later if events.is_for_sweep(entry, clock.now()) else self._outbox).append(entry)

    def claim(self, consumer: str, event_id: str) -> None:
        """Take an event for a consumer; ``commit`` raises ``AlreadyHandled`` when it had been taken before."""
        self._claims.append(EventsRow(pk=f"INBOX#{consumer}#{event_id}", sk="-", ttl=events.expiry()))

    def remember(self, key: IdempotencyKey, result: Any) -> None:
        """Store what repeats of this request are answered; ``commit`` raises ``AlreadyAnswered`` on a repeat."""
        row = EventsRow(pk=_idempotency_pk(key), sk="-", ttl=events.expiry())
        row.fingerprint = key.fingerprint
        row.answer = key.render(result)
        self._claims.append(row)

    def afterwards(self, action: Callable[[], None]) -> None:
        """Do this once it is committed: a metric, a log line. It may be lost by a crash, and must never fail."""
        self._afterwards.append(action)

    def commit(self) -> None:
        """Write it all. Raises the error of the condition that failed, or ``Contention`` after every retry."""
        writes = [*self._events_writes(), *self._writes]
        if not writes:
            return
        writes.sort(key=lambda write: _KINDS.index(write.kind))
        alone = len(writes) == 1 and writes[0].kind in _PLAIN_OPERATION
        token = ids.new_id("tok")
        pause = _FIRST_PAUSE
        for _ in range(_ATTEMPTS):
            if _write_one(writes[0]) if alone else _write_all(writes, token):
                self._conclude()
                return
            time.sleep(random.uniform(pause / 2, pause))  # nosec B311
            pause *= 2
        logger.warning("contention won every retry", extra={"writes": len(writes)})
        raise Contention

    def _conclude(self) -> None:
        for action in self._afterwards:
            try:
                action()
            except Exception:
                logger.exception("what follows a commit failed")

    def _events_writes(self) -> list[_Write]:
        rows = self._claims or ([EventsRow(pk=f"OUT#{self._outbox[0].id}", sk="-")] if self._outbox else [])
        if self._outbox:
            rows[0].relay = "now"
            rows[0].outbox = [events.to_json(entry) for entry in self._outbox]
            rows[0].ttl = events.expiry()
        rows = [*rows, *(events.timer_row(entry) for entry in self._later)]
        fresh = Transaction()
        for row in rows:
            fresh.put(row, EventsRow.pk.does_not_exist(), _events_refusal(row.pk))
        return fresh._writes

    def _operation(self, row: type[tables.Row], pk: str, sk: str, *, key: str = KEY, **parts: Any) -> dict[str, Any]:
        place = (row.Meta.table_name, pk, sk)
        if place in self._keys:
            raise ValueError(f"a transaction can't write {pk} {sk} twice")
        self._keys.add(place)
        return row._get_connection().get_operation_kwargs(pk, range_key=sk, key=key, **parts)

    def _add(self, kind: str, operation: dict[str, Any], refusal: Refusal | None, *, asked: str = "") -> None:
        if CONDITION_EXPRESSION in operation and callable(refusal):
            operation[RETURN_VALUES_ON_CONDITION_FAILURE] = "ALL_OLD"
        self._writes.append(
            _Write(
                kind,
                operation,
                refusal or Conflict("changed_meanwhile", "This changed meanwhile: read it again."),
                (_KINDS.index(asked or kind), len(self._writes)),
            )
        )


def find_answer(key: IdempotencyKey) -> StoredAnswer | None:
    """The stored answer of an earlier request with this key, or None."""
    row = tables.get(EventsRow, _idempotency_pk(key), "-")
    return None if row is None else StoredAnswer(row.fingerprint, row.answer)


def _is_of_new_item(condition: Condition) -> bool:
    """Whether the condition is ``pk.does_not_exist()``."""
    return condition.operator == "attribute_not_exists" and str(condition.values[0]) == "pk"


def _idempotency_pk(key: IdempotencyKey) -> str:
    return f"IDEM#{key.scope}#{key.key}"


def _events_refusal(pk: str) -> DomainError:
    if pk.startswith("INBOX#"):
        return AlreadyHandled()
    if pk.startswith("IDEM#"):
        return AlreadyAnswered()
    return Contention()


def _write_one(write: _Write) -> bool:
    """A plain conditional write. True when done, False to try again; raises its refusal."""
    try:
        tables.connection().dispatch(_PLAIN_OPERATION[write.kind], write.operation)
    except VerboseClientError as error:
        code = error.response["Error"]["Code"]
        if code in _TRANSIENT_ERRORS:
            return False
        if code != "ConditionalCheckFailedException":
            raise
        told = getattr(error.__cause__, "response", {})
        if told.get("ResponseMetadata", {}).get("RetryAttempts"):
            # The SDK sent it twice: the first copy may have been the one that broke the condition. Read again.
            raise Contention from error
        raise _refused(write, told.get("Item")) from error
    return True


def _write_all(writes: Sequence[_Write], token: str) -> bool:
    """One TransactWriteItems. True when done, False to try again; raises the refusals of failed conditions."""
    by_kind = {kind: [write.operation for write in writes if write.kind == kind] for kind in _KINDS}
    try:
        tables.connection().transact_write_items(
            condition_check_items=by_kind["ConditionCheck"],
            delete_items=by_kind["Delete"],
            put_items=by_kind["Put"],
            update_items=by_kind["Update"],
            client_request_token=token,
        )
    except TransactWriteError as error:
        if error.cause_response_code in _TRANSIENT_ERRORS:
            return False
        return _explain(writes, error)
    return True


def _explain(writes: Sequence[_Write], error: TransactWriteError) -> bool:
    reasons = error.cancellation_reasons
    refusals: list[DomainError] = []
    transient = False
    for write, reason in sorted(zip(writes, reasons, strict=False), key=lambda each: each[0].place):
        if reason is None:
            continue
        if reason.code == "ConditionalCheckFailed":
            refusals.append(_refused(write, reason.raw_item))
        transient = transient or reason.code in _TRANSIENT_REASONS
    if refusals:
        # A repeat outranks everything else that failed: it is the first copy that changed the rest.
        repeats: list[DomainError] = [
            refusal for refusal in refusals if isinstance(refusal, AlreadyAnswered | AlreadyHandled)
        ]
        raise joined(repeats or refusals) from error
    if transient:
        return False
    raise error


def _refused(write: _Write, raw_item: dict[str, Any] | None) -> DomainError:
    if isinstance(write.refusal, DomainError):
        return write.refusal
    return write.refusal(_plain(raw_item) if raw_item else None)


def _plain(raw_item: dict[str, Any]) -> dict[str, Any]:
    """Strings and numbers of an item by attribute name: what a refusal may need to tell."""
    numbers = {name: int(value["N"]) for name, value in raw_item.items() if value.get("N", "").lstrip("-").isdigit()}
    return numbers | {name: value["S"] for name, value in raw_item.items() if "S" in value}

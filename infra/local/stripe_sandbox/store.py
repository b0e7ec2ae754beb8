"""The sandbox's memory: one SQLite file.

A change of state, the events that tell of it, their deliveries and the answer kept for an idempotency key are one
SQLite transaction. The file survives a killed process; `synchronous=OFF` risks it only to a power cut, which is
the right price for a test double. One connection and one lock serve all threads.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, TypeVar

from infra.local.stripe_sandbox import model
from infra.local.stripe_sandbox.errors import missing_resource
from infra.local.stripe_sandbox.model import Json, PaymentIntent, Resource

if TYPE_CHECKING:
    from pathlib import Path

R = TypeVar("R", bound=Resource)

_KINDS: Final[dict[str, type[Resource]]] = {
    "payment_intent": model.PaymentIntent,
    "charge": model.Charge,
    "refund": model.Refund,
    "customer": model.Customer,
    "payment_method": model.SavedMethod,
    "setup_intent": model.SetupIntent,
    "account": model.Account,
    "transfer": model.Transfer,
    "transfer_reversal": model.Reversal,
    "payout": model.Payout,
    "dispute": model.Dispute,
}
KIND_OF: Final[dict[type, str]] = {cls: kind for kind, cls in _KINDS.items()}
_FIELDS: Final[dict[type, tuple[str, ...]]] = {cls: tuple(field.name for field in fields(cls)) for cls in KIND_OF}
_TUPLES: Final[dict[type, tuple[str, ...]]] = {
    cls: tuple(field.name for field in fields(cls) if str(field.type).startswith("tuple")) for cls in KIND_OF
}
_INDEXED: Final = {
    "payment_method": ("customer",),
    "setup_intent": ("customer",),
    "transfer": ("destination", "transfer_group", "source_transaction", "destination_payment"),
    "transfer_reversal": ("transfer",),
    "payout": ("account",),
}
"""Fields that lists are narrowed by. Other fields can be asked for as well; that goes through all of a kind."""
NOTHING: Final[Mapping[str, str | None]] = {}
_KEY_LIFETIME: Final = 24 * 3600
"""Stripe forgets an idempotency key after a day; the key then begins a new request."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS resources (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
    payment_intent TEXT, charge TEXT, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS resources_by_kind ON resources (kind, seq);
CREATE INDEX IF NOT EXISTS resources_by_intent ON resources (payment_intent, kind);
CREATE INDEX IF NOT EXISTS resources_by_charge ON resources (charge, kind) WHERE charge IS NOT NULL;
{indexes}
CREATE TABLE IF NOT EXISTS metadata (
    id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (id, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS metadata_by_value ON metadata (key, value);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, created INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY, event TEXT NOT NULL, state TEXT NOT NULL, due REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, last_answer TEXT);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due, seq) WHERE state = 'due';
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, headers TEXT NOT NULL,
    body BLOB NOT NULL, request TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS faults (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, method TEXT, path TEXT, event_type TEXT,
    remaining INTEGER NOT NULL, delay_ms INTEGER NOT NULL, remembered INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS held (delivery INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS balance_transactions (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, currency TEXT NOT NULL,
    type TEXT NOT NULL, source TEXT NOT NULL, created INTEGER NOT NULL, available_on INTEGER NOT NULL,
    net INTEGER NOT NULL, fee INTEGER NOT NULL, payout TEXT, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS balances ON balance_transactions (account, currency, available_on, net);
CREATE INDEX IF NOT EXISTS balance_transactions_by_source ON balance_transactions (source);
CREATE INDEX IF NOT EXISTS balance_transactions_by_payout ON balance_transactions (payout) WHERE payout IS NOT NULL;
""".replace(
    "{indexes}",
    "".join(
        f"CREATE INDEX IF NOT EXISTS {kind}_by_{field} ON resources (json_extract(body, '$.{field}')) "
        f"WHERE kind = '{kind}';\n"
        for kind, names in _INDEXED.items()
        for field in names
    ),
)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What an idempotency key answered the first time."""

    fingerprint: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    request: str


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted: newest first, by cursor ids; times are inclusive bounds in seconds."""

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None
    since: int | None = None
    until: int | None = None


class Store:
    """Reads and writes of the file. Hold `lock` around reads, or use `transaction`, which holds it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self._db = sqlite3.connect(path, timeout=2.0, isolation_level=None, check_same_thread=False)
        # Exclusive: a second sandbox on the same file would otherwise send every webhook twice.
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=OFF"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self.lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside are kept together, or, when an exception leaves the block, not at all."""
        with self.lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a statement, for the modules that own a table of their own (deliveries, faults)."""
        return self._db.execute(sql, values).fetchall()

    def put(self, value: Resource) -> None:
        kind = KIND_OF[type(value)]
        body = json.dumps({name: getattr(value, name) for name in _FIELDS[type(value)]})
        parents = (getattr(value, "payment_intent", None), getattr(value, "charge", None))
        changed = self._db.execute("UPDATE resources SET body = ? WHERE id = ?", (body, value.id)).rowcount
        if not changed:
            self._db.execute(
                "INSERT INTO resources (id, kind, created, payment_intent, charge, body) VALUES (?, ?, ?, ?, ?, ?)",
                (value.id, kind, value.created, *parents, body),
            )
        if isinstance(value, PaymentIntent):
            if changed:
                self._db.execute("DELETE FROM metadata WHERE id = ?", (value.id,))
            self._db.executemany(
                "INSERT INTO metadata VALUES (?, ?, ?)",
                [(value.id, key, text) for key, text in value.metadata.items()],
            )

    def find(self, cls: type[R], id_: str) -> R | None:
        rows = self.execute("SELECT body FROM resources WHERE id = ? AND kind = ?", (id_, KIND_OF[cls]))
        return _parse(cls, rows[0][0]) if rows else None

    def find_any(self, id_: str) -> Resource | None:
        rows = self.execute("SELECT kind, body FROM resources WHERE id = ?", (id_,))
        return _parse(_KINDS[rows[0][0]], rows[0][1]) if rows else None

    def page(self, cls: type[R], page: Page, where: Mapping[str, str | None] = NOTHING) -> tuple[list[R], bool]:
        """One page, newest first, and whether there is more behind it; None in `where` asks for nothing."""
        conditions = [f"kind = '{KIND_OF[cls]}'"]
        values = []
        for field, wanted in where.items():
            if wanted is not None:
                conditions.append(f"{_expression(field)} = ?")
                values.append(wanted)
        rows, more = self.paged("resources", conditions, values, page)
        return [_parse(cls, body) for (body,) in rows], more

    def those(self, cls: type[R], field: str, value: str) -> Iterator[R]:
        """All of a kind with this value in a field, oldest first."""
        rows = self.execute(
            f"SELECT body FROM resources WHERE kind = '{KIND_OF[cls]}' AND {_expression(field)} = ? "  # noqa: S608 (own names)  # nosec B608
            "ORDER BY seq",
            (value,),
        )
        for (body,) in rows:
            yield _parse(cls, body)

    def everything(self, cls: type[R]) -> Iterator[R]:
        """All of a kind, oldest first."""
        for (body,) in self.execute("SELECT body FROM resources WHERE kind = ? ORDER BY seq", (KIND_OF[cls],)):
            yield _parse(cls, body)

    def newest_first(self, cls: type[R]) -> Iterator[R]:
        for (body,) in self.execute("SELECT body FROM resources WHERE kind = ? ORDER BY seq DESC", (KIND_OF[cls],)):
            yield _parse(cls, body)

    def with_metadata(self, key: str, value: str) -> Iterator[PaymentIntent]:
        """Payment intents whose metadata has exactly this value, newest first."""
        rows = self.execute(
            "SELECT r.body FROM metadata m JOIN resources r ON r.id = m.id WHERE m.key = ? AND m.value = ? "
            "ORDER BY r.seq DESC",
            (key, value),
        )
        for (body,) in rows:
            yield _parse(PaymentIntent, body)

    def put_event(self, event: Json) -> None:
        self._db.execute(
            "INSERT INTO events (id, type, created, body) VALUES (?, ?, ?, ?)",
            (event["id"], event["type"], event["created"], json.dumps(event, separators=(",", ":"))),
        )

    def find_event(self, id_: str) -> str | None:
        """The event document as it was written, None when there is none."""
        rows = self.execute("SELECT body FROM events WHERE id = ?", (id_,))
        return str(rows[0][0]) if rows else None

    def list_events(self, page: Page, account: str, types: Sequence[str] = ()) -> tuple[list[Json], bool]:
        where = ["ifnull(json_extract(body, '$.account'), '') = ?"]
        if types:
            where.append(f"type IN ({','.join('?' * len(types))})")
        rows, more = self.paged("events", where, (account, *types), page)
        return [json.loads(body) for (body,) in rows], more

    def events_since(self, created: float) -> list[tuple[str, str]]:
        """(id, type) of the events from this time on, oldest first."""
        rows = self.execute("SELECT id, type FROM events WHERE created >= ? ORDER BY seq", (created,))
        return [(str(id_), str(type_)) for id_, type_ in rows]

    def keep_answer(self, key: str, answer: StoredAnswer, now: int) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                answer.fingerprint,
                answer.status,
                json.dumps(dict(answer.headers)),
                answer.body,
                answer.request,
                now,
            ),
        )

    def kept_answer(self, key: str, now: int) -> StoredAnswer | None:
        rows = self.execute(
            "SELECT fingerprint, status, headers, body, request FROM answers WHERE key = ? AND created > ?",
            (key, now - _KEY_LIFETIME),
        )
        if not rows:
            return None
        fingerprint, status, headers, body, request = rows[0]
        return StoredAnswer(fingerprint, status, json.loads(headers), body, request)

    def paged(
        self, table: str, where: Sequence[str], values: Sequence[Any], page: Page
    ) -> tuple[list[tuple[Any, ...]], bool]:
        """Bodies of one page of a table that has an id, a time of creation and a sequence."""
        conditions, bound = list(where), list(values)
        backwards = page.ending_before is not None
        cursor = page.ending_before or page.starting_after
        if cursor is not None:
            found = self.execute(f"SELECT seq FROM {table} WHERE id = ?", (cursor,))  # noqa: S608 (own names)  # nosec B608
            if not found:
                raise missing_resource("object", cursor, "ending_before" if backwards else "starting_after")
            conditions.append(f"seq {'>' if backwards else '<'} {found[0][0]}")
        for comparison, moment in ((">=", page.since), ("<=", page.until)):
            if moment is not None:
                conditions.append(f"created {comparison} ?")
                bound.append(moment)
        rows = self.execute(
            f"SELECT body FROM {table} WHERE {' AND '.join(conditions) or 'TRUE'} "  # noqa: S608 (own names)  # nosec B608
            f"ORDER BY seq {'ASC' if backwards else 'DESC'} LIMIT ?",
            (*bound, page.limit + 1),
        )
        more, rows = len(rows) > page.limit, rows[: page.limit]
        return rows[::-1] if backwards else rows, more


def _expression(field: str) -> str:
    return field if field in ("payment_intent", "charge") else f"json_extract(body, '$.{field}')"


def _parse(cls: type[R], body: str) -> R:
    values = json.loads(body)
    for name in _TUPLES[cls]:
        values[name] = tuple(values[name])
    return cls(**values)

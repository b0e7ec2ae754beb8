"""Settlement at rest.

| item                             | pk                 | sk                                | written                |
|----------------------------------|--------------------|-----------------------------------|------------------------|
| where a party's statements stand | SETTLE#<0 to 15>   | <kind>#<party>#<currency>         | first entry; closings  |
| statement                        | PTY#<kind>#<party> | STM#<currency>#<nnnnnn>           | once                   |
| lines of a statement             | PTY#<kind>#<party> | LINES#<currency>#<nnnnnn>#<chunk> | once, under their hash |
| entries of the last days         | PTY#<kind>#<party> | TAIL#<currency>                   | closings               |
| payout of a statement            | PTY#<kind>#<party> | PAYOUT#<currency>#<nnnnnn>        | with it; at every step |
| reversal of part of a payout     | PTY#<kind>#<party> | BACK#<order>#<cause>              | before it; its outcome |
| account at the provider          | PTY#<kind>#<party> | ACCOUNT                           | opened; looked at      |
| whose an account is              | ACCT#<account>     | PARTY                             | opened                 |
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime  # resolved at run time by msgspec
from typing import TYPE_CHECKING, Any, Final

import msgspec
from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.kernel import clock, tables
from chalicelib.payments.model.statements import Party, Statement, StatementLine

if TYPE_CHECKING:
    from collections.abc import Sequence

SHARDS: Final = 16
_STATEMENT = "STM#"


class HeadRow(tables.Row):
    """Where a party's statements in a currency stand."""

    class Meta(tables.Meta):
        context = "payments"

    zone = UnicodeAttribute()
    number = NumberAttribute(default=0)
    since = NumberAttribute()
    close_at = NumberAttribute()
    owed = NumberAttribute(default=0)
    cash = NumberAttribute(default=0)
    unsettled = JSONAttribute(null=True)  # {number of a payout that no statement shows yet: amount}
    version = NumberAttribute(default=1)


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Where a party's statements in a currency stand: ``number`` was the last, everything before ``since`` is closed.

    ``owed`` and ``cash`` (minor units) are the closing balance: what the party is owed, and what it holds.
    ``unsettled`` are the payouts that no statement shows as made yet.
    """

    party: Party
    currency: str
    zone: str
    since: datetime
    close_at: datetime
    number: int = 0
    owed: int = 0
    cash: int = 0
    unsettled: dict[int, int] = {}
    version: int = 1


class StatementRow(tables.Row):
    """A statement without its lines."""

    class Meta(tables.Meta):
        context = "payments"

    body = tables.JsonZ(attr_name="b")


class LinesRow(tables.Row):
    """Up to 500 lines of a statement."""

    class Meta(tables.Meta):
        context = "payments"

    body = tables.JsonZ(attr_name="b")


class TailRow(tables.Row):
    """Which entries of the last days are in statements: [[milliseconds, digest of the entry's id], …]."""

    class Meta(tables.Meta):
        context = "payments"

    body = tables.JsonZ(attr_name="b")


def party_key(party: Party) -> str:
    """The partition of a party's settlement."""
    return f"PTY#{party.kind}#{party.id}"


# --- heads ------------------------------------------------------------------------------------------------------------


def shard_key(shard: int) -> str:
    """A partition of heads."""
    return f"SETTLE#{shard}"


def head_key(party: Party, currency: str) -> tuple[str, str]:
    """Where a party's head in a currency is; its shard follows from the party."""
    return _shard_of(party), f"{party.kind}#{party.id}#{currency}"


def head_ref(party: Party, currency: str) -> tables.Ref[Head | None]:
    """Where a party's head in a currency is read."""
    return tables.Ref(HeadRow, *head_key(party, currency), of_head_row)


def heads_of(party: Party) -> list[Head]:
    """A party's heads, one for each currency. One request."""
    page = tables.query(HeadRow, _shard_of(party), HeadRow.sk.startswith(f"{party.kind}#{party.id}#"), consistent=True)
    return [head for row in page.items if (head := of_head_row(row)) is not None]


def heads_in(shard: int, after: str, limit: int) -> tuple[list[Head], str]:
    """Heads of a shard after a sort key, and the sort key to go on after; empty after the last."""
    start = {"pk": {"S": shard_key(shard)}, "sk": {"S": after}} if after else None
    page = tables.query(HeadRow, shard_key(shard), limit=limit, cursor_key=start)
    last = page.next_key["sk"]["S"] if page.next_key else ""
    return [head for row in page.items if (head := of_head_row(row)) is not None], last


def to_head_row(head: Head) -> HeadRow:
    """The item of a head."""
    pk, sk = head_key(head.party, head.currency)
    return HeadRow(
        pk=pk,
        sk=sk,
        zone=head.zone,
        number=head.number,
        since=clock.epoch_ms(head.since),
        close_at=clock.epoch_ms(head.close_at),
        owed=head.owed,
        cash=head.cash,
        unsettled={str(number): amount for number, amount in head.unsettled.items()} or None,
        version=head.version,
    )


def of_head_row(row: HeadRow | None) -> Head | None:
    """The head in an item."""
    if row is None:
        return None
    kind, _, rest = row.sk.partition("#")
    party_id, _, currency = rest.rpartition("#")
    return Head(
        party=msgspec.convert([kind, party_id], Party),
        currency=currency,
        zone=row.zone,
        since=clock.from_epoch_ms(int(row.since)),
        close_at=clock.from_epoch_ms(int(row.close_at)),
        number=int(row.number),
        owed=int(row.owed),
        cash=int(row.cash),
        unsettled={int(number): int(amount) for number, amount in (row.unsettled or {}).items()},
        version=int(row.version),
    )


def _shard_of(party: Party) -> str:
    digest = hashlib.blake2b(f"{party.kind}:{party.id}".encode(), digest_size=2).digest()
    return shard_key(int.from_bytes(digest, "big") % SHARDS)


# --- statements -------------------------------------------------------------------------------------------------------


def statement_key(currency: str, number: int) -> str:
    """The sort key of a statement."""
    return f"{_STATEMENT}{currency}#{number:06d}"


def statement_ref(party: Party, currency: str, number: int) -> tables.Ref[Statement | None]:
    """Where a statement is read."""
    return tables.Ref(StatementRow, party_key(party), statement_key(currency, number), of_statement_row)


def statements_of(
    party: Party, *, currency: str = "", limit: int, start: dict[str, Any] | None
) -> tables.Page[Statement]:
    """A page of a party's statements, newest first in each currency."""
    page = tables.query(
        StatementRow,
        party_key(party),
        StatementRow.sk.startswith(f"{_STATEMENT}{currency}"),
        limit=limit,
        cursor_key=_within(start, party_key(party)),
        ascending=False,
    )
    return tables.Page([msgspec.convert(row.body, Statement) for row in page.items], page.next_key)


def to_statement_row(statement: Statement) -> StatementRow:
    """The item of a statement."""
    return StatementRow(
        pk=party_key(statement.party),
        sk=statement_key(statement.currency, statement.number),
        body=msgspec.to_builtins(statement),
    )


def of_statement_row(row: StatementRow | None) -> Statement | None:
    """The statement in an item."""
    return None if row is None else msgspec.convert(row.body, Statement)


def to_lines_row(party: Party, currency: str, number: int, lines: Sequence[StatementLine]) -> tuple[str, LinesRow]:
    """A chunk of lines and its name, which is the moment of its first line and a digest of all of them."""
    body = msgspec.to_builtins(lines)
    content = json.dumps(body, separators=(",", ":"), sort_keys=True).encode()
    name = f"{clock.epoch_ms(lines[0].at):014d}-{hashlib.blake2b(content, digest_size=12).hexdigest()}"
    return name, LinesRow(pk=party_key(party), sk=_chunk_key(currency, number, name), body=body)


def lines_ref(party: Party, currency: str, number: int, chunk: str) -> tables.Ref[list[StatementLine]]:
    """Where a chunk of a statement's lines is read."""
    return tables.Ref(LinesRow, party_key(party), _chunk_key(currency, number, chunk), _of_lines_row)


def _of_lines_row(row: LinesRow | None) -> list[StatementLine]:
    if row is None:
        raise LookupError("a statement's lines are missing")
    return msgspec.convert(row.body, list[StatementLine])


def _chunk_key(currency: str, number: int, name: str) -> str:
    return f"LINES#{currency}#{number:06d}#{name}"


def _within(start: dict[str, Any] | None, pk: str) -> dict[str, Any] | None:
    """A cursor comes from outside: its sort key is taken only within the list."""
    sk = (start or {}).get("sk", {}).get("S", "")
    return {"pk": {"S": pk}, "sk": {"S": sk}} if sk.startswith(_STATEMENT) and sk.isascii() else None


# --- the last days' entries -------------------------------------------------------------------------------------------


def tail_ref(party: Party, currency: str) -> tables.Ref[list[tuple[int, str]]]:
    """Where it is read which entries of the last days are in statements."""
    return tables.Ref(TailRow, party_key(party), f"TAIL#{currency}", _of_tail_row)


def to_tail_row(party: Party, currency: str, tail: Sequence[tuple[int, str]]) -> TailRow:
    """The item of that."""
    return TailRow(pk=party_key(party), sk=f"TAIL#{currency}", body=[list(each) for each in tail])


def _of_tail_row(row: TailRow | None) -> list[tuple[int, str]]:
    return [] if row is None else [(int(at), digest) for at, digest in row.body]


def digest_of(entry_id: str) -> str:
    """An entry's id, short: two of a million entries of three days are alike with a chance of one in 10^17."""
    return hashlib.blake2b(entry_id.encode(), digest_size=12).hexdigest()

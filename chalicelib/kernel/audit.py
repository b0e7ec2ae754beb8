"""Who of the staff did what to which resource when: rows that are only ever added, and vanish after their time."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.kernel import clock, ids, tables

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT: Final = timedelta(days=400)
PLATFORM: Final = "platform"


class AuditRow(tables.Row):
    """One thing that somebody did."""

    class Meta(tables.Meta):
        context = "events"

    at = UnicodeAttribute(null=True)
    actor = UnicodeAttribute(null=True)
    route = UnicodeAttribute(null=True)
    parts = tables.JsonZ(null=True)
    request_id = UnicodeAttribute(null=True)
    status = NumberAttribute(null=True)


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: ``parts`` are the ids in the path and that of what came of it. Never names, never bodies."""

    id: str
    at: str
    actor: str
    route: str
    parts: Mapping[str, str]
    request_id: str
    status: int


def subject_of(parts: Mapping[str, str]) -> str:
    """Under what a deed is kept: its store, else its merchant, else the platform."""
    for kind in ("store", "merchant"):
        if f"{kind}_id" in parts:
            return f"{kind}:{parts[f'{kind}_id']}"
    return PLATFORM


def customer_mark(customer_id: str) -> str:
    """A customer in the trail: who knows the id finds what was done for it, and nobody finds the id.

    The trail outlives a customer who asks to be forgotten, and must not lead to them.
    """
    return "cus~" + hashlib.sha256(f"audited {customer_id}".encode()).hexdigest()[:24]


def keep(*, actor: str, route: str, parts: Mapping[str, str], request_id: str, status: int) -> None:
    """Add what was done. One plain write."""
    now = clock.now()
    row = AuditRow(f"AUDIT#{subject_of(parts)}", ids.new_id("aud"))
    row.at, row.actor, row.route, row.request_id = clock.rfc3339(now), actor, route, request_id
    row.parts = {name: customer_mark(value) if name == "customer_id" else value for name, value in parts.items()}
    row.status = status
    row.ttl = int((now + KEPT).timestamp())
    row.save(AuditRow.pk.does_not_exist())


def list_deeds(subject: str, *, limit: int, start: Mapping[str, Any] | None) -> tables.Page[Deed]:
    """A page of what was done to a subject, newest first."""
    page = tables.query(AuditRow, f"AUDIT#{subject}", limit=limit, cursor_key=start, ascending=False)
    return tables.Page([_of_row(row) for row in page.items], page.next_key)


def _of_row(row: AuditRow) -> Deed:
    return Deed(
        id=row.sk,
        at=row.at,
        actor=row.actor,
        route=row.route,
        parts=row.parts,
        request_id=row.request_id,
        status=int(row.status),
    )

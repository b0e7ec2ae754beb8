"""The audit trail: what staff and admins change is noted once it is done, and can be read by who answers for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

import msgspec

from chalicelib.edge import cursors
from chalicelib.edge.permissions import MerchantOwner, Role, StoreStaff
from chalicelib.edge.schemas import PageQuery
from chalicelib.kernel import audit
from chalicelib.kernel.principals import ADMIN, STAFF

if TYPE_CHECKING:
    from chalicelib.edge.route import Request, Route

logger = logging.getLogger(__name__)

_HANDS_OUT = "/v1/customers/{customer_id}/export"
_SUBJECT = r"^(platform|(store|merchant):[A-Za-z0-9_.~-]{1,128})$(?!\n)"


class AuditQuery(PageQuery, frozen=True, kw_only=True):
    """Which part of the trail."""

    subject: Annotated[
        str,
        msgspec.Meta(
            pattern=_SUBJECT,
            max_length=140,
            description="`store:<id>`, `merchant:<id>`, or `platform` for what concerns neither.",
        ),
    ] = audit.PLATFORM


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was done."""

    id: str
    at: Annotated[str, msgspec.Meta(description="When, RFC 3339.")]
    actor: Annotated[str, msgspec.Meta(description="The user's id.")]
    route: Annotated[str, msgspec.Meta(description="What was done.", examples=["POST /v1/stores/{store_id}/pauses"])]
    ids: Annotated[dict[str, str], msgspec.Meta(description="The ids in its path; a mark of a customer.")]
    request_id: Annotated[str, msgspec.Meta(description="Leads to the logs and to what followed.")]
    status: Annotated[int, msgspec.Meta(description="How it was answered.")]


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the trail, newest first."""

    items: list[AuditEntry]
    next_cursor: str | None


def page(subject: str, query: PageQuery) -> AuditPage:
    """A page of what was done to a subject."""
    found = audit.list_deeds(subject, limit=query.limit, start=cursors.decode(query.cursor, "audit", subject))
    entries = [
        AuditEntry(
            id=each.id,
            at=each.at,
            actor=each.actor,
            route=each.route,
            ids=dict(each.parts),
            request_id=each.request_id,
            status=each.status,
        )
        for each in found.items
    ]
    return AuditPage(items=entries, next_cursor=cursors.encode(found.next_key, "audit", subject))


def is_kept(route: Route) -> bool:
    """Whether what a route does belongs in the trail: every change by staff and admins, and what hands a person out."""
    by_role = isinstance(route.permission, Role) and route.permission.name in (STAFF, ADMIN)
    if route.method == "GET":
        return by_role and route.path == _HANDS_OUT
    return by_role or isinstance(route.permission, StoreStaff | MerchantOwner)


def note(route: Route, request: Request[object], status: int) -> None:
    """Add a deed that is done. It must not fail what was done: where it can't be written, the log has it."""
    from botocore.exceptions import BotoCoreError
    from pynamodb.exceptions import PynamoDBException

    if request.caller is None or not is_kept(route):
        return
    name = f"{route.method} {route.path}"
    try:
        audit.keep(
            actor=request.caller.id, route=name, parts=request.path, request_id=request.request_id, status=status
        )
    except (PynamoDBException, BotoCoreError):
        deed = {"actor": request.caller.id, "deed": name, "ids": dict(request.path), "answered": status}
        logger.exception("an audit entry was not written", extra=deed)

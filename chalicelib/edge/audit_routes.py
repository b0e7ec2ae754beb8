"""Reading the audit trail over HTTP."""

from __future__ import annotations

from chalicelib.edge import trail
from chalicelib.edge.endpoint import Endpoints, Reply, Request
from chalicelib.edge.permissions import Role, StoreStaff
from chalicelib.edge.schemas import PageQuery
from chalicelib.edge.trail import AuditPage, AuditQuery

endpoints = Endpoints("audit", "Who of the staff and the platform did what, and when.")


@endpoints.get("/v1/audit", permission=Role("admin"), query=AuditQuery, returns=AuditPage)
def list_deeds(request: Request[None]) -> Reply[AuditPage]:
    """List what was done, newest first: on the platform, to a store, or to a merchant.

    Every change by staff or admins is here within the request that made it, and stays for 400 days.
    """
    return Reply(trail.page(request.query.subject, request.query))


@endpoints.get("/v1/stores/{store_id}/audit", permission=StoreStaff("owner"), query=PageQuery, returns=AuditPage)
def list_store_deeds(request: Request[None]) -> Reply[AuditPage]:
    """List what was done to a store of yours by its staff and by the platform, newest first."""
    return Reply(trail.page(f"store:{request.path['store_id']}", request.query))

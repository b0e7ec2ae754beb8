"""The people of a store."""

from __future__ import annotations

from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role, StoreStaff
from chalicelib.edge.schemas import PageQuery
from chalicelib.stores import service
from chalicelib.stores.routes.blueprint import endpoints
from chalicelib.stores.routes.render import staff_view
from chalicelib.stores.schemas import AddStaff, ChangeStaff, StaffList, StaffView, Workplace, Workplaces


@endpoints.get("/v1/me/stores", permission=Role("staff"), query=PageQuery, returns=Workplaces)
def list_workplaces(request: Request[None]) -> Reply[Workplaces]:
    """List the stores at which you work, with your role there."""
    user_id = request.principal.id
    start = cursors.decode(request.query.cursor, "workplaces", user_id)
    found, next_key = service.list_workplaces(user_id, start, request.query.limit)
    return Reply(
        Workplaces(
            items=tuple(Workplace(store_id=store_id, role=role) for store_id, role in found),
            next_cursor=cursors.encode(next_key, "workplaces", user_id),
        )
    )


@endpoints.get("/v1/stores/{store_id}/staff", permission=StoreStaff("manager"), query=PageQuery, returns=StaffList)
def list_staff(request: Request[None]) -> Reply[StaffList]:
    """List who works at a store."""
    store_id = request.path["store_id"]
    start = cursors.decode(request.query.cursor, "staff", store_id)
    members, next_key = service.list_staff(store_id, start, request.query.limit)
    return Reply(
        StaffList(
            items=tuple(staff_view(member) for member in members),
            next_cursor=cursors.encode(next_key, "staff", store_id),
        )
    )


@endpoints.post(
    "/v1/stores/{store_id}/staff",
    permission=StoreStaff("manager"),
    body=AddStaff,
    returns=StaffView,
    status=201,
    errors=("already_staff", "roster_full"),
)
def add_staff(request: Request[AddStaff]) -> Reply[StaffView]:
    """Let a user work at a store. Managers may add clerks, owners anybody."""
    body = request.body
    store_id = request.path["store_id"]
    member = service.add_staff(store_id, request.principal.id, body.user_id, body.role, body.name)
    return Reply(staff_view(member), etag=member.version, location=f"/v1/stores/{store_id}/staff/{member.user_id}")


@endpoints.get(
    "/v1/stores/{store_id}/staff/{user_id}",
    permission=StoreStaff("manager"),
    returns=StaffView,
    errors=("staff_member_not_found",),
)
def get_staff_member(request: Request[None]) -> Reply[StaffView]:
    """See a staff member."""
    member = service.get_staff_member(request.path["store_id"], request.path["user_id"])
    return Reply(staff_view(member), etag=member.version)


@endpoints.patch(
    "/v1/stores/{store_id}/staff/{user_id}",
    permission=StoreStaff("manager"),
    body=ChangeStaff,
    returns=StaffView,
    if_match=True,
    errors=("staff_member_not_found", "version_conflict", "last_owner"),
)
def change_staff(request: Request[ChangeStaff]) -> Reply[StaffView]:
    """Change what somebody may do at a store. A store keeps at least one owner."""
    member = service.change_staff_role(
        request.path["store_id"],
        request.principal.id,
        request.path["user_id"],
        request.body.role,
        request.expected_version,
    )
    return Reply(staff_view(member), etag=member.version)


@endpoints.delete(
    "/v1/stores/{store_id}/staff/{user_id}",
    permission=StoreStaff("clerk"),
    status=204,
    errors=("staff_member_not_found", "last_owner"),
)
def remove_staff(request: Request[None]) -> Reply[None]:
    """End somebody's work at a store. Everybody may leave; a store keeps at least one owner."""
    service.remove_staff(request.path["store_id"], request.principal.id, request.path["user_id"])
    return Reply()

"""Invitations to work at a store."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import AnyRole, StoreStaff
from chalicelib.edge.schemas import PageQuery
from chalicelib.kernel import clock
from chalicelib.kernel.limits import Limit
from chalicelib.stores import service
from chalicelib.stores.routes.blueprint import endpoints
from chalicelib.stores.schemas.staff import (
    AcceptedInvitation,
    AcceptInvitation,
    FreshInvitation,
    Invitations,
    InvitationView,
    InviteStaff,
)

_INVITATIONS = "/v1/stores/{store_id}/invitations"


@endpoints.post(
    _INVITATIONS,
    permission=StoreStaff("manager"),
    body=InviteStaff,
    returns=FreshInvitation,
    status=201,
    limit=Limit(name="invitations", window=timedelta(hours=1), per_principal=60, shared=False),
)
def invite_staff(request: Request[InviteStaff]) -> Reply[FreshInvitation]:
    """Invite somebody to work at a store. Managers may invite clerks, owners anybody.

    Hand the `token` on, as a link or a QR code: it is good for three days and for one person, and told only here.
    """
    store_id, body = request.path["store_id"], request.body
    made, token = service.invite_staff(store_id, request.principal.id, body.role, name=body.name, contact=body.contact)
    return Reply(FreshInvitation(**_fields(made), token=token), location=f"/v1/stores/{store_id}/invitations")


@endpoints.get(_INVITATIONS, permission=StoreStaff("manager"), query=PageQuery, returns=Invitations)
def list_invitations(request: Request[None]) -> Reply[Invitations]:
    """List a store's invitations that nobody has accepted yet."""
    store_id = request.path["store_id"]
    start = cursors.decode(request.query.cursor, "invitations", store_id)
    found, next_key = service.list_invitations(store_id, start, request.query.limit)
    return Reply(
        Invitations(
            items=tuple(InvitationView(**_fields(each)) for each in found),
            next_cursor=cursors.encode(next_key, "invitations", store_id),
        )
    )


@endpoints.delete(
    _INVITATIONS + "/{invitation_id}",
    permission=StoreStaff("manager"),
    status=204,
    errors=("invitation_not_found",),
)
def withdraw_invitation(request: Request[None]) -> Reply[None]:
    """Take an invitation back."""
    service.withdraw_invitation(request.path["store_id"], request.principal.id, request.path["invitation_id"])
    return Reply()


@endpoints.post(
    "/v1/invitations/accept",
    permission=AnyRole(("customer", "staff")),
    body=AcceptInvitation,
    returns=AcceptedInvitation,
    errors=("invitation_not_found", "second_factor_required", "already_staff", "roster_full", "accounts_unavailable"),
    limit=Limit(
        name="invitation guesses",
        window=timedelta(hours=1),
        per_principal=10,
        per_ip=60,
        on=("invitation_not_found",),
    ),
)
def accept_invitation(request: Request[AcceptInvitation]) -> Reply[AcceptedInvitation]:
    """Accept an invitation to work at a store; sign in once more, and your token says that you are staff.

    Managers and owners need an authenticator app set up for their account first (`second_factor_required`).
    """
    store_id, member = service.accept_invitation(request.principal.id, request.body.token)
    return Reply(AcceptedInvitation(store_id=store_id, role=member.role))


def _fields(invitation: service.Invitation) -> dict[str, Any]:
    return {
        "id": invitation.id,
        "role": invitation.role,
        "name": invitation.name,
        "is_for_contact": bool(invitation.contact),
        "expires_at": clock.rfc3339(invitation.expires_at),
    }

"""Inviting people to work at a store: nobody makes themselves staff, and no id has to be known beforehand."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from chalicelib.kernel import accounts, clock, ids, settings, tables
from chalicelib.kernel.errors import DomainError, Forbidden, NotFound
from chalicelib.kernel.transaction import Transaction
from chalicelib.stores.model import StaffMember, may_assign
from chalicelib.stores.model.invitations import (
    LIFE,
    WITH_SECOND_FACTOR,
    Invitation,
    Token,
    contact_digest,
    digest,
    read_token,
)
from chalicelib.stores.service.pages import page_start
from chalicelib.stores.service.staff import check_actor, read_actor, write_new_member
from chalicelib.stores.tables import (
    INVITATION_PREFIX,
    InvitationRow,
    StaffRow,
    invitation_of,
    invitation_row,
    invitation_sk,
    staff_member_of,
    staff_sk,
    store_pk,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.stores.model import Role

STAFF_GROUP = "staff"


def invite_staff(
    store_id: str, actor_id: str, role: Role, *, name: str | None = None, contact: str | None = None
) -> tuple[Invitation, str]:
    """Invite somebody to work at a store, and the token that they accept it with: it is told now, and never again.

    With a ``contact`` (an e-mail address or a phone number) only who has shown it to be theirs can. Managers may invite
    clerks, owners anybody.
    """
    actor = read_actor(store_id, actor_id)
    if not may_assign(actor.role, role):
        raise Forbidden("Managers manage clerks, owners everybody.")
    now, secret = clock.now(), secrets.token_urlsafe(16)
    invitation = Invitation(
        id=ids.new_id("inv"),
        store_id=store_id,
        role=role,
        secret=digest(secret),
        invited_by=actor_id,
        created_at=now,
        expires_at=now + LIFE,
        name=name,
        contact=contact_digest(contact) if contact else "",
    )
    tx = Transaction()
    tx.put(invitation_row(invitation), InvitationRow.pk.does_not_exist())
    tx.commit()
    return invitation, str(Token(store_id, invitation.id, secret))


def list_invitations(
    store_id: str, start: Mapping[str, Any] | None, limit: int
) -> tuple[list[Invitation], dict[str, Any] | None]:
    """A page of a store's invitations that can still be accepted, oldest first."""
    pk, now = store_pk(store_id), clock.now()
    page = tables.query(
        InvitationRow,
        pk,
        InvitationRow.sk.startswith(INVITATION_PREFIX),
        limit=limit,
        cursor_key=page_start(pk, INVITATION_PREFIX, start),
    )
    return [each for row in page.items if (each := invitation_of(row)).expires_at > now], page.next_key


def withdraw_invitation(store_id: str, actor_id: str, invitation_id: str) -> None:
    """Take an invitation back. Raises ``invitation_not_found``, or ``forbidden`` for one beyond the actor's role."""
    actor = read_actor(store_id, actor_id)
    row = tables.get(InvitationRow, store_pk(store_id), invitation_sk(invitation_id))
    if row is None:
        raise NotFound("invitation", invitation_id)
    if not may_assign(actor.role, invitation_of(row).role):
        raise Forbidden("Managers manage clerks, owners everybody.")
    tx = Transaction()
    tx.delete(
        InvitationRow,
        store_pk(store_id),
        invitation_sk(invitation_id),
        condition=InvitationRow.pk.exists(),
        error=NotFound("invitation", invitation_id),
    )
    tx.commit()


def accept_invitation(user_id: str, told: str) -> tuple[str, StaffMember]:
    """Begin to work at the store that a token invites to; the store and who one is there.

    The token is used up with it. Raises ``invitation_not_found`` (also for one that has run out, was used, is somebody
    else's, or whose sender no longer may), ``second_factor_required``, ``already_staff`` or ``roster_full``.
    """
    token = read_token(told)
    unknown = NotFound("invitation", token.invitation_id if token else "of this token")
    row = token and tables.get(InvitationRow, store_pk(token.store_id), invitation_sk(token.invitation_id))
    if token is None or not row:
        raise unknown
    invitation = invitation_of(row)
    if not invitation.is_opened_by(token.secret, clock.now()):
        raise unknown
    _check_account(user_id, invitation, unknown)
    sender = tables.get(StaffRow, store_pk(token.store_id), staff_sk(invitation.invited_by))
    if sender is None or not may_assign(staff_member_of(sender).role, invitation.role):
        raise unknown
    # The group first: by itself it opens nothing, and without it a member could not sign in as one.
    accounts.add_to_group(user_id, STAFF_GROUP)
    member = StaffMember(
        user_id=user_id,
        role=invitation.role,
        name=invitation.name,
        added_by=invitation.invited_by,
        added_at=clock.now(),
    )
    tx = Transaction()
    tx.delete(
        InvitationRow,
        store_pk(token.store_id),
        invitation_sk(token.invitation_id),
        condition=InvitationRow.pk.exists(),
        error=unknown,
    )
    check_actor(tx, token.store_id, staff_member_of(sender), user_id)
    write_new_member(tx, token.store_id, member)
    tx.commit()
    return token.store_id, member


def _check_account(user_id: str, invitation: Invitation, unknown: DomainError) -> None:
    """That who accepts is who was meant, and signs in as the role wants; without a user pool, who has the token.

    An invitation for an address can't be accepted there at all: nothing shows whose it is.
    """
    needs_factor = invitation.role in WITH_SECOND_FACTOR and bool(settings.get().user_pool_id)
    if not invitation.contact and not needs_factor:
        return
    account = accounts.find_account(user_id)
    if not invitation.is_for(account.verified_contacts if account else ()):
        raise unknown
    if needs_factor and not (account and account.has_second_factor):
        raise DomainError(
            "second_factor_required",
            "Set up an authenticator app for your account, then accept again.",
            status=403,
        )

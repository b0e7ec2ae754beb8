"""What the API takes and gives about who works at a store."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from chalicelib.stores.schemas.stores import InstantText, Name, StaffRole, UserId

Contact = Annotated[
    str,
    Meta(
        pattern=r"^([!-?A-~]{1,64}@[!-?A-~]{1,255}|\+[0-9]{6,15})$(?!\n)",
        max_length=320,
        description="An e-mail address or phone number (`+49…`): only who has verified it can accept.",
        examples=["mara@example.org"],
    ),
]


class InviteStaff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to invite, and as what."""

    role: StaffRole
    name: Name | None = None
    contact: Contact | None = None


class AcceptInvitation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What you were given."""

    token: Annotated[str, Meta(min_length=1, max_length=200, description="As it was told to who invited you.")]


class InvitationView(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation that can be accepted."""

    id: str
    role: StaffRole
    name: str | None
    is_for_contact: Annotated[bool, Meta(description="Whether only the holder of an address can accept it.")]
    expires_at: InstantText


class FreshInvitation(InvitationView, frozen=True, kw_only=True):
    """An invitation, with what it is accepted with."""

    token: Annotated[str, Meta(description="Told in this answer and nowhere else: hand it on as a link or a QR code.")]


class Invitations(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a store's open invitations."""

    items: tuple[InvitationView, ...]
    next_cursor: str | None


class AcceptedInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """Where you work from now on, and as what: with your next token."""

    store_id: str
    role: StaffRole


class AddStaff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is to work at a store, and as what."""

    user_id: UserId
    role: StaffRole
    name: Name | None = None


class ChangeStaff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A staff member's new role."""

    role: StaffRole


class StaffView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who works at a store."""

    user_id: str
    role: StaffRole
    name: str | None
    added_at: InstantText
    version: int


class StaffList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a store's staff."""

    items: tuple[StaffView, ...]
    next_cursor: str | None


class Workplace(msgspec.Struct, frozen=True, kw_only=True):
    """A store at which you work, and as what."""

    store_id: str
    role: StaffRole


class Workplaces(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the stores at which you work."""

    items: tuple[Workplace, ...]
    next_cursor: str | None

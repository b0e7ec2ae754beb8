"""What the API takes and gives about who works at a store."""

from __future__ import annotations

import msgspec

from chalicelib.stores.schemas.stores import InstantText, Name, StaffRole, UserId


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

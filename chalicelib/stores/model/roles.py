"""Who may do what in a store."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Role = Literal["owner", "manager", "clerk"]

_RANK: dict[str, int] = {"clerk": 1, "manager": 2, "owner": 3}


class StaffMember(msgspec.Struct, frozen=True, kw_only=True):
    """A user who works at a store."""

    user_id: str
    role: Role
    name: str | None = None
    added_by: str
    added_at: datetime
    version: int = 1


def may_assign(actor: Role, role: Role) -> bool:
    """Whether staff in role ``actor`` may give or take ``role``: owners all of them, managers clerks only."""
    return actor == "owner" or _RANK[actor] > _RANK[role]


def at_least(role: Role | None, wanted: Role) -> bool:
    """Whether ``role`` includes what ``wanted`` may do."""
    return role is not None and _RANK[role] >= _RANK[wanted]

"""Who works at a store, and as what."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, Forbidden, NotFound, VersionConflict
from chalicelib.kernel.transaction import Transaction
from chalicelib.stores.model import StaffMember, may_assign
from chalicelib.stores.service.pages import page_start
from chalicelib.stores.tables import (
    ROSTER_SK,
    STAFF_PREFIX,
    STORE_PREFIX,
    RosterRow,
    StaffRow,
    WorkplaceRow,
    role_of,
    staff_member_of,
    staff_row,
    staff_sk,
    store_pk,
    user_pk,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.stores.model import Role

MAX_MEMBERS = 500
ROLE_KEPT_SECONDS = 30.0
_KEPT_ROLES = 10_000

# Roles by user and store with the monotonic time until which they are believed: board polls must not pay for them.
# That somebody is not a member is not kept, so that who is added can work at once.
_roles: dict[tuple[str, str], tuple[Role, float]] = {}


def staff_role(principal_id: str, store_id: str) -> Role | None:
    """The user's role at the store, or None; may be up to 30 seconds old."""
    key = (principal_id, store_id)
    kept = _roles.get(key)
    if kept is not None and kept[1] > time.monotonic():
        return kept[0]
    row = tables.get(StaffRow, store_pk(store_id), staff_sk(principal_id), consistent=False)
    if row is None:
        _roles.pop(key, None)
        return None
    if len(_roles) >= _KEPT_ROLES:
        _roles.clear()
    role = role_of(row.role)
    _roles[key] = (role, time.monotonic() + ROLE_KEPT_SECONDS)
    return role


def forget_roles() -> None:
    """Read every role again at its next use (tests)."""
    _roles.clear()


def write_first_owner(tx: Transaction, store_id: str, owner: StaffMember) -> None:
    """Give a new store its first owner, in the transaction that opens it."""
    taken = Conflict("store_exists", "There is such a store already.")
    _write_member(tx, store_id, owner)
    roster = RosterRow(pk=store_pk(store_id), sk=ROSTER_SK, members=1, owners=1)
    tx.put(roster, RosterRow.pk.does_not_exist(), taken)


def add_staff(store_id: str, actor_id: str, user_id: str, role: Role, name: str | None = None) -> StaffMember:
    """Let a user work at the store. Managers may add clerks, owners anybody.

    Raises ``already_staff``, ``roster_full`` or ``forbidden``.
    """
    actor = read_actor(store_id, actor_id)
    _require(may_assign(actor.role, role))
    member = StaffMember(user_id=user_id, role=role, name=name, added_by=actor_id, added_at=clock.now())
    tx = Transaction()
    check_actor(tx, store_id, actor, user_id)
    write_new_member(tx, store_id, member)
    tx.commit()
    return member


def write_new_member(tx: Transaction, store_id: str, member: StaffMember) -> None:
    """Write a member into the transaction, and count them. Its commit raises ``already_staff`` or ``roster_full``."""
    _write_member(tx, store_id, member)
    _count(tx, store_id, members=1, owners=int(member.role == "owner"))


def change_staff_role(
    store_id: str, actor_id: str, user_id: str, role: Role, expected_version: int | None
) -> StaffMember:
    """Change what a user may do at the store.

    Raises ``staff_member_not_found``, ``version_conflict``, ``last_owner`` or ``forbidden``.
    """
    actor, member = read_actor(store_id, actor_id), get_staff_member(store_id, user_id)
    _require(may_assign(actor.role, member.role) and may_assign(actor.role, role))
    conflict = VersionConflict("staff_member", user_id)
    if member.version != expected_version:
        raise conflict
    tx = Transaction()
    check_actor(tx, store_id, actor, user_id)
    tx.update(
        StaffRow,
        store_pk(store_id),
        staff_sk(user_id),
        actions=[StaffRow.role.set(role), StaffRow.version.set(member.version + 1)],
        condition=StaffRow.version == member.version,
        error=conflict,
    )
    tx.update(
        WorkplaceRow,
        user_pk(user_id),
        store_pk(store_id),
        actions=[WorkplaceRow.role.set(role)],
        condition=WorkplaceRow.pk.exists(),
        error=conflict,
    )
    _count(tx, store_id, members=0, owners=(role == "owner") - (member.role == "owner"))
    tx.commit()
    _roles.pop((user_id, store_id), None)
    return get_staff_member(store_id, user_id)


def remove_staff(store_id: str, actor_id: str, user_id: str) -> None:
    """End a user's work at the store; everybody may leave. The last owner can't go.

    Raises ``staff_member_not_found``, ``last_owner`` or ``forbidden``. It may take 30 seconds until every process
    refuses who was removed.
    """
    actor, member = read_actor(store_id, actor_id), get_staff_member(store_id, user_id)
    _require(actor_id == user_id or may_assign(actor.role, member.role))
    changed = Conflict("changed_meanwhile", "This member's role changed meanwhile: read it again.")
    tx = Transaction()
    check_actor(tx, store_id, actor, user_id)
    tx.delete(
        StaffRow,
        store_pk(store_id),
        staff_sk(user_id),
        condition=StaffRow.version == member.version,
        error=changed,
    )
    tx.delete(WorkplaceRow, user_pk(user_id), store_pk(store_id), condition=WorkplaceRow.pk.exists(), error=changed)
    _count(tx, store_id, members=-1, owners=-int(member.role == "owner"))
    tx.commit()
    _roles.pop((user_id, store_id), None)


def list_staff(
    store_id: str, start: Mapping[str, Any] | None, limit: int
) -> tuple[list[StaffMember], dict[str, Any] | None]:
    """A page of those who work at the store."""
    page = tables.query(
        StaffRow,
        store_pk(store_id),
        StaffRow.sk.startswith(STAFF_PREFIX),
        limit=limit,
        cursor_key=page_start(store_pk(store_id), STAFF_PREFIX, start),
    )
    return [staff_member_of(row) for row in page.items], page.next_key


def get_staff_member(store_id: str, user_id: str) -> StaffMember:
    """Somebody who works at the store. Raises ``staff_member_not_found``."""
    row = tables.get(StaffRow, store_pk(store_id), staff_sk(user_id))
    if row is None:
        raise NotFound("staff_member", user_id)
    return staff_member_of(row)


def list_workplaces(
    user_id: str, start: Mapping[str, Any] | None, limit: int
) -> tuple[list[tuple[str, Role]], dict[str, Any] | None]:
    """A page of the stores at which a user works, as ids with the user's role there."""
    page = tables.query(
        WorkplaceRow,
        user_pk(user_id),
        WorkplaceRow.sk.startswith(STORE_PREFIX),
        limit=limit,
        cursor_key=page_start(user_pk(user_id), STORE_PREFIX, start),
    )
    return [(row.sk.removeprefix(STORE_PREFIX), role_of(row.role)) for row in page.items], page.next_key


def read_actor(store_id: str, actor_id: str) -> StaffMember:
    """Who acts, as of now: permissions on people are not taken from what a process remembers."""
    row = tables.get(StaffRow, store_pk(store_id), staff_sk(actor_id))
    if row is None:
        raise Forbidden
    return staff_member_of(row)


def _require(allowed: bool) -> None:  # noqa: FBT001  (what is required)
    if not allowed:
        raise Forbidden("Managers manage clerks, owners everybody.")


def check_actor(tx: Transaction, store_id: str, actor: StaffMember, user_id: str) -> None:
    """Commit only while the actor still has the role that allows this (one's own row is written anyway)."""
    if actor.user_id != user_id:
        tx.check(
            StaffRow,
            store_pk(store_id),
            staff_sk(actor.user_id),
            condition=StaffRow.role == actor.role,
            error=Forbidden(),
        )


def _write_member(tx: Transaction, store_id: str, member: StaffMember) -> None:
    taken = Conflict("already_staff", "This user works at the store already: change the role instead.")
    tx.put(staff_row(store_id, member), StaffRow.pk.does_not_exist(), taken)
    workplace = WorkplaceRow(pk=user_pk(member.user_id), sk=store_pk(store_id), role=member.role)
    tx.put(workplace, WorkplaceRow.pk.does_not_exist(), taken)


def _count(tx: Transaction, store_id: str, *, members: int, owners: int) -> None:
    """Keep the roster's counts; they are what refuses to lose the last owner, also when two leave at once."""
    if members == 0 and owners == 0:
        return
    condition = RosterRow.owners > max(0, -owners)
    error = Conflict("last_owner", "A store keeps at least one owner: make somebody else an owner first.")
    if members > 0:
        condition &= RosterRow.members < MAX_MEMBERS
        error = Conflict("roster_full", f"A store has at most {MAX_MEMBERS} members of staff.")
    tx.update(
        RosterRow,
        store_pk(store_id),
        ROSTER_SK,
        actions=[RosterRow.members.add(members), RosterRow.owners.add(owners)],
        condition=condition,
        error=error,
    )

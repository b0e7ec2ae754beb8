"""Who works at a store: adding, changing, leaving; never without an owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from chalicelib.kernel.errors import Conflict, DomainError, Forbidden, NotFound, VersionConflict
from chalicelib.kernel.ids import new_id
from chalicelib.stores import service
from chalicelib.stores.service import staff
from tests.catalog.conftest import metered

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.stores.service import Role, Store


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    return open_store()


@pytest.fixture
def owner(store: Store) -> str:
    members, _ = service.list_staff(store.id, None, 10)
    return members[0].user_id


def hire(store: Store, by: str, role: Role) -> str:
    return service.add_staff(store.id, by, new_id("usr"), role).user_id


def roles(store: Store) -> dict[str, str]:
    members, _ = service.list_staff(store.id, None, 100)
    return {member.user_id: member.role for member in members}


def test_the_merchants_owner_is_a_new_stores_first_owner(store: Store, owner: str) -> None:
    assert service.staff_role(owner, store.id) == "owner"
    assert service.list_workplaces(owner, None, 10) == ([(store.id, "owner")], None)


def test_who_is_added_can_work_at_once_and_nobody_else(store: Store, owner: str) -> None:
    user = new_id("usr")
    assert service.staff_role(user, store.id) is None

    service.add_staff(store.id, owner, user, "clerk", "Ada")

    assert service.staff_role(user, store.id) == "clerk"
    assert service.staff_role(user, "sto_other") is None
    assert service.get_staff_member(store.id, user).name == "Ada"


def test_a_role_is_remembered_for_a_while_and_costs_nothing_then(store: Store, owner: str) -> None:
    service.forget_roles()
    with metered() as meter:
        service.staff_role(owner, store.id)
    assert (meter.requests, meter.units) == (["GetItem"], 0.5)

    with metered() as meter:
        assert service.staff_role(owner, store.id) == "owner"
    assert meter.requests == []


def test_a_role_is_not_believed_for_longer(store: Store, owner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    service.staff_role(owner, store.id)
    later = staff.time.monotonic() + staff.ROLE_KEPT_SECONDS + 1
    monkeypatch.setattr(staff.time, "monotonic", lambda: later)

    with metered() as meter:
        service.staff_role(owner, store.id)
    assert meter.requests == ["GetItem"]


def test_nobody_is_added_twice(store: Store, owner: str) -> None:
    clerk = hire(store, owner, "clerk")

    with pytest.raises(Conflict) as refused:
        service.add_staff(store.id, owner, clerk, "manager")
    assert refused.value.code == "already_staff"
    assert roles(store)[clerk] == "clerk"


def test_managers_manage_clerks_only(store: Store, owner: str) -> None:
    manager, clerk = hire(store, owner, "manager"), hire(store, owner, "clerk")

    hire(store, manager, "clerk")
    for refused in (
        lambda: hire(store, manager, "manager"),
        lambda: service.change_staff_role(store.id, manager, clerk, "manager", 1),
        lambda: service.change_staff_role(store.id, manager, owner, "clerk", 1),
        lambda: service.remove_staff(store.id, manager, owner),
        lambda: hire(store, clerk, "clerk"),
        lambda: hire(store, "usr_stranger", "clerk"),
    ):
        with pytest.raises(Forbidden):
            refused()


def test_a_change_of_role_is_seen_everywhere(store: Store, owner: str) -> None:
    clerk = hire(store, owner, "clerk")
    assert service.staff_role(clerk, store.id) == "clerk"

    changed = service.change_staff_role(store.id, owner, clerk, "manager", 1)

    assert (changed.role, changed.version) == ("manager", 2)
    assert service.staff_role(clerk, store.id) == "manager"
    assert service.list_workplaces(clerk, None, 10) == ([(store.id, "manager")], None)
    with pytest.raises(VersionConflict):
        service.change_staff_role(store.id, owner, clerk, "clerk", 1)


def test_who_is_removed_is_out_at_once_in_this_process(store: Store, owner: str) -> None:
    clerk = hire(store, owner, "clerk")
    assert service.staff_role(clerk, store.id) == "clerk"

    service.remove_staff(store.id, owner, clerk)

    assert service.staff_role(clerk, store.id) is None
    assert service.list_workplaces(clerk, None, 10) == ([], None)
    with pytest.raises(NotFound):
        service.remove_staff(store.id, owner, clerk)


def test_everybody_may_leave(store: Store, owner: str) -> None:
    clerk = hire(store, owner, "clerk")

    service.remove_staff(store.id, clerk, clerk)

    assert clerk not in roles(store)


def test_the_last_owner_stays(store: Store, owner: str) -> None:
    hire(store, owner, "manager")

    for leaving in (
        lambda: service.remove_staff(store.id, owner, owner),
        lambda: service.change_staff_role(store.id, owner, owner, "manager", 1),
    ):
        with pytest.raises(Conflict) as refused:
            leaving()
        assert refused.value.code == "last_owner"
    assert roles(store)[owner] == "owner"


def test_an_owner_may_go_when_there_is_another(store: Store, owner: str) -> None:
    second = hire(store, owner, "owner")

    service.remove_staff(store.id, owner, owner)

    assert roles(store) == {second: "owner"}
    with pytest.raises(Conflict):
        service.remove_staff(store.id, second, second)


def test_owners_who_remove_each_other_at_once_leave_one(store: Store, owner: str) -> None:
    owners = [owner, *(hire(store, owner, "owner") for _ in range(3))]

    def remove(i: int) -> str:
        try:
            service.remove_staff(store.id, owners[i], owners[(i + 1) % 4])
        except DomainError as error:
            return error.code
        return "removed"

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(remove, range(4)))

    left = roles(store)
    assert len(left) == 4 - answers.count("removed")
    assert left
    assert set(left.values()) == {"owner"}


def test_staff_are_listed_in_pages(store: Store, owner: str) -> None:
    hired = {hire(store, owner, "clerk") for _ in range(4)}

    first, start = service.list_staff(store.id, None, 3)
    second, end = service.list_staff(store.id, start, 3)

    assert {member.user_id for member in first + second} == {owner, *hired}
    assert end is None

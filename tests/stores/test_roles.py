"""Who may manage whom."""

from __future__ import annotations

import pytest

from chalicelib.stores.model import Role, at_least, may_assign


@pytest.mark.parametrize(
    ("actor", "assignable"),
    [("owner", {"owner", "manager", "clerk"}), ("manager", {"clerk"}), ("clerk", set())],
)
def test_owners_manage_everybody_and_managers_clerks(actor: Role, assignable: set[Role]) -> None:
    roles: tuple[Role, ...] = ("owner", "manager", "clerk")

    assert {role for role in roles if may_assign(actor, role)} == assignable


def test_a_higher_role_includes_the_lower_ones() -> None:
    assert at_least("owner", "clerk")
    assert at_least("manager", "manager")
    assert not at_least("clerk", "manager")
    assert not at_least(None, "clerk")

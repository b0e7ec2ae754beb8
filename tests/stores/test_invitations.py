"""Somebody is invited to work at a store: by a token that is good once, for some days, and for who was meant."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chalicelib.kernel import accounts, clock
from chalicelib.kernel.errors import Conflict, DomainError, Forbidden, NotFound
from chalicelib.kernel.ids import new_id
from chalicelib.stores import service
from tests.catalog.conftest import metered
from tests.pool import Pool, pool_in_use

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.stores.service import Role, Store


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    return open_store()


@pytest.fixture
def owner(store: Store) -> str:
    return service.list_staff(store.id, None, 10)[0][0].user_id


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    yield from pool_in_use(monkeypatch)


def test_who_accepts_works_there_at_once(store: Store, owner: str) -> None:
    user = new_id("usr")
    _, token = service.invite_staff(store.id, owner, "manager", name="Mara")

    store_id, member = service.accept_invitation(user, token)

    assert (store_id, member.role, member.name, member.added_by) == (store.id, "manager", "Mara", owner)
    assert service.staff_role(user, store.id) == "manager"
    assert service.list_workplaces(user, None, 10)[0] == [(store.id, "manager")]
    assert service.list_invitations(store.id, None, 10) == ([], None)


def test_a_token_is_good_once(store: Store, owner: str) -> None:
    _, token = service.invite_staff(store.id, owner, "clerk")
    service.accept_invitation(new_id("usr"), token)
    with pytest.raises(NotFound):
        service.accept_invitation(new_id("usr"), token)


def test_a_token_runs_out(store: Store, owner: str) -> None:
    _, token = service.invite_staff(store.id, owner, "clerk")
    with clock.freeze(clock.now() + timedelta(days=3, minutes=1)):
        with pytest.raises(NotFound):
            service.accept_invitation(new_id("usr"), token)
        assert service.list_invitations(store.id, None, 10) == ([], None)


@pytest.mark.parametrize("spoilt", ["", ".", "x.y.z", "{store}.{invitation}.guess", "{store}.{invitation}.", "a.b.c.d"])
def test_a_guess_is_told_nothing(store: Store, owner: str, spoilt: str) -> None:
    made, _ = service.invite_staff(store.id, owner, "owner")
    with pytest.raises(NotFound) as refused:
        service.accept_invitation(new_id("usr"), spoilt.format(store=store.id, invitation=made.id))
    assert refused.value.code == "invitation_not_found"


def test_the_token_is_kept_nowhere(store: Store, owner: str) -> None:
    made, token = service.invite_staff(store.id, owner, "clerk", contact="Mara@Example.org")
    assert token.rpartition(".")[2] not in repr(made)
    assert "example.org" not in repr(made).lower()


def test_managers_invite_clerks_only(store: Store, owner: str) -> None:
    manager = service.add_staff(store.id, owner, new_id("usr"), "manager").user_id
    service.invite_staff(store.id, manager, "clerk")
    higher: tuple[Role, ...] = ("manager", "owner")
    for role in higher:
        with pytest.raises(Forbidden):
            service.invite_staff(store.id, manager, role)
    made, _ = service.invite_staff(store.id, owner, "owner")
    with pytest.raises(Forbidden):
        service.withdraw_invitation(store.id, manager, made.id)


def test_an_invitation_ends_with_its_senders_right_to_send_it(store: Store, owner: str) -> None:
    manager = service.add_staff(store.id, owner, new_id("usr"), "manager").user_id
    _, token = service.invite_staff(store.id, manager, "clerk")
    service.remove_staff(store.id, owner, manager)
    with pytest.raises(NotFound):
        service.accept_invitation(new_id("usr"), token)


def test_what_is_withdrawn_opens_nothing(store: Store, owner: str) -> None:
    made, token = service.invite_staff(store.id, owner, "clerk")
    service.withdraw_invitation(store.id, owner, made.id)
    with pytest.raises(NotFound):
        service.accept_invitation(new_id("usr"), token)
    with pytest.raises(NotFound):
        service.withdraw_invitation(store.id, owner, made.id)


def test_who_works_there_already_leaves_the_invitation_to_others(store: Store, owner: str) -> None:
    _, token = service.invite_staff(store.id, owner, "clerk")
    with pytest.raises(Conflict) as refused:
        service.accept_invitation(owner, token)
    assert refused.value.code == "already_staff"
    service.accept_invitation(new_id("usr"), token)


def test_what_it_costs(store: Store, owner: str) -> None:
    with metered() as meter:
        _, token = service.invite_staff(store.id, owner, "clerk")
    assert len(meter.requests) == 2
    with metered() as meter:
        service.accept_invitation(new_id("usr"), token)
    assert len(meter.requests) == 3


class TestWithAccounts:
    def test_who_accepts_is_staff_with_their_next_token(self, store: Store, owner: str, pool: Pool) -> None:
        user = pool.sign_up("mara@example.org")
        service.accept_invitation(user, service.invite_staff(store.id, owner, "clerk")[1])
        assert pool.groups(user) == ["staff"]

    def test_only_who_holds_the_address_is_let_in(self, store: Store, owner: str, pool: Pool) -> None:
        _, token = service.invite_staff(store.id, owner, "clerk", contact=" MARA@example.org")
        for stranger in (pool.sign_up("eve@example.org"), pool.sign_up("mara@example.com"), new_id("usr")):
            with pytest.raises(NotFound):
                service.accept_invitation(stranger, token)
        assert service.accept_invitation(pool.sign_up("mara@example.org"), token)[1].role == "clerk"

    def test_an_address_that_nobody_has_verified_is_nobodys(self, store: Store, owner: str, pool: Pool) -> None:
        _, token = service.invite_staff(store.id, owner, "clerk", contact="mara@example.org")
        user = pool.sign_up("mara@example.org", verified=False)
        with pytest.raises(NotFound):
            service.accept_invitation(user, token)
        assert pool.groups(user) == []

    def test_managers_and_owners_sign_in_with_a_second_factor(
        self, store: Store, owner: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        user = pool.sign_up("mara@example.org")
        _, token = service.invite_staff(store.id, owner, "manager")
        with pytest.raises(DomainError) as refused:
            service.accept_invitation(user, token)
        assert (refused.value.code, refused.value.status) == ("second_factor_required", 403)
        assert pool.groups(user) == []

        pool.set_up_second_factor(user)
        assert service.accept_invitation(user, token)[1].role == "manager"


class TestAccounts:
    def test_what_is_kept_of_somebody(self, pool: Pool) -> None:
        user = pool.sign_up("mara@example.org")
        account = accounts.find_account(user)
        assert account is not None
        assert (account.attributes["email"], account.groups) == ("mara@example.org", ())

    def test_who_is_deleted_is_gone_and_may_be_deleted_again(self, pool: Pool) -> None:
        user = pool.sign_up("mara@example.org")
        for _ in range(2):
            accounts.delete_account(user)
        assert accounts.find_account(user) is None

    @pytest.mark.parametrize("odd", ["", " ", "x" * 2000, "\x00", "\N{SLICE OF PIZZA}"])
    def test_what_can_be_nobodys_name_is_nobodys(self, pool: Pool, odd: str) -> None:
        assert accounts.find_account(odd) is None
        accounts.delete_account(odd)

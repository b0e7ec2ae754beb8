"""Only tokens that the issuer signed for us, and that still hold, make a caller."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import jwt
import pytest

from chalicelib.edge import tokens
from chalicelib.kernel.errors import Unauthenticated
from tests.issuer import Issuer

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_valid_token_names_its_subject_and_roles(trusting: Issuer) -> None:
    caller = tokens.principal_of(f"Bearer {trusting.token('sub-1', 'staff', 'riders')}")
    assert (caller.id, caller.roles) == ("sub-1", {"staff", "rider"})


def test_who_is_in_no_group_is_a_customer(trusting: Issuer) -> None:
    assert tokens.principal_of(f"Bearer {trusting.token('sub-2')}").roles == {"customer"}


@pytest.mark.parametrize(
    "forge",
    [
        lambda issuer: None,
        lambda issuer: "",
        lambda issuer: "Basic abc",
        lambda issuer: "Bearer",
        lambda issuer: "Bearer not.a.token",
        lambda issuer: "Bearer " + "x" * 9000,
        lambda issuer: "Bearer " + issuer.token("s", exp=int(time.time()) - 1),
        lambda issuer: "Bearer " + issuer.token("s", exp=None),
        lambda issuer: "Bearer " + issuer.token("s", iss="https://elsewhere"),
        lambda issuer: "Bearer " + issuer.token("s", client_id="another-app"),
        lambda issuer: "Bearer " + issuer.token("s", client_id=None),
        lambda issuer: "Bearer " + issuer.token("s", token_use="id"),
        lambda issuer: "Bearer " + _signed_by_a_stranger(issuer),
        lambda issuer: "Bearer " + jwt.encode({"sub": "s", "iss": issuer.url}, "", algorithm="none"),
        lambda issuer: "Bearer " + jwt.encode({"sub": "s"}, "k" * 32, algorithm="HS256", headers={"kid": "first"}),
    ],
)
def test_anything_else_is_refused(trusting: Issuer, forge: Callable[[Issuer], str | None]) -> None:
    with pytest.raises(Unauthenticated):
        tokens.principal_of(forge(trusting))


def _signed_by_a_stranger(issuer: Issuer) -> str:
    claims = jwt.decode(issuer.token("s"), options={"verify_signature": False})
    stranger = Issuer()
    stranger.close()
    return jwt.encode(claims, stranger.keys["first"], algorithm="RS256", headers={"kid": "first"})


def test_keys_are_fetched_once_and_again_for_an_unknown_key_id(
    trusting: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_REFRESH_COOLDOWN_SECONDS", 0)
    before = trusting.fetches
    for _ in range(3):
        tokens.principal_of(f"Bearer {trusting.token('s')}")
    assert trusting.fetches == before + 1
    trusting.add_key("rotated")
    assert tokens.principal_of(f"Bearer {trusting.token('s', kid='rotated')}").id == "s"
    assert trusting.fetches == before + 2


def test_forged_key_ids_do_not_flood_the_issuer(trusting: Issuer) -> None:
    tokens.principal_of(f"Bearer {trusting.token('s')}")
    before = trusting.fetches
    claims = jwt.decode(trusting.token("s"), options={"verify_signature": False})
    for number in range(5):
        forged = jwt.encode(claims, trusting.keys["first"], algorithm="RS256", headers={"kid": f"no-{number}"})
        with pytest.raises(Unauthenticated):
            tokens.principal_of(f"Bearer {forged}")
    assert trusting.fetches == before

"""What it costs to settle with a store and a rider: their accounts, a statement, its lines, its payout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.use_cases.place import key

if TYPE_CHECKING:
    from benchmarks.use_cases.place import Place
    from infra.local.users import User

_ANYBODY = "/v1/settlement/{party}/{party_id}/statements"
_BACK = {"return_url": "https://shop.example/done", "refresh_url": "https://shop.example/again"}


def settlement(place: Place) -> None:
    """The store and the rider are paid what was sold so far, the rider by a statement that waits for an account."""
    count, owner, admin = place.count, place.owner, place.admin
    store: dict[str, Any] = {"store_id": place.store_id}
    account = "/v1/stores/{store_id}/payout-account"
    count("open payout account", "POST", account, owner, headers=key(), **store)
    count("payout account", "GET", account, owner, **store)
    count("onboarding link", "POST", f"{account}/onboarding-link", owner, _BACK, **store)
    rider = place.riders[0]
    count("open rider's payout account", "POST", "/v1/rider/payout-account", rider, {"country": "DE"}, headers=key())
    count("rider's payout account", "GET", "/v1/rider/payout-account", rider)
    count("rider's onboarding link", "POST", "/v1/rider/payout-account/onboarding-link", rider, _BACK)

    count("balances", "GET", "/v1/settlement", admin)
    whose: dict[str, Any] = {"party": "stores", "party_id": place.store_id}
    told = count("close a statement", "POST", _ANYBODY, admin, {"currency": "EUR"}, headers=key(), **whose)
    place.machine.drain()
    one: dict[str, Any] = {"statement_id": told.body["id"]}
    _read(place, "store", owner, "/v1/stores/{store_id}/statements", {**store, **one})
    _read(place, "party", admin, _ANYBODY, {**whose, **one})
    count("retry a payout", "POST", _ANYBODY + "/{statement_id}/payout/retry", admin, **whose, **one)
    found = place.machine.call("GET", "/v1/settlement", admin).body["items"]
    earner = next(each for each in place.riders if each.sub in {whose["party_id"] for whose in found})
    path = _ANYBODY.format(party="riders", party_id=earner.sub)
    closed = place.machine.call("POST", path, admin, {"currency": "EUR"}, headers=key())
    place.machine.drain()
    _read(place, "rider", earner, "/v1/rider/statements", {"statement_id": closed.body["id"]})


def _read(place: Place, what: str, user: User, base: str, path: dict[str, Any]) -> None:
    whose = {name: value for name, value in path.items() if name != "statement_id"}
    place.count(f"statements of a {what}", "GET", base, user, **whose)
    place.count(f"statement of a {what}", "GET", base + "/{statement_id}", user, **path)
    place.count(f"lines of a {what}'s statement", "GET", base + "/{statement_id}/lines", user, **path)

"""Who may call a route. Every route names one of these; what it means for a store or merchant is asked of `stores`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from chalicelib.kernel.errors import Forbidden
from chalicelib.kernel.principals import STAFF

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.kernel.principals import Principal

StaffRole = str
_RANK = {"clerk": 1, "manager": 2, "owner": 3}


class Permission(Protocol):
    """Decides for a verified caller and the route's path parameters; raises ``Forbidden``."""

    def check(self, principal: Principal, path: Mapping[str, str]) -> None:
        """Return if the caller may, raise if not."""


class Public(msgspec.Struct, frozen=True):
    """Anybody, with or without a token."""

    def check(self, principal: Principal, path: Mapping[str, str]) -> None:
        """Let everybody in."""


class Role(msgspec.Struct, frozen=True):
    """Callers with this role; what of theirs they may touch is the use case's to decide."""

    name: str

    def check(self, principal: Principal, path: Mapping[str, str]) -> None:
        """Only this role."""
        if self.name not in principal.roles:
            raise Forbidden


class AnyRole(msgspec.Struct, frozen=True):
    """Callers with one of these roles; the route then asks for what depends on the thing that was found."""

    names: tuple[str, ...]

    def check(self, principal: Principal, path: Mapping[str, str]) -> None:
        """Only these roles."""
        if principal.roles.isdisjoint(self.names):
            raise Forbidden


class StoreStaff(msgspec.Struct, frozen=True):
    """Staff of the path's ``{store_id}`` with at least this role there."""

    role: StaffRole

    def check(self, principal: Principal, path: Mapping[str, str]) -> None:
        """Only members of the store with the rank."""
        if STAFF not in principal.roles:
            raise Forbidden
        held = _lookups.staff_role(principal.id, path["store_id"])
        if held is None or _RANK[held] < _RANK[self.role]:
            raise Forbidden("You are not staff of this store with the role that this needs.")


class MerchantOwner(msgspec.Struct, frozen=True):
    """Owners of the path's ``{merchant_id}``."""

    def check(self, principal: Principal, path: Mapping[str, str]) -> None:
        """Only its owners."""
        if STAFF not in principal.roles or not _lookups.is_merchant_owner(principal.id, path["merchant_id"]):
            raise Forbidden("You do not own this merchant.")


class _Lookups(msgspec.Struct):
    staff_role: Callable[[str, str], StaffRole | None]
    is_merchant_owner: Callable[[str, str], bool]


def _unknown_role(_principal_id: str, _store_id: str) -> StaffRole | None:
    raise RuntimeError("the composition root has not configured permissions")


def _unknown_owner(_principal_id: str, _merchant_id: str) -> bool:
    raise RuntimeError("the composition root has not configured permissions")


_lookups = _Lookups(_unknown_role, _unknown_owner)


def configure(
    staff_role: Callable[[str, str], StaffRole | None], is_merchant_owner: Callable[[str, str], bool]
) -> None:
    """Hand in where memberships are known (the edge imports no context; the composition root does)."""
    _lookups.staff_role = staff_role
    _lookups.is_merchant_owner = is_merchant_owner

"""The stores table: merchants, stores, their staff, and the cells in which stores are found."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.kernel import clock, tables
from chalicelib.kernel.geo import Point
from chalicelib.stores.model import Merchant, StaffMember, Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from chalicelib.stores.model import CellEntry, Listing, Role

MERCHANT_SK = "MERCHANT"
STORE_SK = "STORE"
CELLS_SK = "CELLS"
ROSTER_SK = "ROSTER"
STAFF_PREFIX = "STAFF#"
STORE_PREFIX = "STO#"

# Latitude and longitude in millionths of a degree, reach in metres, modes.
Line = tuple[int, int, int, str]

_DEGREE = 1_000_000  # cell lines keep coordinates as whole millionths of a degree (a tenth of a metre)
_LISTING_PREFIX: dict[Listing, str] = {"delivery": "DLV#", "walk_in": "WLK#"}


class MerchantRow(tables.Row):
    """A merchant: pk MER#<merchant>, sk MERCHANT."""

    class Meta(tables.Meta):
        context = "stores"

    name = UnicodeAttribute()
    owner_id = UnicodeAttribute()
    created_at = NumberAttribute()
    version = NumberAttribute()


class MerchantStoreRow(tables.Row):
    """That a store is a merchant's: pk MER#<merchant>, sk STO#<store>."""

    class Meta(tables.Meta):
        context = "stores"


class StoreRow(tables.Row):
    """A store, whole: pk STO#<store>, sk STORE. Every write is conditioned on ``version``."""

    class Meta(tables.Meta):
        context = "stores"

    version = NumberAttribute()
    document = tables.JsonZ()


class CellsRow(tables.Row):
    """The cell lines that a store has: pk STO#<store>, sk CELLS.

    What is to be replaced is known from here and not computed again, so that lines written by an older release with
    other resolutions are found too.
    """

    class Meta(tables.Meta):
        context = "stores"

    lines = tables.JsonZ()


class CellRow(tables.Row):
    """A store's line in an H3 cell: pk CEL#<cell>, sk <listing>#<metres from the cell's centre>#<store>."""

    class Meta(tables.Meta):
        context = "stores"

    lat = NumberAttribute()
    lng = NumberAttribute()
    reach_m = NumberAttribute()
    modes = UnicodeAttribute()

    @property
    def store_id(self) -> str:
        """The store of this line."""
        return str(self.sk).rpartition("#")[2]

    @property
    def point(self) -> Point:
        """Where the store is, to a tenth of a metre."""
        return Point(self.lat / _DEGREE, self.lng / _DEGREE)


class StaffRow(tables.Row):
    """That a user works at a store: pk STO#<store>, sk STAFF#<user>."""

    class Meta(tables.Meta):
        context = "stores"

    role = UnicodeAttribute()
    name = UnicodeAttribute(null=True)
    added_by = UnicodeAttribute()
    added_at = NumberAttribute()
    version = NumberAttribute()


class RosterRow(tables.Row):
    """How many work at a store and how many of them own it: pk STO#<store>, sk ROSTER. Never without an owner."""

    class Meta(tables.Meta):
        context = "stores"

    members = NumberAttribute()
    owners = NumberAttribute()


class WorkplaceRow(tables.Row):
    """A store at which a user works: pk USR#<user>, sk STO#<store>. Written with its ``StaffRow``."""

    class Meta(tables.Meta):
        context = "stores"

    role = UnicodeAttribute()


def merchant_pk(merchant_id: str) -> str:
    """Partition of a merchant and the list of its stores."""
    return f"MER#{merchant_id}"


def store_pk(store_id: str) -> str:
    """Partition of a store and its staff."""
    return f"{STORE_PREFIX}{store_id}"


def user_pk(user_id: str) -> str:
    """Partition of what a user works at."""
    return f"USR#{user_id}"


def staff_sk(user_id: str) -> str:
    """Sort key of a staff member."""
    return f"{STAFF_PREFIX}{user_id}"


def cell_pk(cell: str) -> str:
    """Partition of the stores listed in a cell (the cell's id tells its resolution)."""
    return f"CEL#{cell}"


def cell_sk(listing: Listing, center_m: int, store_id: str = "") -> str:
    """Sort key of a line; without a store, the bound below all lines at this distance from the cell's centre."""
    return f"{_LISTING_PREFIX[listing]}{center_m:07d}#{store_id}"


def merchant_row(merchant: Merchant) -> MerchantRow:
    """The item of a merchant."""
    return MerchantRow(
        pk=merchant_pk(merchant.id),
        sk=MERCHANT_SK,
        name=merchant.name,
        owner_id=merchant.owner_id,
        created_at=clock.epoch_ms(merchant.created_at),
        version=merchant.version,
    )


def merchant_of(row: MerchantRow) -> Merchant:
    """The merchant in an item."""
    return Merchant(
        id=str(row.pk).partition("#")[2],
        name=row.name,
        owner_id=row.owner_id,
        created_at=clock.from_epoch_ms(int(row.created_at)),
        version=int(row.version),
    )


def document_of(store: Store) -> dict[str, Any]:
    """A store as the JSON document in which it is kept: every field, so that a new default changes no old store."""
    return dict(msgspec.to_builtins(asdict(store)))


def store_row(store: Store) -> StoreRow:
    """The item of a store."""
    return StoreRow(pk=store_pk(store.id), sk=STORE_SK, version=store.version, document=document_of(store))


def store_of(row: StoreRow | None) -> Store | None:
    """The store in an item."""
    return None if row is None else msgspec.convert(row.document, Store)


def cell_row(store_id: str, entry: CellEntry) -> CellRow:
    """The item of a line."""
    return CellRow(
        pk=cell_pk(entry.cell),
        sk=cell_sk(entry.listing, entry.center_m, store_id),
        lat=round(entry.point.lat * _DEGREE),
        lng=round(entry.point.lng * _DEGREE),
        reach_m=entry.reach_m,
        modes=" ".join(entry.modes),
    )


def line_of(row: CellRow) -> Line:
    """What a line says."""
    return (int(row.lat), int(row.lng), int(row.reach_m), row.modes)


def cells_row(store_id: str, lines: Mapping[tuple[str, str], Line]) -> CellsRow:
    """The item that remembers which lines a store has, by key, each with what it says."""
    return CellsRow(pk=store_pk(store_id), sk=CELLS_SK, lines=[[*key, *line] for key, line in sorted(lines.items())])


def lines_of(row: CellsRow | None) -> dict[tuple[str, str], Line]:
    """The lines that a store has, by key."""
    return {(pk, sk): (lat, lng, reach_m, modes) for pk, sk, lat, lng, reach_m, modes in (row.lines if row else ())}


def staff_row(store_id: str, member: StaffMember) -> StaffRow:
    """The item of a staff member."""
    return StaffRow(
        pk=store_pk(store_id),
        sk=staff_sk(member.user_id),
        role=member.role,
        name=member.name,
        added_by=member.added_by,
        added_at=clock.epoch_ms(member.added_at),
        version=member.version,
    )


def staff_member_of(row: StaffRow) -> StaffMember:
    """The staff member in an item."""
    return StaffMember(
        user_id=str(row.sk).partition("#")[2],
        role=role_of(row.role),
        name=row.name,
        added_by=row.added_by,
        added_at=clock.from_epoch_ms(int(row.added_at)),
        version=int(row.version),
    )


def role_of(stored: str) -> Role:
    """A stored role, typed."""
    return stored  # type: ignore[return-value]  # only roles are written

"""The stores table: merchants, stores, their staff, and the cells in which stores are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.kernel import clock, tables
from chalicelib.kernel.geo import Point
from chalicelib.stores.model import Merchant, StaffMember, Store
from chalicelib.stores.model.invitations import Invitation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from chalicelib.stores.model import CellEntry, Listing, Mode, Role

MERCHANT_SK = "MERCHANT"
STORE_SK = "STORE"
CELLS_SK = "CELLS"
ROSTER_SK = "ROSTER"
STAFF_PREFIX = "STAFF#"
STORE_PREFIX = "STO#"
INVITATION_PREFIX = "INVITE#"

_DEGREE = 1_000_000  # cell lines keep coordinates as whole millionths of a degree (a tenth of a metre)
_LISTING_PREFIX: dict[Listing, str] = {"delivery": "DLV#", "walk_in": "WLK#"}
_MODE_LETTER: dict[Mode, str] = {"dine_in": "i", "pickup": "p", "delivery": "d"}


class MerchantRow(tables.Row):
    """A merchant: pk MER#<merchant>, sk MERCHANT."""

    class Meta(tables.Meta):
        context = "stores"

    name = UnicodeAttribute()
    owner_id = UnicodeAttribute()
    created_at = NumberAttribute()
    version = NumberAttribute()
    papers = tables.JsonZ(null=True)  # what invoices say of it


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


class CellRow(tables.Row):
    """A store's line in an H3 cell: pk CEL#<cell>, sk <listing>#<metres from the cell's centre>#<store>#<what it says>.

    The line is its own key: there is nothing to read but keys, and a changed line is another line. A search reads many
    of them, and what an item costs to read and parse is counted in bytes and attributes.
    """

    class Meta(tables.Meta):
        context = "stores"


class CellsRow(tables.Row):
    """The keys of a store's lines: pk STO#<store>, sk CELLS.

    What is to be removed is known from here and not computed again, so that lines written by an older release with
    other resolutions are found too.
    """

    class Meta(tables.Meta):
        context = "stores"

    keys = tables.JsonZ()


class Line(msgspec.Struct, frozen=True):
    """What a line says of a store: where it is, and in which modes it serves how far."""

    store_id: str
    point: Point
    reach_m: int
    modes: str

    def serves(self, mode: Mode) -> bool:
        """Whether the store serves this mode."""
        return _MODE_LETTER[mode] in self.modes


class StaffRow(tables.Row):
    """That a user works at a store: pk STO#<store>, sk STAFF#<user>."""

    class Meta(tables.Meta):
        context = "stores"

    role = UnicodeAttribute()
    name = UnicodeAttribute(null=True)
    added_by = UnicodeAttribute()
    added_at = NumberAttribute()
    version = NumberAttribute()


class InvitationRow(tables.Row):
    """That somebody is invited to work at a store: pk STO#<store>, sk INVITE#<invitation>. Vanishes after its time."""

    class Meta(tables.Meta):
        context = "stores"

    invitation = tables.JsonZ()


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


def invitation_sk(invitation_id: str) -> str:
    """Sort key of an invitation."""
    return f"{INVITATION_PREFIX}{invitation_id}"


def invitation_row(invitation: Invitation) -> InvitationRow:
    """The item of an invitation."""
    return InvitationRow(
        pk=store_pk(invitation.store_id),
        sk=invitation_sk(invitation.id),
        invitation=msgspec.to_builtins(invitation),
        ttl=int(invitation.expires_at.timestamp()),
    )


def invitation_of(row: InvitationRow) -> Invitation:
    """The invitation in an item."""
    return msgspec.convert(row.invitation, Invitation)


def cell_pk(cell: str) -> str:
    """Partition of the stores listed in a cell (the cell's id tells its resolution)."""
    return f"CEL#{cell}"


def cell_sk(listing: Listing, center_m: int, rest: str = "") -> str:
    """Sort key of a line; without the rest, the bound below all lines at this distance from the cell's centre."""
    return f"{_LISTING_PREFIX[listing]}{center_m:07d}#{rest}"


def merchant_row(merchant: Merchant) -> MerchantRow:
    """The item of a merchant."""
    return MerchantRow(
        pk=merchant_pk(merchant.id),
        sk=MERCHANT_SK,
        name=merchant.name,
        owner_id=merchant.owner_id,
        created_at=clock.epoch_ms(merchant.created_at),
        version=merchant.version,
        papers={name: value for name in _PAPERS if (value := msgspec.to_builtins(getattr(merchant, name)))} or None,
    )


_PAPERS = ("legal_name", "address", "country", "vat_id", "invoice_prefix")


def merchant_of(row: MerchantRow) -> Merchant:
    """The merchant in an item."""
    fields = {
        "id": str(row.pk).partition("#")[2],
        "name": row.name,
        "owner_id": row.owner_id,
        "created_at": clock.from_epoch_ms(int(row.created_at)),
        "version": int(row.version),
    }
    return msgspec.convert({**(row.papers or {}), **fields}, Merchant)


def document_of(store: Store) -> dict[str, Any]:
    """A store as the JSON document in which it is kept: every field, so that a new default changes no old store."""
    return dict(msgspec.to_builtins(store))


def store_row(store: Store) -> StoreRow:
    """The item of a store."""
    return StoreRow(pk=store_pk(store.id), sk=STORE_SK, version=store.version, document=document_of(store))


def store_of(row: StoreRow | None) -> Store | None:
    """The store in an item."""
    return None if row is None else msgspec.convert(row.document, Store)


def line_key(store_id: str, entry: CellEntry) -> tuple[str, str]:
    """The key of a line, pk and sk."""
    lat, lng = round(entry.point.lat * _DEGREE), round(entry.point.lng * _DEGREE)
    modes = "".join(_MODE_LETTER[mode] for mode in entry.modes)
    rest = f"{store_id}#{lat}#{lng}#{entry.reach_m}#{modes}"
    return cell_pk(entry.cell), cell_sk(entry.listing, entry.center_m, rest)


def line_of(row: CellRow) -> Line:
    """What a line says."""
    _, _, store_id, lat, lng, reach_m, modes = row.sk.split("#")
    return Line(store_id, Point(int(lat) / _DEGREE, int(lng) / _DEGREE), int(reach_m), modes)


def cells_row(store_id: str, keys: Iterable[tuple[str, str]]) -> CellsRow:
    """The item that remembers which lines a store has."""
    return CellsRow(pk=store_pk(store_id), sk=CELLS_SK, keys=sorted(keys))


def keys_of(row: CellsRow | None) -> set[tuple[str, str]]:
    """The keys of a store's lines, pk and sk."""
    return {(pk, sk) for pk, sk in (row.keys if row else ())}


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

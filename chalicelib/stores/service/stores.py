"""Stores: opening, reading and changing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import Conflict, Invalid, NotFound, VersionConflict
from chalicelib.kernel.tables import Ref
from chalicelib.kernel.transaction import Transaction
from chalicelib.stores.model import StaffMember, Store, cell_entries, check_store
from chalicelib.stores.service.pages import page_start
from chalicelib.stores.service.staff import write_first_owner
from chalicelib.stores.tables import (
    CELLS_SK,
    MERCHANT_SK,
    STORE_PREFIX,
    STORE_SK,
    CellRow,
    CellsRow,
    MerchantRow,
    MerchantStoreRow,
    StoreRow,
    cells_row,
    document_of,
    keys_of,
    line_key,
    merchant_pk,
    store_of,
    store_pk,
    store_row,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from chalicelib.kernel.idempotency import IdempotencyKey


def create_store(
    merchant_id: str, owner_id: str, settings: Mapping[str, Any], key: IdempotencyKey | None = None
) -> Store:
    """Open a store of a merchant; the merchant's owner becomes its first staff member, as an owner.

    ``settings`` are the fields of ``Store`` that a merchant decides, as JSON values. Raises ``Invalid`` with every
    fault at once, or ``merchant_not_found``.
    """
    now = clock.now()
    place = {"id": ids.new_id("sto"), "merchant_id": merchant_id, "created_at": now, "updated_at": now}
    store = _checked({**settings, **place})
    tx = Transaction()
    tx.check(
        MerchantRow,
        merchant_pk(merchant_id),
        MERCHANT_SK,
        condition=MerchantRow.owner_id == owner_id,
        error=NotFound("merchant", merchant_id),
    )
    taken = Conflict("store_exists", "There is such a store already.")
    tx.put(store_row(store), StoreRow.pk.does_not_exist(), taken)
    tx.put(
        MerchantStoreRow(pk=merchant_pk(merchant_id), sk=store_pk(store.id)),
        MerchantStoreRow.pk.does_not_exist(),
        taken,
    )
    owner = StaffMember(user_id=owner_id, role="owner", added_by=owner_id, added_at=now)
    write_first_owner(tx, store.id, owner)
    _write_cells(tx, store, listed=set())
    if key:
        tx.remember(key, store)
    tx.commit()
    return store


def change_store(store_id: str, changes: Mapping[str, Any], expected_version: int | None) -> Store:
    """Change some of a store's settings; each field that is given replaces the one before, whole.

    Raises ``Invalid`` with every fault of the store as it would be, ``store_not_found`` or ``version_conflict``.
    """
    cells_ref = Ref(CellsRow, store_pk(store_id), CELLS_SK, keys_of)
    before, listed = tables.fetch(store_ref(store_id), cells_ref)
    if before is None:
        raise NotFound("store", store_id)
    if before.version != expected_version:
        raise VersionConflict("store", store_id)
    now = clock.now()
    after = _checked({**document_of(before), **changes, "updated_at": now, "version": before.version + 1})
    tx = Transaction()
    write_change(tx, before, after)
    _write_cells(tx, after, listed)
    tx.commit()
    return after


def write_change(tx: Transaction, before: Store, after: Store) -> None:
    """Replace a store's document if nobody has since ``before`` was read; raises ``version_conflict`` at commit."""
    tx.update(
        StoreRow,
        store_pk(before.id),
        STORE_SK,
        actions=[StoreRow.document.set(document_of(after)), StoreRow.version.set(after.version)],
        condition=StoreRow.version == before.version,
        error=VersionConflict("store", before.id),
    )


def store_ref(store_id: str) -> Ref[Store | None]:
    """Where a store is read, for callers that read several things in one request."""
    return Ref(StoreRow, store_pk(store_id), STORE_SK, store_of)


def get_store(store_id: str, *, consistent: bool = True) -> Store:
    """A store. Raises ``store_not_found``."""
    store = store_of(tables.get(StoreRow, store_pk(store_id), STORE_SK, consistent=consistent))
    if store is None:
        raise NotFound("store", store_id)
    return store


def list_stores(
    merchant_id: str, start: Mapping[str, Any] | None, limit: int
) -> tuple[list[Store], dict[str, Any] | None]:
    """A page of a merchant's stores, oldest first: one Query and one BatchGetItem."""
    page = tables.query(
        MerchantStoreRow,
        merchant_pk(merchant_id),
        MerchantStoreRow.sk.startswith(STORE_PREFIX),
        limit=limit,
        cursor_key=page_start(merchant_pk(merchant_id), STORE_PREFIX, start),
    )
    stores = tables.fetch(*(store_ref(row.sk.removeprefix(STORE_PREFIX)) for row in page.items), consistent=False)
    return [store for store in stores if store is not None], page.next_key


def _checked(document: Mapping[str, Any]) -> Store:
    store = msgspec.convert(document, Store)
    violations = check_store(store)
    if violations:
        raise Invalid(violations)
    return store


def _write_cells(tx: Transaction, store: Store, listed: AbstractSet[tuple[str, str]]) -> None:
    """List the store in its cells and no others, in the transaction that changes it.

    The lines follow from the store alone, whose version guards the transaction: so they are written unconditionally.
    """
    lines = {line_key(store.id, entry) for entry in cell_entries(store)}
    if lines == listed:
        return
    for pk, sk in sorted(lines - listed):
        tx.put(CellRow(pk=pk, sk=sk))
    for pk, sk in sorted(listed - lines):
        tx.delete(CellRow, pk, sk, condition=CellRow.pk.exists())
    tx.put(cells_row(store.id, lines))

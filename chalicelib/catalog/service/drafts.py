"""Editing a menu's draft, publishing it, and bringing an older version back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chalicelib.catalog.document import Category, MenuDocument, Product
from chalicelib.catalog.model import Menu, MenuHead, check_menu
from chalicelib.catalog.service import bodies
from chalicelib.catalog.service.menus import get_version, menu_head_ref, read_menu_json
from chalicelib.catalog.tables import (
    DRAFT,
    MENU,
    DraftRow,
    MenuRow,
    store_pk,
    to_row,
    version_sk,
    versions_pk,
)
from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, Invalid, NotFound, VersionConflict, Violation
from chalicelib.kernel.transaction import Transaction
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from chalicelib.catalog.service.bodies import Body

_READS = 3


class Draft(msgspec.Struct, frozen=True):
    """The draft as it stands; version 0 is the empty one that every store begins with."""

    store_id: str
    version: int
    document_json: bytes
    updated_at: datetime | None
    updated_by: str | None


class SavedDraft(msgspec.Struct, frozen=True):
    """What became of an edit: the new version, its size, and what still stands against publishing it."""

    store_id: str
    version: int
    size_bytes: int
    products: int
    skus: int
    violations: tuple[Violation, ...]


def get_draft(store_id: str) -> Draft:
    """The draft. Raises ``store_not_found``."""
    store, row = _read_store_and_draft(store_id)
    for _ in range(_READS):
        if row is None:
            return Draft(store_id, 0, bodies.encode(MenuDocument(currency=store.currency)), None, None)
        raw = bodies.read_body(store_id, row.body_id, int(row.chunks))
        if raw is not None:
            changed = clock.from_epoch_ms(int(row.updated_at))
            return Draft(store_id, int(row.version), raw, changed, row.updated_by)
        row = tables.get(DraftRow, store_pk(store_id), DRAFT)  # saved between the two reads
    raise VersionConflict("menu_draft", store_id)


def save_draft(store_id: str, document: MenuDocument, expected_version: int | None, editor_id: str) -> SavedDraft:
    """Replace the whole draft. Raises ``version_conflict`` and ``validation_failed`` for a menu that is too large.

    A draft may have faults: they are told with the answer, and only publishing refuses them.
    """
    store, row = _read_store_and_draft(store_id)
    _expect(store_id, row, expected_version)
    return _save(store, row, document, editor_id)


def put_product(
    store_id: str,
    product: Product,
    expected_version: int | None,
    editor_id: str,
    category_id: str | None = None,
) -> SavedDraft:
    """Add a product to the draft, or replace the one with its id; into a category's end when one is named."""

    def edit(document: MenuDocument) -> MenuDocument:
        products = list(document.products)
        places = [number for number, held in enumerate(products) if held.id == product.id]
        if places:
            products[places[0]] = product
        else:
            products.append(product)
        edited = msgspec.structs.replace(document, products=tuple(products))
        return edited if category_id is None else _into_category(edited, category_id, product.id)

    return _edit(store_id, edit, expected_version, editor_id)


def remove_product(store_id: str, product_id: str, expected_version: int | None, editor_id: str) -> SavedDraft:
    """Take a product off the draft and out of its categories. Raises ``product_not_found``."""

    def edit(document: MenuDocument) -> MenuDocument:
        products = tuple(product for product in document.products if product.id != product_id)
        if len(products) == len(document.products):
            raise NotFound("product", product_id)
        categories = tuple(_without_product(category, product_id) for category in document.categories)
        return msgspec.structs.replace(document, products=products, categories=categories)

    return _edit(store_id, edit, expected_version, editor_id)


def publish_draft(store_id: str, expected_version: int | None, publisher_id: str, note: str = "") -> MenuHead:
    """Make the draft the store's menu, as a new version for ever.

    Gives the menu's head: that of the current menu when it already is this draft, so a repeat changes nothing.
    Raises ``version_conflict`` and ``validation_failed`` with every fault of the menu.
    """
    store, row, current = _read_all(store_id)
    _expect(store_id, row, expected_version)
    if row is None:
        raise Invalid([Violation("empty_menu", "/products", "A menu needs at least one product.")])
    if current is not None and current.body_id == row.body_id:
        return current
    raw = bodies.read_body(store_id, row.body_id, int(row.chunks))
    if raw is None:
        raise VersionConflict("menu_draft", store_id)
    body = bodies.Body(row.body_id, int(row.chunks), len(raw))
    head = _next_head(store, current, body, raw, publisher_id=publisher_id, note=note)
    tx = Transaction()
    tx.check(
        DraftRow,
        store_pk(store_id),
        DRAFT,
        condition=DraftRow.version == int(row.version),
        error=VersionConflict("menu_draft", store_id),
    )
    bodies.mark_published(tx, store_id, head.body_id)
    _publish(tx, head, current)
    return head


def republish(store_id: str, version: int, publisher_id: str, note: str = "") -> MenuHead:
    """Bring an older version back, as the newest. The draft is left alone.

    Gives the menu's head: that of the current menu when it has this document already. Otherwise the document is
    checked again, as the store's tax categories may have changed since.
    """
    store, _, current = _read_all(store_id)
    old = get_version(store_id, version)
    if current is not None and current.body_id == old.body_id:
        return current
    raw = read_menu_json(old)
    body = bodies.Body(old.body_id, old.chunks, old.size_bytes)
    head = _next_head(store, current, body, raw, publisher_id=publisher_id, note=note, republished_from=version)
    _publish(Transaction(), head, current)
    return head


def _publish(tx: Transaction, head: MenuHead, current: MenuHead | None) -> None:
    taken = Conflict("published_meanwhile", "Another menu was published at the same moment: look at it first.")
    tx.put(
        to_row(head, versions_pk(head.store_id), version_sk(head.version)),
        MenuRow.pk.does_not_exist(),
        taken,
    )
    unchanged = MenuRow.pk.does_not_exist() if current is None else MenuRow.version == current.version
    tx.put(to_row(head, store_pk(head.store_id), MENU), unchanged, taken)
    tx.commit()


def _next_head(
    store: stores.Store,
    current: MenuHead | None,
    body: Body,
    raw: bytes,
    *,
    publisher_id: str,
    note: str,
    republished_from: int | None = None,
) -> MenuHead:
    """The head of the next version, if the document is sound."""
    document = bodies.decode(raw)
    violations = check_menu(document, store.currency, store.taxes.rates.keys())
    if violations:
        raise Invalid(violations, "The menu can't be published as it is.")
    version = current.version + 1 if current else 1
    return MenuHead(
        store_id=store.id,
        version=version,
        etag=f"{version}.{bodies.digest(raw)}",
        published_at=clock.now(),
        published_by=publisher_id,
        body_id=body.body_id,
        chunks=body.chunks,
        size_bytes=body.size,
        currency=document.currency,
        counted_skus=len(Menu.of(store.id, version, document).counted_skus),
        note=note,
        republished_from=republished_from,
    )


def _edit(
    store_id: str,
    edit: Callable[[MenuDocument], MenuDocument],
    expected_version: int | None,
    editor_id: str,
) -> SavedDraft:
    store, row = _read_store_and_draft(store_id)
    _expect(store_id, row, expected_version)
    document = MenuDocument(currency=store.currency)
    if row is not None:
        raw = bodies.read_body(store_id, row.body_id, int(row.chunks))
        if raw is None:
            raise VersionConflict("menu_draft", store_id)
        document = bodies.decode(raw)
    return _save(store, row, edit(document), editor_id)


def _save(store: stores.Store, before: DraftRow | None, document: MenuDocument, editor_id: str) -> SavedDraft:
    """Write the document, then turn the draft to it, then let the old one go.

    A crash in between leaves a document that nothing points to: some KB, and no harm.
    """
    body = bodies.write_body(store.id, bodies.encode(document))
    version = int(before.version) + 1 if before is not None else 1
    tx = Transaction()
    tx.put(
        _draft_row(store.id, version, body, editor_id),
        DraftRow.pk.does_not_exist() if before is None else DraftRow.version == int(before.version),
        VersionConflict("menu_draft", store.id),
    )
    try:
        tx.commit()
    except VersionConflict:
        bodies.discard_body(store.id, body.body_id, body.chunks)
        raise
    if before is not None:
        bodies.discard_body(store.id, before.body_id, int(before.chunks))
    return SavedDraft(
        store_id=store.id,
        version=version,
        size_bytes=body.size,
        products=len(document.products),
        skus=sum(len(product.variants) for product in document.products),
        violations=tuple(check_menu(document, store.currency, store.taxes.rates.keys())),
    )


def _draft_row(store_id: str, version: int, body: Body, editor_id: str) -> DraftRow:
    return DraftRow(
        pk=store_pk(store_id),
        sk=DRAFT,
        version=version,
        body_id=body.body_id,
        chunks=body.chunks,
        size=body.size,
        updated_at=clock.epoch_ms(clock.now()),
        updated_by=editor_id,
    )


def _draft_ref(store_id: str) -> tables.Ref[DraftRow | None]:
    return tables.Ref(DraftRow, store_pk(store_id), DRAFT, lambda row: row)


def _read_store_and_draft(store_id: str) -> tuple[stores.Store, DraftRow | None]:
    store, row = tables.fetch(stores.store_ref(store_id), _draft_ref(store_id))
    if store is None:
        raise NotFound("store", store_id)
    return store, row


def _read_all(store_id: str) -> tuple[stores.Store, DraftRow | None, MenuHead | None]:
    store, row, current = tables.fetch(stores.store_ref(store_id), _draft_ref(store_id), menu_head_ref(store_id))
    if store is None:
        raise NotFound("store", store_id)
    return store, row, current


def _expect(store_id: str, row: DraftRow | None, expected_version: int | None) -> None:
    if expected_version != (int(row.version) if row is not None else 0):
        raise VersionConflict("menu_draft", store_id)


def _into_category(document: MenuDocument, category_id: str, product_id: str) -> MenuDocument:
    if all(category.id != category_id for category in document.categories):
        raise NotFound("category", category_id)
    categories = tuple(
        msgspec.structs.replace(category, product_ids=(*category.product_ids, product_id))
        if category.id == category_id and product_id not in category.product_ids
        else category
        for category in document.categories
    )
    return msgspec.structs.replace(document, categories=categories)


def _without_product(category: Category, product_id: str) -> Category:
    kept = tuple(held for held in category.product_ids if held != product_id)
    return msgspec.structs.replace(category, product_ids=kept)

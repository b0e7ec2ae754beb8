from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from chalicelib.catalog import service
from chalicelib.catalog.document import MAX_DOCUMENT_BYTES, MenuDocument
from chalicelib.catalog.service import bodies
from chalicelib.catalog.tables import DRAFT, BodyRow, DraftRow, body_pk, store_pk
from chalicelib.kernel import tables
from chalicelib.kernel.errors import Conflict, DomainError, Invalid, NotFound, VersionConflict
from chalicelib.kernel.ids import new_id
from tests.catalog.conftest import OWNER
from tests.catalog.factories import category, large_menu, menu_document, pizzeria, product, variant

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.catalog.service import MenuHead
    from chalicelib.stores.service import Store


def draft_document(store: Store) -> MenuDocument:
    return msgspec.json.decode(service.get_draft(store.id).document_json, type=MenuDocument)


def draft_row(store: Store) -> DraftRow:
    row = tables.get(DraftRow, store_pk(store.id), DRAFT)
    assert row is not None
    return row


def is_stored(store: Store, body_id: str) -> bool:
    return bool(tables.query(BodyRow, body_pk(store.id, body_id), consistent=True).items)


# --- drafts -------------------------------------------------------------------------------------------


def test_a_store_begins_with_an_empty_draft_in_its_currency(store: Store) -> None:
    draft = service.get_draft(store.id)
    assert (draft.version, draft.updated_by) == (0, None)
    assert draft_document(store) == MenuDocument(currency="EUR")


def test_a_store_that_does_not_exist_has_no_draft(dynamodb: Any) -> None:
    with pytest.raises(NotFound):
        service.get_draft(new_id("sto"))


def test_a_saved_draft_reads_back_as_it_was_written(store: Store) -> None:
    saved = service.save_draft(store.id, pizzeria(), 0, OWNER)
    assert (saved.version, saved.products, saved.skus, saved.violations) == (1, 4, 5, ())
    bodies._packed_bodies._held.clear()
    assert draft_document(store) == pizzeria()
    assert service.get_draft(store.id).updated_by == OWNER


def test_an_edit_of_an_outdated_draft_is_refused_and_leaves_nothing_behind(store: Store) -> None:
    service.save_draft(store.id, pizzeria(), 0, OWNER)
    for outdated in (0, 2, None):
        with pytest.raises(VersionConflict):
            service.save_draft(store.id, menu_document(), outdated, OWNER)
    assert draft_document(store) == pizzeria()


def test_of_concurrent_edits_one_wins_and_the_others_are_told(store: Store) -> None:
    def edit(number: int) -> DomainError | int:
        try:
            return service.save_draft(store.id, menu_document(product(f"prd_{number}")), 0, OWNER).version
        except DomainError as error:
            return error

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(edit, range(6)))
    assert outcomes.count(1) == 1
    assert {error.code for error in outcomes if isinstance(error, DomainError)} == {"version_conflict"}
    assert service.get_draft(store.id).version == 1


def test_a_faulty_draft_is_kept_and_its_faults_are_told(store: Store) -> None:
    saved = service.save_draft(store.id, menu_document(product(tax_category="gold")), 0, OWNER)
    assert [found.code for found in saved.violations] == ["unknown_tax_category"]
    assert draft_document(store).products[0].tax_category == "gold"


def test_the_document_of_the_draft_before_is_removed_unless_it_was_published(store: Store) -> None:
    service.save_draft(store.id, pizzeria(), 0, OWNER)
    published = draft_row(store).body_id
    service.publish_draft(store.id, 1, OWNER)
    service.save_draft(store.id, menu_document(), 1, OWNER)
    unpublished = draft_row(store).body_id
    service.save_draft(store.id, pizzeria(), 2, OWNER)
    assert is_stored(store, published)
    assert not is_stored(store, unpublished)


def test_a_menu_larger_than_an_answer_is_refused(store: Store) -> None:
    text = "x" * 1000
    huge = menu_document(*(product(f"p{n}", variant(f"S{n}"), description=text) for n in range(4000)))
    with pytest.raises(Invalid) as refused:
        service.save_draft(store.id, huge, 0, OWNER)
    (violation,) = refused.value.violations
    assert violation.code == "menu_too_large"
    assert violation.params["max"] == MAX_DOCUMENT_BYTES


def test_a_menu_that_only_its_quotes_make_too_large_is_refused(store: Store) -> None:
    quoted = menu_document(*(product(f"p{n}", variant(f"S{n}"), description='"' * 1000) for n in range(1900)))
    with pytest.raises(Invalid, match="validation_failed"):
        service.save_draft(store.id, quoted, 0, OWNER)


def test_an_incompressible_document_is_stored_in_pieces(store: Store) -> None:
    import random

    chance = random.Random(3)
    noise = ("".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(1000)) for _ in range(400))
    document = menu_document(*(product(f"p{n}", variant(f"S{n}"), description=text) for n, text in enumerate(noise)))
    service.save_draft(store.id, document, 0, OWNER)
    assert int(draft_row(store).chunks) > 1
    bodies._packed_bodies._held.clear()
    assert draft_document(store) == document


# --- single products ----------------------------------------------------------------------------------


def test_a_product_is_added_to_a_category_and_replaced_where_it_stands(store: Store) -> None:
    service.save_draft(store.id, pizzeria(), 0, OWNER)
    water = product("prd_water", variant("WATER", 200), tax_category="drinks")
    service.put_product(store.id, water, 1, OWNER, category_id="drinks")
    dearer = product("prd_cola", variant("COLA", 350, counted=True), tax_category="drinks")
    saved = service.put_product(store.id, dearer, 2, OWNER, category_id="drinks")

    assert (saved.version, saved.products, saved.violations) == (3, 5, ())
    document = draft_document(store)
    assert [held.id for held in document.products][:2] == ["prd_pizza", "prd_cola"]
    assert document.products[1].variants[0].price_minor == 350
    assert document.categories[1].product_ids == ("prd_cola", "prd_wine", "prd_water")


def test_a_product_can_be_the_first_of_a_draft(store: Store) -> None:
    assert service.put_product(store.id, product(), 0, OWNER).version == 1
    assert draft_document(store) == menu_document()


def test_a_category_that_does_not_exist_takes_no_product(store: Store) -> None:
    with pytest.raises(NotFound, match="category_not_found"):
        service.put_product(store.id, product(), 0, OWNER, category_id="nowhere")


def test_a_removed_product_leaves_its_categories_and_its_combos_are_told(store: Store) -> None:
    service.save_draft(store.id, pizzeria(), 0, OWNER)
    saved = service.remove_product(store.id, "prd_cola", 1, OWNER)
    assert [(found.code, found.pointer) for found in saved.violations] == [
        ("dangling_reference", "/products/2/components/1/choices/0/sku")
    ]
    assert draft_document(store).categories[1].product_ids == ("prd_wine",)
    with pytest.raises(NotFound, match="product_not_found"):
        service.remove_product(store.id, "prd_cola", 2, OWNER)


# --- publishing ---------------------------------------------------------------------------------------


def test_a_store_without_a_published_menu_has_none(store: Store) -> None:
    with pytest.raises(NotFound, match="menu_not_found"):
        service.get_menu_head(store.id)
    assert tables.fetch(service.menu_head_ref(store.id)) == (None,)


def test_customers_read_what_was_published_and_not_the_draft(
    store: Store, publish: Callable[[MenuDocument], MenuHead]
) -> None:
    head = publish(pizzeria())
    service.save_draft(store.id, menu_document(), 1, OWNER)
    current = service.get_menu_head(store.id)
    assert current == head
    assert current.version == 1
    assert current.counted_skus == 2
    assert msgspec.json.decode(service.read_menu_json(current), type=MenuDocument) == pizzeria()
    assert service.load_menu(current).offers["COLA"].variant.price_minor == 300


def test_a_faulty_draft_is_not_published_and_every_fault_is_told(store: Store) -> None:
    faulty = menu_document(product("a", variant("A", -1), tax_category="gold"), categories=(category("c", "gone"),))
    service.save_draft(store.id, faulty, 0, OWNER)
    with pytest.raises(Invalid) as refused:
        service.publish_draft(store.id, 1, OWNER)
    assert sorted(found.pointer for found in refused.value.violations) == [
        "/categories/0/product_ids/0",
        "/products/0/tax_category",
        "/products/0/variants/0/price_minor",
    ]
    assert tables.fetch(service.menu_head_ref(store.id)) == (None,)


def test_an_empty_draft_is_not_published(store: Store) -> None:
    with pytest.raises(Invalid):
        service.publish_draft(store.id, 0, OWNER)


def test_a_draft_that_changed_since_it_was_read_is_not_published(store: Store) -> None:
    service.save_draft(store.id, pizzeria(), 0, OWNER)
    service.save_draft(store.id, menu_document(), 1, OWNER)
    with pytest.raises(VersionConflict):
        service.publish_draft(store.id, 1, OWNER)


def test_publishing_again_changes_nothing(store: Store, publish: Callable[[MenuDocument], MenuHead]) -> None:
    head = publish(pizzeria())
    assert service.publish_draft(store.id, 1, OWNER) == head
    assert len(service.list_versions(store.id, limit=10).items) == 1


def test_concurrent_publications_of_a_draft_make_one_version(store: Store) -> None:
    service.save_draft(store.id, pizzeria(), 0, OWNER)

    def publish_now(_: int) -> MenuHead | DomainError:
        try:
            return service.publish_draft(store.id, 1, OWNER)
        except Conflict as error:
            return error

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(publish_now, range(6)))
    assert any(not isinstance(outcome, DomainError) for outcome in outcomes)
    assert {o.code for o in outcomes if isinstance(o, DomainError)} <= {"published_meanwhile"}
    assert [head.version for head in service.list_versions(store.id, limit=10).items] == [1]


def test_a_menu_published_while_its_draft_is_edited_is_never_lost(store: Store) -> None:
    """Whatever wins, every version that exists can be read."""
    service.save_draft(store.id, menu_document(product("prd_0")), 0, OWNER)

    def edit() -> None:
        for version in range(1, 12):
            service.save_draft(store.id, menu_document(product(f"prd_{version}")), version, OWNER)

    def publish_all() -> None:
        for _ in range(40):
            try:
                service.publish_draft(store.id, service.get_draft(store.id).version, OWNER)
            except VersionConflict:
                continue

    with ThreadPoolExecutor(2) as pool:
        for done in (pool.submit(edit), pool.submit(publish_all)):
            done.result()
    bodies._packed_bodies._held.clear()
    versions = service.list_versions(store.id, limit=100).items
    assert versions
    for head in versions:
        assert msgspec.json.decode(service.read_menu_json(head), type=MenuDocument).products


def test_an_older_version_comes_back_as_the_newest(store: Store, publish: Callable[[MenuDocument], MenuHead]) -> None:
    publish(pizzeria())
    publish(menu_document())
    back = service.republish(store.id, 1, OWNER, "the pizza price was wrong")
    assert (back.version, back.republished_from) == (3, 1)
    assert service.get_menu_head(store.id) == back
    assert "COLA" in service.load_menu(back).offers
    assert service.republish(store.id, 1, OWNER) == back
    assert draft_document(store) == menu_document()
    with pytest.raises(NotFound, match="menu_version_not_found"):
        service.republish(store.id, 9, OWNER)


def test_every_version_stays_readable_and_is_listed_newest_first(
    store: Store, publish: Callable[[MenuDocument], MenuHead]
) -> None:
    heads = [publish(menu_document(product(f"prd_{number}"))) for number in range(3)]
    first = service.list_versions(store.id, limit=2)
    second = service.list_versions(store.id, limit=2, cursor_key=first.next_key)
    assert [head.version for head in first.items + second.items] == [3, 2, 1]
    for number, head in enumerate(heads):
        assert service.get_version(store.id, number + 1) == head
        assert b"prd_%d" % number in service.read_menu_json(head)
    assert len({head.etag for head in heads}) == 3


def test_a_menu_of_2000_products_is_saved_published_and_read(
    store: Store, publish: Callable[[MenuDocument], MenuHead]
) -> None:
    head = publish(large_menu())
    bodies._packed_bodies._held.clear()
    menu = service.load_menu(head)
    assert len(menu.offers) == 4000
    assert 1_000_000 < head.size_bytes < MAX_DOCUMENT_BYTES
    assert service.load_menu(head) is menu

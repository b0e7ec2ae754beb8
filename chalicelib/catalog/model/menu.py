"""A published menu, indexed for pricing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chalicelib.catalog.model import dayparts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chalicelib.catalog.document import (
        Category,
        ComboComponent,
        Daypart,
        MenuDocument,
        ModifierGroup,
        ModifierOption,
        Product,
        Variant,
    )


class MenuHead(msgspec.Struct, frozen=True):
    """Which version of a store's menu is current and where it lies. All that a 304 needs to read.

    `body_id` names the stored document and `chunks` says in how many pieces it lies; a version that brings an
    older one back shares its body. `size_bytes` is that of the JSON; `counted_skus` is how many it counts.
    """

    store_id: str
    version: int
    etag: str
    published_at: datetime
    published_by: str
    body_id: str
    chunks: int
    size_bytes: int
    currency: str
    counted_skus: int = 0
    note: str = ""
    republished_from: int | None = None


class Offer(msgspec.Struct, frozen=True):
    """A variant, the product that it is one of, and the modifier groups that apply to it."""

    product: Product
    variant: Variant
    modifier_group_ids: tuple[str, ...]

    @property
    def components(self) -> tuple[ComboComponent, ...]:
        """The places to fill when this is a combo."""
        return self.product.components


class Menu(msgspec.Struct, frozen=True):
    """One published version of a store's menu. Immutable; shared by all requests of a process."""

    store_id: str
    version: int
    currency: str
    offers: Mapping[str, Offer]
    groups: Mapping[str, ModifierGroup]
    options: Mapping[tuple[str, str], ModifierOption]
    dayparts: Mapping[str, Daypart]
    categories_of: Mapping[str, tuple[Category, ...]]
    counted_skus: frozenset[str]

    @classmethod
    def of(cls, store_id: str, version: int, document: MenuDocument) -> Menu:
        """Index a document that `check_menu` found sound."""
        options = {(group.id, option.id): option for group in document.modifier_groups for option in group.options}
        offers = {
            variant.sku: Offer(product, variant, product.modifier_group_ids + variant.modifier_group_ids)
            for product in document.products
            for variant in product.variants
        }
        categories_of: dict[str, tuple[Category, ...]] = {}
        for category in document.categories:
            for product_id in category.product_ids:
                categories_of[product_id] = (*categories_of.get(product_id, ()), category)
        counted = {sku for sku, offer in offers.items() if offer.variant.counted}
        counted.update(option.counted_sku for option in options.values() if option.counted_sku)
        return cls(
            store_id=store_id,
            version=version,
            currency=document.currency,
            offers=offers,
            groups={group.id: group for group in document.modifier_groups},
            options=options,
            dayparts={daypart.id: daypart for daypart in document.dayparts},
            categories_of=categories_of,
            counted_skus=frozenset(counted),
        )

    def has(self, kind: str, identifier: str) -> bool:
        """Whether there is such a product, SKU or modifier option on the menu."""
        if kind == "sku":
            return identifier in self.offers or identifier in self.counted_skus
        if kind == "product":
            return any(offer.product.id == identifier for offer in self.offers.values())
        return any(option_id == identifier for _, option_id in self.options)

    def is_sold_at(self, product: Product, at_local: datetime) -> bool:
        """Whether its own dayparts, and those of at least one of its categories, hold this local time.

        No dayparts means at all times; a product that is in no category is bound by its own dayparts alone.
        """
        categories = self.categories_of.get(product.id, ())
        return self._in_daypart(product.daypart_ids, at_local) and (
            not categories or any(self._in_daypart(category.daypart_ids, at_local) for category in categories)
        )

    def next_sold_at(self, product: Product, at_local: datetime) -> datetime | None:
        """The next local time (without a zone) within about a week at which the product is sold."""
        daypart_ids = set(product.daypart_ids)
        for category in self.categories_of.get(product.id, ()):
            daypart_ids.update(category.daypart_ids)
        starts = dayparts.starts_after((self.dayparts[key] for key in daypart_ids), at_local)
        return next((start for start in starts if self.is_sold_at(product, start)), None)

    def _in_daypart(self, daypart_ids: tuple[str, ...], at_local: datetime) -> bool:
        return not daypart_ids or any(dayparts.covers(self.dayparts[key], at_local) for key in daypart_ids)

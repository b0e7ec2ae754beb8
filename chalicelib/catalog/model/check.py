"""Whether a menu makes sense as a whole: everything that is wrong with it, each fault with its pointer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chalicelib.catalog.model.dayparts import minute_of_day
from chalicelib.kernel.errors import Violation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from chalicelib.catalog.document import (
        ComboComponent,
        Daypart,
        MenuDocument,
        ModifierGroup,
        Product,
        Variant,
    )

MOST_VIOLATIONS = 1000
"""After this many the rest is only counted: the answer must fit into what Lambda can carry."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")
_IMAGE = re.compile(r"https://[^\s/?#\"<>\\]+[^\s\"<>\\]*\Z")


def check_menu(document: MenuDocument, currency: str, tax_categories: Collection[str]) -> list[Violation]:
    """All violations of the menu, with pointers into the document; empty when it may be published.

    Parameters
    ----------
    currency
        The store's ISO 4217 currency.
    tax_categories
        The tax categories for which the store has a rate.
    """
    return _MenuCheck(document, currency, tax_categories).run()


class _MenuCheck:
    """One walk through a document."""

    def __init__(self, document: MenuDocument, currency: str, tax_categories: Collection[str]) -> None:
        self._document = document
        self._currency = currency
        self._tax_categories = tax_categories
        self._violations: list[Violation] = []
        self._suppressed = 0
        self._product_of = {variant.sku: product for product in document.products for variant in product.variants}
        self._variants = {variant.sku: variant for product in document.products for variant in product.variants}
        self._product_ids = {product.id for product in document.products}
        self._daypart_ids = {daypart.id for daypart in document.dayparts}
        self._group_ids = {group.id for group in document.modifier_groups}
        self._nested_ids = {
            nested
            for group in document.modifier_groups
            for option in group.options
            for nested in option.modifier_group_ids
        }
        self._offered_ids = self._nested_ids.union(
            *(product.modifier_group_ids for product in document.products),
            *(variant.modifier_group_ids for variant in self._variants.values()),
        )

    def run(self) -> list[Violation]:
        document = self._document
        if document.currency != self._currency:
            self._refuse(
                "currency_mismatch",
                "/currency",
                f"The store sells in {self._currency}.",
                expected=self._currency,
                given=document.currency,
            )
        if not document.products:
            self._refuse("empty_menu", "/products", "A menu needs at least one product.")
        self._check_dayparts()
        self._check_categories()
        self._check_products()
        self._check_groups()
        if self._suppressed:
            detail = f"{self._suppressed} more violations are not listed."
            self._violations.append(Violation("too_many_violations", "", detail, {"not_listed": self._suppressed}))
        return self._violations

    def _check_dayparts(self) -> None:
        self._check_ids("/dayparts", [daypart.id for daypart in self._document.dayparts])
        for number, daypart in enumerate(self._document.dayparts):
            self._check_windows(f"/dayparts/{number}/windows", daypart)

    def _check_windows(self, place: str, daypart: Daypart) -> None:
        if not daypart.windows:
            self._refuse("daypart_without_windows", place, f"{daypart.name} has no time at all.")
        for number, window in enumerate(daypart.windows):
            if not window.days:
                self._refuse("window_without_days", f"{place}/{number}/days", f"{daypart.name}: on which days?")
            if window.start == window.end or minute_of_day(window.start) == 1440:
                self._refuse(
                    "empty_window",
                    f"{place}/{number}",
                    f"{daypart.name}: {window.start} to {window.end} is no time; a day is 00:00 to 24:00.",
                    start=window.start,
                    end=window.end,
                )

    def _check_categories(self) -> None:
        self._check_ids("/categories", [category.id for category in self._document.categories])
        for number, category in enumerate(self._document.categories):
            place = f"/categories/{number}"
            self._check_references(f"{place}/product_ids", category.product_ids, self._product_ids, "product")
            self._check_references(f"{place}/daypart_ids", category.daypart_ids, self._daypart_ids, "daypart")
            if category.image_url is not None:
                self._check_image(f"{place}/image_url", category.image_url)

    def _check_products(self) -> None:
        products = self._document.products
        self._check_ids("/products", [product.id for product in products])
        seen: set[str] = set()
        for number, product in enumerate(products):
            self._check_product(f"/products/{number}", product)
            for position, variant in enumerate(product.variants):
                place = f"/products/{number}/variants/{position}"
                if variant.sku in seen:
                    self._refuse(
                        "duplicate_sku",
                        f"{place}/sku",
                        f"{variant.sku} is on the menu twice.",
                        sku=variant.sku,
                    )
                seen.add(variant.sku)
                self._check_variant(place, product, variant)

    def _check_product(self, place: str, product: Product) -> None:
        if product.tax_category not in self._tax_categories:
            self._refuse(
                "unknown_tax_category",
                f"{place}/tax_category",
                f"The store has no tax rate for {product.tax_category}.",
                tax_category=product.tax_category,
                known=sorted(self._tax_categories),
            )
        if not product.variants:
            self._refuse("no_variants", f"{place}/variants", f"{product.name} can't be bought: it has no variant.")
        for number, url in enumerate(product.image_urls):
            self._check_image(f"{place}/image_urls/{number}", url)
        self._check_references(f"{place}/daypart_ids", product.daypart_ids, self._daypart_ids, "daypart")
        self._check_references(
            f"{place}/modifier_group_ids", product.modifier_group_ids, self._group_ids, "modifier group"
        )
        self._check_ids(f"{place}/components", [component.id for component in product.components])
        for number, component in enumerate(product.components):
            self._check_component(f"{place}/components/{number}", component)

    def _check_variant(self, place: str, product: Product, variant: Variant) -> None:
        self._check_id(f"{place}/sku", variant.sku)
        if variant.price_minor < 0:
            self._refuse(
                "negative_price",
                f"{place}/price_minor",
                f"{product.name} can't cost less than nothing.",
                price_minor=variant.price_minor,
            )
        groups_place = f"{place}/modifier_group_ids"
        self._check_references(groups_place, variant.modifier_group_ids, self._group_ids, "modifier group")
        for number, group_id in enumerate(variant.modifier_group_ids):
            if group_id in product.modifier_group_ids:
                self._refuse(
                    "duplicate_reference",
                    f"{groups_place}/{number}",
                    f"{product.name} already offers {group_id} for all of its variants.",
                    id=group_id,
                )

    def _check_component(self, place: str, component: ComboComponent) -> None:
        self._check_limits(place, component.name, component, sum(choice.max_quantity for choice in component.choices))
        skus = [choice.sku for choice in component.choices]
        self._check_references(f"{place}/choices", skus, self._product_of.keys(), "SKU", "/sku")
        for number, sku in enumerate(skus):
            product = self._product_of.get(sku)
            if product is not None and product.components:
                self._refuse(
                    "combo_in_combo",
                    f"{place}/choices/{number}/sku",
                    f"{product.name} is itself a combo.",
                    sku=sku,
                )

    def _check_groups(self) -> None:
        groups = self._document.modifier_groups
        self._check_ids("/modifier_groups", [group.id for group in groups])
        for number, group in enumerate(groups):
            place = f"/modifier_groups/{number}"
            self._check_limits(place, group.name, group, sum(option.max_quantity for option in group.options))
            if group.min_choices and group.id not in self._offered_ids:
                self._refuse(
                    "unreachable_group",
                    place,
                    f"{group.name} must be answered, but no product or option asks it.",
                    id=group.id,
                )
            self._check_options(f"{place}/options", group)

    def _check_options(self, place: str, group: ModifierGroup) -> None:
        self._check_ids(place, [option.id for option in group.options])
        for number, option in enumerate(group.options):
            nested_place = f"{place}/{number}/modifier_group_ids"
            self._check_references(nested_place, option.modifier_group_ids, self._group_ids, "modifier group")
            if option.modifier_group_ids and group.id in self._nested_ids:
                self._refuse(
                    "nested_too_deep",
                    nested_place,
                    f"{group.name} is asked below an option, so its own options can't ask further.",
                    id=group.id,
                )
            if option.counted_sku is None:
                continue
            sku_place = f"{place}/{number}/counted_sku"
            self._check_id(sku_place, option.counted_sku)
            variant = self._variants.get(option.counted_sku)
            if variant is not None and not variant.counted:
                self._refuse(
                    "not_counted",
                    sku_place,
                    f"{option.counted_sku} is sold as a product that is not counted.",
                    sku=option.counted_sku,
                )

    def _check_limits(self, place: str, name: str, asked: ModifierGroup | ComboComponent, obtainable: int) -> None:
        low, high = asked.min_choices, asked.max_choices
        if low > high:
            detail = f"{name}: at least {low} is more than at most {high}."
            self._refuse("min_above_max", f"{place}/min_choices", detail, min=low, max=high)
        if high < 1:
            self._refuse("nothing_to_choose", f"{place}/max_choices", f"{name}: nothing may be chosen.", max=high)
        if obtainable < max(low, 1):
            self._refuse(
                "unreachable_minimum",
                place,
                f"{name}: {low} must be chosen, and all options together give {obtainable}.",
                min=low,
                obtainable=obtainable,
            )

    def _check_ids(self, place: str, identifiers: Sequence[str]) -> None:
        """Form and uniqueness of the ids of a list's members."""
        seen: set[str] = set()
        for number, identifier in enumerate(identifiers):
            self._check_id(f"{place}/{number}/id", identifier)
            if identifier in seen:
                self._refuse("duplicate_id", f"{place}/{number}/id", f"{identifier} is used twice.", id=identifier)
            seen.add(identifier)

    def _check_references(
        self, place: str, identifiers: Iterable[str], known: Collection[str], what: str, leaf: str = ""
    ) -> None:
        """That every member of a list of references leads somewhere, and none twice to the same."""
        seen: set[str] = set()
        for number, identifier in enumerate(identifiers):
            here = f"{place}/{number}{leaf}"
            if identifier not in known:
                self._refuse("dangling_reference", here, f"There is no {what} {identifier}.", id=identifier)
            elif identifier in seen:
                self._refuse("duplicate_reference", here, f"{identifier} is named twice.", id=identifier)
            seen.add(identifier)

    def _check_id(self, place: str, identifier: str) -> None:
        if not _ID.match(identifier):
            self._refuse(
                "malformed_id",
                place,
                "Letters, digits, '.', '_', ':' and '-' only, and no more than 64.",
                id=identifier,
            )

    def _check_image(self, place: str, url: str) -> None:
        if not _IMAGE.match(url):
            self._refuse("malformed_image_url", place, "An image needs an https address.", url=url)

    def _refuse(self, code: str, pointer: str, detail: str, **params: object) -> None:
        if len(self._violations) < MOST_VIOLATIONS:
            self._violations.append(Violation(code, pointer, detail, params))
        else:
            self._suppressed += 1

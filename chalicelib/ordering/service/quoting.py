"""Quotes: a basket is checked and priced once, and what was said then is charged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from chalicelib.catalog import service as catalog
from chalicelib.catalog.service import LineRequest
from chalicelib.inventory import service as inventory
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import Invalid, NotFound, Violation
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from chalicelib.ordering.model.order import DELIVERY, DINE_IN, Mode, PaymentMethod
from chalicelib.ordering.model.pricing import Breakdown, Fees, Taxation, price_basket
from chalicelib.ordering.model.quote import (
    Destination,
    Line,
    Modifier,
    Quote,
    Substitutes,
    counted_of,
    taxed_amounts,
)
from chalicelib.ordering.tables import DocumentRow, quote_ref, quote_row
from chalicelib.payments import service as payments
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.kernel.geo import Point

QUOTE_LIFE = timedelta(minutes=15)
MAX_SKUS = 60
MAX_CHOICES = 300
MAX_TOTAL_MINOR = 99_999_999  # what the card networks take in one charge, whatever the currency


class Basket(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer asks a price for. ``wanted_at`` None is as soon as possible."""

    store_id: str
    mode: Mode
    lines: tuple[LineRequest, ...]
    address: Destination | None = None
    table: str = ""
    wanted_at: datetime | None = None
    tip: Money | None = None
    substitutes: Substitutes = "ask"

    @property
    def point(self) -> Point | None:
        """Where a delivery goes."""
        return self.address.point if self.address and self.mode == DELIVERY else None

    @property
    def skus(self) -> list[str]:
        """Every SKU that the lines name, each once."""
        named = {line.sku: None for line in self.lines}
        for line in self.lines:
            named.update({component.sku: None for component in line.components})
        return list(named)

    @property
    def choices(self) -> int:
        """How many choices the lines make, nested ones included."""
        own = sum(_choices(line.modifiers) for line in self.lines)
        return own + sum(1 + _choices(part.modifiers) for line in self.lines for part in line.components)


def _choices(modifiers: Sequence[catalog.ModifierChoice]) -> int:
    return sum(1 + _choices(modifier.modifiers) for modifier in modifiers)


class _World(msgspec.Struct, frozen=True):
    """What one request reads to judge a basket."""

    store: stores.Store
    availability: catalog.Availability
    menu: catalog.Menu | None
    stock: dict[str, int | None]


def quote_basket(customer_id: str, basket: Basket) -> Quote:
    """Check and price a basket, and keep the quote for ``QUOTE_LIFE``.

    Raises ``store_not_found``, or ``Invalid`` with every violation at once, each with a pointer into the basket.
    Two requests when the menu is in the process's memory: one read, one write.
    """
    if len(basket.skus) > MAX_SKUS:
        raise Invalid([Violation("too_many_skus", "/lines", "Too many different items.", {"max": MAX_SKUS})])
    if basket.choices > MAX_CHOICES:
        raise Invalid([Violation("too_many_choices", "/lines", "Too many choices.", {"max": MAX_CHOICES})])
    now = clock.now()
    world = _read(basket)
    wanted_at = _bounded(basket.wanted_at, now)
    terms, violations = stores.check_fulfilment(world.store, basket.mode, basket.point, wanted_at, now)
    methods = stores.payment_methods(world.store, basket.mode) if basket.mode in world.store.modes else ()
    priced, line_faults = _price_lines(world, basket, wanted_at or now)
    lines = tuple(priced.values())
    violations += [*_check_table(basket), *_check_tip(world, basket), *line_faults, *_check_stock(world, priced)]
    if terms is None or line_faults:
        raise Invalid(violations)
    fees = _fees(terms)
    tip_minor = basket.tip.amount if basket.tip else 0
    breakdown = price_basket(taxed_amounts(lines), fees, _taxation(world.store), tip_minor=tip_minor)
    payable = _payable(methods, Money(breakdown.total_minor, world.store.currency))
    violations += _check_amounts(breakdown, terms.minimum_order_minor, payable)
    if violations:
        raise Invalid(violations)
    quote = Quote(
        id=ids.new_id("qte"),
        customer_id=customer_id,
        store_id=world.store.id,
        store_name=world.store.name,
        currency=world.store.currency,
        mode=basket.mode,
        lines=lines,
        breakdown=breakdown,
        fees=fees,
        fee_category=world.store.taxes.fee_tax_category,
        menu_version=world.menu.version if world.menu else 0,
        wanted_at=wanted_at,
        ready_at=terms.ready_at,
        promised_at=terms.promised_at,
        created_at=now,
        expires_at=now + QUOTE_LIFE,
        payment_methods=payable,
        destination=basket.address if basket.mode == DELIVERY else None,
        table=basket.table if basket.mode == DINE_IN else "",
        zone_id=terms.zone_id,
        distance_m=terms.distance_m,
        merchant_id=world.store.merchant_id,
        substitutes=basket.substitutes,
    )
    tx = Transaction()
    tx.put(quote_row(quote), DocumentRow.pk.does_not_exist())
    tx.commit()
    return quote


def get_quote(customer_id: str, quote_id: str) -> Quote:
    """A customer's own quote, expired or not. Raises ``quote_not_found``."""
    quote: Quote | None = tables.fetch(quote_ref(customer_id, quote_id))[0]
    if quote is None:
        raise NotFound("quote", quote_id)
    return quote


def _read(basket: Basket) -> _World:
    skus = basket.skus
    store, head, availability, *stock = tables.fetch(
        stores.store_ref(basket.store_id),
        catalog.menu_head_ref(basket.store_id),
        catalog.availability_ref(basket.store_id),
        *(inventory.stock_ref(basket.store_id, sku) for sku in skus),
    )
    if store is None:
        raise NotFound("store", basket.store_id)
    menu = None if head is None else catalog.load_menu(head)
    return _World(store, availability, menu, dict(zip(skus, stock, strict=True)))


def _bounded(wanted_at: datetime | None, now: datetime) -> datetime | None:
    """The wanted time in UTC; what lies absurdly far off is brought to where arithmetic on it can't overflow."""
    if wanted_at is None:
        return None
    span = timedelta(days=1000)
    if not 2000 <= wanted_at.year <= 2200:
        return now - span if wanted_at.year < 2000 else now + span
    return clock.from_epoch_ms(clock.epoch_ms(wanted_at.astimezone(UTC)))


def _check_table(basket: Basket) -> list[Violation]:
    if basket.mode == DINE_IN and not basket.table.strip():
        return [Violation("table_required", "/table", "Say at which table you sit.")]
    return []


def _check_tip(world: _World, basket: Basket) -> list[Violation]:
    if basket.tip is None or basket.tip.currency == world.store.currency:
        return []
    detail = f"This store takes {world.store.currency}."
    return [Violation("currency_mismatch", "/tip/currency", detail, {"currency": world.store.currency})]


def _price_lines(world: _World, basket: Basket, at: datetime) -> tuple[dict[int, Line], list[Violation]]:
    """The lines that could be priced, as of ``at``, by their number; and what is wrong with the others."""
    menu = world.menu
    if menu is None:
        return {}, [Violation("menu_not_published", "/store_id", "This store has no menu yet.")]
    if menu.currency != world.store.currency:
        return {}, [Violation("menu_currency", "/store_id", "The menu has prices in another currency than the store.")]
    from zoneinfo import ZoneInfo

    at_local = at.astimezone(ZoneInfo(world.store.time_zone))
    lines: dict[int, Line] = {}
    violations: list[Violation] = []
    for number, request in enumerate(basket.lines):
        pointer = f"/lines/{number}"
        priced, faults = catalog.price_line(menu, world.availability, request, at_local, pointer)
        violations += faults
        if priced is None:
            continue
        if priced.tax_category not in world.store.taxes.rates:
            detail = f"The store has no tax rate for {priced.tax_category}."
            violations.append(Violation("tax_category_unknown", f"{pointer}/sku", detail))
            continue
        parts = tuple(menu.offers[component.sku].product.id for component in request.components)
        lines[number] = _line(priced, parts)
    return lines, violations


def _line(priced: catalog.PricedLine, component_product_ids: tuple[str, ...]) -> Line:
    """The line as the quote keeps it."""
    return Line(
        sku=priced.sku,
        product_id=priced.product_id,
        name=priced.name,
        variant_name=priced.variant_name,
        quantity=priced.quantity,
        unit_minor=priced.unit_minor,
        total_minor=priced.total_minor,
        tax_category=priced.tax_category,
        modifiers=tuple(Modifier(**msgspec.structs.asdict(modifier)) for modifier in priced.modifiers),
        note=priced.note,
        counted=priced.counted,
        minimum_age=priced.minimum_age,
        component_product_ids=component_product_ids,
        weight_grams=priced.weight_grams,
        by_weight_minor=priced.by_weight_minor,
    )


def _check_stock(world: _World, lines: Mapping[int, Line]) -> list[Violation]:
    """What the stock can't give; a counted SKU whose stock was never stated is sold out."""
    needed = counted_of(tuple(lines.values()))
    if len(needed) > MAX_SKUS:
        return [Violation("too_many_skus", "/lines", "Too many different items.", {"max": MAX_SKUS})]
    unread = [sku for sku in needed if sku not in world.stock]
    levels = dict(world.stock)
    if unread:
        # Options that are counted under a SKU of their own: known only once the menu has been read.
        read = tables.fetch(*(inventory.stock_ref(world.store.id, sku) for sku in unread))
        levels.update(zip(unread, read, strict=True))
    pointers = pointers_of(lines)
    return [
        Violation(
            "out_of_stock",
            pointers[sku],
            f"Only {levels[sku] or 0} left.",
            {"sku": sku, "requested": quantity, "available": levels[sku] or 0},
        )
        for sku, quantity in needed.items()
        if quantity > (levels[sku] or 0)
    ]


def pointers_of(lines: Mapping[int, Line]) -> dict[str, str]:
    """For each counted SKU the pointer to the first line (by number) that takes it."""
    pointers: dict[str, str] = {}
    for number, line in lines.items():
        for sku in line.counted:
            pointers.setdefault(sku, f"/lines/{number}")
    return pointers


def _fees(terms: stores.FulfilmentTerms) -> Fees:
    return Fees(
        delivery_minor=terms.fee_minor,
        free_from_minor=terms.free_from_minor,
        small_order_below_minor=terms.small_order_below_minor,
        small_order_minor=terms.small_order_fee_minor,
    )


def _taxation(store: stores.Store) -> Taxation:
    return Taxation(
        prices_include_tax=store.taxes.prices_include_tax,
        rates=store.taxes.rates,
        fee_category=store.taxes.fee_tax_category,
    )


def _payable(methods: Sequence[PaymentMethod], total: Money) -> tuple[PaymentMethod, ...]:
    """How this total can be paid: a card takes neither nothing at all nor a fortune."""
    return tuple(method for method in methods if payments.can_pay(method, total))


def _check_amounts(breakdown: Breakdown, minimum_minor: int, payable: Sequence[str]) -> list[Violation]:
    violations: list[Violation] = []
    if breakdown.items_minor < minimum_minor:
        params = {
            "minimum_minor": minimum_minor,
            "items_minor": breakdown.items_minor,
            "missing_minor": minimum_minor - breakdown.items_minor,
        }
        violations.append(Violation("below_minimum", "/lines", "The order is below the store's minimum.", params))
    if breakdown.total_minor > MAX_TOTAL_MINOR:
        detail = "The order is larger than one payment can be."
        violations.append(Violation("total_too_large", "/lines", detail, {"max_minor": MAX_TOTAL_MINOR}))
    if not payable:
        violations.append(Violation("no_payment_method", "/mode", "This store takes no payment for such an order."))
    return violations

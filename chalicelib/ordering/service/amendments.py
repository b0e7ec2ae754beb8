"""What a store found about an accepted order, priced: as an amendment of its bill."""

from __future__ import annotations

from collections.abc import Mapping  # resolved at run time by msgspec

import msgspec

from chalicelib.catalog import service as catalog
from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Invalid, NotFound, Violation
from chalicelib.ordering.model.order import CASH_ON_DELIVERY, PAY_AT_STORE, Order
from chalicelib.ordering.model.pricing import charged
from chalicelib.ordering.model.quote import Quote, price_by_weight
from chalicelib.payments import service as payments
from chalicelib.stores import service as stores

IN_CASH = (CASH_ON_DELIVERY, PAY_AT_STORE)


class Substitute(msgspec.Struct, frozen=True, kw_only=True):
    """So many pieces of a line, and what is given for each of them."""

    line: str
    request: catalog.LineRequest


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """What the store found: pieces missing by line, grams of all pieces of a line, and what it would give instead."""

    missing: Mapping[str, int] = {}
    weighed: Mapping[str, int] = {}
    substituted: tuple[Substitute, ...] = ()


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """An order about to be changed, as it was read in one moment."""

    order: Order
    document: Quote
    payment: payments.Payment
    bill: payments.Bill

    @property
    def needs_hold(self) -> bool:
        """Whether more than before has to be held before it may be taken."""
        return self.payment.state is payments.State.AUTHORISED and self.order.payment_method not in IN_CASH


class Priced(msgspec.Struct, frozen=True):
    """An amendment, the counted SKUs that it takes from stock, and where in the request each of them is named."""

    change: payments.Amendment
    reserved: dict[str, int]
    pointers: dict[str, str]


def amendment_of(subject: Subject, adjustment: Adjustment) -> Priced:
    """What the store found as a change of the bill, and the counted SKUs that it takes. Raises ``Invalid``."""
    swaps, reserved, pointers = _price(subject, adjustment.substituted)
    change = payments.Amendment(missing=adjustment.missing, weighed=_weigh(subject, adjustment), swaps=swaps)
    return Priced(change, reserved, pointers)


def ceiling_of(subject: Subject) -> int:
    """What may be taken without asking: what is held; where nothing is held yet, what the customer was told last."""
    if subject.needs_hold:
        return subject.payment.ceiling_minor
    return max(subject.document.total.amount, subject.payment.amount.amount)


def _weigh(subject: Subject, adjustment: Adjustment) -> tuple[payments.Weighed, ...]:
    document = subject.document
    on_bill = {line.ref: line for line in subject.bill.lines}
    weighed, faults = [], []
    for number, (ref, grams) in enumerate(adjustment.weighed.items()):
        pointer = f"/weighed/{number}/line"
        line = document.lines[int(ref)] if int(ref) < len(document.lines) else None
        gone = adjustment.missing.get(ref, 0) + sum(
            each.request.quantity for each in adjustment.substituted if each.line == ref
        )
        if line is None:
            faults.append(Violation("line_not_on_bill", pointer, "There is no such line.", {"line": ref}))
        elif not line.weight_grams:
            faults.append(Violation("not_sold_by_weight", pointer, f"{line.name} is sold by the piece.", {"line": ref}))
        elif on_bill[ref].quantity <= gone:
            faults.append(Violation("quantity_not_left", pointer, "Nothing is left of this line.", {"line": ref}))
        else:
            pieces = on_bill[ref].quantity - gone
            rate = on_bill[ref].tax_rate_bps
            price = price_by_weight(line, grams, pieces)
            gross, tax = charged(price, rate, tax_included=document.breakdown.tax_included)
            weighed.append(payments.Weighed(ref=ref, gross=gross, tax=tax))
    if faults:
        raise Invalid(faults)
    return tuple(weighed)


def _price(
    subject: Subject, substituted: tuple[Substitute, ...]
) -> tuple[tuple[payments.Swap, ...], dict[str, int], dict[str, str]]:
    if not substituted:
        return (), {}, {}
    document = subject.document
    if document.substitutes == "none":
        detail = "This customer wants nothing else."
        raise Invalid([Violation("substitution_not_wanted", "/substituted", detail)])
    from zoneinfo import ZoneInfo

    store_id = subject.order.store_id
    store, head, availability = tables.fetch(
        stores.store_ref(store_id), catalog.menu_head_ref(store_id), catalog.availability_ref(store_id)
    )
    if store is None or head is None:
        raise NotFound("store", store_id)
    menu = catalog.load_menu(head)
    at_local = clock.now().astimezone(ZoneInfo(store.time_zone))
    swaps, faults = [], []
    reserved: dict[str, int] = {}
    pointers: dict[str, str] = {}
    for number, substitute in enumerate(substituted):
        pointer = f"/substituted/{number}"
        priced, wrong = catalog.price_line(menu, availability, substitute.request, at_local, pointer)
        faults += wrong
        if priced is None:
            continue
        faults += _not_to_be_given(priced, document, store, menu, pointer)
        for sku, count in priced.counted.items():
            reserved[sku] = reserved.get(sku, 0) + count
            pointers.setdefault(sku, pointer)
        swaps.append(_swap(substitute, priced, document, store))
    if faults:
        raise Invalid(faults)
    return tuple(swaps), reserved, pointers


def _not_to_be_given(
    priced: catalog.PricedLine, document: Quote, store: stores.Store, menu: catalog.Menu, pointer: str
) -> list[Violation]:
    faults = []
    if priced.tax_category not in store.taxes.rates:
        detail = f"The store has no tax rate for {priced.tax_category}."
        faults.append(Violation("tax_category_unknown", f"{pointer}/sku", detail))
    if menu.currency != document.currency:
        faults.append(Violation("menu_currency", f"{pointer}/sku", "The menu has prices in another currency."))
    if priced.minimum_age > document.minimum_age:
        params = {"minimum_age": priced.minimum_age}
        detail = "Nobody was told to check an age for this order."
        faults.append(Violation("age_not_checked", f"{pointer}/sku", detail, params))
    return faults


def _swap(substitute: Substitute, priced: catalog.PricedLine, document: Quote, store: stores.Store) -> payments.Swap:
    rate = store.taxes.rates.get(priced.tax_category, 0)
    gross, tax = charged(priced.total_minor, rate, tax_included=document.breakdown.tax_included)
    line = payments.BillLine(
        ref="",
        quantity=priced.quantity,
        gross=gross,
        tax=tax,
        tax_rate_bps=rate,
        name=f"{priced.name} {priced.variant_name}".rstrip(),
        sku=priced.sku,
    )
    return payments.Swap(ref=substitute.line, quantity=priced.quantity, by=line, asks=document.substitutes == "ask")

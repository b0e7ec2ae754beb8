"""Whether a store's settings make sense together: every fault at once, each with a pointer into the store's JSON."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.kernel import money
from chalicelib.kernel.errors import Violation
from chalicelib.kernel.wallets import CURRENCIES, takes
from chalicelib.stores.model.countries import is_country
from chalicelib.stores.model.hours import HoursError, hours
from chalicelib.stores.model.store import PAYABLE, payment_methods
from chalicelib.stores.model.zone_checks import check_zones

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.kernel.money import Money
    from chalicelib.stores.model.store import Store

MAX_LATITUDE = 85.0

# Names of the zone database that are no places.
_NO_ZONES = frozenset(("Factory", "localtime", "posixrules"))


def check_store(store: Store) -> list[Violation]:
    """Everything that is wrong with a store; pointers are those of the body that creates or changes it."""
    return [
        *_check_place(store),
        *_check_hours(store),
        *_check_money(store),
        *_check_taxes(store),
        *_check_payment_methods(store),
        *check_zones(store),
    ]


def _check_place(store: Store) -> Iterator[Violation]:
    if not is_country(store.country):
        yield Violation(
            "country_unknown",
            "/country",
            f"{store.country!r} is not an ISO 3166-1 alpha-2 country code, as DE is.",
        )
    if not is_time_zone(store.time_zone):
        yield Violation(
            "time_zone_unknown",
            "/time_zone",
            f"{store.time_zone!r} is not an IANA time zone, as Europe/Berlin is.",
        )
    if abs(store.point.lat) > MAX_LATITUDE:
        yield Violation("too_near_pole", "/point/lat", f"Stores lie between {MAX_LATITUDE:.0f}° south and north.")
    if not store.modes:
        yield Violation("mode_required", "/modes", "A store serves at least one of dine_in, pickup and delivery.")


def _check_hours(store: Store) -> Iterator[Violation]:
    if not is_country(store.country) or not is_time_zone(store.time_zone):
        return
    expressions = {"/opening_hours": store.opening_hours} | {
        f"/modes/{mode}/opening_hours": settings.opening_hours
        for mode, settings in store.modes.items()
        if settings.opening_hours is not None
    }
    for pointer, expression in expressions.items():
        try:
            hours(expression, country=store.country, time_zone=store.time_zone, point=store.point)
        except HoursError as error:
            yield Violation(error.code, pointer, str(error), error.params)


def _check_money(store: Store) -> Iterator[Violation]:
    if not money.is_currency(store.currency):
        yield Violation("currency_unknown", "/currency", f"{store.currency!r} is not an ISO 4217 code, as EUR is.")
    for pointer, amount in _amounts(store):
        if amount is not None and amount.currency != store.currency:
            yield Violation(
                "currency_mismatch",
                f"{pointer}/currency",
                f"Amounts of this store are in {store.currency}, not {amount.currency}.",
                {"currency": store.currency},
            )


def _amounts(store: Store) -> Iterator[tuple[str, Money | None]]:
    for i, zone in enumerate(store.zones):
        yield f"/zones/{i}/minimum_order", zone.minimum_order
        yield f"/zones/{i}/free_from", zone.free_from
        for j, tier in enumerate(zone.tiers):
            yield f"/zones/{i}/tiers/{j}/fee", tier.fee
    if store.small_order_fee:
        yield "/small_order_fee/below", store.small_order_fee.below
        yield "/small_order_fee/fee", store.small_order_fee.fee


def _check_taxes(store: Store) -> Iterator[Violation]:
    if store.taxes.fee_tax_category not in store.taxes.rates:
        yield Violation(
            "tax_category_unknown",
            "/taxes/fee_tax_category",
            f"There is no rate for {store.taxes.fee_tax_category!r}.",
            {"known": sorted(store.taxes.rates)},
        )


def _check_payment_methods(store: Store) -> Iterator[Violation]:
    for i, method in enumerate(store.payment_methods):
        if not takes(method, store.currency):
            yield Violation(
                "payment_method_currency",
                f"/payment_methods/{i}",
                f"{method} can't be paid in {store.currency}.",
                {"method": method, "currencies": sorted(CURRENCIES[method])},
            )
    for mode in store.modes:
        if not payment_methods(store, mode):
            yield Violation(
                "mode_not_payable",
                "/payment_methods",
                f"No payment method is left for {mode}: add one of {', '.join(PAYABLE[mode])}.",
                {"mode": mode},
            )


@lru_cache(maxsize=1024)
def is_time_zone(name: str) -> bool:
    """Whether ``name`` is a zone of the IANA database that a clock can be set by."""
    import zoneinfo

    return name not in _NO_ZONES and name in _zone_names(zoneinfo.TZPATH)


@lru_cache(maxsize=1)
def _zone_names(_path: tuple[str, ...]) -> frozenset[str]:
    import zoneinfo

    return frozenset(zoneinfo.available_timezones())

"""Getting a quote: everything is checked, everything is told, and what was told is what counts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.catalog import service as catalog
from chalicelib.inventory import service as inventory
from chalicelib.kernel.errors import Invalid, NotFound
from chalicelib.kernel.money import Money
from chalicelib.ordering import service
from tests.ordering import world
from tests.ordering.world import NOON, Shop, open_shop, pizza, refusal


def test_a_quote_adds_up_and_can_be_computed_again(shop: Shop) -> None:
    quote = shop.quote(tip=Money(200, "EUR"))

    assert quote.breakdown.items_minor == 2 * 1150 + 990 + 290
    assert quote.breakdown.delivery_fee_minor == 290
    assert quote.total == Money(3580 + 290 + 200, "EUR")
    assert service.get_quote(shop.customer_id, quote.id) == quote
    assert service.get_quote(shop.customer_id, quote.id).reprice() == quote.breakdown


def test_a_quote_promises_a_time_and_expires(shop: Shop) -> None:
    quote = shop.quote()

    assert quote.ready_at == NOON + timedelta(minutes=20)
    assert quote.promised_at > quote.ready_at
    assert quote.expires_at == NOON + timedelta(minutes=15)


def test_nobody_sees_the_quote_of_another(shop: Shop) -> None:
    quote = shop.quote()

    with pytest.raises(NotFound):
        service.get_quote("cus_other", quote.id)


def test_everything_that_is_wrong_is_told_at_once(shop: Shop) -> None:
    inventory.set_stock(shop.id, "SAL-CAES", 1)
    catalog.eighty_six(shop.id, "product", "prd_wine", None)
    far_away = service.Destination(lat=48.1, lng=11.5, street="Marienplatz 1")

    with pytest.raises(Invalid) as refused:
        shop.quote(
            pizza(modifiers=()),
            service.LineRequest(sku="SAL-CAES", quantity=2),
            service.LineRequest(sku="DRK-CHIANTI"),
            service.LineRequest(sku="NO-SUCH"),
            address=far_away,
            tip=Money(100, "USD"),
        )

    assert refusal(refused.value) == {
        ("outside_delivery_zone", "/address"),
        ("currency_mismatch", "/tip/currency"),
        ("modifier_min", "/lines/0/modifiers"),
        ("out_of_stock", "/lines/1"),
        ("unavailable_86", "/lines/2/sku"),
        ("unknown_sku", "/lines/3/sku"),
    }


def test_what_is_short_says_how_much_is_left(shop: Shop) -> None:
    inventory.set_stock(shop.id, "PIZ-MARG-32", 3)

    with pytest.raises(Invalid) as refused:
        shop.quote(pizza(2), pizza(2, modifiers=(service.ModifierChoice(group_id="crust", option_id="classic"),)))

    (violation,) = refused.value.violations
    assert violation.params == {"sku": "PIZ-MARG-32", "requested": 4, "available": 3}


def test_a_counted_option_is_looked_up_although_no_line_names_its_sku(shop: Shop) -> None:
    crust = service.ModifierChoice(group_id="crust", option_id="classic")
    truffle = service.ModifierChoice(group_id="extras", option_id="truffle")

    with pytest.raises(Invalid) as refused:
        shop.quote(pizza(modifiers=(crust, truffle)))
    assert refusal(refused.value) == {("out_of_stock", "/lines/0")}

    inventory.set_stock(shop.id, "TRUFFLE", 1)
    assert shop.quote(pizza(modifiers=(crust, truffle))).counted == {"PIZ-MARG-32": 1, "TRUFFLE": 1}


def test_a_combo_takes_its_parts_from_stock(shop: Shop) -> None:
    deal = service.LineRequest(
        sku="CMB-LUNCH",
        components=(
            service.ComponentChoice(component_id="main", sku="SAL-CAES"),
            service.ComponentChoice(component_id="drink", sku="DRK-COLA-33"),
        ),
    )

    quote = shop.quote(deal)

    assert quote.counted == {"SAL-CAES": 1, "DRK-COLA-33": 1}
    assert quote.breakdown.items_minor == 1250
    assert quote.lines[0].component_product_ids == ("prd_caesar", "prd_cola")


def test_dayparts_hold_for_the_time_at_which_the_order_is_wanted(shop: Shop) -> None:
    deal = service.LineRequest(
        sku="CMB-LUNCH",
        components=(
            service.ComponentChoice(component_id="main", sku="SAL-CAES"),
            service.ComponentChoice(component_id="drink", sku="DRK-COLA-33"),
        ),
    )

    with pytest.raises(Invalid) as refused:
        shop.quote(deal, wanted_at=NOON + timedelta(hours=8))
    assert refusal(refused.value) == {("outside_daypart", "/lines/0/sku")}

    tomorrow = NOON + timedelta(days=1)
    assert shop.quote(deal, wanted_at=tomorrow).promised_at == tomorrow


def test_a_closed_store_and_a_small_basket(dynamodb: object, noon: None) -> None:
    shop = open_shop(opening_hours="Tu-Su 10:00-22:00")

    with pytest.raises(Invalid) as refused:
        shop.quote()
    assert refusal(refused.value) == {("store_closed", "/wanted_at")}

    with pytest.raises(Invalid) as refused:
        shop.quote(service.LineRequest(sku="DRK-COLA-33"), wanted_at=NOON + timedelta(days=1))
    assert refusal(refused.value) == {("below_minimum", "/lines")}
    assert refused.value.violations[0].params["missing_minor"] == 710


def test_a_small_order_pays_for_it(shop: Shop) -> None:
    assert shop.quote(pizza()).breakdown.small_order_fee_minor == 100
    assert shop.quote(pizza(2)).breakdown.small_order_fee_minor == 0


def test_a_table_is_needed_to_eat_in_and_an_address_is_not_kept(shop: Shop) -> None:
    with pytest.raises(Invalid) as refused:
        shop.quote(mode="dine_in", table=" ")
    assert refusal(refused.value) == {("table_required", "/table")}

    quote = shop.quote(mode="dine_in", table="7", address=world.DOOR)
    assert (quote.table, quote.destination) == ("7", None)


@pytest.mark.parametrize(
    ("mode", "methods"),
    [
        ("delivery", ("card", "cash_on_delivery")),
        ("pickup", ("card", "pay_at_store")),
        ("dine_in", ("card", "pay_at_store")),
    ],
)
def test_a_quote_says_how_it_can_be_paid(shop: Shop, mode: str, methods: tuple[str, ...]) -> None:
    assert shop.quote(mode=mode).payment_methods == methods


def test_absurd_times_are_refused_and_nothing_breaks(shop: Shop) -> None:
    from datetime import UTC, datetime, timezone

    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    last = datetime(9999, 12, 31, 23, 59, tzinfo=timezone(-timedelta(hours=12)))
    for wanted_at, code in ((first, "wanted_time_in_past"), (last, "wanted_time_too_far")):
        with pytest.raises(Invalid) as refused:
            shop.quote(wanted_at=wanted_at.astimezone(UTC) if wanted_at is None else wanted_at)
        assert refusal(refused.value) == {(code, "/wanted_at")}


def test_a_store_that_nobody_knows(shop: Shop) -> None:
    with pytest.raises(NotFound):
        service.quote_basket(shop.customer_id, service.Basket(store_id="sto_x", mode="pickup", lines=(pizza(),)))


def test_a_warm_quote_is_one_read_and_one_write_of_one_unit(shop: Shop) -> None:
    shop.quote()

    with world.metered() as meter:
        shop.quote(tip=Money(200, "EUR"))

    assert meter.requests == ["BatchGetItem", "PutItem"]
    assert meter.written == 1

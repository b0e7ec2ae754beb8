"""The money of an order over HTTP: bill, ledger in words, refunds, adjustments, tips, and who may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import clock, ids
from chalicelib.kernel.event_types import TipNotified
from chalicelib.kernel.events import ROUTES, envelope
from chalicelib.kernel.principals import ADMIN, CUSTOMER, STAFF
from chalicelib.ordering import service
from chalicelib.payments import provider
from chalicelib.payments import service as payments
from chalicelib.stores import service as stores
from tests.edge.conftest import Answer
from tests.ordering import world

if TYPE_CHECKING:
    from tests.ordering.world import Shop, Stripe


def settle(order_id: str) -> None:
    """Deliver to the payment centre everything that was emitted about an order."""
    news = [told for told in world.emitted(order_id) if "payments" in ROUTES.get(told.type, ())]
    assert world.deliver("payments", *news) == []


def picked_up(shop: Shop, stripe: Stripe, **fields: Any) -> service.Order:
    """An order that its customer has taken at the counter, and paid."""
    order = shop.make_ready(shop.placed_and_paid(stripe, mode="pickup", **fields))
    done = service.hand_over_order(shop.command(order), order.pickup_code, None)
    settle(order.id)
    return done


def refund(tablet: Any, order: service.Order, body: dict[str, Any], key: str | None = None) -> Answer:
    path = f"/v1/stores/{order.store_id}/orders/{order.id}/refunds"
    answer: Answer = tablet("POST", path, {"reason": "quality", **body}, idempotency_key=key or ids.new_id("key"))
    return answer


def test_the_bill_is_what_was_quoted_part_by_part(shop: Shop, customer: Any, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe)
    told = customer("GET", f"/v1/orders/{order.id}/money").json

    assert told["bill"]["total"]["amount"] == told["quoted"]["amount"] == order.total.amount
    assert sum(part["gross"]["amount"] for part in told["bill"]["parts"]) == order.total.amount
    assert [part["name"] for part in told["bill"]["parts"]][:2] == ["Pizza Margherita", "Caesar Salad"]
    quoted = customer("GET", f"/v1/orders/{order.id}").json["breakdown"]["taxes"]
    assert {tax["rate_basis_points"]: tax["tax"]["amount"] for tax in told["bill"]["taxes"]} == {
        tax["rate_basis_points"]: tax["tax"]["amount"] for tax in quoted
    }
    assert [movement["kind"] for movement in told["movements"]] == ["authorised"]


def test_the_story_of_an_order_from_the_hold_to_the_last_refund(
    shop: Shop, customer: Any, tablet: Any, stripe: Stripe
) -> None:
    order = picked_up(shop, stripe)
    total = order.total.amount
    asked = refund(tablet, order, {"lines": [{"line": "0", "quantity": 1}]})
    assert (asked.status, asked.json["state"], asked.json["amount"]["amount"]) == (201, "pending", 1150)
    settle(order.id)
    assert refund(tablet, order, {"paid_by": "platform"}).json["amount"]["amount"] == total - 1150
    settle(order.id)

    told = customer("GET", f"/v1/orders/{order.id}/money").json
    assert [movement["kind"] for movement in told["movements"]] == ["authorised", "captured", "refunded", "refunded"]
    assert told["movements"][2]["text"] == "11.50 EUR was refunded."
    assert [movement["amount"]["amount"] for movement in told["movements"]] == [total, total, 1150, total - 1150]
    assert [each["state"] for each in told["refunds"]] == ["settled", "settled"]
    assert told["payment"]["state"] == "refunded"

    ours = tablet("GET", f"/v1/stores/{shop.id}/orders/{order.id}/money").json
    assert {entry["kind"] for entry in ours["entries"]} == {"authorised", "captured", "sale", "refunded"}
    for entry in ours["entries"]:
        assert sum(line["amount"]["amount"] for line in entry["lines"]) == 0
    assert sum(ours["balances"].values()) == 0
    assert "stripe:clearing" not in ours["balances"]
    assert ours["terms_version"] == 0
    (intent,) = stripe.intents_of(order.id)
    assert intent["refunded"] == total


def test_a_repeated_refund_has_the_first_answer(shop: Shop, tablet: Any, stripe: Stripe) -> None:
    order = picked_up(shop, stripe)
    half = {"amount": {"amount": 500, "currency": "EUR"}}
    first, again = (refund(tablet, order, half, "key-of-the-refund") for _ in range(2))
    assert first.json == again.json
    assert again.headers["idempotent-replayed"] == "true"
    assert len(payments.refunds_of(order.id)) == 1


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        ({"lines": [{"line": "0", "quantity": 9}]}, "quantity_not_left"),
        ({"lines": [{"line": "7"}]}, "line_not_on_bill"),
        ({"lines": [{"line": "0"}, {"line": "0"}]}, "line_repeated"),
        ({"amount": {"amount": 99_999, "currency": "EUR"}}, "amount_not_left"),
        ({"amount": {"amount": 1, "currency": "USD"}}, "currency_mismatch"),
        ({"amount": {"amount": 1, "currency": "EUR"}, "lines": [{"line": "0"}]}, "lines_or_amount"),
        ({"paid_by": "rider"}, "no_rider"),
    ],
)
def test_what_can_not_be_refunded_is_told(
    shop: Shop, tablet: Any, stripe: Stripe, wanted: dict[str, Any], fault: str
) -> None:
    answer = refund(tablet, picked_up(shop, stripe), wanted)
    assert (answer.status, answer.json["errors"][0]["code"]) == (422, fault)


def test_what_was_not_taken_is_not_refunded(shop: Shop, tablet: Any, stripe: Stripe) -> None:
    answer = refund(tablet, shop.placed_and_paid(stripe), {})
    assert (answer.status, answer.json["code"]) == (409, "payment_not_captured")


def test_missing_pieces_are_not_taken_from_the_card(shop: Shop, customer: Any, tablet: Any, stripe: Stripe) -> None:
    order = shop.make_ready(shop.placed_and_paid(stripe, mode="pickup"))
    path = f"/v1/stores/{shop.id}/orders/{order.id}"
    missing = {"missing": [{"line": "0", "quantity": 1}]}
    assert tablet("POST", f"{path}/adjust", missing, if_match='"1"').status == 412
    answer = tablet("POST", f"{path}/adjust", missing, if_match=f'"{order.version}"')
    assert answer.status == 200
    less = order.total.amount - 1150
    adjusted = world.order_of(order.id)
    assert adjusted.total.amount == less
    assert adjusted.timeline[-1].step == "adjusted"

    service.hand_over_order(shop.command(adjusted), order.pickup_code, None)
    settle(order.id)
    (intent,) = stripe.intents_of(order.id)
    assert (intent["captured"], intent["capturable"]) == (less, 0)
    told = customer("GET", f"/v1/orders/{order.id}/money").json
    assert told["quoted"]["amount"] == order.total.amount
    assert told["bill"]["total"]["amount"] == told["payment"]["captured"]["amount"] == less
    assert refund(tablet, order, {}).json["amount"]["amount"] == less
    settle(order.id)
    assert "stripe:clearing" not in payments.balances(payments.entries_of_order(order.id))


def test_what_is_adjusted_stays_within_reason(shop: Shop, tablet: Any, stripe: Stripe) -> None:
    placed = shop.placed_and_paid(stripe, mode="pickup")
    path = f"/v1/stores/{shop.id}/orders/{placed.id}/adjust"
    all_of_it = {"missing": [{"line": "0", "quantity": 2}, {"line": "1"}, {"line": "2"}]}

    early = tablet("POST", path, all_of_it, if_match=f'"{placed.version}"')
    assert early.json["code"] == "order_status_conflict"
    accepted = service.accept_order(shop.command(placed), 20)
    version = f'"{accepted.version}"'
    assert tablet("POST", path, all_of_it, if_match=version).json["code"] == "nothing_left"
    too_many = tablet("POST", path, {"missing": [{"line": "0", "quantity": 3}]}, if_match=version)
    assert too_many.json["errors"][0]["code"] == "quantity_not_left"


def test_a_tip_afterwards_is_paid_by_itself_and_is_the_stores(
    shop: Shop, customer: Any, tablet: Any, stripe: Stripe
) -> None:
    order = picked_up(shop, stripe)
    path, tip = f"/v1/orders/{order.id}/tips", {"amount": {"amount": 300, "currency": "EUR"}}
    offered = customer("POST", path, tip, idempotency_key="tip-1")
    assert (offered.status, offered.json["state"]) == (201, "requires_payment")
    again = customer("POST", path, tip, idempotency_key="tip-1")
    assert again.json["client_secret"] == offered.json["client_secret"]
    other = customer("POST", path, tip, idempotency_key="tip-2")
    assert (other.status, other.json["code"]) == (409, "tip_exists")

    intent_id = offered.json["payment_intent_id"]
    told = envelope(TipNotified(order_id=order.id, payment_intent_id=intent_id))
    assert world.deliver("payments", told) == []
    assert payments.balances(payments.entries_of_order(order.id))["stripe:clearing"] == order.total.amount
    stripe._call(
        f"/v1/payment_intents/{intent_id}/confirm",
        f"client_secret={offered.json['client_secret']}&payment_method=pm_card_visa",
    )
    for _ in range(2):
        assert world.deliver("payments", told) == []
    story = customer("GET", f"/v1/orders/{order.id}/money").json
    assert story["tip"]["state"] == "captured"
    assert story["movements"][-1]["text"] == "A tip of 3.00 EUR was paid."
    balances = payments.balances(payments.entries_of_order(order.id))
    assert balances["stripe:clearing"] == order.total.amount + 300


def test_a_tip_waits_for_the_payment(shop: Shop, customer: Any, stripe: Stripe) -> None:
    order = shop.place()
    tip = {"amount": {"amount": 300, "currency": "EUR"}}
    answer = customer("POST", f"/v1/orders/{order.id}/tips", tip, idempotency_key="tip")
    assert (answer.status, answer.json["code"]) == (409, "order_status_conflict")


def test_an_order_keeps_the_terms_under_which_it_was_placed(
    shop: Shop, call_as: Any, tablet: Any, stripe: Stripe
) -> None:
    merchant = f"/v1/merchants/{shop.store.merchant_id}/terms"
    admin = call_as("adm", ADMIN)
    begins = clock.rfc3339(clock.now().replace(year=2099))
    rates = {"delivery": 2500, "pickup": 1000, "dine_in": 0}
    agreed = admin("POST", merchant, {"valid_from": begins, "commission": rates}, idempotency_key=ids.new_id("key"))
    assert (agreed.status, [terms["version"] for terms in agreed.json["versions"]]) == (201, [0, 1])
    past = {"valid_from": "2001-01-01T00:00:00Z", "commission": rates}
    refused = admin("POST", merchant, past, idempotency_key=ids.new_id("key"))
    assert refused.json["errors"][0]["code"] == "in_the_past"
    assert tablet("GET", merchant).json == agreed.json
    assert stores.is_merchant_owner(shop.owner_id, shop.store.merchant_id)

    before = picked_up(shop, stripe)
    assert payments.get_payment(before.id).terms_version == 0
    with clock.freeze(clock.parse(begins)):
        after = picked_up(shop, stripe)
        assert payments.get_payment(after.id).terms_version == 1
    ours = tablet("GET", f"/v1/stores/{shop.id}/orders/{after.id}/money").json
    items = sum(part["gross"]["amount"] - part["tax"]["amount"] for part in ours["bill"]["parts"])
    (sale,) = (entry for entry in ours["entries"] if entry["kind"] == "sale")
    commission = [
        line["amount"]["amount"]
        for line in sale["lines"]
        if line["about"] == "commission" and line["account"] == f"store:{shop.id}"
    ]
    assert commission == [round(items / 10)]


def test_nobody_else_sees_or_moves_the_money(shop: Shop, call_as: Any, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe)
    stranger, staff = call_as("stranger", CUSTOMER), call_as("stranger", STAFF)
    other = world.open_shop()
    theirs = call_as(other.owner_id, STAFF)
    assert stranger("GET", f"/v1/orders/{order.id}/money").status == 404
    tip = {"amount": {"amount": 300, "currency": "EUR"}}
    assert stranger("POST", f"/v1/orders/{order.id}/tips", tip, idempotency_key="t").status == 404
    assert staff("GET", f"/v1/stores/{shop.id}/orders/{order.id}/money").status == 403
    assert theirs("GET", f"/v1/stores/{other.id}/orders/{order.id}/money").status == 404
    elsewhere = f"/v1/stores/{other.id}/orders/{order.id}/refunds"
    assert theirs("POST", elsewhere, {"reason": "late"}, idempotency_key="r").status == 404


def test_a_tips_notice_is_for_the_payment_centre() -> None:
    assert provider.TIP_OF != "order_id"

"""Claims and proposals over HTTP: what customers and tablets see, and when a poll brings news."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import ids
from chalicelib.kernel.principals import CUSTOMER, STAFF
from chalicelib.ordering import service
from chalicelib.payments import provider
from tests.ordering.test_claims import accepted, completed, settle

if TYPE_CHECKING:
    from tests.ordering.world import Shop, Stripe


def euros(amount: int, currency: str = "EUR") -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def test_a_complaint_from_the_bag_to_the_money_back(shop: Shop, customer: Any, tablet: Any, stripe: Stripe) -> None:
    order = completed(shop, stripe)
    own, store = f"/v1/orders/{order.id}", f"/v1/stores/{shop.id}"
    seen = customer("GET", own).headers["etag"]
    board = tablet("GET", f"{store}/board").headers["etag"]
    body = {"kind": "complaint", "reason": "damaged", "lines": [{"line": "0"}], "note": "Squashed."}
    asked = customer("POST", f"{own}/claims", body, idempotency_key="claim-1")
    assert (asked.status, asked.json["claim"]["state"], asked.json["claim"]["note"]) == (201, "open", "Squashed.")
    again = customer("POST", f"{own}/claims", body, idempotency_key="claim-1")
    assert (again.json, again.headers["idempotent-replayed"]) == (asked.json, "true")
    other = customer("POST", f"{own}/claims", body, idempotency_key="claim-2")
    assert (other.status, other.json["code"]) == (409, "claim_open")

    assert customer("GET", own, if_none_match=seen).status == 200
    news = tablet("GET", f"{store}/board", if_none_match=board)
    (card,) = news.json["cards"]
    assert (card["order"]["next_steps"], card["order"]["claim"]["reason"]) == (["answer_claim"], "damaged")
    assert card["order"]["due_at"] == asked.json["claim"]["answer_by"]

    path = f"{store}/orders/{order.id}/claims/1"
    version = f'"{card["order"]["version"]}"'
    assert tablet("POST", f"{path}/accept", {}).status == 428
    assert tablet("POST", f"{path}/accept", {}, if_match='"1"').status == 412
    assert tablet("POST", f"{store}/orders/{order.id}/claims/9/accept", {}, if_match=version).status == 404
    done = tablet("POST", f"{path}/accept", {"paid_by": "platform"}, if_match=version)
    assert (done.status, done.json["claim"]) == (200, None)
    late = tablet("POST", f"{path}/reject", {"answer": "No."}, if_match=done.headers["etag"])
    assert (late.status, late.json["code"]) == (409, "claim_out_of_turn")
    settle(order.id)
    told = customer("GET", own).json
    assert [claim["state"] for claim in told["claims"]] == ["accepted"]
    assert [entry["step"] for entry in told["timeline"]][-2:] == ["claim_opened", "claim_accepted"]
    (refund,) = customer("GET", f"{own}/money").json["refunds"]
    assert (refund["amount"]["amount"], refund["paid_by"], refund["reason"]) == (1150, "platform", "damaged")
    assert tablet("GET", f"{store}/board").json["cards"] == []


@pytest.mark.parametrize(
    ("remedy", "fault"),
    [
        ({"kind": "refund"}, ("lines_or_amount", "/remedy/amount")),
        (
            {"kind": "refund", "amount": {"amount": 99_999, "currency": "EUR"}},
            ("amount_not_left", "/remedy/amount/amount"),
        ),
        (
            {"kind": "credit", "amount": {"amount": 1, "currency": "USD"}},
            ("currency_mismatch", "/remedy/amount/currency"),
        ),
        ({"kind": "refund", "lines": [{"line": "8"}]}, ("line_not_on_bill", "/remedy/lines/0/line")),
        ({"kind": "refund", "lines": [{"line": "tip"}]}, ("line_not_on_bill", "/remedy/lines/0/line")),
        ({"kind": "resend"}, ("remedy_not_possible", "/remedy")),
    ],
)
def test_an_offer_that_can_not_be_is_told_where(
    shop: Shop, call_as: Any, stripe: Stripe, remedy: dict[str, Any], fault: tuple[str, str]
) -> None:
    customer, tablet = call_as(shop.customer_id, CUSTOMER), call_as(shop.owner_id, STAFF)
    order = accepted(shop, stripe)
    body = {"kind": "cancellation", "reason": "changed_mind"}
    version = customer("POST", f"/v1/orders/{order.id}/claims", body, idempotency_key="c").json["order_version"]
    path = f"/v1/stores/{shop.id}/orders/{order.id}/claims/1/counter"
    answer = tablet("POST", path, {"remedy": remedy}, if_match=f'"{version}"')
    (error,) = answer.json["errors"]
    assert (answer.status, error["code"], error["pointer"]) == (422, *fault)


def test_a_counter_is_agreed_to_once(shop: Shop, customer: Any, tablet: Any, stripe: Stripe) -> None:
    order = accepted(shop, stripe)
    claims = f"/v1/orders/{order.id}/claims"
    body = {"kind": "cancellation", "reason": "takes_too_long"}
    version = customer("POST", claims, body, idempotency_key="c").json["order_version"]
    offer = {"remedy": {"kind": "credit", "amount": {"amount": 300, "currency": "EUR"}}, "answer": "Ten minutes!"}
    path = f"/v1/stores/{shop.id}/orders/{order.id}/claims/1/counter"
    assert tablet("POST", path, offer, if_match=f'"{version}"').json["claim"]["state"] == "countered"
    first = customer("POST", f"{claims}/1/agree", idempotency_key="a")
    assert (first.status, first.json["claim"]["state"]) == (200, "agreed")
    assert customer("POST", f"{claims}/1/agree", idempotency_key="a").json == first.json
    assert customer("POST", f"{claims}/1/agree", idempotency_key="b").json["code"] == "claim_out_of_turn"
    assert customer("POST", f"{claims}/1/withdraw").json["code"] == "claim_out_of_turn"
    assert customer("POST", f"{claims}/x/withdraw").status == 404


def test_a_substitute_is_shown_priced_and_agreed_to(shop: Shop, customer: Any, tablet: Any, stripe: Stripe) -> None:
    order = accepted(shop, stripe)
    path = f"/v1/stores/{shop.id}/orders/{order.id}"
    version = f'"{order.version}"'
    assert tablet("POST", f"{path}/adjust", {}, if_match=version).json["errors"][0]["code"] == "nothing_to_adjust"
    body = {"substituted": [{"line": "2", "sku": "SAL-CAES"}], "reason": "substituted"}
    asked = tablet("POST", f"{path}/adjust", body, if_match=version)
    assert (asked.status, asked.json["proposal"]["extra"]["amount"]) == (200, 700)
    own = f"/v1/orders/{order.id}"
    proposal = customer("GET", own).json["proposal"]
    assert proposal["total"]["amount"] == order.total.amount + 700
    assert proposal["total_without"]["amount"] == order.total.amount - 290
    parts = customer("GET", f"{own}/money").json["proposed"]["parts"]
    assert ("3", "Caesar Salad Large", 990) in [(part["line"], part["name"], part["gross"]["amount"]) for part in parts]

    first, again = (customer("POST", f"{own}/proposal/agree").json for _ in range(2))
    assert first == again
    assert (first["state"], first["extra"]["amount"], bool(first["client_secret"])) == ("requires_payment", 700, True)
    stripe._call(
        f"/v1/payment_intents/{first['payment_intent_id']}/confirm",
        f"client_secret={first['client_secret']}&payment_method=pm_card_visa",
    )
    service.follow_extra(order.id, first["payment_intent_id"], ids.new_id("evt"))
    assert customer("POST", f"{own}/proposal/agree").json["state"] == "agreed"
    told = customer("GET", own).json
    assert (told["proposal"], told["total"]["amount"]) == (None, order.total.amount + 700)
    assert customer("POST", f"{own}/proposal/decline").json["code"] == "proposal_not_found"


def test_a_second_holds_notice_is_not_the_payments() -> None:
    assert provider.EXTRA_OF not in ("order_id", provider.TIP_OF)

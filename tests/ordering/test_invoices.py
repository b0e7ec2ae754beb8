"""Invoices of orders over HTTP: each amount is the quote's, corrections add up, and hostile names stay names."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import events, ids
from chalicelib.kernel.money import Money
from chalicelib.kernel.principals import CUSTOMER, STAFF
from chalicelib.ordering import service
from chalicelib.stores import service as stores
from tests.ordering import world
from tests.ordering.test_money import picked_up, refund, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.edge.conftest import Answer
    from tests.ordering.world import Shop, Stripe


@pytest.fixture
def owner(shop: Shop, call_as: Any) -> Callable[..., Answer]:
    merchant = {
        "legal_name": "Pizza Nuova GmbH",
        "vat_id": "DE136695976",
        "invoice_prefix": "PN-",
        "address": {"line1": "Torstraße 1", "city": "Berlin", "postal_code": "10119"},
    }
    stores.change_merchant(shop.store.merchant_id, merchant, 1)
    return call_as(shop.owner_id, STAFF)


def issue(order_id: str) -> None:
    """Deliver to who issues invoices everything that was emitted about an order."""
    news = [told for told in world.emitted(order_id) if "invoices" in events.ROUTES.get(told.type, ())]
    assert world.deliver("invoices", *news) == []


def sold(shop: Shop, stripe: Stripe, *lines: service.LineRequest, **fields: Any) -> service.Order:
    order = shop.make_ready(shop.placed_and_paid(stripe, *lines, mode="pickup", **fields))
    done = service.hand_over_order(shop.command(order), order.pickup_code, None)
    settle(order.id)
    issue(order.id)
    return done


def in_order(told: list[dict[str, Any]]) -> list[int]:
    return [each["amount"]["amount"] for each in told]


class Seen(HTMLParser):
    """The texts of a page, and its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_every_amount_is_the_quotes(shop: Shop, owner: Any, customer: Any, stripe: Stripe) -> None:
    order = sold(shop, stripe, tip=Money(150, "EUR"))
    quoted = customer("GET", f"/v1/orders/{order.id}").json
    told = customer("GET", f"/v1/orders/{order.id}/invoice").json

    assert told["number"] == quoted["payment"]["invoice_number"]
    assert re.fullmatch(r"PN-\d{4}-000001", told["number"])
    (part,) = told["parts"]
    assert part["seller"] == {
        "legal_name": "Pizza Nuova GmbH",
        "address": ["Torstraße 1", "10119 Berlin"],
        "vat_id": "DE136695976",
    }
    assert [(line["name"], line["quantity"], line["gross"]) for line in part["lines"]] == [
        (line["name"], line["quantity"], line["total"]) for line in quoted["lines"]
    ]
    assert part["lines"][0]["detail"] == "32 cm, Sourdough"
    assert {tax["rate_basis_points"]: tax["tax"] for tax in part["taxes"]} == {
        tax["rate_basis_points"]: tax["tax"] for tax in quoted["breakdown"]["taxes"]
    }
    assert told["tip"] == quoted["breakdown"]["tip"] == {"amount": 150, "currency": "EUR"}
    assert told["total"] == quoted["total"]
    assert part["total"]["amount"] + 150 == told["total"]["amount"]
    assert told["tenders"] == [{"method": "card", "amount": quoted["total"]}]
    assert told["credit_notes"] == []
    assert customer("GET", f"/v1/orders/{order.id}/money").json["invoice_number"] == told["number"]


def test_there_is_none_before_the_goods_are_there(shop: Shop, customer: Any, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe, mode="pickup")
    answer = customer("GET", f"/v1/orders/{order.id}/invoice")
    assert (answer.status, answer.json["code"]) == (404, "invoice_not_found")
    assert customer("GET", f"/v1/orders/{order.id}").json["payment"]["invoice_number"] is None


def test_a_poll_sees_that_the_invoice_is_there(shop: Shop, customer: Any, stripe: Stripe) -> None:
    order = picked_up(shop, stripe)
    before = customer("GET", f"/v1/orders/{order.id}").headers["etag"]
    issue(order.id)
    assert customer("GET", f"/v1/orders/{order.id}", if_none_match=before).status == 200


def test_credit_notes_add_up_to_what_was_given_back(shop: Shop, owner: Any, customer: Any, stripe: Stripe) -> None:
    order = sold(shop, stripe, tip=Money(99, "EUR"))
    refund(owner, order, {"lines": [{"line": "0", "quantity": 1}]})
    settle(order.id)
    refund(owner, order, {"amount": {"amount": 333, "currency": "EUR"}})
    settle(order.id)
    refund(owner, order, {})
    settle(order.id)
    issue(order.id)

    invoice = customer("GET", f"/v1/orders/{order.id}/invoice").json
    listed = sorted(invoice["credit_notes"], key=lambda note: str(note["id"]))
    assert [note["id"] for note in listed] == ["refund:1", "refund:2", "refund:3"]
    assert sum(note["total"]["amount"] for note in listed) == order.total.amount
    notes = [customer("GET", f"/v1/orders/{order.id}/credit_notes/{note['id']}").json for note in listed]
    assert {note["corrects"] for note in notes} == {invoice["number"]}
    for note in notes:
        lines = [line for part in note["parts"] for line in part["lines"]]
        total = sum(line["gross"]["amount"] for line in lines) + note["tip"]["amount"]
        assert total == note["total"]["amount"] == sum(tender["amount"]["amount"] for tender in note["tenders"])
        assert note["kind"] == "credit_note"
    assert [(line["name"], line["quantity"]) for line in notes[0]["parts"][0]["lines"]] == [("Pizza Margherita", 1)]
    assert {line["quantity"] for line in notes[1]["parts"][0]["lines"]} == {0}
    for tax in invoice["parts"][0]["taxes"]:
        rate = tax["rate_basis_points"]
        undone = [each for note in notes for each in note["parts"][0]["taxes"] if each["rate_basis_points"] == rate]
        assert sum(each["tax"]["amount"] for each in undone) == tax["tax"]["amount"]
        assert sum(each["gross"]["amount"] for each in undone) == tax["gross"]["amount"]
    story = customer("GET", f"/v1/orders/{order.id}/money").json
    assert story["credit_notes"] == invoice["credit_notes"]
    missing = customer("GET", f"/v1/orders/{order.id}/credit_notes/refund:9")
    assert (missing.status, missing.json["code"]) == (404, "credit_note_not_found")


def test_a_smaller_sale_has_a_smaller_invoice(shop: Shop, owner: Any, customer: Any, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe, mode="pickup")
    accepted = service.accept_order(shop.command(order), 20)
    adjusted = service.adjust_order(shop.command(accepted), service.Adjustment(missing={"0": 1}), "out_of_stock")
    ready = service.mark_order_ready(shop.command(service.start_order(shop.command(adjusted))))
    service.hand_over_order(shop.command(ready), ready.pickup_code, None)
    settle(order.id)
    issue(order.id)
    told = customer("GET", f"/v1/orders/{order.id}/invoice").json
    assert told["parts"][0]["lines"][0]["quantity"] == 1
    assert told["total"]["amount"] == adjusted.total.amount == order.total.amount - 1150


def test_what_was_given_back_before_the_hand_over_was_never_sold(
    shop: Shop, owner: Any, customer: Any, stripe: Stripe
) -> None:
    from chalicelib.payments import service as payments

    order = shop.placed_and_paid(stripe, mode="pickup")
    payments.take_early(payments.get_payment(order.id))
    ready = shop.make_ready(world.order_of(order.id))
    refund(owner, order, {"lines": [{"line": "1", "quantity": 1}]})
    settle(order.id)
    service.hand_over_order(shop.command(world.order_of(ready.id)), ready.pickup_code, None)
    settle(order.id)
    refund(owner, order, {"lines": [{"line": "2", "quantity": 1}]})
    settle(order.id)
    issue(order.id)
    told = customer("GET", f"/v1/orders/{order.id}/invoice").json
    assert [line["name"] for line in told["parts"][0]["lines"]] == ["Pizza Margherita", "Cola"]
    assert told["total"]["amount"] == order.total.amount - 990
    assert [(note["id"], note["total"]["amount"]) for note in told["credit_notes"]] == [("refund:2", 290)]


def test_what_was_given_instead_is_named_as_what_it_is(shop: Shop, owner: Any, customer: Any, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe, mode="pickup")
    accepted = service.accept_order(shop.command(order), 20)
    instead = service.Substitute(line="1", request=service.LineRequest(sku="DRK-COLA-33"))
    proposed = service.adjust_order(shop.command(accepted), service.Adjustment(substituted=(instead,)), "out_of_stock")
    adjusted, _ = service.agree_to_proposal(shop.customer_id, proposed.id, ids.new_id("req"))
    ready = service.mark_order_ready(shop.command(service.start_order(shop.command(adjusted))))
    service.hand_over_order(shop.command(ready), ready.pickup_code, None)
    settle(order.id)
    issue(order.id)
    told = customer("GET", f"/v1/orders/{order.id}/invoice").json
    lines = told["parts"][0]["lines"]
    assert [(line["name"], line["quantity"]) for line in lines] == [
        ("Pizza Margherita", 2),
        ("Cola", 1),
        ("Cola 0.33 l", 1),
    ]
    assert told["total"]["amount"] == sum(line["gross"]["amount"] for line in lines) == order.total.amount - 700
    refund(owner, order, {"lines": [{"line": "3", "quantity": 1}]})
    settle(order.id)
    issue(order.id)
    (note,) = customer("GET", f"/v1/orders/{order.id}/invoice").json["credit_notes"]
    told = customer("GET", f"/v1/orders/{order.id}/credit_notes/{note['id']}").json
    assert [line["name"] for line in told["parts"][0]["lines"]] == ["Cola 0.33 l"]


def test_the_platform_sells_the_delivery_in_its_own_name(
    shop: Shop, owner: Any, customer: Any, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.kernel import settings

    monkeypatch.setenv("DOORSTEP_PLATFORM_NAME", "Doorstep Plattform GmbH")
    monkeypatch.setenv("DOORSTEP_PLATFORM_ADDRESS", "Lieferweg 3; 10115 Berlin")
    monkeypatch.setenv("DOORSTEP_PLATFORM_VAT_ID", "DE999999999")
    settings.reload()
    order = shop.placed_and_paid(stripe)
    from chalicelib.payments import service as payments

    payments.capture_payment(order.id, "rdr_1")
    issue(order.id)
    told = customer("GET", f"/v1/orders/{order.id}/invoice").json
    goods, fees = told["parts"]
    assert fees["seller"]["legal_name"] == "Doorstep Plattform GmbH"
    assert fees["seller"]["address"] == ["Lieferweg 3", "10115 Berlin"]
    assert [line["kind"] for line in fees["lines"]] == ["delivery_fee"]
    assert goods["total"]["amount"] + fees["total"]["amount"] == told["total"]["amount"]
    assert told["delivered_to"] == ["Kastanienallee 7", "10435 Berlin"]


def test_a_page_of_hostile_names_runs_nothing(
    shop: Shop, owner: Any, customer: Any, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = "</style><script>alert(1)</script>\"'><img src=x onerror=alert(2)> & &lt;b&gt;"
    stores.change_merchant(
        shop.store.merchant_id, {"legal_name": hostile[:119], "address": {"line1": hostile, "city": hostile}}, 2
    )
    place = service.Destination(lat=52.535, lng=13.41, street=hostile, city=hostile, contact_name=hostile)
    order = shop.placed_and_paid(stripe, address=place)
    from chalicelib.payments import service as payments

    payments.capture_payment(order.id, "rdr_1")
    issue(order.id)
    answer = customer("GET", f"/v1/orders/{order.id}/invoice", accept="text/html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    seen = Seen(answer.body)
    assert {tag for tag, _ in seen.tags}.isdisjoint({"script", "img", "link", "iframe", "b"})
    assert all(not name.startswith("on") for _, attributes in seen.tags for name in attributes)
    assert any(hostile in text for text in seen.texts)


def test_the_page_says_what_json_says_in_the_stores_language(
    shop: Shop, owner: Any, customer: Any, stripe: Stripe
) -> None:
    order = sold(shop, stripe)
    number = customer("GET", f"/v1/orders/{order.id}/invoice").json["number"]
    german = Seen(customer("GET", f"/v1/orders/{order.id}/invoice", accept="text/html").body)
    english = Seen(customer("GET", f"/v1/orders/{order.id}/invoice?language=en", accept="text/html").body)
    assert dict(german.tags)["html"]["lang"] == "de"
    assert {"Rechnung", number, "Pizza Margherita", "23,00", "USt-IdNr. DE136695976"} <= set(german.texts)
    assert {"Invoice", number, "23.00"} <= set(english.texts)
    assert ("th", {"scope": "col"}) in english.tags
    refused = customer("GET", f"/v1/orders/{order.id}/invoice?language=xx", accept="text/html")
    assert refused.status == 422


def test_a_pdf_is_made_of_what_its_faces_can_write(shop: Shop, owner: Any, customer: Any, stripe: Stripe) -> None:
    order = sold(shop, stripe)
    answer = customer("GET", f"/v1/orders/{order.id}/invoice", accept="application/pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert base64.b64decode(answer.body).startswith(b"%PDF-1.7")
    assert answer.headers["content-disposition"].startswith('inline; filename="PN-')

    stores.change_merchant(shop.store.merchant_id, {"legal_name": "Łódź 北京"}, 2)
    other = sold(shop, stripe)
    page = customer("GET", f"/v1/orders/{other.id}/invoice", accept="application/pdf")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Łódź 北京" in page.body


def test_who_may_see_it(shop: Shop, owner: Any, customer: Any, stripe: Stripe, call_as: Any) -> None:
    order = sold(shop, stripe)
    stranger = call_as(ids.new_id("cus"), CUSTOMER)
    assert stranger("GET", f"/v1/orders/{order.id}/invoice").json["code"] == "order_not_found"
    owner = call_as(shop.owner_id, STAFF)
    ours = owner("GET", f"/v1/stores/{shop.id}/orders/{order.id}/invoice")
    assert (ours.status, ours.json["order_id"]) == (200, order.id)
    elsewhere = world.open_shop()
    others = call_as(elsewhere.owner_id, STAFF)
    assert others("GET", f"/v1/stores/{elsewhere.id}/orders/{order.id}/invoice").status == 404
    assert others("GET", f"/v1/merchants/{shop.store.merchant_id}/invoices").status == 403


def test_a_merchants_papers_are_listed_by_period(shop: Shop, owner: Any, stripe: Stripe, call_as: Any) -> None:
    first = sold(shop, stripe)
    owner = call_as(shop.owner_id, STAFF)
    refund(owner, first, {"lines": [{"line": "1", "quantity": 1}]})
    settle(first.id)
    issue(first.id)
    sold(shop, stripe)
    path = f"/v1/merchants/{shop.store.merchant_id}/invoices"
    told = owner("GET", path).json["items"]
    assert sorted((paper["kind"], paper["sequence"]) for paper in told) == [
        ("credit_note", 1),
        ("invoice", 1),
        ("invoice", 2),
    ]
    note = next(paper for paper in told if paper["kind"] == "credit_note")
    assert (note["id"], note["total"]["amount"]) == ("refund:1", 990)
    assert owner("GET", path + "?since=2031-01-01T00:00:00Z").json["items"] == []
    assert owner("GET", path + "?until=2020-01-01T00:00:00Z").json["items"] == []
    assert owner("GET", path + "?since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59-12:00").status == 200
    paged = owner("GET", path + "?limit=2").json
    rest = owner("GET", path + f"?limit=2&cursor={paged['next_cursor']}").json
    assert [*paged["items"], *rest["items"]] == told
    assert owner("GET", path + f"?limit=2&since=2020-01-01T00:00:00Z&cursor={paged['next_cursor']}").status == 422

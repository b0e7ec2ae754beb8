"""A customer is handed everything that is kept of them, in pages of a bounded size."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from chalicelib.kernel import ids
from chalicelib.ordering import service
from chalicelib.ordering.routes.render_privacy import export_item
from chalicelib.ordering.service import exporting
from tests.ordering.people import with_history

if TYPE_CHECKING:
    from tests.ordering.world import Shop, Stripe


def pages(customer_id: str, limit: int) -> list[list[dict[str, Any]]]:
    found, start = [], None
    while True:
        page = service.export_page(customer_id, limit=limit, start=start)
        found.append([msgspec.to_builtins(export_item(record)) for record in page.records])
        start = page.next_key
        if start is None:
            return found


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_every_word_of_a_history_is_in_it_once(shop: Shop, stripe: Stripe, limit: int) -> None:
    person = with_history(shop, stripe)

    told = pages(person.id, limit)

    assert all(len(page) <= limit for page in told[1:])
    items = [item for page in told for item in page]
    text = json.dumps(items, ensure_ascii=False)
    words = [value for name, value in vars(person).items() if name not in ("id", "mark", "lat")]
    assert [word for word in words if word not in text] == []
    named = [(item["kind"], item["id"]) for item in items]
    assert len(set(named)) == len(named)
    assert {kind for kind, _ in named} == {"account", "wrong_codes", "credit", "quote", "credit_movement", "order"}
    assert sum(kind == "order" for kind, _ in named) == 2


def test_nothing_of_anybody_else_is_in_it(shop: Shop, stripe: Stripe) -> None:
    person = with_history(shop, stripe)
    assert person.mark not in json.dumps(pages(ids.new_id("cus"), 10))


def test_a_page_reads_a_bounded_number_of_orders(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "ORDERS_TOGETHER", 2)
    for _ in range(5):
        shop.place(method="cash_on_delivery")
    orders = [page for page in pages(shop.customer_id, 100) if page and page[0]["kind"] == "order"]
    assert [len(page) for page in orders] == [2, 2, 1]


def test_who_asked_to_be_forgotten_is_told_so(shop: Shop) -> None:
    erasure = service.request_erasure(shop.customer_id, "customer", forfeits_credit=False)
    (item,) = [each for each in pages(shop.customer_id, 5)[0] if each["kind"] == "erasure"]
    assert (item["id"], item["data"]["state"]) == (erasure.id, "waiting")

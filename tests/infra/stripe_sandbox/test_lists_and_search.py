"""Finding payments: lists with cursors, and Stripe's search language."""

from __future__ import annotations

import time

import pytest
import stripe

from infra.local.stripe_sandbox import search
from infra.local.stripe_sandbox.errors import StripeError
from tests.infra.stripe_sandbox.conftest import order_intent, pay


def test_lists_go_from_new_to_old_and_back(client: stripe.StripeClient):
    made = [order_intent(client).id for _ in range(5)][::-1]

    first = client.v1.payment_intents.list({"limit": 2})
    second = client.v1.payment_intents.list({"limit": 2, "starting_after": made[1]})
    back = client.v1.payment_intents.list({"limit": 2, "ending_before": made[4]})

    assert ([intent.id for intent in first.data], first.has_more) == (made[:2], True)
    assert [intent.id for intent in second.data] == made[2:4]
    assert ([intent.id for intent in back.data], back.has_more) == (made[2:4], True)
    assert [intent.id for intent in first.auto_paging_iter()] == made


def test_lists_can_be_bounded_in_time(client: stripe.StripeClient):
    order_intent(client)
    now = int(time.time())
    assert len(client.v1.payment_intents.list({"created": {"gte": now - 60, "lt": now + 60}}).data) == 1
    assert client.v1.payment_intents.list({"created": {"gt": now + 60}}).data == []


def test_a_list_can_carry_the_charges_along(client: stripe.StripeClient):
    pay(client, order_intent(client))
    order_intent(client)
    listed = client.v1.payment_intents.list({"expand": ["data.latest_charge"]}).data
    assert listed[0].latest_charge is None
    assert listed[1].latest_charge.status == "succeeded"


@pytest.mark.parametrize(
    ("params", "param"),
    [({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"starting_after": "pi_none"}, "starting_after")],
)
def test_a_page_that_can_not_be_is_refused(client: stripe.StripeClient, params: dict[str, object], param: str):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.list(params)
    assert refused.value.param == param


def test_a_payment_is_found_by_its_orders_id_at_once(client: stripe.StripeClient):
    wanted = order_intent(client, metadata={"order_id": "ord_wanted", "note": "it's here"})
    order_intent(client, metadata={"order_id": "ord_other"})

    found = client.v1.payment_intents.search({"query": "metadata['order_id']:'ord_wanted'"})

    assert [intent.id for intent in found.data] == [wanted.id]
    assert found.has_more is False
    assert client.v1.payment_intents.search({"query": r"metadata['note']:'it\'s here'"}).data == found.data
    assert client.v1.payment_intents.search({"query": "metadata['order_id']:'ord_none'"}).data == []


def test_search_follows_changed_metadata(client: stripe.StripeClient):
    intent = order_intent(client)
    client.v1.payment_intents.update(intent.id, {"metadata": {"order_id": "ord_2"}})
    assert client.v1.payment_intents.search({"query": "metadata['order_id']:'ord_1'"}).data == []
    assert len(client.v1.payment_intents.search({"query": "metadata['order_id']:'ord_2'"}).data) == 1


def test_search_goes_page_by_page(client: stripe.StripeClient):
    made = [order_intent(client).id for _ in range(5)]
    found = client.v1.payment_intents.search({"query": "metadata['order_id']:'ord_1'", "limit": 2})
    assert found.has_more is True
    assert [intent.id for intent in found.auto_paging_iter()] == made[::-1]


@pytest.mark.parametrize(
    ("query", "amounts"),
    [
        ("status:'requires_capture'", [2000]),
        ("status:'requires_capture' OR status:'canceled'", [3000, 2000]),
        ("-status:'requires_capture'", [3000, 1000]),
        ("amount>1000 AND amount<3000", [2000]),
        ("amount>=1000 and currency:'eur'", [3000, 2000, 1000]),
        ("metadata['kind']:null", [1000]),
        ("-metadata['kind']:null", [3000, 2000]),
        ("metadata['kind']:\"delivery\" AND status:'canceled'", [3000]),
        ("created>0 AND amount:2000", [2000]),
    ],
)
def test_clauses_are_combined(client: stripe.StripeClient, query: str, amounts: list[int]):
    order_intent(client, amount=1000)
    pay(client, order_intent(client, amount=2000, metadata={"kind": "delivery"}))
    client.v1.payment_intents.cancel(order_intent(client, amount=3000, metadata={"kind": "delivery"}).id)

    assert [intent.amount for intent in client.v1.payment_intents.search({"query": query}).data] == amounts


@pytest.mark.parametrize(
    "query",
    [
        "order_1",
        "metadata['a']",
        "metadata['a']:'b' AND",
        "metadata['a']:'b' AND status:'x' OR status:'y'",
        "metadata['a']>'b'",
        "status>'a'",
        "amount:'many'",
        "colour:'red'",
        "status:'a' status:'b'",
    ],
)
def test_a_query_that_can_not_be_understood_is_refused(query: str):
    with pytest.raises(StripeError) as refused:
        search.parse(query)
    assert refused.value.param == "query"

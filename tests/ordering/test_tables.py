"""What is at rest is what was written."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.kernel.errors import DomainError
from chalicelib.ordering.model import order as rules
from chalicelib.ordering.tables import OrderRow, order_key, to_order, to_row
from tests.ordering import factories as make
from tests.ordering.test_order import COMMANDS, MODES, OBSERVATIONS


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*COMMANDS, *OBSERVATIONS]), max_size=20), st.sampled_from(MODES), st.booleans())
def test_an_order_comes_back_as_it_was_stored(steps, mode, confirmed):
    order = make.placed(confirmed=confirmed, mode=mode)
    for number, name in enumerate(steps):
        with suppress(DomainError):
            order = COMMANDS[name](order) if name in COMMANDS else OBSERVATIONS[name](order, f"evt_{number}")

    row = OrderRow.from_raw_data(to_row(order).serialize())

    assert to_order(row) == order
    assert (row.board_pk == order.store_id) == order.is_on_board
    assert (row.stores_pk == order.store_id) == (order.confirmed_at is not None)


@pytest.mark.parametrize("stranger", ["dlv_01k9z0c2m3n4p5q6r7s8t9v0w1", "01k9z0c2m3n4p5q6r7s8t9v0w1", "", "ord"])
def test_only_an_orders_own_id_leads_to_it(stranger):
    assert order_key(stranger) != order_key("ord_01k9z0c2m3n4p5q6r7s8t9v0w1")


def test_who_did_it_is_kept_for_customers_staff_riders_and_the_system():
    order = make.out_for_delivery()

    kept = to_order(OrderRow.from_raw_data(to_row(order).serialize()))

    assert [entry.actor for entry in kept.timeline] == [make.CUSTOMER, make.STAFF, make.STAFF, make.STAFF, make.RIDER]
    assert kept.timeline[0].actor.id == order.customer_id
    assert rules.SYSTEM_ACTOR.id is None

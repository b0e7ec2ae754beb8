"""The board, lists and single orders: who sees what, how fresh, and what it costs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import NotFound
from chalicelib.ordering import service
from chalicelib.ordering.model import board as board_rules
from tests.ordering import world
from tests.ordering.world import NOON, Shop, Stripe, pizza


def test_the_board_shows_the_most_urgent_first(shop: Shop, stripe: Stripe) -> None:
    tomorrow = shop.place(method="cash_on_delivery", wanted_at=NOON + timedelta(days=1))
    cooking = service.start_order(shop.command(service.accept_order(shop.command(shop.placed_and_paid(stripe)), 25)))
    waiting = shop.placed_and_paid(stripe, mode="pickup")

    cards = service.look_at_board(shop.id).cards or []

    assert [card.order.id for card in cards] == [waiting.id, cooking.id, tomorrow.id]
    assert [card.next_steps[0] for card in cards] == ["accept", "ready", "accept"]
    assert cards[0].due_at == NOON + timedelta(minutes=5)
    assert [line.sku for line in cards[0].document.lines] == ["PIZ-MARG-32", "SAL-CAES", "DRK-COLA-33"]


def test_the_boards_tag_changes_with_every_change_and_with_nothing_else(shop: Shop, stripe: Stripe) -> None:
    seen = [service.look_at_board(shop.id).tag]
    order = shop.placed_and_paid(stripe)
    seen.append(service.look_at_board(shop.id).tag)
    accepted = service.accept_order(shop.command(order), 20)
    seen.append(service.look_at_board(shop.id).tag)
    service.start_order(shop.command(accepted))
    seen.append(service.look_at_board(shop.id).tag)
    shop.place(method="card")  # unpaid: not for the board

    assert len(set(seen)) == 4
    assert service.look_at_board(shop.id, seen[-1]).cards is None
    assert service.look_at_board(shop.id, seen[0]).cards is not None


def test_a_board_with_nothing_new_costs_one_query_of_at_most_a_unit(shop: Shop) -> None:
    for number in range(40):
        shop.place(pizza(), method="cash_on_delivery", customer_id=f"cus-{number:032d}")
    tag = service.look_at_board(shop.id).tag

    with world.metered() as meter:
        assert service.look_at_board(shop.id, tag).cards is None

    assert meter.requests == ["Query"]
    assert meter.read <= 1


def test_a_new_board_costs_two_requests(shop: Shop) -> None:
    for _ in range(3):
        shop.place(pizza(), method="cash_on_delivery")

    with world.metered() as meter:
        service.look_at_board(shop.id)

    assert meter.requests == ["Query", "BatchGetItem"]


def test_a_tablet_polls_often_while_somebody_waits_for_an_answer(shop: Shop, stripe: Stripe) -> None:
    idle = service.look_at_board(shop.id).look_again_after
    order = shop.placed_and_paid(stripe)
    waiting = service.look_at_board(shop.id).look_again_after
    service.accept_order(shop.command(order), 20)
    cooking = service.look_at_board(shop.id).look_again_after

    assert waiting < cooking < idle


def test_a_customer_polls_for_at_most_one_unit_in_each_phase(shop: Shop, stripe: Stripe) -> None:
    def poll(order_id: str) -> None:
        tag = service.get_own_order(shop.customer_id, order_id).tag
        with world.metered() as meter:
            assert service.find_unchanged(shop.customer_id, order_id, tag) is not None
        assert meter.requests == ["BatchGetItem"]
        assert meter.read <= 1

    order = shop.place()
    poll(order.id)
    stripe.authorise(order.id)
    service.follow_payment(order.id, ids.new_id("evt"))
    poll(order.id)
    shop.make_ready(world.order_of(order.id))
    poll(order.id)
    service.note_delivered(order.id, "rdr-1", ids.new_id("evt"))
    poll(order.id)


def test_a_customers_tag_changes_with_payment_and_delivery(shop: Shop, stripe: Stripe) -> None:
    order = shop.place()
    tag = service.get_own_order(shop.customer_id, order.id).tag
    stripe.decline(order.id)
    service.follow_payment(order.id, ids.new_id("evt"))
    assert service.find_unchanged(shop.customer_id, order.id, tag) is None

    stripe.authorise(order.id)
    service.follow_payment(order.id, ids.new_id("evt"))
    service.accept_order(shop.command(world.order_of(order.id)), 20)
    tag = service.get_own_order(shop.customer_id, order.id).tag
    change_delivery(order.id)
    assert service.find_unchanged(shop.customer_id, order.id, tag) is None


def change_delivery(order_id: str) -> None:
    from chalicelib.dispatch import service as dispatch
    from chalicelib.kernel.transaction import Transaction

    tx = Transaction()
    dispatch.mark_ready(tx, dispatch.delivery_id(order_id))
    tx.commit()


@pytest.mark.parametrize("tag", ["", "*", "1", "1.1.1", "x.y.z-open", "1.1.1-unpaid" + "x" * 99, "9" * 40])
def test_a_tag_that_is_none_of_ours_is_never_unchanged(shop: Shop, tag: str) -> None:
    order = shop.place()

    assert service.find_unchanged(shop.customer_id, order.id, tag) is None


def test_customers_see_their_own_orders_only(shop: Shop) -> None:
    order = shop.place()
    tag = service.get_own_order(shop.customer_id, order.id).tag

    with pytest.raises(NotFound):
        service.get_own_order("cus_other", order.id)
    with pytest.raises(NotFound):
        service.find_unchanged("cus_other", order.id, tag)
    assert service.list_own_orders("cus_other", limit=10, start=None).items == []


def test_lists_are_newest_first_and_go_on_where_they_stopped(shop: Shop) -> None:
    placed = []
    for minute in range(5):
        with clock.freeze(NOON + timedelta(minutes=minute)):
            placed.append(shop.place(pizza(), method="cash_on_delivery").id)

    def pages(read, of):
        start, found = None, []
        while True:
            page = read(of, limit=2, start=start)
            found.append([getattr(item, "order", item).id for item in page.items])
            start = page.next_key
            if start is None:
                return found

    newest_first = placed[::-1]
    mine = pages(service.list_own_orders, shop.customer_id)
    stores = pages(service.list_store_orders, shop.id)
    assert [order_id for page in mine for order_id in page] == newest_first
    assert [order_id for page in stores for order_id in page] == newest_first
    assert max(map(len, mine + stores)) == 2


def test_a_forged_cursor_leads_nowhere_else(shop: Shop) -> None:
    order = shop.place(method="cash_on_delivery")
    forged = {"pk": {"S": "CUS#cus_other"}, "sk": {"S": "QTE#x"}}

    page = service.list_own_orders(shop.customer_id, limit=5, start=forged)
    assert [item.order.id for item in page.items] == [order.id]
    nowhere = {"stores_pk": {"S": "sto_other"}, "stores_sk": {"S": ids.new_id("ord")}}
    assert service.list_store_orders(shop.id, limit=5, start=nowhere) is not None


# --- what orders weigh ------------------------------------------------------------------------------------------------


def size_of(pk: str, sk: str) -> int:
    """Bytes of an item as DynamoDB counts them."""
    from chalicelib.ordering.tables import OrderRow

    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    item = tables.connection().client.get_item(TableName=OrderRow.Meta.table_name, Key=key)["Item"]
    size = 0
    for name, value in item.items():
        ((kind, content),) = value.items()
        size += len(name) + (
            len(content) // 2 + 2 if kind == "N" else len(content.encode() if kind == "S" else content)
        )
    return size


def test_an_order_of_three_lines_stays_below_a_kilobyte_to_its_end(shop: Shop, stripe: Stripe) -> None:
    from chalicelib.ordering.tables import STATE, customer_key, order_key

    address = service.Destination(
        lat=52.5351234,
        lng=13.4105678,
        street="Kastanienallee 7",
        details="2. Hinterhaus, 3. OG links",
        postal_code="10435",
        city="Berlin",
        instructions="Ring at Schmidt, the gate code is 1234",
        contact_name="Anna Schmidt",
        contact_phone="+49 151 12345678",
    )
    customer = "3f8a9c1e-7d52-4b1f-9d55-d1a2b3c4e5f6"
    order = shop.placed_and_paid(stripe, customer_id=customer, address=address)
    accepted = service.accept_order(shop.command(order), 20)
    postponed = service.postpone_order(shop.command(accepted), 30)
    started = service.start_order(shop.command(postponed))
    service.mark_order_ready(shop.command(started))
    rider = "9b8a7c1e-1111-4b1f-9d55-d1a2b3c4e5f6"
    service.note_no_rider(order.id, ids.new_id("evt"))
    service.note_picked_up(order.id, rider, ids.new_id("evt"))
    service.note_delivery_failed(order.id, rider, "nobody_there", ids.new_id("evt"))
    service.note_delivery_returned(order.id, rider, ids.new_id("evt"))

    assert len(world.order_of(order.id).timeline) == 10
    assert size_of(order_key(order.id), STATE) < 1024
    assert size_of(customer_key(customer), order_key(order.id)) < 1024


def test_a_whole_journey_writes_what_was_planned(shop: Shop, stripe: Stripe) -> None:
    """Write units of each step of an order of three counted lines, with everything that is written beside it."""
    spent = {}

    def step(name, act):
        with world.metered() as meter:
            result = act()
        spent[name] = meter.written
        return result

    quote = step("quote", shop.quote)
    order = step("place", lambda: service.place_order(shop.customer_id, quote.id, "card", world.key()).order)
    stripe.authorise(order.id)
    step("confirm", lambda: service.follow_payment(order.id, ids.new_id("evt")))
    accepted = step("accept", lambda: service.accept_order(shop.command(world.order_of(order.id)), 20))
    started = step("start", lambda: service.start_order(shop.command(accepted)))
    step("ready", lambda: service.mark_order_ready(shop.command(started)))
    step("picked up", lambda: service.note_picked_up(order.id, "rdr-1", ids.new_id("evt")))
    step("delivered", lambda: service.note_delivered(order.id, "rdr-1", ids.new_id("evt")))

    print(spent)
    assert spent["quote"] <= 1
    assert spent["place"] <= 15
    assert spent["confirm"] <= 8  # payment 2, its entry in the ledger 2, order 2, both indexes
    assert spent["start"] <= 2
    assert spent["picked up"] <= 2
    assert spent["delivered"] <= 1


def test_a_crowded_board_shows_the_first_and_tells_of_every_change(
    shop: Shop, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_rules, "MOST_CARDS", 2)
    orders = []
    for _ in range(3):
        order = shop.place()
        stripe.authorise(order.id)
        service.follow_payment(order.id, ids.new_id("evt"))
        orders.append(order.id)
    crowded = service.look_at_board(shop.id)
    assert len(crowded.cards or []) == 2
    assert service.look_at_board(shop.id, crowded.tag).cards is None

"""Cancelling after acceptance and complaints on the durable local store and the sandbox: each way to its end, to the
cent.
"""

from __future__ import annotations

import msgspec
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.dispatch import service as dispatch
from chalicelib.inventory import service as inventory
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, VersionConflict
from chalicelib.kernel.event_types import ClaimDeadlineReached, DeliveryPickedUp
from chalicelib.kernel.events import ROUTES, envelope
from chalicelib.kernel.idempotency import IdempotencyKey
from chalicelib.ordering import service
from chalicelib.ordering.service import Draft, Remedy
from chalicelib.payments import service as payments
from chalicelib.stores import service as stores
from tests.ordering import world
from tests.ordering.world import Shop, Stripe, order_of

if TYPE_CHECKING:
    from collections.abc import Callable

CANCEL = Draft(kind="cancellation", reason="changed_mind")


def complaint(**wish: Any) -> Draft:
    return Draft(kind="complaint", reason="missing_item", wish=Remedy(**wish))


def once() -> IdempotencyKey:
    return IdempotencyKey("0" * 32, ids.new_id("key"), "f" * 64, lambda _: {"body": {}})


def ask(shop: Shop, order: service.Order, draft: Draft = CANCEL) -> service.Order:
    return service.open_claim(shop.customer_id, order.id, draft, once(), ids.new_id("req")).order


def agree(shop: Shop, order: service.Order, number: int = 1) -> service.Order:
    return service.agree_to_offer(shop.customer_id, order.id, number, once(), ids.new_id("req")).order


def accepted(shop: Shop, stripe: Stripe, **fields: Any) -> service.Order:
    return service.accept_order(shop.command(shop.placed_and_paid(stripe, **fields)), 20)


def settle(*order_ids: str) -> None:
    """Deliver everything that was emitted about these orders, twice, timers left out."""
    for _ in range(2):
        for queue in ("payments", "ordering"):
            news = [
                told for told in world.emitted(*order_ids) if queue in ROUTES.get(told.type, ()) and told.due is None
            ]
            assert world.deliver(queue, *news) == []


def completed(shop: Shop, stripe: Stripe, **fields: Any) -> service.Order:
    """An order that its customer has taken at the counter, and paid."""
    order = shop.make_ready(shop.placed_and_paid(stripe, mode="pickup", **fields))
    done = service.hand_over_order(shop.command(order), order.pickup_code, None)
    settle(order.id)
    return done


def balances(*order_ids: str) -> dict[str, int]:
    entries = [entry for order_id in order_ids for entry in payments.entries_of_order(order_id)]
    assert set(payments.trial_balance(entries).values()) <= {0}
    return payments.balances(entries)


def claim_of(order: service.Order, number: int = 1) -> service.Claim:
    return order_of(order.id).claims[number - 1]


def timer(order: service.Order, number: int = 1) -> None:
    """The deadline's timer goes off, twice."""
    told = envelope(ClaimDeadlineReached(order_id=order.id, number=number))
    for _ in range(2):
        assert world.deliver("ordering", told) == []


def later(order: service.Order, number: int = 1) -> Any:
    return clock.freeze(claim_of(order, number).due_at)


# --- cancelling -------------------------------------------------------------------------------------------------------


def test_a_cancellation_that_the_store_accepts_undoes_everything(shop: Shop, stripe: Stripe) -> None:
    order = accepted(shop, stripe)
    left = shop.left("SAL-CAES")
    asked = ask(shop, order)
    board = service.look_at_board(shop.id)
    assert [card.next_steps[0] for card in board.cards or ()] == ["answer_claim"]
    assert (board.cards or [])[0].due_at == claim_of(order).due_at

    done = service.accept_claim(shop.command(asked), 1, "store")
    settle(order.id)
    assert [entry.step for entry in done.timeline][-3:] == ["claim_opened", "claim_accepted", "cancelled"]
    assert done.claims[0].state == "accepted"
    assert shop.left("SAL-CAES") == (left or 0) + 1
    delivery = tables.fetch(dispatch.delivery_ref(order.id))[0]
    assert delivery.status == "cancelled"
    assert world.payment_of(order.id).state == "voided"
    assert balances(order.id) == {}
    assert service.look_at_board(shop.id).cards == []


def test_a_rejected_cancellation_leaves_the_order_as_it_is(shop: Shop, stripe: Stripe) -> None:
    order = ask(shop, accepted(shop, stripe))
    before = service.look_at_board(shop.id).tag
    after = service.reject_claim(shop.command(order), 1, "It is in the oven.")
    assert (after.status, after.claims[0].state, after.claims[0].answer) == (
        "accepted",
        "rejected",
        "It is in the oven.",
    )
    assert service.look_at_board(shop.id).tag != before
    again = ask(shop, after)
    assert [claim.number for claim in again.claims] == [1, 2]

"""The ways that an order can go, played by people who act as soon as they can, and how each of them has to end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests

from tests.faults.house import TAKEN, TOTAL, Ending, House, later
from tests.flows.town import delivery_of
from tests.stack import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.actors import Rider
    from tests.faults.posts import Post

    MoveClock = Callable[[datetime], None]
    Play = Callable[[House, Post, MoveClock], str]

# --- the ways that an order can go ------------------------------------------------------------------------------------


def paid(house: House, post: Post) -> dict[str, Any]:
    placed = house.place_order()
    house.pay(placed)
    post.until(lambda: house.is_on_board(placed["id"]))
    return placed


def taken(house: House, post: Post, placed: dict[str, Any]) -> Rider:
    """The store accepts, and a rider takes the offer."""
    house.tablet.accept(placed["id"])
    rider: Rider = post.until(lambda: house.offered_to(placed["id"]))
    rider.accept(delivery_of(placed["id"]))
    return rider


def cooked(house: House, placed: dict[str, Any]) -> None:
    house.tablet.start(placed["id"])
    house.tablet.ready(placed["id"])


def ready_to_leave(house: House, post: Post, placed: dict[str, Any]) -> Any:
    post.until(lambda: house.is_on_board(placed["id"]))
    rider = taken(house, post, placed)
    cooked(house, placed)
    return rider


def brought(rider: Rider, placed: dict[str, Any], **evidence: Any) -> None:
    delivery_id = delivery_of(placed["id"])
    rider.arrive_at_store(delivery_id)
    rider.pick_up(delivery_id)
    rider.arrive_at_door(delivery_id)
    rider.deliver(delivery_id, pin=placed["delivery_pin"], **evidence)


def failed_at_the_door(house: House, post: Post) -> dict[str, Any]:
    """The rider is back at the store with the order."""
    placed = paid(house, post)
    rider = taken(house, post, placed)
    cooked(house, placed)
    delivery_id = delivery_of(placed["id"])
    rider.pick_up(delivery_id)
    rider.arrive_at_door(delivery_id)
    rider.fail(delivery_id, "customer_absent")
    rider.start_return(delivery_id)
    rider.finish_return(delivery_id)
    post.until(
        lambda: (house.tablet.card(placed["id"]) or {}).get("order", {}).get("attention") == ["delivery_returned"]
    )
    return placed


def to_the_door(house: House, post: Post, move_clock: MoveClock) -> str:
    placed = paid(house, post)
    rider = taken(house, post, placed)
    cooked(house, placed)
    brought(rider, placed)
    return str(placed["id"])


def slowly_to_the_door(house: House, post: Post, move_clock: MoveClock) -> str:
    """Minutes pass between the steps: every deadline falls due on the way."""
    placed = paid(house, post)
    move_clock(later(minutes=4))
    rider = taken(house, post, placed)
    move_clock(later(minutes=6))
    cooked(house, placed)
    move_clock(later(minutes=11))
    brought(rider, placed)
    return str(placed["id"])


def cash_to_the_door(house: House, post: Post, move_clock: MoveClock) -> str:
    placed = house.place_order(method="cash_on_delivery")
    rider = taken(house, post, placed)
    cooked(house, placed)
    brought(rider, placed, cash_collected=placed["total"])
    return str(placed["id"])


def over_the_counter(house: House, post: Post, move_clock: MoveClock) -> str:
    placed = house.place_order("pickup")
    house.pay(placed)
    post.until(lambda: house.is_on_board(placed["id"]))
    house.tablet.accept(placed["id"])
    cooked(house, placed)
    house.tablet.hand_over(placed["id"], placed["pickup_code"])
    return str(placed["id"])


def a_declined_card_first(house: House, post: Post, move_clock: MoveClock) -> str:
    placed = house.place_order()
    before = len(house.notices())
    house.sandbox.decline(placed["id"])
    assert eventually(lambda: len(house.notices()) > before)
    house.pay(placed)
    post.until(lambda: house.is_on_board(placed["id"]))
    rider = taken(house, post, placed)
    cooked(house, placed)
    brought(rider, placed)
    return str(placed["id"])


def declined_by_one_rider(house: House, post: Post, move_clock: MoveClock) -> str:
    placed = paid(house, post)
    house.tablet.accept(placed["id"])
    first: Rider = post.until(lambda: house.offered_to(placed["id"]))
    first.decline(delivery_of(placed["id"]))
    second: Rider = post.until(lambda: house.offered_to(placed["id"]))
    assert second is not first
    second.accept(delivery_of(placed["id"]))
    cooked(house, placed)
    brought(second, placed)
    return str(placed["id"])


def ignored_by_one_rider(house: House, post: Post, move_clock: MoveClock) -> str:
    placed = paid(house, post)
    house.tablet.accept(placed["id"])
    first: Rider = post.until(lambda: house.offered_to(placed["id"]))
    move_clock(later(seconds=40))
    second: Rider = post.until(lambda: house.offered_to(placed["id"]))
    assert second is not first
    second.accept(delivery_of(placed["id"]))
    cooked(house, placed)
    brought(second, placed)
    return str(placed["id"])


def ignored_until_another_rider_comes(house: House, post: Post, move_clock: MoveClock) -> str:
    """Nobody answers for minutes, and the store is told; the search goes on by its own timers."""
    placed = paid(house, post)
    house.tablet.accept(placed["id"])
    for _ in range(6):
        post.bring_what_is_due()
        move_clock(later(seconds=40))
    post.bring_what_is_due()
    assert house.offered_to(placed["id"]) is None
    last = house.hire_rider(900)
    move_clock(later(seconds=70))
    assert post.until(lambda: house.offered_to(placed["id"])) is last
    last.accept(delivery_of(placed["id"]))
    cooked(house, placed)
    brought(last, placed)
    return str(placed["id"])


def dropped_by_one_rider(house: House, post: Post, move_clock: MoveClock) -> str:
    placed = paid(house, post)
    first = taken(house, post, placed)
    cooked(house, placed)
    first.arrive_at_store(delivery_of(placed["id"]))
    first.drop(delivery_of(placed["id"]))
    second: Rider = post.until(lambda: house.offered_to(placed["id"]))
    second.accept(delivery_of(placed["id"]))
    brought(second, placed)
    return str(placed["id"])


def back_to_the_counter(house: House, post: Post, move_clock: MoveClock) -> str:
    """Nobody opened; the customer fetches it at the store."""
    placed = failed_at_the_door(house, post)
    code = house.customer.follow(placed["id"]).body["pickup_code"] or placed["pickup_code"]
    house.tablet.hand_over(placed["id"], code)
    return str(placed["id"])


def back_and_given_up(house: House, post: Post, move_clock: MoveClock) -> str:
    placed = failed_at_the_door(house, post)
    house.tablet.cancel(placed["id"], "customer_absent")
    return str(placed["id"])


def cancelled(house: House, post: Post, move_clock: MoveClock) -> str:
    placed = paid(house, post)
    house.customer.cancel(placed["id"])
    return str(placed["id"])


def cancelled_before_the_payment_was_noticed(house: House, post: Post, move_clock: MoveClock) -> str:
    placed = house.place_order()
    house.pay(placed)
    house.customer.cancel(placed["id"])
    return str(placed["id"])


def paid_after_cancelling(house: House, post: Post, move_clock: MoveClock) -> str:
    """The app's payment form was still open."""
    placed = house.place_order()
    house.customer.cancel(placed["id"])
    house.pay(placed)
    return str(placed["id"])


def rejected(house: House, post: Post, move_clock: MoveClock) -> str:
    placed = paid(house, post)
    house.tablet.reject(placed["id"])
    return str(placed["id"])


def never_paid(house: House, post: Post, move_clock: MoveClock) -> str:
    return str(house.place_order()["id"])


def paid_in_the_last_second(house: House, post: Post, move_clock: MoveClock) -> str:
    """The notice of the payment and the deadline meet; either finds the order paid, and it goes on."""
    placed = house.place_order()
    move_clock(pay_by(placed) - timedelta(seconds=1))
    house.pay(placed)
    move_clock(later(seconds=1))
    post.until(lambda: house.is_on_board(placed["id"]))
    rider = taken(house, post, placed)
    cooked(house, placed)
    brought(rider, placed)
    return str(placed["id"])


def paid_a_moment_too_late(house: House, post: Post, move_clock: MoveClock) -> str:
    """The order has expired, and its intent is still open when the customer pays."""
    placed = house.place_order()
    move_clock(pay_by(placed))
    while house.customer.follow(placed["id"]).body["status"] != "cancelled":
        due = [each for each in house.mailbox.owing() if each.type == "OrderDeadlineReached" and each.is_due]
        assert due
        assert house.mailbox.arrive(*due) == []
    house.pay(placed)
    return str(placed["id"])


def never_answered(house: House, post: Post, move_clock: MoveClock) -> str:
    return str(paid(house, post)["id"])


def paid_unnoticed_and_never_answered(house: House, post: Post, move_clock: MoveClock) -> str:
    """The notice is lost: the deadline finds the money, and the store, which is asked so late, does not answer."""
    placed = house.place_order()
    pay_unnoticed(house, placed)
    return str(placed["id"])


def given_up_by_the_store_while_offered(house: House, post: Post, move_clock: MoveClock) -> str:
    placed = paid(house, post)
    house.tablet.accept(placed["id"])
    rider: Rider = post.until(lambda: house.offered_to(placed["id"]))
    house.tablet.cancel(placed["id"])
    assert house.refused(lambda: rider.accept(delivery_of(placed["id"]))) in ("offer_gone", "delivery_cancelled")
    return str(placed["id"])


def given_up_by_the_store_with_the_rider_waiting(house: House, post: Post, move_clock: MoveClock) -> str:
    placed = paid(house, post)
    rider = taken(house, post, placed)
    rider.arrive_at_store(delivery_of(placed["id"]))
    house.tablet.cancel(placed["id"])
    assert house.refused(lambda: rider.pick_up(delivery_of(placed["id"]))) == "delivery_cancelled"
    return str(placed["id"])


def pay_unnoticed(house: House, placed: dict[str, Any]) -> None:
    """Pay by card; the provider's notice never comes."""
    lost = {"kind": "webhook_lost", "match": {"event_type": "payment_intent.amount_capturable_updated"}, "times": 1}
    requests.post(f"{house.sandbox.url}/sandbox/faults", json=lost, timeout=10).raise_for_status()
    house.customer.pay(placed)


def pay_by(placed: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(placed["payment"]["pay_by"])


# --- how each of them ends --------------------------------------------------------------------------------------------

FEE = 290
HELD_AND_TAKEN = ("succeeded", 0, TOTAL, 0, 0, 1, 0)
TAKEN_WITHOUT_FEE = ("succeeded", 0, TOTAL - FEE, 0, 0, 1, 0)
HELD_AND_LET_GO = ("canceled", 0, 0, 0, TOTAL, 0, 0)
NEVER_HELD = ("canceled", 0, 0, 0, 0, 0, 0)


def done(**more: Any) -> Ending:
    """The customer has the goods and the store has the money."""
    ending = {
        "order": "completed",
        "reason": None,
        "attention": (),
        "payment": "captured",
        "authorised": TOTAL,
        "captured": TOTAL,
        "refunded": 0,
        "missing": TAKEN,
        "delivery": "delivered",
        "in_hand": 0,
        "on_board": 0,
        "repeated_steps": 0,
        "charges": (HELD_AND_TAKEN,),
    }
    return Ending(**{**ending, **more})


def undone(order: str, reason: str, authorised: int = TOTAL, **more: Any) -> Ending:
    """Everything is as if there had been no order."""
    ending = {
        "order": order,
        "reason": reason,
        "payment": "voided",
        "authorised": authorised,
        "captured": 0,
        "missing": {},
        "delivery": None,
        "charges": (HELD_AND_LET_GO,),
    }
    return done(**{**ending, **more})


def assert_ends(house: House, placed: dict[str, Any], post: Post, expected: Ending) -> None:
    post.settle()
    ending = house.ending(placed["id"])
    assert ending == expected, ending.difference(expected)


PLAYS: dict[Play, Ending] = {
    to_the_door: done(),
    slowly_to_the_door: done(),
    cash_to_the_door: done(charges=()),
    over_the_counter: done(delivery=None, authorised=TOTAL - FEE, captured=TOTAL - FEE, charges=(TAKEN_WITHOUT_FEE,)),
    a_declined_card_first: done(),
    declined_by_one_rider: done(),
    ignored_by_one_rider: done(),
    ignored_until_another_rider_comes: done(),
    dropped_by_one_rider: done(),
    back_to_the_counter: done(delivery="returned"),
    back_and_given_up: undone("cancelled", "customer_absent", delivery="returned"),
    cancelled: undone("cancelled", "changed_mind"),
    cancelled_before_the_payment_was_noticed: undone("cancelled", "changed_mind", authorised=0),
    paid_after_cancelling: undone("cancelled", "changed_mind", authorised=0),
    rejected: undone("rejected", "too_busy"),
    never_paid: undone("cancelled", "payment_expired", authorised=0, charges=(NEVER_HELD,)),
    paid_in_the_last_second: done(),
    paid_a_moment_too_late: undone("cancelled", "payment_expired", authorised=0),
    never_answered: undone("rejected", "store_did_not_respond"),
    paid_unnoticed_and_never_answered: undone("rejected", "store_did_not_respond"),
    given_up_by_the_store_while_offered: undone("cancelled", "other", delivery="cancelled"),
    given_up_by_the_store_with_the_rider_waiting: undone("cancelled", "other", delivery="cancelled"),
}

"""The order's state machine: who may do what, in which state."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.kernel.errors import Conflict, DomainError
from chalicelib.ordering.model import commands, news
from chalicelib.ordering.model import order as rules
from chalicelib.ordering.model.order import Order, Promise, Status
from tests.ordering import factories as make
from tests.ordering.factories import CUSTOMER, NOON, RIDER, STAFF, change

PREP = timedelta(minutes=20)
MODES = [rules.DELIVERY, rules.PICKUP, rules.DINE_IN]

COMMANDS = {
    "accept": lambda o: commands.accept(o, change(STAFF), prep=PREP),
    "reject": lambda o: commands.reject(o, change(STAFF), reason="too_busy"),
    "cancel_by_customer": lambda o: commands.cancel_by_customer(o, change(CUSTOMER), reason="changed_mind"),
    "cancel_by_store": lambda o: commands.cancel_by_store(o, change(STAFF), reason="out_of_stock"),
    "postpone": lambda o: commands.postpone(o, change(STAFF), prep=PREP),
    "start": lambda o: commands.start(o, change(STAFF)),
    "ready": lambda o: commands.make_ready(o, change(STAFF)),
    "hand_to_customer": lambda o: commands.hand_to_customer(o, change(STAFF), code=o.pickup_code),
    "hand_to_rider": lambda o: commands.hand_to_rider(o, change(STAFF)),
    "complete_table": lambda o: commands.complete_table(o, change(STAFF)),
}

OBSERVATIONS = {
    "confirm": lambda o, cause: news.confirm(o, change(cause=cause)),
    "expire_unpaid": lambda o, cause: news.expire_unpaid(o, change(cause=cause)),
    "expire_unanswered": lambda o, cause: news.expire_unanswered(o, change(cause=cause)),
    "picked_up": lambda o, cause: news.note_picked_up(o, change(RIDER, cause=cause)),
    "delivered": lambda o, cause: news.note_delivered(o, change(RIDER, cause=cause)),
    "failed": lambda o, cause: news.note_delivery_failed(o, change(RIDER, cause=cause), reason="nobody_there"),
    "returned": lambda o, cause: news.note_delivery_returned(o, change(RIDER, cause=cause)),
    "no_rider": lambda o, cause: news.note_no_rider(o, change(cause=cause)),
    "at_risk": lambda o, cause: news.note_at_risk(o, change(cause=cause)),
}


def order_in(status: str, mode: str) -> Order:
    makers = {
        "unpaid": lambda: make.placed(confirmed=False, mode=mode),
        "placed": lambda: make.placed(mode=mode),
        "accepted": lambda: make.accepted(mode=mode),
        "preparing": lambda: make.preparing(mode=mode),
        "ready": lambda: make.ready(mode=mode),
        "handed_over": lambda: commands.hand_to_rider(make.ready(mode=mode), change(STAFF)),
        "out_for_delivery": lambda: make.out_for_delivery(mode=mode),
        "completed": lambda: news.note_delivered(make.out_for_delivery(mode=mode), change(RIDER)),
        "cancelled": lambda: commands.cancel_by_customer(make.placed(mode=mode), change(CUSTOMER), reason="x"),
        "rejected": lambda: commands.reject(make.placed(mode=mode), change(STAFF), reason="too_busy"),
    }
    return makers[status]()


ALLOWED = {
    ("accept", "placed", "accepted"),
    ("reject", "placed", "rejected"),
    ("cancel_by_customer", "unpaid", "cancelled"),
    ("cancel_by_customer", "placed", "cancelled"),
    ("cancel_by_store", "accepted", "cancelled"),
    ("cancel_by_store", "preparing", "cancelled"),
    ("cancel_by_store", "ready", "cancelled"),
    ("cancel_by_store", "handed_over", "cancelled"),
    ("postpone", "accepted", "accepted"),
    ("postpone", "preparing", "preparing"),
    ("start", "accepted", "preparing"),
    ("ready", "preparing", "ready"),
    ("hand_to_rider", "ready", "handed_over"),
}
STATUSES = [
    "unpaid",
    "placed",
    "accepted",
    "preparing",
    "ready",
    "handed_over",
    "out_for_delivery",
    "completed",
    "cancelled",
    "rejected",
]


@pytest.mark.parametrize(("command", "status"), list(itertools.product(COMMANDS, STATUSES)))
def test_a_delivery_takes_exactly_the_allowed_commands(command, status):
    order = order_in(status, rules.DELIVERY)
    allowed = {(c, s): after for c, s, after in ALLOWED}

    if (command, status) in allowed:
        after = COMMANDS[command](order)
        assert after.status == allowed[command, status]
        assert after.version == order.version + 1
        assert after.timeline[:-1] == order.timeline
    else:
        with pytest.raises(Conflict) as refused:
            COMMANDS[command](order)
        assert refused.value.code == "order_status_conflict"


def test_the_store_cannot_touch_an_order_that_is_not_paid():
    unpaid = make.placed(confirmed=False)

    for command in ("accept", "reject"):
        with pytest.raises(Conflict):
            COMMANDS[command](unpaid)


def test_accepting_sets_the_time_and_keeps_the_journey_as_promised():
    order = make.accepted()

    assert order.promise.ready_at == NOON + timedelta(minutes=21)
    assert order.promise.promised_at == NOON + timedelta(minutes=36)


def test_a_scheduled_order_is_not_ready_before_its_time():
    tonight = NOON + timedelta(hours=7)
    order = make.accepted(promise=Promise(tonight, tonight - timedelta(minutes=15), tonight))

    assert order.promise.promised_at == tonight


def test_a_pickup_is_completed_by_its_code():
    order = make.ready(mode=rules.PICKUP)

    done = commands.hand_to_customer(order, change(STAFF), code="4711")

    assert done.status is Status.COMPLETED
    assert [entry.step for entry in done.timeline[-2:]] == ["handed_over", "completed"]


def test_a_wrong_code_hands_nothing_over_and_tells_what_is_left():
    order = make.ready(mode=rules.PICKUP, code_failures=3)

    with pytest.raises(DomainError) as refused:
        commands.hand_to_customer(order, change(STAFF), code="0000")

    assert refused.value.code == "wrong_pickup_code"
    assert refused.value.extra["attempts_left"] == 1


def test_after_too_many_wrong_codes_only_a_manager_hands_over():
    order = make.ready(mode=rules.PICKUP, code_failures=rules.PICKUP_CODE_ATTEMPTS)

    with pytest.raises(DomainError) as refused:
        commands.hand_to_customer(order, change(STAFF), code="4711")
    assert refused.value.code == "pickup_code_locked"

    done = commands.hand_to_customer_without_code(order, change(STAFF), reason="showed their card")
    assert done.status is Status.COMPLETED
    assert done.timeline[-2].reason == "showed their card"


def test_a_table_is_completed_by_hand_and_nothing_else_is():
    assert commands.complete_table(make.ready(mode=rules.DINE_IN), change(STAFF)).status is Status.COMPLETED
    for mode in (rules.PICKUP, rules.DELIVERY):
        with pytest.raises(Conflict):
            commands.complete_table(make.ready(mode=mode), change(STAFF))


@pytest.mark.parametrize("mode", [rules.PICKUP, rules.DINE_IN])
def test_what_needs_no_rider_goes_to_none(mode):
    with pytest.raises(Conflict):
        commands.hand_to_rider(make.ready(mode=mode), change(STAFF))


def test_a_delivery_that_came_back_is_handed_out_at_the_counter_or_cancelled():
    returned = news.note_delivery_returned(make.out_for_delivery(), change(RIDER))
    assert returned.is_on_board

    assert commands.hand_to_customer(returned, change(STAFF), code="4711").status is Status.COMPLETED
    assert commands.cancel_by_store(returned, change(STAFF), reason="customer_absent").status is Status.CANCELLED


# --- deadlines
# ----------------------------------------------------------------------------------------------------


def test_an_unpaid_order_expires_when_its_time_to_pay_is_over_and_not_before():
    order = make.placed(confirmed=False)

    assert news.expire_unpaid(order, change(minutes=9.99)) is order
    expired = news.expire_unpaid(order, change(minutes=10))
    assert expired.status is Status.CANCELLED
    assert expired.timeline[-1].reason == "payment_expired"
    assert expired.timeline[-1].actor.kind == "system"


def test_the_stores_time_runs_from_the_confirmation():
    order = news.confirm(make.placed(confirmed=False), change(minutes=7))

    assert order.deadline == NOON + timedelta(minutes=12)
    assert news.expire_unanswered(order, change(minutes=11.9)) is order
    rejected = news.expire_unanswered(order, change(minutes=12))
    assert rejected.status is Status.REJECTED
    assert rejected.timeline[-1].reason == "store_did_not_respond"


def test_the_stores_time_does_not_run_while_it_is_closed():
    opens = NOON + timedelta(hours=3)
    promise = Promise(NOON + timedelta(hours=4), NOON + timedelta(hours=4), NOON + timedelta(hours=4))

    start = rules.asked_from(NOON, opens, promise, start_at=NOON + timedelta(hours=3, minutes=40))

    assert start == opens


def test_a_store_may_leave_a_scheduled_order_until_an_hour_before_its_work_begins():
    tomorrow = NOON + timedelta(days=1)
    promise = Promise(tomorrow, tomorrow, tomorrow)

    start = rules.asked_from(NOON, NOON, promise, start_at=tomorrow - timedelta(minutes=20))

    assert start == tomorrow - timedelta(minutes=80)


def test_an_answered_order_has_no_deadline():
    assert make.accepted().deadline is None
    late = change(minutes=600)
    assert news.expire_unanswered(make.accepted(), late).status is Status.ACCEPTED
    assert news.expire_unpaid(make.placed(), late).status is Status.PLACED


# --- late, repeated and reordered news
# ------------------------------------------------------------------------------


def test_a_delivery_is_complete_although_its_pick_up_was_never_told():
    order = news.note_delivered(make.ready(), change(RIDER))

    assert order.status is Status.COMPLETED
    assert news.note_picked_up(order, change(RIDER)) is order


def test_back_at_the_store_outranks_coming_back():
    order = make.out_for_delivery()
    back = news.note_delivery_returned(order, change(RIDER))
    late = news.note_delivery_failed(back, change(RIDER), reason="nobody_there")

    assert late.attention == (rules.DELIVERY_RETURNED,)


def test_the_alarm_for_a_missing_rider_ends_with_the_pick_up():
    worried = news.note_no_rider(make.ready(), change())
    assert worried.attention == (rules.NO_RIDER,)

    gone = news.note_picked_up(worried, change(RIDER))
    assert gone.attention == ()
    assert news.note_no_rider(gone, change()) is gone


@pytest.mark.parametrize("status", ["accepted", "ready", "out_for_delivery"])
def test_lateness_to_come_is_in_the_timeline_once(status):
    order = order_in(status, rules.DELIVERY)
    warned = news.note_at_risk(order, change())

    assert [entry.step for entry in warned.timeline].count(rules.DELIVERY_AT_RISK) == 1
    assert (warned.status, warned.attention) == (order.status, order.attention)
    assert news.note_at_risk(warned, change()) is warned


@pytest.mark.parametrize(("observation", "status"), list(itertools.product(OBSERVATIONS, STATUSES)))
def test_the_same_news_twice_changes_nothing_the_second_time(observation, status):
    order = order_in(status, rules.DELIVERY)
    once = OBSERVATIONS[observation](order, "evt_1")

    assert OBSERVATIONS[observation](once, "evt_1") is once


@pytest.mark.parametrize(("observation", "status"), list(itertools.product(OBSERVATIONS, sorted(rules.ENDED))))
def test_no_news_changes_an_order_that_is_over(observation, status):
    order = order_in(status, rules.DELIVERY)

    assert OBSERVATIONS[observation](order, "evt_1") is order


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_news_in_any_order_and_number_ends_a_delivered_order_the_same_way(data):
    news = ["confirm", "no_rider", "picked_up", "delivered"]
    order = make.ready()
    for name in data.draw(st.permutations(news * 2)):
        order = OBSERVATIONS[name](order, f"evt_{name}")

    assert order.status is Status.COMPLETED
    assert order.attention == ()
    assert not order.is_on_board


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([*COMMANDS, *OBSERVATIONS]), max_size=25),
    st.sampled_from(MODES),
)
def test_no_sequence_whatever_breaks_the_machine(steps, mode):
    """Versions count changes, an end is an end, and only what is confirmed is ever on the board or under
    way.
    """
    order = make.placed(confirmed=False, mode=mode)
    for number, name in enumerate(steps):
        before = order
        try:
            order = COMMANDS[name](order) if name in COMMANDS else OBSERVATIONS[name](order, f"evt_{number}")
        except DomainError:
            continue
        assert order.version == before.version + (order is not before)
        assert before.status not in rules.ENDED or order is before
        if order.status not in (Status.PLACED, Status.CANCELLED):
            assert order.confirmed_at is not None
        if order.is_on_board:
            assert order.confirmed_at is not None
            assert order.status not in rules.ENDED
    assert order == replace(order)

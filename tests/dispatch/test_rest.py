"""What is written is what is read again, whatever it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.dispatch.model.delivery import Actor, Brief, Delivery, Proof, Status, Step
from chalicelib.dispatch.model.rider import Rider, Vehicle
from chalicelib.dispatch.tables import (
    DeliveryRow,
    RiderRow,
    brief_of,
    brief_row,
    changes,
    delivery_of,
    delivery_row,
    rider_of,
    rider_row,
    step_line,
)
from chalicelib.kernel import ids
from chalicelib.kernel.geo import Point
from chalicelib.kernel.money import Money
from tests.dispatch.factories import NOW, a_delivery, a_rider, carried

words = st.text("abcXYZ019-_.:", min_size=1, max_size=36)
instants = st.integers(0, 4_000_000_000_000).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))
maybe = st.one_of
points = st.builds(
    Point,
    st.integers(-90_000_000, 90_000_000).map(lambda n: n / 1e6),
    st.integers(-180_000_000, 180_000_000).map(lambda n: n / 1e6),
)
money = st.integers(0, 10**9).map(lambda amount: Money(amount, "EUR"))
riders = maybe(st.uuids().map(str), words)


@st.composite
def steps(draw: st.DrawFn) -> Step:
    at = draw(instants)
    behind = draw(maybe(st.none(), st.integers(0, 86_400_000)))
    return Step(
        status=draw(st.sampled_from(Status)),
        at=at,
        actor=draw(st.sampled_from(Actor)),
        cause=draw(maybe(st.just(""), st.uuids().map(str), words)),
        reason=draw(maybe(st.none(), st.text("abc_", min_size=1))),
        captured_at=None if behind is None else at - timedelta(milliseconds=behind),
        rider_id=draw(maybe(st.none(), riders)),
    )


deliveries = st.builds(
    Delivery,
    id=st.builds(ids.new_id, st.just("dlv")),
    store_id=words,
    store_point=points,
    dropoff_point=points,
    ready_at=instants,
    promised_at=instants,
    status=st.sampled_from(Status),
    version=st.integers(1, 10**6),
    marked_ready_at=maybe(st.none(), instants),
    proof=st.sampled_from(Proof),
    pin=maybe(st.none(), st.text("0123456789", min_size=4, max_size=8)),
    pin_failures=st.integers(0, 5),
    photo=maybe(st.none(), words),
    cash_to_collect=maybe(st.none(), money),
    cash_collected=maybe(st.none(), money),
    rider_id=maybe(st.none(), riders),
    offered_to=maybe(st.none(), riders),
    offer_expires_at=maybe(st.none(), instants),
    excluded=st.lists(st.text("0123456789abcdef", min_size=8, max_size=8), max_size=5).map(tuple),
    rounds=st.integers(0, 100),
    searching_since=maybe(st.none(), instants),
    next_look_at=maybe(st.none(), instants),
    unfilled_at=maybe(st.none(), instants),
    steps=st.lists(steps(), max_size=5).map(tuple),
    brief=maybe(st.none(), st.builds(Brief, note=st.text(max_size=40), dropoff_address=st.text(max_size=40))),
)


@given(deliveries)
def test_a_delivery_comes_back_as_it_was(delivery: Delivery) -> None:
    assert delivery_of(DeliveryRow.from_raw_data(delivery_row(delivery).serialize())) == delivery


@given(deliveries, deliveries)
def test_an_update_sends_only_what_differs(before: Delivery, after: Delivery) -> None:
    assert changes(before, before) == []
    assert changes(before, replace(before, version=before.version + 1)) != []
    assert len(changes(before, replace(after, id=before.id))) <= 24


@given(
    st.builds(
        Rider,
        id=riders,
        name=st.text(min_size=1, max_size=80),
        vehicle=st.sampled_from(Vehicle),
        capacity=st.integers(1, 10),
        version=st.integers(1, 10**6),
        on_shift=st.booleans(),
        shift_changed_at=maybe(st.none(), instants),
        zone=maybe(st.none(), words),
        last_offer_at=maybe(st.none(), instants),
        jobs=st.dictionaries(st.builds(ids.new_id, st.just("dlv")), st.integers(1, 999), max_size=4),
    )
)
def test_a_rider_comes_back_as_they_were(rider: Rider) -> None:
    assert rider_of(RiderRow.from_raw_data(rider_row(rider).serialize())) == rider


def test_a_long_brief_lies_apart_and_a_short_one_rides_along() -> None:
    short = a_delivery()
    assert brief_row(short) is None
    note = " ".join(str(number * 7919) for number in range(200))
    long = replace(short, brief=Brief(note=note))
    apart = brief_row(long)
    assert apart is not None
    assert brief_of(apart) == long.brief
    kept = delivery_of(delivery_row(long))
    assert kept is not None
    assert kept.brief is None


def test_a_reason_in_free_words_can_not_break_the_line() -> None:
    line = step_line(Step(Status.CANCELLED, NOW, Actor.STORE, "req 1", "out of\nrice c=1"))
    assert line.split(" ")[3:] == ["req_1", "w=out_of_rice_c=1"]
    delivery = replace(carried("rider-a"), steps=())
    row = delivery_row(delivery)
    row.steps = [line]
    kept = delivery_of(row)
    assert kept is not None
    assert kept.steps[0].reason == "out_of_rice_c=1"


def test_an_empty_list_of_jobs_is_kept() -> None:
    assert rider_of(RiderRow.from_raw_data(rider_row(a_rider()).serialize())) == a_rider()

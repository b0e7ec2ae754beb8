"""What the planner offers, to whom, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.dispatch.planner import Outlook, Pending, plan
from chalicelib.dispatch.planner.cover import outlook
from tests.dispatch.planner.worlds import MINUTE, NOW, POLICY, Plane, delivery, rider

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.dispatch.planner import Delivery, Offer, Policy, Rider


def offers(
    deliveries: Sequence[Delivery], riders: Sequence[Rider], policy: Policy = POLICY, at: float = NOW
) -> list[Offer]:
    return plan(at, deliveries, riders, Plane(), policy)


class TestWhen:
    def test_an_order_that_is_ready_is_offered_now(self) -> None:
        (offer,) = offers([delivery()], [rider()])

        assert (offer.rider_id, offer.deliveries, offer.stores) == ("anna", ("dlv-1",), ("store-a",))
        assert offer.at_store_at == pytest.approx(NOW + 60)
        assert offer.pickup_at == pytest.approx(NOW + 180)
        assert offer.drop_at[0] > offer.pickup_at

    def test_a_rider_is_told_as_late_as_is_still_in_time(self) -> None:
        # One minute of riding and two at the counter: the rider has to leave three minutes before the order is ready.
        early = [delivery(ready_at=NOW + 10 * MINUTE)]

        assert offers(early, [rider()]) == []
        assert offers(early, [rider()], at=NOW + 6 * MINUTE) == []
        (offer,) = offers(early, [rider()], at=NOW + 6.6 * MINUTE)
        assert offer.leave_at == pytest.approx(NOW + 7 * MINUTE)

    def test_offers_go_out_earlier_where_answers_take_time(self) -> None:
        early = [delivery(ready_at=NOW + 5 * MINUTE)]

        assert offers(early, [rider()]) == []
        assert offers(early, [rider()], replace(POLICY, ahead=100.0))

    def test_a_busy_rider_who_will_be_there_first_is_waited_for(self) -> None:
        near = rider("ben", place=(0.0, 0.0), free_at=NOW + 2 * MINUTE)
        far = rider("far", place=(9_000.0, 0.0))

        assert offers([delivery()], [near, far]) == []
        (offer,) = offers([delivery()], [replace(near, free_at=NOW), far])
        assert offer.rider_id == "ben"

    def test_nothing_is_offered_when_there_is_nothing_or_nobody(self) -> None:
        assert offers([], [rider()]) == []
        assert offers([delivery()], []) == []


class TestWho:
    def test_nobody_picks_up_after_the_end_of_the_shift(self) -> None:
        ending = rider("ending", place=(0.0, 0.0), off_at=NOW + 3 * MINUTE)
        late = delivery(ready_at=NOW + 4 * MINUTE)

        assert offers([late], [ending], replace(POLICY, ahead=900.0)) == []
        (offer,) = offers([late], [ending, rider("far", place=(2_000.0, 0.0))], replace(POLICY, ahead=900.0))
        assert offer.rider_id == "far"

    def test_the_rider_whose_shift_ends_takes_the_order_that_only_it_can_still_take(self) -> None:
        ending = rider("ending", place=(0.0, 0.0), off_at=NOW + 5 * MINUTE)
        staying = rider("staying", place=(0.0, 0.0))
        now, later = delivery(1), delivery(2, store_id="b", store=(4_000.0, 0.0), ready_at=NOW)

        chosen = {each.rider_id: each.deliveries for each in offers([now, later], [ending, staying])}

        assert chosen == {"ending": ("dlv-1",), "staying": ("dlv-2",)}

    def test_who_declined_is_not_asked_again(self) -> None:
        refused = delivery(excludes=frozenset({"anna"}))

        assert offers([refused], [rider()]) == []
        (offer,) = offers([refused], [rider(), rider("ben", place=(900.0, 0.0))])
        assert offer.rider_id == "ben"

    def test_what_an_order_needs_the_rider_has(self) -> None:
        frozen = delivery(needs=frozenset({"cold box"}), size=3)

        assert offers([frozen], [rider(), rider("ben", equipment=frozenset({"cold box"}), room=2)]) == []
        assert offers([frozen], [rider("ben", equipment=frozenset({"cold box"}))])

    def test_a_rider_who_usually_declines_is_asked_last(self) -> None:
        picky, willing = rider("picky", accepts=0.2), rider("willing", place=(400.0, 0.0), accepts=0.9)

        (offer,) = offers([delivery()], [picky, willing])

        assert offer.rider_id == "willing"

    def test_the_rider_whom_the_guarantee_pays_anyway_is_cheaper(self) -> None:
        paid, extra = rider("paid", covered=3.0), rider("extra", covered=-1.0)

        (offer,) = offers([delivery()], [extra, paid])

        assert (offer.rider_id, offer.terms.pay) == ("paid", 0.0)
        assert offer.runner_up is not None
        assert offer.runner_up.terms.pay > 0

    def test_an_order_known_early_leaves_the_rider_where_others_will_order(self) -> None:
        centre, edge = rider("centre", place=(0.0, 0.0)), rider("edge", place=(2_400.0, 0.0))
        early = delivery(ready_at=NOW + 11 * MINUTE, door=(2_000.0, 2_000.0))
        outlook = [Outlook((0.0, 0.0), 5.0), Outlook((200.0, 100.0), 5.0)]

        (offer,) = plan(NOW + MINUTE, [early], [centre, edge], Plane(), POLICY, outlook)

        assert offer.rider_id == "edge"
        assert offer.terms.lateness == pytest.approx(0.0)

    def test_a_slow_vehicle_is_planned_slowly(self) -> None:
        (offer,) = offers([delivery()], [rider(vehicle="foot")])
        assert offer.at_store_at == pytest.approx(NOW + 180)


class TestBundles:
    def test_orders_of_one_store_travel_together_when_there_is_one_rider(self) -> None:
        (offer,) = offers([delivery(1), delivery(2), delivery(3)], [rider()])

        assert sorted(offer.deliveries) == ["dlv-1", "dlv-2", "dlv-3"]
        assert list(offer.drop_at) == sorted(offer.drop_at)

    def test_a_bundle_is_not_larger_than_the_riders_room(self) -> None:
        (offer,) = offers([delivery(1, size=2), delivery(2, size=2), delivery(3, size=2)], [rider(room=4)])
        assert len(offer.deliveries) == 2

    def test_orders_of_other_stores_travel_apart(self) -> None:
        (offer,) = offers([delivery(1), delivery(2, store_id="b", store=(50.0, 0.0))], [rider()])
        assert len(offer.stores) == 1

    def test_neighbouring_stores_share_a_trip_where_the_policy_allows_it(self) -> None:
        mixed = [delivery(1), delivery(2, store_id="b", store=(50.0, 0.0))]

        (offer,) = offers(mixed, [rider(place=(10_000.0, 0.0))], replace(POLICY, neighbours=60.0))

        assert sorted(offer.stores) == ["b", "store-a"]
        assert sorted(offer.deliveries) == ["dlv-1", "dlv-2"]

    def test_riders_enough_means_no_detours(self) -> None:
        chosen = offers([delivery(1), delivery(2, door=(-3_000.0, 0.0))], [rider(), rider("ben")])
        assert sorted(len(each.deliveries) for each in chosen) == [1, 1]


class TestOnTheWay:
    def test_an_order_joins_the_trip_to_its_store_until_it_is_picked_up(self) -> None:
        going = rider(pending=Pending((delivery(9),), NOW + 20), free_at=NOW + 30 * MINUTE, place=(1_000.0, 900.0))

        (offer,) = offers([delivery(1)], [going], replace(POLICY, tick=180.0))

        assert offer.joins
        assert sorted(offer.deliveries) == ["dlv-1", "dlv-9"]

    def test_a_rider_on_the_way_is_not_sent_elsewhere_first(self) -> None:
        going = rider(pending=Pending((delivery(9),), NOW + 20), free_at=NOW + 30 * MINUTE, place=(1_000.0, 900.0))
        other = delivery(1, store_id="b", store=(310.0, 0.0))

        assert offers([other], [going], replace(POLICY, tick=180.0)) == []


class TestWhy:
    def test_an_offer_says_what_it_costs_and_who_came_second(self) -> None:
        (offer,) = offers([delivery()], [rider(), rider("ben", place=(1_500.0, 0.0))])

        assert offer.terms.lateness == pytest.approx(180.0)
        assert offer.runner_up is not None
        assert offer.runner_up.rider_id == "ben"
        assert offer.runner_up.terms.lateness == pytest.approx(420.0)
        assert offer.runner_up.extra == pytest.approx(offer.runner_up.terms.total() - offer.terms.total())


WHERE = st.tuples(st.integers(-3_000, 3_000).map(float), st.integers(-3_000, 3_000).map(float))
STORES = {f"store-{n}": (1_000.0 * n, 500.0 * (n % 2)) for n in range(4)}
ORDERS = st.lists(st.tuples(st.sampled_from(sorted(STORES)), WHERE, st.integers(-20, 40)), min_size=1, max_size=12)
RIDERS = st.lists(st.tuples(WHERE, st.integers(0, 25), st.integers(1, 90)), min_size=1, max_size=6)


@given(ORDERS, RIDERS)
@settings(max_examples=60, deadline=None)
def test_every_offer_can_be_done(
    orders: list[tuple[str, tuple[float, float], int]], crew: list[tuple[tuple[float, float], int, int]]
) -> None:
    known = {
        f"dlv-{number}": delivery(
            number, store_id=store, store=STORES[store], door=door, ready_at=NOW + minutes * MINUTE
        )
        for number, (store, door, minutes) in enumerate(orders)
    }
    riders = {
        f"rider-{number}": rider(
            f"rider-{number}", place=place, free_at=NOW + busy * MINUTE, off_at=NOW + left * MINUTE
        )
        for number, (place, busy, left) in enumerate(crew)
    }
    made = offers(list(known.values()), list(riders.values()))

    told = [each for offer in made for each in offer.deliveries]
    assert len(set(told)) == len(told)
    assert len({offer.rider_id for offer in made}) == len(made)
    for offer in made:
        who, bundle = riders[offer.rider_id], [known[each] for each in offer.deliveries]
        assert who.free_at <= NOW
        assert {each.store_id for each in bundle} == set(offer.stores)
        assert len(bundle) <= POLICY.bundle_under_pressure
        arrival = NOW + Plane().seconds(who.place, bundle[0].store, who.vehicle)
        assert offer.pickup_at == pytest.approx(max(arrival + POLICY.counter_before, *(one.ready_at for one in bundle)))
        assert offer.pickup_at <= who.off_at
        assert offer.leave_at < NOW + POLICY.tick
    assert offers(list(known.values()), list(riders.values())) == made, "the same question gets the same answer"


def test_the_outlook_weighs_stores_by_their_orders_under_way() -> None:
    expected = outlook([("a", (0.0, 0.0)), ("b", (900.0, 0.0)), ("a", (0.0, 0.0))])
    assert [(each.place, each.rate) for each in expected] == [((0.0, 0.0), 3.0), ((900.0, 0.0), 2.0)]


def test_a_shift_ends_with_the_last_pick_up_or_with_the_last_door() -> None:
    """The door is 200 s from the counter, with two minutes at each."""
    leaving = rider(off_at=NOW + 5 * MINUTE)
    assert offers([delivery()], [leaving])
    home = replace(POLICY, delivered_by_off=True)
    assert offers([delivery()], [leaving], home) == []
    longer = rider(off_at=NOW + 15 * MINUTE)
    assert offers([delivery()], [longer], home)


def test_what_a_rider_fetches_already_is_done_however_late_and_nothing_is_added() -> None:
    home = replace(POLICY, delivered_by_off=True)
    fetched = Pending((delivery(7),), NOW + MINUTE)
    late = rider(off_at=NOW + 4 * MINUTE, free_at=NOW + 12 * MINUTE, pending=fetched)
    other = rider("ben", place=(5_000.0, 0.0))
    made = offers([delivery(1, ready_at=NOW)], [late, other], home)
    assert [each.rider_id for each in made] == ["ben"]

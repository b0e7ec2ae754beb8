"""Days are played by the rules, from what is known at the time, and the same way every time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.dispatch import __main__ as command
from benchmarks.dispatch import instances
from benchmarks.dispatch.baselines import minute_matching, nearest_idle
from benchmarks.dispatch.day import Day, UncertainDay, write
from benchmarks.dispatch.play import Habits, play, play_live
from benchmarks.dispatch.score import score
from chalicelib.dispatch.planner import Policy, plan
from tests.benchmarks.city import write_instance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.dispatch.day import Assignment
    from benchmarks.dispatch.play import Decide
    from chalicelib.dispatch.planner import Delivery, Offer, Outlook, Rider, Travel

POLICY = Policy(rounds=2)


def doorstep(
    now: float, deliveries: Sequence[Delivery], riders: Sequence[Rider], travel: Travel, outlook: Sequence[Outlook]
) -> list[Offer]:
    return plan(now, deliveries, riders, travel, POLICY, outlook)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_instance(tmp_path_factory.mktemp("days") / "city")


@pytest.mark.parametrize("decide", [doorstep, minute_matching, nearest_idle])
@pytest.mark.parametrize("kind", [Day, UncertainDay])
def test_every_planner_keeps_the_rules(city: Path, tmp_path: Path, decide: Decide, kind: type[Day]) -> None:
    day = kind(instances.load(city))
    write(tmp_path / "assignments.txt", play(day, decide))

    got = score(city, tmp_path / "assignments.txt")

    assert got.delivered == 40
    assert got.above_bound >= 0


def test_the_planner_beats_both_baselines(city: Path, tmp_path: Path) -> None:
    minutes = {}
    for decide in (doorstep, minute_matching, nearest_idle):
        write(tmp_path / "assignments.txt", play(Day(instances.load(city)), decide))
        minutes[decide] = score(city, tmp_path / "assignments.txt").ctd

    assert minutes[doorstep] <= min(minutes[minute_matching], minutes[nearest_idle])


def test_orders_that_nobody_can_pick_up_in_time_are_left(tmp_path: Path) -> None:
    short = write_instance(tmp_path / "short", until=740)
    write(tmp_path / "assignments.txt", play(Day(instances.load(short)), doorstep))

    got = score(short, tmp_path / "assignments.txt")

    assert 0 < got.delivered < got.orders


@pytest.mark.parametrize("kind", [Day, UncertainDay])
def test_decisions_do_not_depend_on_the_future(city: Path, kind: type[Day]) -> None:
    whole = instances.load(city)
    until = 690.0
    past = instances.Instance(
        whole.name,
        tuple(each for each in whole.orders if each.placed <= until),
        whole.couriers,
        whole.restaurants,
        whole.parameters,
    )

    def told(instance: instances.Instance) -> list[Assignment]:
        return sorted(each for each in play(kind(instance), doorstep) if each.assigned_at <= until)

    assert told(past) == told(whole)
    assert told(whole)


def test_an_unknown_ready_time_is_not_used(city: Path) -> None:
    """Orders that get ready later than decided about change nothing until then."""
    whole = instances.load(city)
    until = 640.0
    later = instances.Instance(
        whole.name,
        tuple(
            instances.Order(
                each.id, each.place, each.placed, each.restaurant, each.ready + (9 if each.ready > until else 0)
            )
            for each in whole.orders
        ),
        whole.couriers,
        whole.restaurants,
        whole.parameters,
    )

    def told(instance: instances.Instance) -> list[tuple[float, str, tuple[str, ...]]]:
        day = UncertainDay(instance)
        play(day, doorstep)
        return sorted(
            (each.assigned_at, each.courier, each.orders) for each in day.written if each.assigned_at <= until
        )

    assert told(later) == told(whole)


def test_the_same_day_is_played_the_same_way(city: Path) -> None:
    instance = instances.load(city)

    assert play(Day(instance), doorstep) == play(Day(instance), doorstep)
    live = [play_live(Day(instance), doorstep, Habits()) for _ in range(2)]
    assert live[0] == live[1]


class TestRidersWhoPoll:
    def test_no_order_and_no_rider_is_in_two_offers(self, city: Path) -> None:
        day = Day(instances.load(city))
        accepted: list[str] = []

        def watched(
            now: float,
            deliveries: Sequence[Delivery],
            riders: Sequence[Rider],
            travel: Travel,
            outlook: Sequence[Outlook],
        ) -> list[Offer]:
            accepted[:] = [each for assignment in day.written for each in assignment.orders]
            assert not {each.id for each in deliveries} & set(accepted)
            made = doorstep(now, deliveries, riders, travel, outlook)
            # Offered again to others before the first could answer: that would be two offers for one order.
            for offer in made:
                assert recent.get(offer.rider_id, -1.0) < now
                recent[offer.rider_id] = now
                for each in offer.deliveries:
                    assert (each, offer.rider_id) not in asked, "who declined or let it run out is asked once"
                    asked.add((each, offer.rider_id))
            return made

        recent: dict[str, float] = {}
        asked: set[tuple[str, str]] = set()
        live = play_live(day, watched, Habits())

        delivered = [each for assignment in live.assignments for each in assignment.orders]
        assert len(delivered) == len(set(delivered)) == 40

    def test_who_declined_is_not_asked_again_and_the_rules_hold(self, city: Path, tmp_path: Path) -> None:
        day = Day(instances.load(city))

        live = play_live(day, doorstep, Habits(declines=0.4))

        assert live.declined > 0
        assert live.offers == len(live.assignments) + live.declined + live.expired
        for assignment in live.assignments:
            assert all(assignment.courier not in day.asked.get(each, ()) for each in assignment.orders)
        write(tmp_path / "assignments.txt", live.assignments)
        assert score(city, tmp_path / "assignments.txt").delivered == 40

    def test_an_answer_takes_as_long_as_a_poll(self, city: Path) -> None:
        live = play_live(Day(instances.load(city)), doorstep, Habits())
        assert 0 < live.seconds_to_answer / live.offers <= 30


def test_the_command_writes_assignments_table_and_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    days, out = tmp_path / "days", tmp_path / "out"
    for seed in (1, 2):
        write_instance(days / f"city-{seed}", seed, orders=15)

    code = command.main(["--instances", str(days), "--out", str(out), "--jobs", "1"])

    assert code == 0, capsys.readouterr().out
    lines = (out / "city-1" / "assignments.txt").read_text().splitlines()
    assert lines[0] == "assigned_at pickup_at courier order"
    assert sum(len(line.split()) - 3 for line in lines[1:]) == 15
    assert "| `all` (2) | doorstep | 30 | 0.00 |" in (out / "results.md").read_text()
    assert (out / "results.csv").read_text().count("\n") == 7
    assert (out / "results.svg").read_text().startswith("<svg")


def test_a_directory_without_instances_is_told(tmp_path: Path) -> None:
    assert command.main(["--instances", str(tmp_path), "--out", str(tmp_path / "out")]) == 2

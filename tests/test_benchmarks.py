"""What the benchmarks conclude from what they count, and how they count it."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import counts, cpu, orders, stock_race
from benchmarks.counts import Counts
from benchmarks.journey import Journey
from benchmarks.machine import Cost
from benchmarks.stock_race import Race
from chalicelib.kernel import settings
from infra.local.metering import Meter, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.wire import Emulator

PLACE = {"requests": 3, "read_units": 3.0, "write_units": 14.0, "stripe": 1}
POLL = {"requests": 1, "read_units": 0.5, "write_units": 0.0, "stripe": 0}


def counted(*, steps: list[Cost] | None = None, **use_cases: dict[str, float]) -> Counts:
    costs: dict[str, dict[str, float]] = {
        "place order": PLACE,
        "search among 10 stores": POLL,
        "search among 500 stores": POLL,
        **{name.replace("_", " "): cost for name, cost in use_cases.items()},
    }
    journey = Journey(None)  # type: ignore[arg-type]
    journey.steps = [("step", cost) for cost in steps or [Cost(Usage(1, 1, 1), 0, 1)]]
    journey.delivered = len(journey.steps)
    importlib.import_module("app")
    every_route = {tuple(line.split()[:2]) for line in counts.uncounted(set())}
    return Counts(costs, journey, routes=every_route)  # type: ignore[arg-type]


class TestLimits:
    def test_what_costs_more_than_before_is_named_with_both_figures(self) -> None:
        limits = {"place order": PLACE}

        assert counts.grown({"place order": PLACE}, limits) == []
        assert counts.grown({"place order": {**PLACE, "write_units": 15.0}}, limits) == [
            "place order: write units grew from 14 to 15"
        ]

    def test_a_use_case_without_a_limit_fails(self) -> None:
        assert counts.grown({"fly": PLACE}, {"place order": PLACE}) == ["fly has no limit yet: --update"]

    def test_units_that_nobody_measured_are_not_compared(self) -> None:
        more = {**PLACE, "write_units": 99.0, "requests": 4}

        assert counts.grown({"place order": more}, {"place order": PLACE}, units=False) == [
            "place order: requests grew from 3 to 4"
        ]

    def test_what_got_cheaper_or_vanished_is_told(self) -> None:
        cheaper = {"place order": {**PLACE, "requests": 2}}

        assert counts.shrunk(cheaper, {"place order": PLACE, "fly": PLACE}) == [
            "fly is not counted any more",
            "place order: requests shrank from 3 to 2",
        ]

    def test_the_file_names_what_it_limits_line_by_line(self) -> None:
        told = {"use_cases": {"place order": PLACE, "poll": POLL}, "journey": {"to delivery": PLACE}}

        text = counts.written(told)

        assert json.loads(text) == told
        assert len(text.splitlines()) == 9

    def test_the_checked_in_limits_hold_what_must_hold(self) -> None:
        limits = json.loads(counts.LIMITS.read_text())
        place, journey = limits["use_cases"]["place order"], limits["journey"]["to delivery"]

        assert (place["requests"], place["stripe"]) <= (3, 1)
        assert (journey["invocations"], journey["write_units"]) <= (20, 60)


class TestWhatMustHold:
    def test_all_is_well(self) -> None:
        assert counts.broken(counted(feed_304=POLL)) == []

    @pytest.mark.parametrize("worse", [{"requests": 4}, {"stripe": 2}])
    def test_placing_an_order(self, worse: dict[str, float]) -> None:
        (fault,) = counts.broken(counted(place_order={**PLACE, **worse}))
        assert fault.startswith("placing an order makes")

    @pytest.mark.parametrize("worse", [{"requests": 2}, {"read_units": 1.5}])
    def test_polls_with_nothing_new(self, worse: dict[str, float]) -> None:
        (fault,) = counts.broken(counted(feed_304={**POLL, **worse}))
        assert fault.startswith("feed 304 makes")

    def test_a_search_that_grows_with_the_stores(self) -> None:
        (fault,) = counts.broken(counted(search_among_500_stores={**POLL, "requests": 40}))
        assert fault == "a search makes 1 requests among few stores and 40 among many"

    @pytest.mark.parametrize("steps", [[Cost(Usage(), 0, 21)], [Cost(Usage(0, 0, 60.5), 0, 1)]])
    def test_the_journey(self, steps: list[Cost]) -> None:
        (fault,) = counts.broken(counted(steps=steps))
        assert fault.startswith("an order causes")

    def test_units_that_nobody_measured_break_nothing(self) -> None:
        told = counted(steps=[Cost(Usage(0, 0, 99), 0, 1)], feed_304={**POLL, "read_units": 2.0})
        told.warning = "DynamoDB is moto's"

        assert counts.broken(told) == []

    def test_a_route_that_nobody_counts(self) -> None:
        told = counted()
        told.routes.discard(("POST", "/v1/quotes"))

        assert counts.broken(told) == ["POST /v1/quotes is not counted"]


class TestMeter:
    @pytest.fixture
    def client(self, dynamodb: Emulator) -> Iterator[Any]:
        import botocore.session

        client = botocore.session.get_session().create_client("dynamodb", "eu-central-1")
        yield client
        client.close()

    def test_requests_and_units_by_operation(self, client: Any) -> None:
        meter = Meter()
        meter.attach(client)
        table, key = settings.table_name("events"), {"pk": {"S": "METER"}, "sk": {"S": "-"}}

        client.put_item(TableName=table, Item={**key, "text": {"S": "x" * 1500}})
        client.get_item(TableName=table, Key=key, ConsistentRead=True)
        with pytest.raises(client.exceptions.ConditionalCheckFailedException):
            client.put_item(TableName=table, Item=key, ConditionExpression="attribute_not_exists(pk)")

        assert meter.usage == Usage(requests=3, read_units=1.0, write_units=2.0)
        assert meter.by_operation() == {"GetItem": Usage(1, 1.0, 0), "PutItem": Usage(2, 0, 2.0)}
        assert meter.by_table() == {table: Usage(0, 1.0, 2.0)}


class TestOrders:
    def run(self, **changes: Any) -> orders.Run:
        fields: dict[str, Any] = {
            "clients": 8,
            "orders": 200,
            "seconds": 4.0,
            "walls": [0.1, 0.2, 0.3],
            "requests": 600,
            "cpu_ms": {"api": 14.0, "pump": 8.0, "dynamodb": 4.0, "moto": 3.0, "stripe": 2.0},
            "client_ms": 1.0,
        }
        return orders.Run(**{**fields, **changes})

    def test_figures_of_a_run(self) -> None:
        run = self.run()
        assert (run.rate, run.median_ms, run.emulators_ms) == (50.0, 200.0, 9.0)

    def test_aims_that_were_missed_are_named(self) -> None:
        assert orders.missed([self.run()]) == []
        slow = self.run(seconds=20.0, requests=800, cpu_ms={**self.run().cpu_ms, "api": 26.0})
        assert orders.missed([slow]) == [
            "4 requests an order are more than 3",
            "8 clients: 26.0 ms of API CPU are more than 25",
            "8 clients: 10.0 orders/s are fewer than 30",
        ]

    def test_one_client_need_not_reach_the_rate_of_eight(self) -> None:
        assert orders.missed([self.run(clients=1, seconds=20.0)]) == []

    def test_cpu_of_a_process_is_that_of_its_children_too(self) -> None:
        burn = "sum(range(6 * 10**7))"
        script = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{burn}; input()']).wait()"
        process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
        try:
            spent = 0.0
            while spent < 0.3:
                assert process.poll() is None
                spent = cpu.seconds({"both": process.pid, "gone": 2**22 + os.getpid()})["both"]
        finally:
            process.communicate(b"\n")


class TestRaces:
    def test_selling_more_than_there_is_is_a_fault(self) -> None:
        good = Race(stock_race.Counter({(201, ""): 10, (409, "out_of_stock"): 40}), 0, 10, 10, 0, 0.5)
        once = Race(stock_race.Counter({(201, ""): 20}), 19, 1, 1, 9, 0.5)
        assert stock_race.faults(good, once) == []

        oversold = Race(stock_race.Counter({(201, ""): 50}), 0, 50, 50, 0, 0.5)
        twice = Race(stock_race.Counter({(201, ""): 20}), 18, 2, 2, 8, 0.5)
        assert len(stock_race.faults(oversold, twice)) == 4

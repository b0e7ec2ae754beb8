"""A made-up hour, played to its end on a stack of its own; and books that are found out when they don't add up."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import requests

from infra.local.replay import audit
from infra.local.replay.__main__ import OVERTIME, START_AT, main
from infra.local.replay.instance import load
from infra.local.replay.stage import OWNER, STOCK, Stage, set_stage
from tests.infra.replay.made_up import write_instance
from tests.stack import started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.local.stack import LocalStack

pytestmark = [pytest.mark.stack, pytest.mark.slow]

SPEED = 120.0


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalStack, Stage, bool]]:
    """The hour after it was played."""
    instance = load(write_instance(tmp_path_factory.mktemp("instance")))
    stack = started(tmp_path_factory.mktemp("replay"), speed=SPEED, start_at=START_AT)
    try:
        stage = set_stage(stack, instance, lambda *_: None)
        finished = stage.clockwork.run(stage.day.at(instance.minutes) + OVERTIME, lambda: None)
        yield stack, stage, finished
    finally:
        stack.stop()


def test_the_day_is_played_to_its_end_and_the_books_add_up(played: tuple[LocalStack, Stage, bool]) -> None:
    stack, stage, finished = played

    assert audit.breaches(stack, stage, finished=finished) == []
    assert [order.status for order in stage.day.orders] == ["completed"] * 6


def test_nobody_is_faster_than_the_record_and_the_road_allow(played: tuple[LocalStack, Stage, bool]) -> None:
    day = played[1].day

    for order in day.orders:
        assert order.accepted_at is not None
        assert order.marked_ready_at is not None
        assert order.picked_up_at is not None
        assert order.delivered_at is not None
        way = day.instance.travel_minutes(day.instance.restaurants[order.recorded.restaurant], order.recorded.door)
        assert order.click <= order.accepted_at
        assert order.ready <= order.marked_ready_at <= order.picked_up_at
        # two minutes to leave, the way, two minutes at the door
        assert order.delivered_at >= order.picked_up_at + timedelta(minutes=way + 4)


def test_books_that_do_not_add_up_are_found_out(played: tuple[LocalStack, Stage, bool]) -> None:
    stack, stage, _ = played
    stage.cast.merchant(OWNER).set_stock(stage.stores["r1"], "PLATE", STOCK)
    refunded, charged_twice = stage.day.orders[0], stage.day.orders[1]
    intents = requests.get(f"{stack.stripe_url}/sandbox/summary", timeout=10).json()["intents"]
    intent = next(each for each in intents if each["metadata"]["order_id"] == refunded.order_id)
    stripe(stack, "refunds", payment_intent=intent["id"])
    stripe(
        stack,
        "payment_intents",
        amount="100",
        currency="usd",
        capture_method="manual",
        payment_method="pm_card_visa",
        **{"metadata[order_id]": str(charged_twice.order_id)},
    )
    stage.day.orders[2].status = "preparing"

    found = "\n".join(audit.breaches(stack, stage, finished=False))

    assert "not over" in found
    assert f"r1: stock of PLATE is {STOCK}, " in found
    assert f"order o1 ({refunded.order_id}, completed) is not captured exactly once" in found
    assert f"order o2 ({charged_twice.order_id}, completed) has 2 payments at Stripe" in found
    assert "order o3" in found
    assert "money: " in found


def stripe(stack: LocalStack, path: str, **form: str) -> None:
    key = {"Authorization": f"Bearer {stack.env['STRIPE_API_KEY']}"}
    requests.post(f"{stack.stripe_url}/v1/{path}", data=form, headers=key, timeout=10).raise_for_status()


def test_the_command_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--instance", str(tmp_path)]) == 2
    assert "orders.txt" in capsys.readouterr().err

"""`kill -9` between placement and delivery, of everything or of one process: the order goes on, and is paid once.

People behave as good apps do: they wait, ask again with the same idempotency key and the same operation id, and look
at what has become of it. The stack goes on from what is on disk. Every order has a store of its own.
"""

from __future__ import annotations

import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3

from infra.local.actors import Refused
from infra.local.environment import Ports
from infra.local.stack import LocalStack
from infra.local.wire import EmulatorError
from tests.faults.plant import Plant
from tests.flows.town import STOCK, TAKEN, Town, delivery_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infra.local.actors import Rider

pytestmark = [pytest.mark.fault, pytest.mark.stack, pytest.mark.slow]

# Fast enough that timers are short, slow enough that nobody runs out of time while a stack starts again.
SPEED = 4.0
PATIENCE_SECONDS = 60.0
# When nobody does anything any more and only timers are waited for.
LAST_SPEED = 30.0

Json = dict[str, Any]


# --- killing ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    # Below the ports that a system hands out: while the stack is down, nobody must be given one of its own.
    dynamodb, moto, stripe, api = random.sample(range(12_000, 32_000), 4)
    stack = LocalStack(
        tmp_path_factory.mktemp("killed-stack"), ports=Ports((api,), dynamodb, moto, stripe), speed=SPEED
    )
    made = Plant(stack)
    made.start()
    yield made
    stack.stop()


# --- people who do not give up ----------------------------------------------------------------------------------------


def insist(act: Callable[[], Any]) -> Any:
    """Do it, again and again while nobody answers or the answer says to try again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return act()
        except (Refused, OSError, EmulatorError, urllib3.exceptions.HTTPError) as error:
            passing = not isinstance(error, Refused) or bool(error.problem.get("retryable"))
            if not passing or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def wait_for(question: Callable[[], Any]) -> Any:
    """The first answer that is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := insist(question)):
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come true")
        time.sleep(0.03)
    return answer


class Order:
    """One order from placement to the door. Every step can be taken again by people who do not know how it went."""

    def __init__(self, plant: Plant, town: Town | None = None) -> None:
        self.plant = plant
        self.town = town or Town(plant.stack, accept_within_minutes=2)
        self.customer = self.town.customer()
        self.riders = [self.town.rider(300 * number) for number in (1, 2, 3)]
        self.key = str(uuid.uuid4())
        self.quote = self.town.quote(self.customer)
        self.placed: Json = {}
        self.rider: Rider = self.riders[0]
        self.operations: dict[str, tuple[str, str]] = {}

    @property
    def id(self) -> str:
        return str(self.placed["id"])

    @property
    def delivery_id(self) -> str:
        return delivery_of(self.id)

    def place(self) -> None:
        self.placed = insist(lambda: self.customer.place(self.quote, key=self.key))

    def pay(self) -> None:
        insist(self._confirm)

    def _confirm(self) -> None:
        try:
            self.customer.pay(self.placed)
        except RuntimeError:
            # Confirmed by an attempt whose answer was lost: the app asks Stripe how it stands.
            assert self.charge()["status"] in ("requires_capture", "succeeded")

    def accept(self) -> None:
        wait_for(lambda: self.town.tablet.card(self.id))
        self._command("accepted", self.town.tablet.accept)

    def see_the_offer(self) -> None:
        self.rider = wait_for(self._offered)

    def _offered(self) -> Rider | None:
        for rider in self.riders:
            feed = rider.look().body
            if any(each["delivery_id"] == self.delivery_id for each in (*feed["offers"], *feed["deliveries"])):
                return rider
        return None

    def take_the_offer(self) -> None:
        """Whoever has it; one that ran out meanwhile has gone to the next."""
        while True:
            self.see_the_offer()
            try:
                self._report("accept")
            except Refused as refused:
                if refused.code not in ("offer_gone", "delivery_not_found"):
                    raise
                self.operations.pop("accept")
            else:
                return

    def cook(self) -> None:
        self._command("preparing", self.town.tablet.start)
        self._command("ready", self.town.tablet.ready)

    def pick_up(self) -> None:
        self._report("arrived_at_store")
        self._report("picked_up")

    def bring(self) -> None:
        self._report("arrived")
        self._report("delivered", pin=self.placed["delivery_pin"])

    def wait_for_the_money(self) -> None:
        wait_for(lambda: self.seen()["status"] == "completed" and self.seen()["payment"]["state"] == "captured")

    def seen(self) -> Json:
        return dict(self.customer.follow(self.id).body)

    def charge(self) -> Json:
        return dict(insist(lambda: self.town.charge(self.id)))

    def _command(self, status: str, give: Callable[[str], Any]) -> None:
        """A tablet whose command was refused looks whether an earlier attempt had done it."""

        def attempt() -> None:
            try:
                give(self.id)
            except Refused as refused:
                if refused.problem.get("retryable"):
                    raise
                timeline = insist(lambda: self.town.tablet.read(self.id))["order"]["timeline"]
                if status not in [entry["step"] for entry in timeline]:
                    raise

        insist(attempt)

    def _report(self, step: str, **evidence: Any) -> None:
        """The phone keeps a report, with its id and time, until it was answered."""
        op_id, captured_at = self.operations.setdefault(step, (str(uuid.uuid4()), self.rider._now()))
        insist(lambda: self.rider.report(self.delivery_id, step, op_id, captured_at, **evidence))

    STEPS = (place, pay, accept, see_the_offer, take_the_offer, cook, pick_up, bring, wait_for_the_money)

    def go(self) -> None:
        """The whole way."""
        for step in self.STEPS:
            step(self)

    def go_up_to(self, step: Callable[[Order], None]) -> None:
        """Everything before a step, and what it has to wait for."""
        for each in self.STEPS[: self.STEPS.index(step)]:
            each(self)
        if step == Order.accept:
            wait_for(lambda: self.town.tablet.card(self.id))

    def go_on_after(self, step: Callable[[Order], None]) -> None:
        for each in self.STEPS[self.STEPS.index(step) + 1 :]:
            each(self)

    def check(self) -> None:
        """At the door and paid once, to the cent; shelf and riders' hands as they should be; nothing under way."""
        stack = self.plant.stack
        order = insist(self.seen)
        steps = [entry["step"] for entry in order["timeline"]]
        assert (order["status"], order["payment"]["state"]) == ("completed", "captured")
        assert order["delivery"]["status"] == "delivered"
        assert len(steps) == len(set(steps)), steps
        charge, total = self.charge(), order["total"]["amount"]
        told = {name: charge[name] for name in ("status", "captured", "captures", "refunded", "capturable", "attempts")}
        paid_once = {"status": "succeeded", "captured": total, "captures": 1, "refunded": 0, "capturable": 0}
        assert told == {**paid_once, "attempts": 1}
        assert len(self.customer.orders()) == 1
        assert self.town.stock() == {sku: count - TAKEN[sku] for sku, count in STOCK.items()}
        for rider in self.riders:
            feed = rider.look().body
            assert (feed["offers"], feed["deliveries"]) == ([], [])
        assert self.town.tablet.look().body["cards"] == []
        stack.drain(PATIENCE_SECONDS)
        assert set(stack.dlq_depths().values()) == {0}


@pytest.fixture
def order(plant: Plant) -> Order:
    return Order(plant)


# --- everything at once -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", Order.STEPS[:-1], ids=lambda step: f"after_{step.__name__}")
def test_killed_as_soon_as_a_step_was_answered(plant: Plant, order: Order, last: Callable[[Order], None]) -> None:
    order.go_up_to(last)
    last(order)

    plant.kill()

    order.go_on_after(last)
    order.check()


@pytest.mark.parametrize(
    "last", [Order.place, Order.pay, Order.accept, Order.pick_up, Order.bring], ids=lambda step: step.__name__
)
def test_killed_before_anything_that_a_step_told_was_relayed(
    plant: Plant, order: Order, last: Callable[[Order], None]
) -> None:
    order.go_up_to(last)
    plant.pause("pump")
    last(order)

    plant.kill()

    order.go_on_after(last)
    order.check()


def test_killed_between_the_commit_and_the_payment_provider(plant: Plant, order: Order) -> None:
    """The order is there, and nobody knows of an intent: the app sends its request again."""
    plant.fault("slow_request", "/v1/payment_intents", delay_ms=20_000)
    with ThreadPoolExecutor(1) as app:
        placing = app.submit(order.place)
        wait_for(order.customer.orders)
        assert not placing.done()

        plant.kill()

        placing.result()
    order.go_on_after(Order.place)
    order.check()


def test_killed_before_the_provider_could_tell_that_it_was_paid(plant: Plant, order: Order) -> None:
    order.place()
    plant.pause("api-1")
    order.pay()

    plant.kill()

    order.go_on_after(Order.pay)
    order.check()


def test_killed_between_the_capture_and_its_record(plant: Plant, order: Order) -> None:
    """The provider has taken the money, and its answer never arrived."""
    order.go_up_to(Order.bring)
    plant.fault("timeout_after_success", "/v1/payment_intents/*/capture", delay_ms=20_000)
    order.bring()
    wait_for(lambda: order.charge()["captures"])
    assert order.seen()["payment"]["state"] == "authorised"

    plant.kill()

    order.go_on_after(Order.bring)
    order.check()


def test_down_for_so_long_that_an_offer_ran_out(plant: Plant, order: Order) -> None:
    order.go_up_to(Order.take_the_offer)
    first = order.rider
    # An offer lives for half a minute, and until its rider's phone has asked.
    plant.kill(seconds=100 / SPEED)

    order.take_the_offer()

    assert order.rider is not first
    order.go_on_after(Order.take_the_offer)
    order.check()


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_moment(plant: Plant, order: Order, seed: int) -> None:
    """Three times, and the people go on as if nothing was."""
    chance = random.Random(seed)
    with ThreadPoolExecutor(1) as people:
        journey = people.submit(order.go)
        for _ in range(3):
            wait([journey], timeout=chance.uniform(0.0, 0.7))
            plant.kill()
        journey.result()
    order.check()


# --- one process ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["api-1", "pump", "dynamodb", "moto", "stripe"])
def test_one_process_killed_again_and_again(plant: Plant, order: Order, name: str) -> None:
    """While the customer orders and pays, while the store accepts and a rider is sought, while the money is taken."""
    with ThreadPoolExecutor(1) as hand:
        for steps in (
            (Order.place, Order.pay),
            (Order.accept, Order.see_the_offer, Order.take_the_offer),
            (Order.cook, Order.pick_up),
            (Order.bring, Order.wait_for_the_money),
        ):
            killed = hand.submit(plant.kill_one, name)
            for step in steps:
                step(order)
            killed.result()
    order.check()


# --- in the end -------------------------------------------------------------------------------------------------------


def test_when_all_timers_have_gone_off_nothing_is_left(plant: Plant, order: Order) -> None:
    """Of this order, and of all those that were killed before."""
    order.go_up_to(Order.take_the_offer)
    plant.kill()
    order.take_the_offer()
    order.go_on_after(Order.take_the_offer)
    order.check()

    # The look at a silent phone is due two minutes before the promise, and nobody calls it off.
    plant.go_on_at(LAST_SPEED)
    try:
        plant.stack.drain(3 * PATIENCE_SECONDS, delayed=True)
        left = plant.stack.dlq_depths()
        summary = requests.get(f"{plant.stack.stripe_url}/sandbox/summary", timeout=10).json()
    finally:
        plant.go_on_at(SPEED)

    assert set(left.values()) == {0}
    assert set(summary["statuses"]) == {"succeeded"}
    assert {intent["captures"] for intent in summary["intents"]} == {1}
    assert summary["webhooks"]["due"] == summary["webhooks"]["abandoned"] == 0

"""A house in which something goes wrong: people who do not give up, and what must hold when it is over."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import urllib3

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import clock, tables
from chalicelib.ordering import service as ordering
from infra.local.actors import Refused
from infra.local.actors.rider import delivery_of
from infra.local.replay import invariants
from infra.local.stack import Depth
from tests.faults.house import STOCK, TAKEN
from tests.faults.posts import Redriven
from tests.ordering import world
from tests.stack import eventually

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    import pytest

    from infra.local.actors import Rider
    from tests.faults.dynamo import Dynamo
    from tests.faults.house import House

Json = dict[str, Any]

_TRIES = 40


def insist(act: Callable[[], Any], done: Callable[[], Any] = bool) -> Any:
    """Try again what was not answered or said to try again; a refusal is none where an earlier try did it (`done`)."""
    for left in reversed(range(_TRIES)):
        try:
            return act()
        except (Refused, OSError, RuntimeError, urllib3.exceptions.HTTPError) as error:
            if isinstance(error, Refused) and not error.problem.get("retryable"):
                if done():
                    return None
                if error.code != "version_conflict":
                    raise
            if not left:
                raise
    raise AssertionError


def operation(step: str, placed: Json, phone: object = None) -> str:
    """The id that a phone gives to a step, the same however often it is sent."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{step} {placed['id']} {id(phone)}"))


class Scene:
    """One fault: the orders that it meets, and the hands that bring the messages."""

    def __init__(
        self, house: House, dynamo: Dynamo, pass_time: Any, monkeypatch: pytest.MonkeyPatch, chance: random.Random
    ) -> None:
        self.house, self.mailbox, self.dynamo = house, house.mailbox, dynamo
        self.pass_time, self.monkeypatch, self.chance = pass_time, monkeypatch, chance
        self.post = Redriven(self.mailbox, pass_time)
        self.mailbox.hides = self.mailbox.follows_ticks = True
        self.orders: list[Json] = []
        self.ends = {"completed"}
        """How its orders may end."""
        self.put_aside = 0
        self.found_by_sweep = 0

    # --- people, who try again ----------------------------------------------------------------------------------------

    def places(self, method: str = "card") -> Json:
        """An order, with one key however often it is asked for."""
        quote = insist(self.house.quote)
        key = f"key-{len(self.orders)}-of-{quote['id']}"
        placed: Json = insist(lambda: self.house.customer.place(quote, method, key=key))
        self.mailbox.follow(placed["id"])
        self.orders.append(placed)
        return placed

    def pays(self, placed: Json, *, noticed: bool = True) -> None:
        """The app asks how it stands when an answer was lost."""

        def paid() -> bool:
            return any(each["status"] == "requires_capture" for each in self.house.sandbox.intents_of(placed["id"]))

        def attempt() -> None:
            try:
                self.house.customer.pay(placed)
            except RuntimeError:
                if not paid():
                    raise

        before = len(self.house.notices())
        insist(attempt, paid)
        if noticed:
            assert eventually(lambda: len(self.house.notices()) > before), "the provider's notice did not come"

    def accepted(self, placed: Json) -> None:
        self.until(lambda: insist(lambda: self.house.is_on_board(placed["id"])))
        self._tells(placed, "accepted", self.house.tablet.accept)

    def cooked(self, placed: Json) -> None:
        self._tells(placed, "preparing", self.house.tablet.start)
        self._tells(placed, "ready", self.house.tablet.ready)

    def _tells(self, placed: Json, step: str, tell: Callable[[str], Any]) -> None:
        insist(lambda: tell(placed["id"]), lambda: step in [each.step for each in _order(placed).timeline])

    def taken(self, placed: Json) -> Rider:
        """Whoever has the offer takes it; one that is gone by then goes to the next. It may be in hand with another."""
        while True:
            rider: Rider = self.until(lambda: self.in_hand(placed) or self.offered(placed))
            if self.in_hand(placed):
                return rider
            try:
                self.reports(rider, placed, "accept")
            except Refused as refused:
                if refused.code != "offer_gone":
                    raise
                self.let_pass(seconds=1)
            else:
                return rider

    def offered(self, placed: Json) -> Rider | None:
        rider: Rider | None = insist(lambda: self.house.offered_to(placed["id"]))
        return rider

    def in_hand(self, placed: Json) -> Rider | None:
        """Who has taken it."""
        wanted = delivery_of(placed["id"])
        return next((each for each in self.house.riders if insist(lambda each=each: each.job(wanted))), None)

    def reports(self, rider: Rider, placed: Json, step: str, captured_at: str | None = None, **evidence: Any) -> None:
        """A step, with the id and the time that it has in the phone however often it is sent."""
        op_id, at = operation(step, placed, rider.client), captured_at or clock.rfc3339(clock.now())
        insist(lambda: rider.report(delivery_of(placed["id"]), step, op_id, at, **evidence))

    def brought(self, rider: Rider, placed: Json) -> None:
        for step in ("arrived_at_store", "picked_up", "arrived"):
            self.reports(rider, placed, step)
        self.reports(rider, placed, "delivered", pin=placed["delivery_pin"], age_proven=True)

    def goes_to_the_door(self, placed: Json | None = None, *, noticed: bool = True) -> Json:
        """The whole way of one order."""
        if placed is None:
            placed = self.places()
            self.pays(placed, noticed=noticed)
        self.accepted(placed)
        rider = self.taken(placed)
        self.cooked(placed)
        self.brought(rider, placed)
        return placed

    # --- time ---------------------------------------------------------------------------------------------------------

    def let_pass(self, **span: float) -> None:
        self.pass_time(clock.now() + timedelta(**span))

    def until(self, holds: Callable[[], Any]) -> Any:
        """Messages come, dead letters are driven again, timers go off, until it holds."""
        for _ in range(3000):
            if answer := holds():
                return answer
            if not self._goes_on():
                raise AssertionError(f"nothing is under way that could make it true: {self.mailbox.messages}")
        raise AssertionError("no end of messages")

    def settle(self) -> None:
        """Everything arrives, all timers go off, and the truth sweeper looks at what has not ended then."""
        for _ in range(3):
            self._comes_to_rest()
            left = [each for each in self.orders if _order(each).status.value not in invariants.ENDED]
            if not left:
                return
            self.let_pass(minutes=40)
            for placed in left:
                self.found_by_sweep += 1
                ordering.settle_order(placed["id"])

    def _comes_to_rest(self) -> None:
        """Until Stripe has told everything, too."""
        while True:
            while self._goes_on():
                pass
            told = len(self.house.notices())
            assert eventually(lambda: not self.house.sandbox._call("/sandbox/summary")["webhooks"]["due"])
            if len(self.house.notices()) == told:
                return

    def settle_what_is_due(self) -> None:
        """Everything that is due now arrives; no time passes."""
        self.post.bring_what_is_due()

    def _goes_on(self) -> bool:
        try:
            if self.post._bring_some():
                return True
        except OSError:
            return True
        if aside := self.post.redrive():
            self.put_aside += aside
            return True
        owing = self.post._owing()
        if not owing:
            return False
        self.pass_time(min(message.due for message in owing))
        return True

    # --- in the end ---------------------------------------------------------------------------------------------------

    def judged(self) -> dict[str, list[str]]:
        """Every invariant, and what breaks it."""
        found: dict[str, list[str]] = {invariant: [] for invariant in invariants.INVARIANTS}
        feeds = [rider.look().body for rider in self.house.riders]
        cards = self.house.tablet.look().body["cards"]
        for placed in self.orders:
            for invariant, breaches in self._judged(placed):
                found[invariant] += breaches
        name = self.house.shop.id
        sold = sum(_order(each).status.value == invariants.COMPLETED for each in self.orders)
        left = {sku: self.house.shop.left(sku) for sku in TAKEN}
        expected = {sku: STOCK - sold * count for sku, count in TAKEN.items()}
        found["stock adds up"] += invariants.stock_adds_up(name, left, expected)
        found["hands and board empty"] += invariants.hands_and_board_empty(name, feeds, cards)
        waiting = Counter(message.queue for message in self.post._owing())
        depths = {queue: Depth(count, 0, 0) for queue, count in waiting.items()}
        aside = Counter(message.queue for message in self.post.aside)
        found["nothing left behind"] += invariants.nothing_left_behind(depths, aside)
        return found

    def _judged(self, placed: Json) -> Iterator[tuple[str, Iterator[str]]]:
        order = _order(placed)
        delivery: dispatch.Delivery | None = tables.fetch(dispatch.delivery_ref(order.id))[0]
        steps = [("order", each.step, each.cause) for each in order.timeline]
        steps += [("delivery", each.status.value, each.cause) for each in (delivery.steps if delivery else ())]
        ours, theirs = self.house.customer.payment(order.id), self.house.sandbox.intents_of(order.id)
        # An intent behind a 500 for good nobody can ever pay: its secret was told to nobody.
        theirs = [each for each in theirs if each["attempts"] or each["status"] == "canceled"]
        name, status = f"{order.id} ({order.status})", order.status.value
        yield "ended", invariants.ended(name, status)
        yield "paid once", invariants.paid_once(name, status, placed["total"]["amount"], ours, theirs)
        yield "no step twice", invariants.no_step_twice(name, steps)


def _order(placed: Json) -> ordering.Order:
    return world.order_of(placed["id"])

"""One order from its placement to the door and to the taken money: every invocation, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.machine import Cost, Json
from benchmarks.use_cases.place import AUTHORISED, JOB, STORE_ORDER, here, key, match, told, warm_role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.use_cases.place import Place
    from infra.local.metering import Usage
    from infra.local.users import User

TAKEN = "payment_intent.succeeded"


@dataclass
class Journey:
    """What a delivery paid by card costs, step by step. Polls are not in it: they depend on who looks how often."""

    place: Place
    steps: list[tuple[str, Cost]] = field(default_factory=list)
    delivered: int = 0
    tables: dict[str, Usage] = field(default_factory=dict)

    @property
    def to_delivery(self) -> Cost:
        """From the placement until the customer has the goods; timers that go off meanwhile are in it."""
        return sum((cost for _, cost in self.steps[: self.delivered]), Cost())

    @property
    def to_capture(self) -> Cost:
        """Until the order is completed and its payment taken, with the provider's last notice."""
        return sum((cost for _, cost in self.steps), Cost())

    def play(self) -> None:
        """Go the whole way."""
        before = self.place.machine.meter.by_table()
        self._play()
        after = self.place.machine.meter.by_table()
        self.tables = {
            name: after[name] - before[name] if name in before else after[name]
            for name in after
            if name not in before or after[name] != before[name]
        }

    def _play(self) -> None:
        place, machine = self.place, self.place.machine
        asked = {"quote_id": place.quote()["id"], "payment_method": "card"}
        placed = self._call("place order", "/v1/orders", place.customer, asked, key())
        machine.pay(placed)
        self._notice(AUTHORISED)
        order_id, delivery_id = placed["id"], placed["id"].replace("ord_", "dlv_", 1)
        warm_role(place.owner, place.store_id)
        machine.wait_for_beat()
        self._serve(order_id, "accept", {"prep_minutes": 5})
        rider = place.asked(delivery_id)
        self._report(rider, delivery_id, "accept")
        self._serve(order_id, "start")
        self._serve(order_id, "ready")
        self._report(rider, delivery_id, "arrived_at_store")
        self._report(rider, delivery_id, "picked_up")
        # The way to the door takes longer than the timers that were set: they find nothing to do.
        self._note(machine.run_timers(), "timer, ")
        self._report(rider, delivery_id, "arrived")
        pin = place.pin(order_id)
        self._report(rider, delivery_id, "delivered", settle=False, pin=pin)
        self.delivered = len(self.steps)
        self._note(machine.settle())
        self._notice(TAKEN)
        order = machine.call("GET", f"/v1/orders/{order_id}", place.customer).body
        if (order["status"], order["payment"]["state"]) != ("completed", "captured"):
            raise RuntimeError(f"the journey ended with {order['status']}, {order['payment']}")

    def _call(self, name: str, path: str, user: User, body: Json | None, headers: dict[str, str] | None = None) -> Json:
        with self.place.machine.measured() as cost:
            answer = self.place.machine.call("POST", path, user, body, headers=headers)
        self.steps.append((f"api: {name}", cost[0]))
        self._note(self.place.machine.settle())
        told_back: Json = answer.body
        return told_back

    def _serve(self, order_id: str, step: str, body: Json | None = None) -> None:
        version = match(self.place.version(order_id))
        path = STORE_ORDER.format(store_id=self.place.store_id, order_id=order_id)
        self._call(step, f"{path}/{step}", self.place.owner, body, version)

    def _report(self, rider: User, delivery_id: str, step: str, *, settle: bool = True, **body: Any) -> None:
        path = f"{JOB.format(delivery_id=delivery_id)}/{step}"
        with self.place.machine.measured() as cost:
            self.place.machine.call("POST", path, rider, told(**body))
        self.steps.append((f"api: rider, {step}", cost[0]))
        if settle:
            self._note(self.place.machine.settle())

    def _notice(self, kind: str) -> None:
        notice = self.place.machine.next_webhook(kind)
        with self.place.machine.measured() as cost:
            self.place.machine.take(notice)
        self.steps.append((f"api: webhook, {kind}", cost[0]))
        self._note(self.place.machine.settle())

    def _note(self, steps: Iterable[tuple[str, Cost]], prefix: str = "") -> None:
        self.steps += [(prefix + name, cost) for name, cost in steps]


def of(place: Place) -> Journey:
    """The journey of one order of the benchmarks' basket, when nothing else is going on."""
    for _ in place.machine.run_timers():
        pass  # of the orders before it
    for rider in place.riders:
        place.machine.call("PUT", "/v1/rider/position", rider, here())
    journey = Journey(place)
    journey.play()
    return journey

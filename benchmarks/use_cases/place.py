"""The shop of the benchmarks, its people, and what each of their requests costs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks import shop
from benchmarks.machine import Answer, Cost, Json, Machine
from chalicelib.kernel import clock

if TYPE_CHECKING:
    from infra.local.users import User

AUTHORISED = "payment_intent.amount_capturable_updated"
DRAFT = "/v1/stores/{store_id}/menu/draft"
STORE_ORDER = "/v1/stores/{store_id}/orders/{order_id}"
JOB = "/v1/rider/deliveries/{delivery_id}"


@dataclass
class Counter:
    """Calls the API and keeps what each use case cost, by its name."""

    machine: Machine
    costs: dict[str, Cost] = field(default_factory=dict)
    routes: set[tuple[str, str]] = field(default_factory=set)

    def __call__(
        self,
        name: str,
        method: str,
        route: str,
        user: User | None = None,
        body: Json | None = None,
        *,
        headers: dict[str, str] | None = None,
        query: Json | None = None,
        **path: str,
    ) -> Answer:
        """Do it once, measured. Roles of staff are in memory, as they are for all but one request in half a minute."""
        if user is not None and "store_id" in path:
            warm_role(user, path["store_id"])
        self.routes.add((method, route))
        with self.machine.measured() as cost:
            answer = self.machine.call(method, route.format(**path), user, body, headers=headers, **(query or {}))
        if name in self.costs:
            raise ValueError(f"{name} is counted twice")
        self.costs[name] = cost[0]
        return answer


def warm_role(user: User, store_id: str) -> None:
    """Have the user's role at the store in memory."""
    from chalicelib.stores import service

    service.staff_role(user.sub, store_id)


def key() -> dict[str, str]:
    """A fresh idempotency key."""
    return {"Idempotency-Key": str(uuid.uuid4())}


def match(etag: str) -> dict[str, str]:
    """Only if it is still this version."""
    return {"If-Match": f'"{etag}"'}


def unless(etag: str) -> dict[str, str]:
    """Only if it is not this version any more."""
    return {"If-None-Match": f'"{etag}"'}


@dataclass
class Place:
    """The shop of the benchmarks with its people."""

    machine: Machine
    count: Counter
    owner: User
    customer: User
    admin: User
    riders: list[User]
    store_id: str = ""

    @classmethod
    def of(cls, machine: Machine) -> Place:
        """Sign everybody in."""
        return cls(
            machine,
            Counter(machine),
            owner=machine.user("staff", "owner"),
            customer=machine.user("customer"),
            admin=machine.user("admin"),
            riders=[machine.user("rider", f"rider-{number}") for number in (1, 2)],
        )

    # --- steps that several scenes share, not measured -----------------------------------------------------

    def quote(self, mode: str = "delivery") -> Json:
        """A quote for the basket."""
        return self._post("/v1/quotes", self.customer, shop.basket(self.store_id, mode)).body

    def place(self, mode: str = "delivery", method: str = "card") -> Json:
        """An order; by card, paid and on the board."""
        asked = {"quote_id": self.quote(mode)["id"], "payment_method": method}
        placed: Json = self._post("/v1/orders", self.customer, asked, key()).body
        if method == "card":
            self.machine.pay(placed)
            self.machine.take(self.machine.next_webhook(AUTHORISED))
        self.machine.drain()
        return placed

    def version(self, order_id: str) -> str:
        """The order's version, as the staff know it."""
        path = STORE_ORDER.format(store_id=self.store_id, order_id=order_id)
        return str(self.machine.call("GET", path, self.owner).body["order"]["version"])

    def serve(self, order_id: str, *steps: str) -> None:
        """Staff commands, one after the other."""
        for step in steps:
            if step == "accept":
                self.machine.wait_for_beat()
            path = STORE_ORDER.format(store_id=self.store_id, order_id=order_id) + f"/{step}"
            body = {"prep_minutes": 5} if step == "accept" else None
            self._post(path, self.owner, body, match(self.version(order_id)))
        self.machine.drain()

    def offered(self) -> tuple[Json, str, User]:
        """An accepted delivery that was offered to a rider: the order, the delivery's id, the rider."""
        placed = self.place()
        self.serve(placed["id"], "accept")
        delivery_id = placed["id"].replace("ord_", "dlv_", 1)
        return placed, delivery_id, self.asked(delivery_id)

    def asked(self, delivery_id: str) -> User:
        """The rider to whom a delivery is offered."""
        for rider in self.riders:
            feed = self.machine.call("GET", "/v1/rider/feed", rider).body
            if any(offer["delivery_id"] == delivery_id for offer in feed["offers"]):
                return rider
        raise LookupError(f"nobody was offered {delivery_id}")

    def pin(self, order_id: str) -> str:
        """What the customer says to the rider."""
        return str(self.machine.call("GET", f"/v1/orders/{order_id}", self.customer).body["delivery_pin"])

    def report(self, rider: User, delivery_id: str, *steps: str, **body: Any) -> None:
        """What a rider does, one step after the other."""
        for step in steps:
            self._post(f"{JOB.format(delivery_id=delivery_id)}/{step}", rider, told(**body))
        self.machine.drain()

    def _post(self, path: str, user: User, body: Json | None, headers: dict[str, str] | None = None) -> Answer:
        return self.machine.call("POST", path, user, body, headers=headers)


def here() -> Json:
    """A heartbeat from around the corner."""
    position = {"lat": shop.STORE.lat + 0.002, "lng": shop.STORE.lng}
    return {"position": position, "captured_at": clock.rfc3339(clock.now())}


def told(**more: Any) -> Json:
    """What every report of a rider carries."""
    return {"op_id": str(uuid.uuid4()), "captured_at": clock.rfc3339(clock.now()), **more}


def follow(place: Place, order_id: str, what: str) -> None:
    """Read an order as its customer, and again with nothing new."""
    one = "/v1/orders/{order_id}"
    order = place.count(f"{what} order", "GET", one, place.customer, order_id=order_id)
    place.count(f"{what} order, 304", "GET", one, place.customer, headers=unless(order.etag), order_id=order_id)


def track(place: Place, order_id: str) -> None:
    """Where the rider is, as the customer sees it, and again with nothing new."""
    one = "/v1/orders/{order_id}/rider"
    seen = place.count("rider's place", "GET", one, place.customer, order_id=order_id)
    place.count("rider's place, 304", "GET", one, place.customer, headers=unless(seen.etag), order_id=order_id)


def forget_roles() -> None:
    """As in a process that has just started."""
    from chalicelib.stores.service import staff as roles

    roles.forget_roles()

"""A store with everybody who has to do with it, everybody who has not, and orders and deliveries in any state."""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from chalicelib.dispatch import service as dispatch
from chalicelib.dispatch.model.zone import lineage
from chalicelib.dispatch.service.around import read_waiting, read_zone
from chalicelib.dispatch.service.records import write_delivery
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.geo import Point
from chalicelib.kernel.transaction import Transaction
from chalicelib.ordering import service as ordering
from chalicelib.stores import service as stores
from tests.ordering import world

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.api.server import Answer, Served
    from tests.issuer import Issuer

# Hypothesis seeds the common generator anew for each example: two scenes would come to be at the same place.
_ANYWHERE = random.SystemRandom()
_GROUPS = {"staff": ("staff",), "rider": ("riders",), "admin": ("admins",), "customer": ()}


@dataclass
class Scene:
    """One test's world. Whoever is named here has a token that verifies; what they may is looked up as always."""

    issuer: Issuer
    served: Served
    place: Point = field(default_factory=lambda: Point(_ANYWHERE.uniform(-55, 55), _ANYWHERE.uniform(-170, 170)))
    subjects: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shop = world.open_shop(stock=10_000, point={"lat": self.place.lat, "lng": self.place.lng})
        owner_elsewhere = ids.new_id("usr")
        self.elsewhere = stores.create_store(
            stores.create_merchant("Elsewhere", owner_elsewhere).id, owner_elsewhere, world.store_settings()
        )
        self._join("customer", "customer", self.shop.customer_id)
        self._join("another customer", "customer")
        self._join("owner", "staff", self.shop.owner_id)
        self._join("owner elsewhere", "staff", owner_elsewhere)
        for name in ("manager", "clerk", "former manager"):
            self._join(name, "staff")
            role: Any = name.removeprefix("former ")
            stores.add_staff(self.shop.id, self.shop.owner_id, self.subjects[name], role)
        stores.remove_staff(self.shop.id, self.shop.owner_id, self.subjects["former manager"])
        self._join("admin", "admin")
        self._join_rider("rider")
        self._join_rider("another rider")

    @property
    def store_id(self) -> str:
        return self.shop.id

    @property
    def merchant_id(self) -> str:
        return self.shop.store.merchant_id

    def call(self, who: str | None, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Call as somebody of the scene, or without a token."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        token = self.tokens[who] if who else None
        return self.served.call(method, path, token=token, body=body, headers=named)

    def new_customer(self) -> None:
        """Somebody else is the customer from now on, whom nothing is known of."""
        self._join("customer", "customer")

    # --- orders -------------------------------------------------------------------------------------------------------

    def quote(self, mode: str = "delivery") -> ordering.Quote:
        """A quote for the customer."""
        with contextlib.suppress(DomainError):  # another test may have asked for the customer to be forgotten
            ordering.withdraw_erasure(self.subjects["customer"])
        lines = (world.pizza(2), ordering.LineRequest(sku="DRK-CHIANTI"))
        door = None
        if mode == "delivery":
            at = self.place
            door = ordering.Destination(lat=at.lat + 0.004, lng=at.lng, street="Hill Road 1", city="Here")
        return self.shop.quote(*lines, mode=mode, address=door, customer_id=self.subjects["customer"])

    def order(self, mode: str = "delivery", method: str = "cash_on_delivery") -> ordering.Order:
        """An order of the customer that the store sees, unless it is to be paid by card."""
        quote = self.quote(mode)
        method = "pay_at_store" if mode != "delivery" and method == "cash_on_delivery" else method
        return ordering.place_order(quote.customer_id, quote.id, method, world.key()).order

    def accepted(self, mode: str = "delivery") -> ordering.Order:
        return ordering.accept_order(self.shop.command(self.order(mode)), 2)

    def started(self, mode: str = "delivery") -> ordering.Order:
        return ordering.start_order(self.shop.command(self.accepted(mode)))

    def ready(self, mode: str = "delivery") -> ordering.Order:
        return ordering.mark_order_ready(self.shop.command(self.started(mode)))

    def claimed(self, mode: str = "pickup") -> ordering.Order:
        """An accepted order that its customer asks to cancel."""
        order = self.accepted(mode)
        draft = ordering.Draft(kind="cancellation", reason="changed_mind")
        request = ids.new_id("req")
        return ordering.open_claim(self.subjects["customer"], order.id, draft, world.any_key(), request).order

    # --- deliveries ---------------------------------------------------------------------------------------------------

    def offered(self, order: ordering.Order | None = None) -> dispatch.Delivery:
        """A delivery that is being offered to the rider, who is new and the only one near the store with room."""
        order = order or self.accepted()
        self._empty_pool()
        self._join_rider("rider")
        rider_id = self.subjects["rider"]
        dispatch.start_shift(rider_id, self.place)
        delivery_id = dispatch.delivery_id(order.id)
        dispatch.look_for_rider(delivery_id, ids.new_id("evt"))
        delivery = self.delivery(order)
        if delivery.waits:  # for its zone, which plans it with whatever else there is
            delivery = self._tick(order)
        assert delivery.offered_to == rider_id
        return delivery

    def _tick(self, order: ordering.Order) -> dispatch.Delivery:
        zone = read_zone(self.place)
        assert zone.next_tick_at is not None
        with clock.freeze(max(zone.next_tick_at, clock.now())):
            dispatch.tick_zone(zone.cell, zone.next_tick_at, ids.new_id("evt"))
        return self.delivery(order)

    def pooled(self) -> dispatch.Delivery:
        """A delivery that nobody took, and the rider on shift with nothing in hand."""
        order = self.accepted()
        self._join_rider("rider")
        dispatch.start_shift(self.subjects["rider"], self.place)
        return self._change(self.delivery(order), waits=True, pooled_at=clock.now(), bonus=200)

    def shift(self, hours: float = 24, places: int = 1) -> dispatch.Shift:
        """A shift at the store of four hours, beginning in so many."""
        begins = clock.now() + timedelta(hours=hours)
        return dispatch.plan_shift(self.place, begins, begins + timedelta(hours=4), places=places)

    def booked(self, hours: float = 24) -> dispatch.Duty:
        """The rider, off shift, with a place in one."""
        self._join_rider("rider")
        return dispatch.claim_shift(self.subjects["rider"], self.shift(hours).id)

    def at_work(self) -> None:
        """The rider on shift with nothing in hand."""
        self._join_rider("rider")
        dispatch.start_shift(self.subjects["rider"], self.place)

    def _change(self, before: dispatch.Delivery, **changes: Any) -> dispatch.Delivery:
        after = replace(before, version=before.version + 1, **changes)
        tx = Transaction()
        write_delivery(tx, before, after)
        tx.commit()
        return after

    def _empty_pool(self) -> None:
        """What waits in the zone would be planned together with what is looked at."""
        whole = lineage(self.place)[0]
        for waiting in read_waiting(whole, whole).values():
            self._change(waiting, waits=False)

    def assigned(self, order: ordering.Order | None = None) -> dispatch.Delivery:
        return self._step(self.offered(order), dispatch.accept_offer)

    def waiting_at_store(self) -> dispatch.Delivery:
        """The rider is there and the order is ready."""
        return self._step(self.assigned(self.ready()), dispatch.arrive_at_store)

    def picked_up(self) -> dispatch.Delivery:
        return self._step(self.waiting_at_store(), dispatch.pick_up)

    def failed(self) -> dispatch.Delivery:
        return self._step(self.picked_up(), lambda *told: dispatch.fail_delivery(*told, "customer_absent"))

    def delivery(self, order: ordering.Order) -> dispatch.Delivery:
        delivery: dispatch.Delivery = tables.fetch(dispatch.delivery_ref(order.id))[0]
        return delivery

    def report(self, **more: Any) -> dict[str, Any]:
        """What a rider's phone sends now."""
        return {"op_id": ids.new_id("op"), "captured_at": clock.rfc3339(clock.now()), **more}

    def _step(self, delivery: dispatch.Delivery, take: Callable[..., Any]) -> dispatch.Delivery:
        take(delivery.id, dispatch.Command(self.subjects["rider"], ids.new_id("op"), clock.now()))
        stepped: dispatch.Delivery = tables.fetch(dispatch.delivery_ref(delivery.order_id))[0]
        return stepped

    # --- people -------------------------------------------------------------------------------------------------------

    def _join_rider(self, name: str) -> None:
        if name in self.subjects:
            self._send_away(self.subjects[name])
        self._join(name, "rider")
        dispatch.register_rider(self.subjects[name], name="Lena", vehicle=dispatch.Vehicle.BICYCLE, capacity=1)

    def _send_away(self, rider_id: str) -> None:
        """Off shift; who has deliveries in hand can't, and leaves the place in front of the store to the next."""
        with contextlib.suppress(DomainError):
            dispatch.end_shift(rider_id)
        with contextlib.suppress(DomainError):
            dispatch.report_position(rider_id, Point(self.place.lat + 1, self.place.lng), clock.now())

    def _join(self, name: str, kind: str, subject: str | None = None) -> None:
        self.subjects[name] = subject or ids.new_id("usr")
        self.tokens[name] = self.issuer.token(self.subjects[name], *_GROUPS[kind])

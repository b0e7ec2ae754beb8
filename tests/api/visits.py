"""For every route of the API: who may call it, and a request that then succeeds.

The table is written by hand, and not made from what the routes declare: it is the second opinion on that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from chalicelib.catalog import service as catalog
from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import clock, ids
from chalicelib.stores import service as stores
from tests.ordering import world

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.api.scene import Scene

# From whom on: a clerk's route is also a manager's and an owner's.
Caller = Literal[
    "anybody", "customer", "rider", "admin", "staff", "clerk", "manager", "support", "owner of the merchant"
]


@dataclass(frozen=True)
class Visit:
    """A request that succeeds when the right person makes it."""

    path: dict[str, str] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""

    def target(self, template: str) -> str:
        return template.format(**self.path) + self.query


@dataclass(frozen=True)
class Row:
    """Who may, what they send, and what others of the same kind are told who ask for what is not theirs.

    ``of_others`` is the status for another customer or rider; None where the route has nothing of a particular one,
    so that others get an answer about themselves.
    """

    caller: Caller
    visit: Callable[[Scene], Visit]
    of_others: int | None = None


def _at_store(body: Any = None, *, query: str = "", **path: str) -> Callable[[Scene], Visit]:
    return lambda scene: Visit({"store_id": scene.store_id, **path}, body, query=query)


def _keyed(visit: Callable[[Scene], Visit]) -> Callable[[Scene], Visit]:
    def with_key(scene: Scene) -> Visit:
        made = visit(scene)
        return Visit(made.path, made.body, {**made.headers, "Idempotency-Key": ids.new_id("key")}, made.query)

    return with_key


def _draft(body: Any = None, **path: str) -> Callable[[Scene], Visit]:
    """A change of the store's draft as it is."""

    def visit(scene: Scene) -> Visit:
        version = catalog.get_draft(scene.store_id).version
        return Visit({"store_id": scene.store_id, **path}, body, {"If-Match": f'"{version}"'})

    return visit


def _removal(scene: Scene) -> Visit:
    """Of a product that was put into the draft a moment ago."""
    catalog.save_draft(scene.store_id, world.menu(), catalog.get_draft(scene.store_id).version, scene.shop.owner_id)
    return _draft(product_id="prd_wine")(scene)


def _on_order(state: str, mode: str = "delivery", body: Any = None) -> Callable[[Scene], Visit]:
    """A command of the staff on an order in a state."""

    def visit(scene: Scene) -> Visit:
        order = getattr(scene, state)(mode)
        told = body(order) if callable(body) else body
        return Visit({"store_id": scene.store_id, "order_id": order.id}, told, {"If-Match": f'"{order.version}"'})

    return visit


def _own_order(body: Any = None, method: str = "cash_on_delivery") -> Callable[[Scene], Visit]:
    return lambda scene: Visit({"order_id": scene.order(method=method).id}, body)


def _step(state: str, **more: Any) -> Callable[[Scene], Visit]:
    """A report of the rider on a delivery in a state."""

    def visit(scene: Scene) -> Visit:
        delivery = getattr(scene, state)()
        told = {name: value(delivery) if callable(value) else value for name, value in more.items()}
        return Visit({"delivery_id": delivery.id}, scene.report(**told))

    return visit


def _in_pool(scene: Scene) -> Visit:
    scene.pooled()
    return Visit()


def _in_pool_to_claim(scene: Scene) -> Visit:
    return Visit({"delivery_id": scene.pooled().id}, scene.report())


def _rider_change(scene: Scene) -> Visit:
    rider = dispatch.read_rider(scene.subjects["rider"])
    return Visit({"rider_id": rider.id}, {"name": "Mara"}, {"If-Match": f'"{rider.version}"'})


def _cash_in_hand(scene: Scene) -> Visit:
    delivery = scene.picked_up()
    due, rider_id = delivery.cash_to_collect, delivery.rider_id
    assert due is not None
    assert rider_id is not None
    told = dispatch.Command(rider_id, ids.new_id("op"), clock.now())
    dispatch.deliver(delivery.id, told, dispatch.Evidence(pin=delivery.pin, cash_collected=due, age_proven=True))
    return Visit({"rider_id": rider_id}, {"amount": due.amount, "currency": due.currency})


def _on_shift(scene: Scene) -> Visit:
    scene.call("rider", "POST", "/v1/rider/shift", {"state": "on", "position": _spot(scene)})
    return Visit({}, {"position": _spot(scene), "captured_at": clock.rfc3339(clock.now())})


def _spot(scene: Scene) -> dict[str, float]:
    return {"lat": scene.place.lat, "lng": scene.place.lng}


def _colleague(body: Any = None) -> Callable[[Scene], Visit]:
    """Something about a clerk who was hired a moment ago."""

    def visit(scene: Scene) -> Visit:
        hired = stores.add_staff(scene.store_id, scene.shop.owner_id, ids.new_id("usr"), "clerk")
        path = {"store_id": scene.store_id, "user_id": hired.user_id}
        return Visit(path, body, {"If-Match": f'"{hired.version}"'})

    return visit


def _newcomer(scene: Scene) -> Visit:
    return Visit({"store_id": scene.store_id}, {"user_id": ids.new_id("usr"), "role": "clerk"})


def _own_place(scene: Scene) -> Visit:
    """The clerk's, who is hired again where they have gone."""
    if stores.staff_role(scene.subjects["clerk"], scene.store_id) is None:
        stores.add_staff(scene.store_id, scene.shop.owner_id, scene.subjects["clerk"], "clerk")
    return Visit({"store_id": scene.store_id, "user_id": scene.subjects["clerk"]})


def _store_change(scene: Scene) -> Visit:
    version = stores.get_store(scene.store_id).version
    return Visit({"store_id": scene.store_id}, {"name": "Pizza Vecchia"}, {"If-Match": f'"{version}"'})


def _pause(scene: Scene) -> Visit:
    path = f"/v1/stores/{scene.store_id}/pauses"
    told = scene.call("owner", "POST", path, {"kind": "busy", "minutes": 30, "extra_minutes": 15})
    return Visit({"store_id": scene.store_id, "pause_id": told.json["pauses"][0]["id"]})


def _merchant(body: Any = None) -> Callable[[Scene], Visit]:
    def visit(scene: Scene) -> Visit:
        version = stores.get_merchant(scene.merchant_id).version
        return Visit({"merchant_id": scene.merchant_id}, body, {"If-Match": f'"{version}"'})

    return visit


def _basket(scene: Scene) -> Visit:
    address = {"point": {"lat": scene.place.lat + 0.004, "lng": scene.place.lng}, "street": "Hill Road 1"}
    lines = [
        {"sku": "PIZ-MARG-32", "quantity": 2, "modifiers": [{"group_id": "crust", "option_id": "classic"}]},
        {"sku": "DRK-CHIANTI"},
    ]
    return Visit({}, {"store_id": scene.store_id, "mode": "delivery", "lines": lines, "address": address})


def _notice(scene: Scene) -> Visit:
    from tests.api.conftest import WEBHOOK_SECRET
    from tests.api.webhooks import signed

    content = b'{"id": "evt_1", "type": "customer.created", "data": {"object": {}}}'
    return Visit({}, content, {"Stripe-Signature": signed(content, WEBHOOK_SECRET)})


MENU = msgspec.to_builtins(world.menu())
WINE = next(product for product in MENU["products"] if product["id"] == "prd_wine")
_MENU = "/v1/stores/{store_id}/menu"
_ORDER = "/v1/stores/{store_id}/orders/{order_id}"
_DELIVERY = "/v1/rider/deliveries/{delivery_id}"

TABLE: dict[str, Row] = {
    # the document itself
    "GET /v1/openapi.json": Row("anybody", lambda _: Visit()),
    "GET /v1/docs": Row("anybody", lambda _: Visit()),
    # stores
    "GET /v1/stores": Row("anybody", lambda s: Visit(query=f"?lat={s.place.lat}&lng={s.place.lng}&mode=pickup")),
    "GET /v1/stores/{store_id}": Row("anybody", _at_store()),
    "PATCH /v1/stores/{store_id}": Row("manager", _store_change),
    "POST /v1/stores/{store_id}/pauses": Row("clerk", _at_store({"kind": "closed", "minutes": 30})),
    "DELETE /v1/stores/{store_id}/pauses/{pause_id}": Row("clerk", _pause),
    "GET /v1/me/stores": Row("staff", lambda _: Visit()),
    "GET /v1/stores/{store_id}/staff": Row("manager", _at_store()),
    "POST /v1/stores/{store_id}/staff": Row("manager", _newcomer),
    "GET /v1/stores/{store_id}/staff/{user_id}": Row("manager", _colleague()),
    "PATCH /v1/stores/{store_id}/staff/{user_id}": Row("manager", _colleague({"role": "clerk"})),
    "DELETE /v1/stores/{store_id}/staff/{user_id}": Row("clerk", _own_place),
    "POST /v1/merchants": Row("admin", _keyed(lambda _: Visit(body={"name": "Lina", "owner_id": "usr_lina"}))),
    "GET /v1/merchants/{merchant_id}": Row("owner of the merchant", _merchant()),
    "PATCH /v1/merchants/{merchant_id}": Row("owner of the merchant", _merchant({"name": "Lina"})),
    "GET /v1/merchants/{merchant_id}/stores": Row("owner of the merchant", _merchant()),
    "POST /v1/merchants/{merchant_id}/stores": Row("owner of the merchant", _keyed(_merchant(world.store_settings()))),
    # menus and availability
    f"GET {_MENU}": Row("anybody", _at_store()),
    f"GET {_MENU}/draft": Row("manager", _at_store()),
    f"PUT {_MENU}/draft": Row("manager", _draft(MENU)),
    f"PUT {_MENU}/draft/products/{{product_id}}": Row("manager", _draft(WINE, product_id="prd_wine")),
    f"DELETE {_MENU}/draft/products/{{product_id}}": Row("manager", _removal),
    f"POST {_MENU}/draft/publish": Row("manager", _draft({"note": "Winter"})),
    f"GET {_MENU}/versions": Row("manager", _at_store()),
    f"GET {_MENU}/versions/{{version}}": Row("clerk", _at_store(version="1")),
    f"POST {_MENU}/versions/{{version}}/republish": Row("manager", _at_store({}, version="1")),
    "GET /v1/stores/{store_id}/availability": Row("anybody", _at_store()),
    "PUT /v1/stores/{store_id}/availability/{kind}/{item_id}": Row(
        "clerk", _at_store({"until": "further_notice"}, kind="sku", item_id="DRK-CHIANTI")
    ),
    "DELETE /v1/stores/{store_id}/availability/{kind}/{item_id}": Row(
        "clerk", _at_store(kind="sku", item_id="DRK-CHIANTI")
    ),
    # stock
    "GET /v1/stores/{store_id}/stock": Row("clerk", _at_store()),
    "GET /v1/stores/{store_id}/stock/{sku}": Row("clerk", _at_store(sku="SAL-CAES")),
    "PUT /v1/stores/{store_id}/stock/{sku}": Row("clerk", _at_store({"available": 7}, sku="SAL-CAES")),
    "POST /v1/stores/{store_id}/stock/{sku}": Row("clerk", _keyed(_at_store({"delta": -1}, sku="SAL-CAES"))),
    # customers
    "POST /v1/quotes": Row("customer", _basket),
    "GET /v1/quotes/{quote_id}": Row("customer", lambda s: Visit({"quote_id": s.quote().id}), 404),
    "POST /v1/orders": Row(
        "customer",
        _keyed(lambda s: Visit(body={"quote_id": s.quote().id, "payment_method": "card"})),
        404,
    ),
    "GET /v1/orders": Row("customer", lambda _: Visit()),
    "GET /v1/orders/{order_id}": Row("customer", _own_order(), 404),
    "GET /v1/orders/{order_id}/rider": Row("customer", _own_order(), 404),
    "POST /v1/orders/{order_id}/cancel": Row("customer", _own_order({"reason": "changed_mind"}), 404),
    "GET /v1/orders/{order_id}/payment": Row("customer", _own_order(method="card"), 404),
    "POST /v1/webhooks/stripe": Row("anybody", _notice),
    # the staff's board
    "GET /v1/stores/{store_id}/board": Row("clerk", _at_store()),
    "GET /v1/stores/{store_id}/orders": Row("clerk", _at_store()),
    f"GET {_ORDER}": Row("clerk", _on_order("order")),
    f"POST {_ORDER}/accept": Row("clerk", _on_order("order", body={"prep_minutes": 20})),
    f"POST {_ORDER}/reject": Row("clerk", _on_order("order", body={"reason": "too_busy"})),
    f"POST {_ORDER}/postpone": Row("clerk", _on_order("accepted", body={"prep_minutes": 40})),
    f"POST {_ORDER}/start": Row("clerk", _on_order("accepted")),
    f"POST {_ORDER}/ready": Row("clerk", _on_order("started")),
    f"POST {_ORDER}/hand_over": Row(
        "clerk", _on_order("ready", "pickup", lambda order: {"pickup_code": order.pickup_code})
    ),
    f"POST {_ORDER}/complete": Row("clerk", _on_order("ready", "dine_in")),
    f"POST {_ORDER}/cancel": Row("clerk", _on_order("accepted", body={"reason": "kitchen_problem"})),
    # riders
    "POST /v1/riders": Row(
        "admin", _keyed(lambda _: Visit(body={"user": ids.new_id("usr"), "name": "Lena", "vehicle": "car"}))
    ),
    "GET /v1/riders/{rider_id}": Row("admin", lambda s: Visit({"rider_id": s.subjects["rider"]})),
    "PATCH /v1/riders/{rider_id}": Row("admin", _rider_change),
    "POST /v1/riders/{rider_id}/cash_handed_in": Row("admin", _keyed(_cash_in_hand)),
    "GET /v1/rider/profile": Row("rider", lambda _: Visit()),
    "PUT /v1/rider/profile": Row("rider", lambda _: Visit(body={"name": "Lena", "vehicle": "foot"})),
    "POST /v1/rider/shift": Row("rider", lambda s: Visit(body={"state": "on", "position": _spot(s)})),
    "PUT /v1/rider/position": Row("rider", _on_shift),
    "GET /v1/rider/feed": Row("rider", lambda _: Visit()),
    "GET /v1/rider/pool": Row("rider", _in_pool),
    "POST /v1/rider/pool/{delivery_id}/claim": Row("rider", _in_pool_to_claim, 409),
    "GET /v1/deliveries/{delivery_id}/decisions": Row("support", lambda s: Visit({"delivery_id": s.offered().id})),
    f"GET {_DELIVERY}": Row("rider", lambda s: Visit({"delivery_id": s.assigned().id}), 404),
    f"POST {_DELIVERY}/accept": Row("rider", _step("offered"), 404),
    f"POST {_DELIVERY}/decline": Row("rider", _step("offered"), 404),
    f"POST {_DELIVERY}/drop": Row("rider", _step("assigned"), 404),
    f"POST {_DELIVERY}/arrived_at_store": Row("rider", _step("assigned"), 404),
    f"POST {_DELIVERY}/picked_up": Row("rider", _step("waiting_at_store"), 404),
    f"POST {_DELIVERY}/arrived": Row("rider", _step("picked_up"), 404),
    f"POST {_DELIVERY}/delivered": Row(
        "rider",
        _step(
            "picked_up",
            pin=lambda d: d.pin,
            cash_collected=lambda d: msgspec.to_builtins(d.cash_to_collect),
            age_proven=True,
        ),
        404,
    ),
    f"POST {_DELIVERY}/missed": Row("rider", _step("picked_up", reason="customer_absent"), 404),
    f"POST {_DELIVERY}/failed": Row("rider", _step("picked_up", reason="customer_absent"), 404),
    f"POST {_DELIVERY}/returning": Row("rider", _step("failed"), 404),
    f"POST {_DELIVERY}/returned": Row("rider", _step("failed"), 404),
}

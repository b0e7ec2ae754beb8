"""For every route of the API: who may call it, and a request that then succeeds.

The table is written by hand, and not made from what the routes declare: it is the second opinion on that.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from chalicelib.catalog import service as catalog
from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.event_types import SaleRecorded
from chalicelib.kernel.idempotency import IdempotencyKey
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from chalicelib.ordering import service as ordering
from chalicelib.payments import service as payments
from chalicelib.payments.tables.refunds import to_tip_row
from chalicelib.stores import service as stores
from tests.ordering import world
from tests.payments import settling

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.api.scene import Scene

# From whom on: a clerk's route is also a manager's and an owner's.
Caller = Literal[
    "anybody",
    "customer",
    "rider",
    "admin",
    "staff",
    "clerk",
    "manager",
    "support",
    "invited",
    "owner of the merchant",
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


def _plan(scene: Scene) -> Visit:
    begins = clock.now() + timedelta(days=1)
    times = {"starts_at": clock.rfc3339(begins), "ends_at": clock.rfc3339(begins + timedelta(hours=4))}
    return Visit(body={"position": _spot(scene), **times, "places": 3})


def _on_shift_plan(body: Any = None) -> Callable[[Scene], Visit]:
    """A planned shift nobody has a place in, as it was seen."""

    def visit(scene: Scene) -> Visit:
        shift = scene.shift()
        return Visit({"shift_id": shift.id}, body, {"If-Match": f'"{shift.version}"'} if body else {})

    return visit


def _on_place(*, taken: bool) -> Callable[[Scene], Visit]:
    """A rider's place in a shift, taken or about to be."""

    def visit(scene: Scene) -> Visit:
        shift_id = scene.booked().shift_id if taken else scene.shift().id
        return Visit({"shift_id": shift_id, "rider_id": scene.subjects["rider"]})

    return visit


def _pay_rules(scene: Scene) -> Visit:
    peak = {"days": ["friday"], "start": "18:00", "end": "22:00", "bonus": 150}
    rules = {"area": dispatch.zone_of(scene.place), "currency": "EUR", "time_zone": "Europe/Berlin", "base": 250}
    return Visit(body={**rules, "since": clock.rfc3339(clock.now() + timedelta(seconds=1)), "peaks": [peak]})


def _own_shift(hours: float = 24, *, position: bool = False) -> Callable[[Scene], Visit]:
    def visit(scene: Scene) -> Visit:
        shift_id = scene.booked(hours).shift_id
        return Visit({"shift_id": shift_id}, {"position": _spot(scene)} if position else None)

    return visit


def _at_work(*, position: bool = False) -> Callable[[Scene], Visit]:
    def visit(scene: Scene) -> Visit:
        scene.at_work()
        return Visit(body={"position": _spot(scene)} if position else None)

    return visit


def _around(scene: Scene) -> Visit:
    return Visit(query=f"?lat={scene.place.lat:.6f}&lng={scene.place.lng:.6f}")


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


_EUROS = {"value": {"amount": 500, "currency": "EUR"}, "reason": "Sorry"}


def _gift_card(body: Any = None, *, of_merchant: bool = False) -> Callable[[Scene], Visit]:
    """Something about a card that was issued a moment ago."""

    def visit(scene: Scene) -> Visit:
        key = IdempotencyKey("visits", ids.new_id("key"), "fingerprint", lambda _: None)
        merchant_id = scene.merchant_id if of_merchant else None
        issued = payments.issue_gift_card(
            Money(500, "EUR"),
            funded_by="promotions",
            merchant_id=merchant_id,
            valid_days=None,
            reason="Test",
            by="adm",
            key=key,
        )
        path = {"gift_card_id": issued.card.id, **({"merchant_id": merchant_id} if merchant_id else {})}
        return Visit(path, {"code": issued.code} if body == "code" else body)

    return visit


def _reconciled(scene: Scene) -> Visit:
    from chalicelib.kernel.event_types import ReconciliationDue

    due: ReconciliationDue | None = ReconciliationDue()
    day = ""
    while due is not None:
        due = payments.reconcile(due)
        day = due.day if due is not None else day
    return Visit({"day": day})


def _case(body: Any = None) -> Callable[[Scene], Visit]:
    def visit(_: Scene) -> Visit:
        case = payments.open_case(None, payments.Case("test", ids.new_id("tst"), evidence={"seen": 1}))
        return Visit({"case_id": case.id}, body)

    return visit


def _goodwill(scene: Scene) -> Visit:
    return Visit({"store_id": scene.store_id, "order_id": scene.order().id}, _EUROS)


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


def _money(state: str, body: Any, mode: str = "pickup") -> Callable[[Scene], Visit]:
    """Something about the money of an order that its customer has got, and paid at the till."""

    def visit(scene: Scene) -> Visit:
        order = getattr(scene, state)(mode)
        if state == "ready":
            ordering.hand_over_order(scene.shop.command(order), order.pickup_code, None)
            payments.capture_payment(order.id)
        return Visit({"store_id": scene.store_id, "order_id": order.id}, body)

    return visit


def _paper(*, of_store: bool, credit_note: bool = False) -> Callable[[Scene], Visit]:
    """The invoice of an order that its customer has got, or the credit note for what was given back of it."""

    def visit(scene: Scene) -> Visit:
        order = scene.ready("pickup")
        ordering.hand_over_order(scene.shop.command(order), order.pickup_code, None)
        payments.capture_payment(order.id)
        told = [SaleRecorded(order_id=order.id, cause="hand_over", kind="sale")]
        path = {"store_id": scene.store_id} if of_store else {}
        if credit_note:
            wanted = payments.RefundRequest(reason="late", amount=100, requested_by="usr_1")
            made = ordering.refund_order(scene.store_id, order.id, wanted, world.any_key())
            told.append(SaleRecorded(order_id=order.id, cause=made.cause, kind="refunded"))
            path |= {"credit_note_id": made.cause}
        payments.issue_papers(told)
        return Visit({**path, "order_id": order.id})

    return visit


def _terms(scene: Scene) -> Visit:
    rates = {"delivery": 1500, "pickup": 600, "dine_in": 0}
    begins = clock.rfc3339(clock.now() + timedelta(days=1))
    return Visit({"merchant_id": scene.merchant_id}, {"valid_from": begins, "commission": rates})


def _own_claim(body: Any = None) -> Callable[[Scene], Visit]:
    return lambda scene: Visit({"order_id": scene.accepted("pickup").id}, body)


def _on_claim(body: Any = None, *, countered: bool = False) -> Callable[[Scene], Visit]:
    """Something about a cancellation that was asked for a moment ago, to which the store has made an offer or not."""

    def visit(scene: Scene) -> Visit:
        order = scene.claimed()
        if countered:
            offer = ordering.Remedy(kind="credit", amount=100)
            order = ordering.counter_claim(scene.shop.command(order), 1, offer, "")
        path = {"store_id": scene.store_id, "order_id": order.id, "number": "1"}
        return Visit(path, body, {"If-Match": f'"{order.version}"'})

    return visit


def _settled(kind: str = "store", *, closes: bool = True) -> Callable[[Scene], Visit]:
    """A statement of the store, or of the rider, that was closed a moment ago; or what is to be closed."""

    def visit(scene: Scene) -> Visit:
        party_id = scene.store_id if kind == "store" else scene.subjects["rider"]
        name = settling.something_settled(kind, party_id, closes=closes)
        path = {"store_id": party_id} if kind == "store" else {}
        return Visit({**path, "party": f"{kind}s", "party_id": party_id, "statement_id": name}, {"currency": "EUR"})

    return visit


def _without_body(visit: Callable[[Scene], Visit]) -> Callable[[Scene], Visit]:
    return lambda scene: replace(visit(scene), body=None)


def _payout_account(kind: str, body: Any = None) -> Callable[[Scene], Visit]:
    """Something about an account that was opened before."""

    def visit(scene: Scene) -> Visit:
        party_id = scene.store_id if kind == "store" else scene.subjects["rider"]
        settling.account_opened(kind, party_id)
        return Visit({"store_id": party_id} if kind == "store" else {}, body)

    return visit


_BACK = {"return_url": "https://shop.test/done", "refresh_url": "https://shop.test/again"}
_SETTLEMENT = "/v1/settlement/{party}/{party_id}/statements"
_STATEMENTS = "/v1/stores/{store_id}/statements"


def _tipped(scene: Scene) -> Visit:
    """About a tip that the customer of an order has paid by itself."""
    order = scene.order(method="pay_at_store", mode="pickup")
    ordering.offer_tip(order.customer_id, order.id, Money(300, "EUR"), world.any_key())
    tip = tables.fetch(payments.tip_ref(order.id))[0].paid("pi_1", clock.now(), 300)
    tx = Transaction()
    tx.put(to_tip_row(tip))
    tx.commit()
    return Visit({"store_id": scene.store_id, "order_id": order.id})


def _proposed(scene: Scene) -> Visit:
    """About a substitute that the customer was asked about a moment ago."""
    instead = ordering.Substitute(line="1", request=ordering.LineRequest(sku="SAL-CAES"))
    order = scene.accepted("pickup")
    found = ordering.Adjustment(substituted=(instead,))
    order = ordering.adjust_order(scene.shop.command(order), found, "substituted")
    return Visit({"store_id": scene.store_id, "order_id": order.id}, None, {"If-Match": f'"{order.version}"'})


def _invitation(*, is_accepted: bool = False) -> Callable[[Scene], Visit]:
    """About an invitation of a clerk; its token is good for whoever has it."""

    def visit(scene: Scene) -> Visit:
        made, token = stores.invite_staff(scene.store_id, scene.shop.owner_id, "clerk")
        if is_accepted:
            return Visit(body={"token": token})
        return Visit({"store_id": scene.store_id, "invitation_id": made.id})

    return visit


def _erasable(body: Any) -> Callable[[Scene], Visit]:
    """About a customer who has no order that is open."""

    def visit(scene: Scene) -> Visit:
        scene.new_customer()
        return Visit(body=body)

    return visit


def _erasing() -> Callable[[Scene], Visit]:
    """About a customer who has just asked to be forgotten."""

    def visit(scene: Scene) -> Visit:
        scene.new_customer()
        ordering.request_erasure(scene.subjects["customer"], "customer", forfeits_credit=True)
        return Visit()

    return visit


def _somebody(body: Any = None, *, is_erased: bool = False) -> Callable[[Scene], Visit]:
    """About a customer by their id."""

    def visit(_: Scene) -> Visit:
        customer_id = ids.new_id("cus")
        if is_erased:
            ordering.request_erasure(customer_id, "customer", forfeits_credit=True)
        return Visit({"customer_id": customer_id}, body)

    return visit


_ORDER = "/v1/stores/{store_id}/orders/{order_id}"
_CLAIM = "/v1/orders/{order_id}/claims/{number}"
_CARDS = "/v1/merchants/{merchant_id}/gift-cards"
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
    "POST /v1/stores/{store_id}/invitations": Row("manager", _at_store({"role": "clerk", "name": "Mara"})),
    "GET /v1/stores/{store_id}/invitations": Row("manager", _at_store()),
    "DELETE /v1/stores/{store_id}/invitations/{invitation_id}": Row("manager", _invitation()),
    "POST /v1/invitations/accept": Row("invited", _invitation(is_accepted=True)),
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
    # cancelling after acceptance, and complaints
    "POST /v1/orders/{order_id}/claims": Row(
        "customer", _keyed(_own_claim({"kind": "cancellation", "reason": "changed_mind"})), 404
    ),
    f"POST {_CLAIM}/agree": Row("customer", _keyed(_on_claim(countered=True)), 404),
    f"POST {_CLAIM}/decline": Row("customer", _on_claim(countered=True), 404),
    f"POST {_CLAIM}/withdraw": Row("customer", _on_claim(), 404),
    f"POST {_ORDER}/claims/{{number}}/accept": Row("clerk", _on_claim({})),
    f"POST {_ORDER}/claims/{{number}}/reject": Row("clerk", _on_claim({"answer": "Too late."})),
    f"POST {_ORDER}/claims/{{number}}/counter": Row(
        "clerk", _on_claim({"remedy": {"kind": "credit", "amount": {"amount": 100, "currency": "EUR"}}})
    ),
    # the money of an order, and what is agreed with merchants
    "GET /v1/orders/{order_id}/invoice": Row("customer", _paper(of_store=False), 404),
    "GET /v1/orders/{order_id}/credit_notes/{credit_note_id}": Row(
        "customer", _paper(of_store=False, credit_note=True), 404
    ),
    f"GET {_ORDER}/invoice": Row("clerk", _paper(of_store=True)),
    f"GET {_ORDER}/credit_notes/{{credit_note_id}}": Row("clerk", _paper(of_store=True, credit_note=True)),
    "GET /v1/merchants/{merchant_id}/invoices": Row("owner of the merchant", _merchant()),
    "GET /v1/orders/{order_id}/money": Row("customer", _own_order(), 404),
    "POST /v1/orders/{order_id}/tips": Row(
        "customer", _keyed(_money("ready", {"amount": {"amount": 300, "currency": "EUR"}})), 404
    ),
    f"GET {_ORDER}/money": Row("manager", _money("accepted", None)),
    f"POST {_ORDER}/refunds": Row("manager", _keyed(_money("ready", {"reason": "late"}))),
    f"POST {_ORDER}/adjust": Row("clerk", _on_order("accepted", "pickup", {"missing": [{"line": "0"}]})),
    f"POST {_ORDER}/tip/refund": Row("manager", _keyed(_tipped)),
    f"POST {_ORDER}/proposal/withdraw": Row("clerk", _proposed),
    "POST /v1/orders/{order_id}/proposal/agree": Row("customer", _proposed, 404),
    "POST /v1/orders/{order_id}/proposal/decline": Row("customer", _proposed, 404),
    "POST /v1/merchants/{merchant_id}/terms": Row("admin", _keyed(_terms)),
    "GET /v1/merchants/{merchant_id}/terms": Row("owner of the merchant", _merchant()),
    # Stripe's books beside ours, and what needs a person
    "GET /v1/reconciliations": Row("admin", lambda _: Visit()),
    "GET /v1/reconciliations/{day}": Row("admin", _reconciled),
    "GET /v1/audit": Row("admin", lambda _: Visit()),
    "GET /v1/stores/{store_id}/audit": Row("owner of the merchant", _at_store()),
    "GET /v1/cases": Row("admin", lambda _: Visit()),
    "GET /v1/cases/{case_id}": Row("admin", _case()),
    "POST /v1/cases/{case_id}/resolve": Row("admin", _case({"outcome": "no_action", "note": "All is well."})),
    "POST /v1/webhooks/stripe": Row("anybody", _notice),
    # statements, and the accounts that they are paid to
    "POST /v1/stores/{store_id}/payout-account": Row("owner of the merchant", _keyed(_at_store())),
    "GET /v1/stores/{store_id}/payout-account": Row("owner of the merchant", _payout_account("store")),
    "POST /v1/stores/{store_id}/payout-account/onboarding-link": Row(
        "owner of the merchant", _payout_account("store", _BACK)
    ),
    "POST /v1/rider/payout-account": Row("rider", _keyed(lambda _: Visit(body={"country": "DE"}))),
    "GET /v1/rider/payout-account": Row("rider", _payout_account("rider"), 404),
    "POST /v1/rider/payout-account/onboarding-link": Row("rider", _payout_account("rider", _BACK), 404),
    f"GET {_STATEMENTS}": Row("owner of the merchant", _at_store()),
    f"GET {_STATEMENTS}/{{statement_id}}": Row("owner of the merchant", _without_body(_settled())),
    f"GET {_STATEMENTS}/{{statement_id}}/lines": Row("owner of the merchant", _without_body(_settled())),
    "GET /v1/rider/statements": Row("rider", lambda _: Visit()),
    "GET /v1/rider/statements/{statement_id}": Row("rider", _without_body(_settled("rider")), 404),
    "GET /v1/rider/statements/{statement_id}/lines": Row("rider", _without_body(_settled("rider")), 404),
    "GET /v1/settlement": Row("admin", lambda _: Visit()),
    f"GET {_SETTLEMENT}": Row("admin", _without_body(_settled())),
    f"GET {_SETTLEMENT}/{{statement_id}}": Row("admin", _without_body(_settled())),
    f"GET {_SETTLEMENT}/{{statement_id}}/lines": Row("admin", _without_body(_settled())),
    f"POST {_SETTLEMENT}": Row("admin", _keyed(_settled(closes=False))),
    f"POST {_SETTLEMENT}/{{statement_id}}/payout/retry": Row("admin", _without_body(_settled())),
    # gift cards and store credit
    "POST /v1/gift-cards": Row("admin", _keyed(lambda _: Visit(body=_EUROS))),
    "POST /v1/gift-cards/balance": Row("customer", _gift_card("code")),
    "GET /v1/gift-cards/{gift_card_id}": Row("admin", _gift_card()),
    "GET /v1/gift-cards/{gift_card_id}/movements": Row("admin", _gift_card()),
    "POST /v1/gift-cards/{gift_card_id}/revoke": Row("admin", _gift_card({"reason": "lost"})),
    f"POST {_CARDS}": Row("owner of the merchant", _keyed(lambda s: _merchant({"store_id": s.store_id, **_EUROS})(s))),
    f"GET {_CARDS}/{{gift_card_id}}": Row("owner of the merchant", _gift_card(of_merchant=True)),
    f"GET {_CARDS}/{{gift_card_id}}/movements": Row("owner of the merchant", _gift_card(of_merchant=True)),
    f"POST {_CARDS}/{{gift_card_id}}/revoke": Row(
        "owner of the merchant", _gift_card({"reason": "lost"}, of_merchant=True)
    ),
    "POST /v1/customers/{customer_id}/credits": Row(
        "admin", _keyed(lambda _: Visit({"customer_id": ids.new_id("cus")}, _EUROS))
    ),
    "POST /v1/stores/{store_id}/orders/{order_id}/goodwill": Row("manager", _keyed(_goodwill)),
    "GET /v1/me/credits": Row("customer", lambda _: Visit()),
    "GET /v1/me/credits/{currency}/movements": Row("customer", lambda _: Visit({"currency": "EUR"})),
    # what is kept of a customer
    "GET /v1/me/export": Row("customer", lambda _: Visit()),
    "POST /v1/me/erasure": Row("customer", _erasable({"confirm": "erase"})),
    "GET /v1/me/erasure": Row("customer", _erasing(), 404),
    "DELETE /v1/me/erasure": Row("customer", _erasing(), 404),
    "GET /v1/customers/{customer_id}/export": Row("admin", _somebody()),
    "POST /v1/customers/{customer_id}/erasure": Row("admin", _somebody({"confirm": "erase", "forfeit_credit": True})),
    "GET /v1/customers/{customer_id}/erasure": Row("admin", _somebody(is_erased=True)),
    "DELETE /v1/customers/{customer_id}/erasure": Row("admin", _somebody(is_erased=True)),
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
    "POST /v1/shifts": Row("admin", _keyed(_plan)),
    "GET /v1/shifts": Row("admin", lambda s: Visit(query=f"?zone={dispatch.zone_of(s.place)}")),
    "GET /v1/shifts/{shift_id}": Row("admin", _on_shift_plan()),
    "PATCH /v1/shifts/{shift_id}": Row("admin", _on_shift_plan({"places": 5, "open": False})),
    "POST /v1/shifts/{shift_id}/cancel": Row("admin", _on_shift_plan()),
    "GET /v1/shifts/{shift_id}/riders": Row("admin", _on_shift_plan()),
    "PUT /v1/shifts/{shift_id}/riders/{rider_id}": Row("admin", _on_place(taken=False)),
    "DELETE /v1/shifts/{shift_id}/riders/{rider_id}": Row("admin", _on_place(taken=True)),
    "GET /v1/riders/{rider_id}/shifts": Row("admin", lambda s: Visit({"rider_id": s.subjects["rider"]})),
    "POST /v1/riders/{rider_id}/shift/end": Row("admin", lambda s: Visit({"rider_id": s.subjects["rider"]})),
    "POST /v1/pay-rules": Row("admin", _keyed(_pay_rules)),
    "GET /v1/pay-rules": Row("admin", lambda s: Visit(query=f"?area={dispatch.zone_of(s.place)}")),
    "GET /v1/rider/earnings": Row("rider", lambda _: Visit()),
    "GET /v1/rider/shifts/{shift_id}/earnings": Row("rider", _own_shift(), 404),
    "GET /v1/riders/{rider_id}/earnings": Row("admin", lambda s: Visit({"rider_id": s.subjects["rider"]})),
    "GET /v1/riders/{rider_id}/shifts/{shift_id}/earnings": Row("admin", _on_place(taken=True)),
    "GET /v1/rider/open-shifts": Row("rider", _around),
    "GET /v1/rider/shifts": Row("rider", lambda _: Visit()),
    "GET /v1/rider/shifts/{shift_id}": Row("rider", _own_shift(), 404),
    "POST /v1/rider/shifts/{shift_id}/claim": Row("rider", lambda s: Visit({"shift_id": s.shift().id})),
    "POST /v1/rider/shifts/{shift_id}/give_back": Row("rider", _own_shift(), 404),
    "POST /v1/rider/shifts/{shift_id}/start": Row("rider", _own_shift(0.1, position=True), 404),
    "GET /v1/rider/shift": Row("rider", lambda _: Visit()),
    "POST /v1/rider/shift/break": Row("rider", _at_work()),
    "POST /v1/rider/shift/resume": Row("rider", _at_work(position=True)),
    "POST /v1/rider/shift/end": Row("rider", _at_work()),
    "GET /v1/rider/profile": Row("rider", lambda _: Visit()),
    "PUT /v1/rider/profile": Row("rider", lambda _: Visit(body={"name": "Lena", "vehicle": "foot"})),
    "POST /v1/rider/shift": Row("rider", lambda s: Visit(body={"state": "on", "position": _spot(s)})),
    "PUT /v1/rider/position": Row("rider", _on_shift),
    "GET /v1/rider/feed": Row("rider", lambda _: Visit()),
    "GET /v1/rider/pool": Row("rider", _in_pool),
    "POST /v1/rider/pool/{delivery_id}/claim": Row("rider", _in_pool_to_claim, 409),
    "GET /v1/stores/{store_id}/health": Row("clerk", _at_store()),
    "GET /v1/zones/{zone}/health": Row("admin", lambda _: Visit({"zone": "861f1d48fffffff"})),
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

"""A store that sells, a payment provider in memory, and the events that a transaction leaves behind."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.catalog import service as catalog
from chalicelib.catalog.document import (
    ComboChoice,
    ComboComponent,
    Daypart,
    MenuDocument,
    ModifierGroup,
    ModifierOption,
    Product,
    Variant,
    Window,
)
from chalicelib.inventory import service as inventory
from chalicelib.kernel import clock, events, ids, tables
from chalicelib.kernel.errors import DomainError, Unavailable
from chalicelib.kernel.idempotency import AlreadyAnswered, IdempotencyKey
from chalicelib.ordering import reactions, service
from chalicelib.ordering.routes.customers import _answer_placed
from chalicelib.payments import provider
from chalicelib.payments import reactions as payment_reactions
from chalicelib.payments import service as payments
from chalicelib.payments.model import Payment
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

# A Monday at lunch, in Berlin.
NOON = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
DOOR = service.Destination(lat=52.535, lng=13.41, street="Kastanienallee 7", postal_code="10435", city="Berlin")
REACTIONS = (reactions, payment_reactions)  # imported for what they declare


def menu() -> MenuDocument:
    """A pizzeria: counted pizzas, salads and colas, toppings, a lunch combo, wine for adults."""
    return MenuDocument(
        currency="EUR",
        dayparts=(
            Daypart(
                id="lunch",
                name="Lunch",
                windows=(Window(days=("mon", "tue", "wed", "thu", "fri"), start="11:30", end="15:00"),),
            ),
        ),
        products=(
            Product(
                id="prd_margherita",
                name="Pizza Margherita",
                tax_category="food",
                modifier_group_ids=("crust", "extras"),
                variants=(Variant(sku="PIZ-MARG-32", name="32 cm", price_minor=1000, counted=True),),
            ),
            Product(
                id="prd_caesar",
                name="Caesar Salad",
                tax_category="food",
                variants=(Variant(sku="SAL-CAES", name="Large", price_minor=990, counted=True),),
            ),
            Product(
                id="prd_cola",
                name="Cola",
                tax_category="drinks",
                variants=(Variant(sku="DRK-COLA-33", name="0.33 l", price_minor=290, counted=True),),
            ),
            Product(
                id="prd_wine",
                name="Chianti",
                tax_category="drinks",
                minimum_age=16,
                variants=(Variant(sku="DRK-CHIANTI", price_minor=2200),),
            ),
            Product(
                id="prd_lunch",
                name="Lunch deal",
                tax_category="food",
                daypart_ids=("lunch",),
                variants=(Variant(sku="CMB-LUNCH", price_minor=1200),),
                components=(
                    ComboComponent(id="main", name="Main", choices=(ComboChoice(sku="SAL-CAES"),)),
                    ComboComponent(id="drink", name="Drink", choices=(ComboChoice(sku="DRK-COLA-33", price_minor=50),)),
                ),
            ),
        ),
        modifier_groups=(
            ModifierGroup(
                id="crust",
                name="Crust",
                min_choices=1,
                max_choices=1,
                options=(
                    ModifierOption(id="classic", name="Classic"),
                    ModifierOption(id="sourdough", name="Sourdough", price_minor=150),
                ),
            ),
            ModifierGroup(
                id="extras",
                name="Extras",
                max_choices=3,
                options=(
                    ModifierOption(id="olives", name="Olives", price_minor=120, max_quantity=2),
                    ModifierOption(id="truffle", name="Truffle", price_minor=900, counted_sku="TRUFFLE"),
                ),
            ),
        ),
    )


def store_settings(**changes: Any) -> dict[str, Any]:
    """Open around the clock in Berlin, in all modes, delivering within five kilometres."""
    money = {"currency": "EUR"}
    return {
        "name": "Pizza Nuova, Mitte",
        "currency": "EUR",
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "address": {"line1": "Torstraße 1", "city": "Berlin", "postal_code": "10119"},
        "point": {"lat": 52.53, "lng": 13.40},
        "opening_hours": "24/7",
        "modes": {
            "delivery": {"lead_minutes": 20},
            "pickup": {"lead_minutes": 15},
            "dine_in": {"lead_minutes": 15},
        },
        "zones": [
            {
                "id": "inner",
                "area": {"type": "radius", "radius_m": 5000},
                "tiers": [{"fee": {"amount": 290, **money}}],
                "minimum_order": {"amount": 1000, **money},
                "free_from": {"amount": 6000, **money},
            }
        ],
        "small_order_fee": {"below": {"amount": 1500, **money}, "fee": {"amount": 100, **money}},
        "taxes": {"prices_include_tax": True, "rates": {"food": 700, "drinks": 1900}, "fee_tax_category": "drinks"},
        "payment_methods": ["card", "pay_at_store", "cash_on_delivery"],
        **changes,
    }


@dataclass
class Shop:
    """An open store with its people."""

    store: stores.Store
    owner_id: str
    customer_id: str

    @property
    def id(self) -> str:
        return self.store.id

    def left(self, sku: str) -> int | None:
        available: int | None = tables.fetch(inventory.stock_ref(self.id, sku))[0]
        return available

    def basket(self, *lines: service.LineRequest, mode: str = "delivery", **fields: Any) -> service.Basket:
        fields.setdefault("address", DOOR if mode == "delivery" else None)
        fields.setdefault("table", "12" if mode == "dine_in" else "")
        return service.Basket(store_id=self.id, mode=mode, lines=lines or three_lines(), **fields)

    def quote(self, *lines: service.LineRequest, customer_id: str | None = None, **fields: Any) -> service.Quote:
        return service.quote_basket(customer_id or self.customer_id, self.basket(*lines, **fields))

    def place(self, *lines: service.LineRequest, method: str = "card", **fields: Any) -> service.Order:
        quote = self.quote(*lines, **fields)
        return service.place_order(quote.customer_id, quote.id, method, key()).order

    def placed_and_paid(self, stripe: Stripe, *lines: service.LineRequest, **fields: Any) -> service.Order:
        order = self.place(*lines, **fields)
        stripe.authorise(order.id)
        service.follow_payment(order.id, ids.new_id("evt"))
        return order_of(order.id)

    def command(self, order: service.Order, staff_id: str | None = None) -> service.StaffCommand:
        return service.StaffCommand(
            store_id=self.id,
            order_id=order.id,
            staff_id=staff_id or self.owner_id,
            expected_version=order.version,
            request_id=ids.new_id("req"),
        )

    def make_ready(self, order: service.Order) -> service.Order:
        accepted = service.accept_order(self.command(order), 20)
        started = service.start_order(self.command(accepted))
        return service.mark_order_ready(self.command(started))


def open_shop(stock: int = 100, **changes: Any) -> Shop:
    """A store of a merchant of its own, with the menu published and its counted SKUs in stock."""
    owner_id = ids.new_id("usr")
    merchant = stores.create_merchant("Pizza Nuova", owner_id)
    store = stores.create_store(merchant.id, owner_id, store_settings(**changes))
    draft = catalog.save_draft(store.id, menu(), catalog.get_draft(store.id).version, owner_id)
    catalog.publish_draft(store.id, draft.version, owner_id)
    for sku in ("PIZ-MARG-32", "SAL-CAES", "DRK-COLA-33"):
        inventory.set_stock(store.id, sku, stock)
    return Shop(store, owner_id, ids.new_id("cus"))


def pizza(quantity: int = 1, **fields: Any) -> service.LineRequest:
    crust = service.ModifierChoice(group_id="crust", option_id="sourdough")
    return service.LineRequest(**{"sku": "PIZ-MARG-32", "quantity": quantity, "modifiers": (crust,), **fields})


def three_lines() -> tuple[service.LineRequest, ...]:
    """A basket as people order: three counted lines, 36.10 EUR."""
    return (
        pizza(2, note="please cut into eight"),
        service.LineRequest(sku="SAL-CAES"),
        service.LineRequest(sku="DRK-COLA-33"),
    )


def key(text: str | None = None) -> IdempotencyKey:
    """A key as the edge would make it, with the answer that it would store."""

    def render(placed: service.PlacedOrder) -> Any:
        import msgspec

        return {"body": msgspec.to_builtins(_answer_placed(placed).body)}

    return IdempotencyKey("0" * 32, text or ids.new_id("key"), "f" * 64, render)


def any_key() -> IdempotencyKey:
    """A key of a request whose answer nobody asks for again."""
    return IdempotencyKey("0" * 32, ids.new_id("key"), "f" * 64, lambda _: {"body": {}})


def order_of(order_id: str) -> service.Order:
    from chalicelib.ordering.tables import order_ref

    order: service.Order = tables.fetch(order_ref(order_id))[0]
    return order


def payment_of(order_id: str) -> Payment:
    return payments.get_payment(order_id)


def intent_of(order_id: str) -> str:
    """The id of an order's intent, asked past the counting."""
    open_intent = getattr(provider.open_intent, "__wrapped__", provider.open_intent)
    return str(open_intent(payment_of(order_id)).intent_id)


class Stripe:
    """The payment sandbox, as the customer's phone sees it; it can be made to fall silent."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked = 0
        self.down = False

    def listen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Count what the provider is asked."""
        for name in ("open_intent", "open_setup", "look_up", "capture", "cancel", "refund"):
            monkeypatch.setattr(provider, name, self._counted(getattr(provider, name)))

    def authorise(self, order_id: str) -> None:
        assert self._confirm(order_id, "pm_card_visa")["status"] == "requires_capture"

    def decline(self, order_id: str) -> None:
        assert "error" in self._confirm(order_id, "pm_card_visa_chargeDeclinedInsufficientFunds")

    def intents_of(self, *order_ids: str) -> list[dict[str, Any]]:
        told = self._call("/sandbox/summary")["intents"]
        return [intent for intent in told if intent["metadata"].get("order_id") in order_ids]

    def _confirm(self, order_id: str, card: str) -> dict[str, Any]:
        action = payments.start_intent(payment_of(order_id)) or provider.open_intent(payment_of(order_id))
        return self._call(
            f"/v1/payment_intents/{action.intent_id}/confirm",
            f"client_secret={action.client_secret}&payment_method={card}",
        )

    def _call(self, path: str, form: str | None = None) -> dict[str, Any]:
        request = urllib.request.Request(self.url + path, data=form.encode() if form else None)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as refused:
            return dict(json.loads(refused.read()))

    def _counted(self, asking: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            self.asked += 1
            if self.down:
                raise Unavailable("payment_provider_unavailable", "down")
            return asking(*args, **options)

        counted.__wrapped__ = asking  # type: ignore[attr-defined]
        return counted


def fault(stripe: Stripe, kind: str, path: str, *, times: int = 1, method: str = "POST", **more: Any) -> None:
    """Make the next calls of the provider's path go wrong."""
    wanted = {"kind": kind, "match": {"method": method, "path_prefix": path}, "times": times, **more}
    body = json.dumps(wanted).encode()
    request = urllib.request.Request(f"{stripe.url}/sandbox/faults", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()


# --- events -----------------------------------------------------------------------------------------------------------


def emitted(*order_ids: str) -> list[events.Envelope]:
    """What was emitted about these orders, timers too, oldest first."""
    found = []
    start = None
    while True:
        scan = {"ExclusiveStartKey": start} if start else {}
        answer = tables.connection().client.scan(TableName=events.EventsRow.Meta.table_name, **scan)
        for item in answer["Items"]:
            if "outbox" in item:
                entries = events.EventsRow.outbox.deserialize(item["outbox"]["B"])
                found += [events.Envelope(**entry) for entry in entries]
        start = answer.get("LastEvaluatedKey")
        if start is None:
            break
    mine = [entry for entry in found if entry.data.get("order_id") in order_ids]
    return sorted(mine, key=lambda entry: entry.id)


def deliver(queue: str, *entries: events.Envelope) -> list[str]:
    """Hand events to a context's reactions as its queue would; the ids of those that failed."""
    messages = [{"messageId": entry.id, "body": json.dumps({"detail": events.to_json(entry)})} for entry in entries]
    return [item["itemIdentifier"] for item in events.consume(queue, messages)["batchItemFailures"]]


# --- what it costs ----------------------------------------------------------------------------------------------------


class Metered:
    """DynamoDB requests, and the units of reading and writing that they consumed, indexes included."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.read = 0.0
        self.written = 0.0

    def ask(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "INDEXES"
        self.requests.append(model.name)

    def take(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        told = parsed.get("ConsumedCapacity", [])
        units = sum(each["CapacityUnits"] for each in (told if isinstance(told, list) else [told]))
        if model.name in ("GetItem", "BatchGetItem", "Query", "Scan"):
            self.read += units
        else:
            self.written += units


@contextmanager
def metered() -> Iterator[Metered]:
    """What the block asks of DynamoDB."""
    told = tables.connection().client.meta.events
    meter = Metered()
    told.register("before-parameter-build.dynamodb", meter.ask)
    told.register("after-call.dynamodb", meter.take)
    try:
        yield meter
    finally:
        told.unregister("before-parameter-build.dynamodb", meter.ask)
        told.unregister("after-call.dynamodb", meter.take)


def refusal(error: DomainError) -> set[tuple[str, str]]:
    """(code, pointer) of everything that was refused."""
    return {(violation.code, violation.pointer) for violation in error.violations}


__all__ = ["NOON", "AlreadyAnswered", "Shop", "Stripe", "clock", "open_shop"]

"""Sets the stage: the instance's restaurants as stores, its couriers as riders, a customer for every order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from infra.local.actors import Cast
from infra.local.replay.clockwork import Clockwork
from infra.local.replay.courier import Courier
from infra.local.replay.day import Day, Played, on_map
from infra.local.replay.diner import Diner
from infra.local.replay.kitchen import Kitchen

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from infra.local.replay.instance import Instance
    from infra.local.stack import LocalStack

Json = dict[str, Any]

CURRENCY = "USD"
OWNER = "owner"
STOCK = 1000
PARALLEL = 4
CURTAIN = timedelta(minutes=2)  # between the last preparation and the day's first minute

MENU: Json = {
    "currency": CURRENCY,
    "categories": [{"id": "all", "name": "Menu", "product_ids": ["plate", "side", "drink"]}],
    "products": [
        {
            "id": "plate",
            "name": "Plate of the day",
            "tax_category": "food",
            "variants": [{"sku": "PLATE", "price_minor": 1395, "counted": True}],
        },
        {
            "id": "side",
            "name": "Side",
            "tax_category": "food",
            "variants": [{"sku": "SIDE", "price_minor": 450, "counted": True}],
        },
        {"id": "drink", "name": "Drink", "tax_category": "food", "variants": [{"sku": "DRINK", "price_minor": 299}]},
    ],
}
COUNTED = ("PLATE", "SIDE")


@dataclass
class Stage:
    """The day with everybody in it, ready to begin."""

    day: Day
    cast: Cast
    clockwork: Clockwork
    stores: dict[str, str]
    diners: list[Diner] = field(default_factory=list)
    kitchens: dict[str, Kitchen] = field(default_factory=dict)
    couriers: list[Courier] = field(default_factory=list)


def set_stage(stack: LocalStack, instance: Instance, tell: Callable[[str, int, int], None]) -> Stage:
    """Make stores, riders and customers through the API. `tell` is told what is made, how many of how many."""
    cast = Cast(stack)
    owner = cast.user("staff", OWNER)
    merchant = cast.back_office().register_merchant(f"Restaurants of {instance.name}", owner.sub)

    def open_store(name: str) -> str:
        return _open_store(cast, merchant["id"], instance, name)

    names = list(instance.restaurants)
    stores = dict(zip(names, _each("restaurants", open_store, names, tell), strict=True))
    riders = _each("couriers", lambda each: _rider(cast, each.id), list(instance.couriers), tell)
    customers = _each("customers", lambda each: cast.customer(f"diner-{each.id}"), list(instance.orders), tell)

    day = Day(instance, begins=cast.watch.now() + CURTAIN)
    stage = Stage(day, cast, Clockwork(cast.watch), stores)
    for name, store_id in stores.items():
        stage.kitchens[name] = Kitchen(day, name, cast.tablet(store_id, OWNER))
        stage.clockwork.add(stage.kitchens[name])
    for recorded, rider in zip(instance.couriers, riders, strict=True):
        stage.couriers.append(Courier(day, recorded, rider))
        stage.clockwork.add(stage.couriers[-1], day.at(recorded.on))
    for number, (order, customer) in enumerate(zip(instance.orders, customers, strict=True)):
        played = Played(order, day.at(order.placed), day.at(order.ready), _basket(number))
        day.orders.append(played)
        kitchen = stage.kitchens[order.restaurant]
        stage.diners.append(Diner(day, played, customer, stores[order.restaurant], _push(stage.clockwork, kitchen)))
        stage.clockwork.add(stage.diners[-1], played.click)
    return stage


def _push(clockwork: Clockwork, kitchen: Kitchen) -> Callable[[datetime], None]:
    def wake(now: datetime) -> None:
        kitchen.expect(now)
        clockwork.nudge(kitchen.name, now)

    return wake


def _each(what: str, make: Callable[[Any], Any], of: list[Any], tell: Callable[[str, int, int], None]) -> list[Any]:
    made = []
    with ThreadPoolExecutor(PARALLEL) as pool:
        for each in pool.map(make, of):
            made.append(each)
            tell(what, len(made), len(of))
    return made


def _rider(cast: Cast, name: str) -> Any:
    rider = cast.rider(f"courier-{name}")
    rider.register(f"Courier {name}", "car", capacity=2)
    return rider


def _open_store(cast: Cast, merchant_id: str, instance: Instance, name: str) -> str:
    desk = cast.merchant(OWNER)
    point = on_map(instance.restaurants[name], instance.centre)
    store = desk.open_store(
        merchant_id,
        {
            "name": f"Restaurant {name}",
            "currency": CURRENCY,
            "country": "US",
            "time_zone": "America/New_York",
            "address": {"line1": f"{name} Peachtree Street", "city": "Atlanta", "region": "GA"},
            "point": {"lat": point.lat, "lng": point.lng},
            "opening_hours": "24/7",
            "modes": {"delivery": {"lead_minutes": 15}},
            "zones": [
                {
                    "id": "city",
                    "area": {"type": "radius", "radius_m": 20_000},
                    "tiers": [{"fee": {"amount": 299, "currency": CURRENCY}}],
                }
            ],
            "metres_per_minute": round(instance.metres_per_minute),
            "taxes": {"prices_include_tax": False, "rates": {"food": 825}, "fee_tax_category": "food"},
            "accept_within_minutes": 10,
        },
    )
    desk.publish_menu(store["id"], MENU)
    for sku in COUNTED:
        desk.set_stock(store["id"], sku, STOCK)
    return str(store["id"])


def _basket(number: int) -> dict[str, int]:
    """One to three lines, not the same for every order."""
    basket = {"PLATE": 1 + number % 3, "SIDE": number % 2, "DRINK": (number // 2) % 3}
    return {sku: quantity for sku, quantity in basket.items() if quantity}

"""What the crowd needs to know, handed over in a file: addresses, and who has which token."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import shop
from chalicelib.kernel.geo import Point
from infra.local.actors import Cast
from infra.local.stack import LocalStack

FILE = "DOORSTEP_LOAD_STAGE"
CUSTOMERS_PER_STORE = 20
RIDERS_PER_STORE = 3
# Stores two kilometres apart: each has its own riders, and customers find a handful.
APART_DEGREES = 0.018


@dataclass(frozen=True)
class Scene:
    """Everybody and everything. Tokens live as long as a run may take."""

    api_urls: list[str]
    stripe_url: str
    stripe_key: str
    clock_file: str
    customers: list[str]
    stores: list[str]
    tablets: list[str]
    riders: list[tuple[str, float, float]]
    places: list[tuple[float, float]]

    def write(self, path: Path) -> None:
        """Keep it in a file that nobody else reads: tokens are in it."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Scene:
        """What was written."""
        return cls(**json.loads(path.read_text()))


def set_scene(stack: LocalStack, users: int) -> Scene:
    """One store with a tablet and three riders for every twenty customers."""
    cast = Cast(stack)
    stores = max(1, users // CUSTOMERS_PER_STORE)
    owner = cast.user("staff", "owner")
    desk = cast.merchant("owner")
    merchant = cast.back_office().register_merchant("Crowd", owner.sub)
    opened, riders, places = [], [], []
    for number in range(stores):
        at = Point(shop.STORE.lat + APART_DEGREES * (number % 10), shop.STORE.lng + APART_DEGREES * (number // 10))
        settings = shop.store(f"Store {number}", at, proof_of_delivery="none", accept_within_minutes=30)
        store = desk.open_store(merchant["id"], settings)
        desk.publish_menu(store["id"], shop.menu(97))
        for sku in shop.SKUS:
            desk.set_stock(store["id"], sku, shop.PLENTY)
        opened.append(str(store["id"]))
        places.append((at.lat, at.lng))
        for rider in range(RIDERS_PER_STORE):
            name = f"rider-{number}-{rider}"
            cast.rider(name).register(name)
            riders.append((stack.token_for("rider", name), at.lat + 0.001, at.lng))
    return Scene(
        api_urls=stack.api_urls,
        stripe_url=stack.stripe_url,
        stripe_key=stack.env["STRIPE_API_KEY"].replace("sk_", "pk_", 1),
        clock_file=stack.env["DOORSTEP_CLOCK_FILE"],
        customers=[stack.token_for("customer", f"customer-{number}") for number in range(users)],
        stores=opened,
        tablets=[stack.token_for("staff", "owner")] * stores,
        riders=riders,
        places=places,
    )

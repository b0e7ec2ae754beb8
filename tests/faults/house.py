"""A store, its people and the app in this process: they speak HTTP, events wait, the clock stands.

What becomes of an order, in every table and at the payment provider, is its `Ending`.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.geo import Point
from infra.local.actors import CardForm, Client, Customer, Refused, Rider, Tablet, Watch
from infra.local.actors.customer import address
from infra.local.actors.rider import delivery_of
from tests.ordering import world
from tests.stack import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from infra.local.stripe_sandbox import Sandbox
    from tests.faults.mailbox import Mailbox
    from tests.issuer import Issuer

Json = dict[str, Any]

STOCK = 50
LINES: list[Json] = [
    {
        "sku": "PIZ-MARG-32",
        "quantity": 2,
        "modifiers": [{"group_id": "crust", "option_id": "sourdough"}],
    },
    {"sku": "SAL-CAES", "quantity": 1},
    {"sku": "DRK-COLA-33", "quantity": 3},
]
TAKEN = {"PIZ-MARG-32": 2, "SAL-CAES": 1, "DRK-COLA-33": 3}
TOTAL = 2 * 1150 + 990 + 3 * 290 + 290


class StoppedWatch(Watch):
    """Shows Doorstep's frozen time; nobody waits for it."""

    def now(self) -> datetime:
        return clock.now()

    def sleep(self, seconds: float) -> None:
        """A client that was told to wait asks again at once: no time passes but what the test lets pass."""


@dataclass(frozen=True)
class Ending:
    """What is left of an order when nothing is under way any more, without what may differ: times, ids, detours."""

    order: str
    reason: str | None
    attention: tuple[str, ...]
    payment: str
    authorised: int
    captured: int
    refunded: int
    missing: dict[str, int]
    """Of the stock."""
    delivery: str | None
    in_hand: int
    """Offers and deliveries in all riders' feeds."""
    on_board: int
    repeated_steps: int
    """Steps of the order's and the delivery's timelines that the same cause took before."""
    charges: tuple[tuple[Any, ...], ...] = field(default=())
    """(status, held, captured, refunded, released, captures, refunds) of every payment at the provider."""

    def difference(self, other: Ending) -> Json:
        """What differs, for a message that can be read."""
        mine, theirs = asdict(self), asdict(other)
        return {name: (mine[name], theirs[name]) for name in mine if mine[name] != theirs[name]}


class House:
    """The scene of one test."""

    def __init__(self, url: str, issuer: Issuer, sandbox: Sandbox, secret_key: str, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.sandbox = world.Stripe(sandbox.url)
        self._issuer = issuer
        self._url = url
        self.place = Point(round(random.uniform(-55, 55), 4), round(random.uniform(-170, 170), 4))
        self.home = Point(self.place.lat + 0.005, self.place.lng)
        self.shop = world.open_shop(
            STOCK, point={"lat": self.place.lat, "lng": self.place.lng}, proof_of_delivery="pin"
        )
        card_form = CardForm(sandbox.url, secret_key.replace("sk_", "pk_", 1))
        self.customer = Customer(self._client(self.shop.customer_id), card_form)
        self.tablet = Tablet(self._client(self.shop.owner_id, "staff"), self.shop.id)
        self.riders: list[Rider] = []
        for metres in (300, 1500):
            self.hire_rider(metres)

    def _client(self, subject: str, *groups: str) -> Client:
        token = self._issuer.token(subject, *groups)
        return Client(self._url, lambda: token, StoppedWatch())

    def hire_rider(self, metres: float) -> Rider:
        """One more rider on shift, so far from the store."""
        rider = Rider(self._client(ids.new_id("usr"), "riders"))
        rider.register("Rider")
        rider.start_shift(Point(self.place.lat + metres / 111_195, self.place.lng))
        self.riders.append(rider)
        return rider

    # --- what people do -----------------------------------------------------------------------------------------------

    def quote(self, mode: str = "delivery") -> Json:
        """A quote for the usual basket."""
        where = {"address": address(self.home)} if mode == "delivery" else {}
        return self.customer.quote(self.shop.id, LINES, mode, **where)

    def place_order(self, mode: str = "delivery", method: str = "card") -> Json:
        """An order of the usual basket."""
        placed = self.customer.place(self.quote(mode), method)
        self.mailbox.follow(placed["id"])
        return placed

    def try_once_to_order(self, quote: Json, key: str) -> None:
        """Order, and give up when nobody answers."""
        self.customer.client._exchange(
            "POST",
            "/v1/orders",
            json.dumps({"quote_id": quote["id"], "payment_method": "card"}).encode(),
            {"Content-Type": "application/json", "Idempotency-Key": key},
        )

    def pay(self, placed: Json) -> None:
        """Pay by card, until the provider's notice has come in."""
        before = len(self.notices())
        self.customer.pay(placed)
        assert eventually(lambda: len(self.notices()) > before), "the provider's notice did not come"

    def notices(self) -> list[Any]:
        return [message for message in self.mailbox.messages if message.type == "PaymentNotified"]

    def is_on_board(self, order_id: str) -> bool:
        return self.tablet.card(order_id) is not None

    def offered_to(self, order_id: str) -> Rider | None:
        """Who has the offer of this order's delivery."""
        wanted = delivery_of(order_id)
        for rider in self.riders:
            if any(offer["delivery_id"] == wanted for offer in rider.look().body["offers"]):
                return rider
        return None

    def refused(self, act: Callable[[], Any]) -> str | None:
        """The code with which the API refuses it; None when it does not."""
        try:
            act()
        except Refused as refused:
            return refused.code
        return None

    # --- what is left -------------------------------------------------------------------------------------------------

    def ending(self, order_id: str) -> Ending:
        """How it stands now."""
        order, payment = world.order_of(order_id), world.payment_of(order_id)
        delivery: dispatch.Delivery | None = tables.fetch(dispatch.delivery_ref(order_id))[0]
        feeds = [rider.look().body for rider in self.riders]
        last = order.timeline[-1]
        return Ending(
            order=order.status.value,
            reason=last.reason if last.actor.kind != "rider" else None,
            attention=order.attention,
            payment=payment.state.value,
            authorised=payment.authorised_minor,
            captured=payment.captured_minor,
            refunded=payment.refunded_minor,
            missing={sku: STOCK - left for sku in TAKEN if (left := self.shop.left(sku) or 0) != STOCK},
            delivery=delivery.status.value if delivery else None,
            in_hand=sum(len(feed["offers"]) + len(feed["deliveries"]) for feed in feeds),
            on_board=int(self.is_on_board(order_id)),
            repeated_steps=_repeated((entry.step, entry.cause) for entry in order.timeline)
            + _repeated((step.status, step.cause) for step in (delivery.steps if delivery else ())),
            charges=tuple(
                tuple(
                    charge[name]
                    for name in ("status", "capturable", "captured", "refunded", "released", "captures", "refunds")
                )
                for charge in self.sandbox.intents_of(order_id)
            ),
        )


def _repeated(steps: Iterable[tuple[str, str]]) -> int:
    taken = list(steps)
    return len(taken) - len(set(taken))


def move_clock(monkeypatch: Any) -> Callable[[datetime], None]:
    """A hand on the frozen clock; it never goes back."""

    def move(instant: datetime) -> None:
        monkeypatch.setattr(clock, "_frozen", max(instant, clock.now()))

    return move


def later(**span: float) -> datetime:
    """So long from now."""
    return clock.now() + timedelta(**span)

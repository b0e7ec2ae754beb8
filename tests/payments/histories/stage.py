"""A store with its people for one history. They speak to the app through the API; messages wait until they are brought.

All is in this process: the API behind its gateway, the queues' consumers, Stripe. Time stands until it is moved.
"""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import clock, event_types, events, ids, schedules, tables
from chalicelib.kernel.geo import Point
from chalicelib.kernel.idempotency import IdempotencyKey
from chalicelib.kernel.money import Money
from chalicelib.payments import provider
from chalicelib.payments import service as payments
from infra.local.actors import Answer, CardForm, Client, Customer, Refused, Rider, Tablet
from infra.local.httpd import HttpRequest
from infra.local.stripe_sandbox.webhooks import signature
from tests.api.server import gateway
from tests.faults.house import StoppedWatch
from tests.ordering import world
from tests.payments.histories.wires import Bank, Wires

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

WEBHOOKS = "stripe"
STOCK = 1000
METHODS = ["card", "alipay", "wechat_pay", "pay_at_store", "cash_on_delivery"]
COUNTED = ("PIZ-MARG-32", "SAL-CAES", "DRK-COLA-33")
_MOST_TRIES = 12


class Broken(AssertionError):
    """Something that must never happen, whatever the history."""


@dataclass(eq=False)
class Message:
    """A message on its way: an event for a queue, or a notice of Stripe's for the webhook."""

    queue: str
    body: dict[str, Any]
    due: datetime
    number: int
    arrived: int = 0
    tried: int = 0

    @property
    def type(self) -> str:
        return str(self.body["type"])

    def __repr__(self) -> str:
        return f"{self.type}→{self.queue}#{self.number}"


class InProcess(Client):
    """A client of the API without a network."""

    def __init__(self, token: str) -> None:
        super().__init__("", lambda: token, StoppedWatch())
        self._bearer = f"Bearer {token}"

    def _exchange(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> Answer:
        named = {name.lower(): value for name, value in headers.items()} | {"authorization": self._bearer}
        response = gateway().handle(HttpRequest(method, path, named, content or b""))
        told = dict(response.headers)
        body = json.loads(response.body) if response.body and "json" in told.get("Content-Type", "") else None
        if response.status >= 500 and not (response.status == 503 and body and body.get("retryable")):
            raise Broken(f"{method} {path}: {response.status} {body}")
        if response.status >= 400:
            raise Refused(response.status, body or {"detail": f"{method} {path}"})
        etag = told.get("ETag", "").strip('"') or None
        return Answer(response.status, body, etag, replayed=told.get("Idempotent-Replayed") == "true")


class Post:
    """The bus, the queues and Stripe's notices: everything that was sent, and what of it has arrived."""

    def __init__(self, wires: Wires, bank: Bank, webhook_secret: str) -> None:
        self._wires = wires
        self._bank = bank
        self._secret = webhook_secret
        self._numbers = itertools.count(1)
        self.messages: list[Message] = []

    # --- what is sent -------------------------------------------------------------------------------------------------

    def client(self, _service: str) -> Post:
        """In place of `events._client`."""
        return self

    def put_events(self, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 (the SDK's name)
        self._send([events.Envelope(**json.loads(entry["Detail"])) for entry in Entries])
        return {"Entries": [{"EventId": "-"} for _ in Entries]}

    def change_message_visibility(self, **_told: Any) -> None:
        """When a failed message comes again is the history's to say."""

    def collect(self) -> None:
        """Take over what transactions have emitted and what Stripe has to tell."""
        emitted, self._wires.emitted = self._wires.emitted, []
        self._send(emitted)
        for notice in self._bank.news():
            if notice["type"] in provider.WEBHOOK_TYPES:
                self.messages.append(Message(WEBHOOKS, notice, clock.now(), next(self._numbers)))

    def _send(self, entries: list[events.Envelope]) -> None:
        for entry in entries:
            due = clock.parse(entry.due) if entry.due else clock.now()
            for queue in events.ROUTES.get(entry.type, ()):
                self.messages.append(Message(queue, events.to_json(entry), due, next(self._numbers)))

    def fire_schedules(self, parties: list[tuple[str, str]], *, but: tuple[type[events.Event], ...] = ()) -> None:
        """The time of everything that recurs has come; statements are those of this history's parties only."""
        due = clock.rfc3339(clock.now())
        recurring = [each for each in schedules.SCHEDULES if each.event not in (event_types.SettlementDue, *but)]
        self._send([schedule.envelope_at(due) for schedule in recurring])
        for party, party_id in parties:
            statement = event_types.StatementDue(party=party, party_id=party_id, currency="EUR")
            self._send([events.envelope(statement)])

    # --- what arrives -------------------------------------------------------------------------------------------------

    def owing(self) -> list[Message]:
        """What has not arrived yet, oldest first."""
        self.collect()
        return [message for message in self.messages if not message.arrived]

    def due(self) -> list[Message]:
        """What could arrive now."""
        return [message for message in self.owing() if message.due <= clock.now()]

    def bring(self, message: Message) -> bool:
        """Let a message arrive; whether it was taken."""
        message.tried += 1
        taken = self._notify(message) if message.queue == WEBHOOKS else self._consume(message)
        message.arrived += taken
        self.collect()
        return taken

    def bring_all_due(self) -> None:
        """Let everything arrive that is due, again and again where it fails, as a queue does until it gives up."""
        while due := self.due():
            message = min(due, key=lambda each: (each.tried, each.number))
            if not self.bring(message) and message.tried > _MOST_TRIES:
                raise Broken(f"{message} is put aside after {message.tried} tries: {message.body}")

    def _notify(self, message: Message) -> bool:
        body = json.dumps(message.body).encode()
        headers = {
            "content-type": "application/json",
            "stripe-signature": signature(body, self._secret, self._bank.now()),
        }
        answer = gateway().handle(HttpRequest("POST", "/v1/webhooks/stripe", headers, body))
        if 400 <= answer.status < 500:
            raise Broken(f"the webhook refuses {message.body}: {answer.body!r}")
        return answer.status < 300

    def _consume(self, message: Message) -> bool:
        record = {
            "messageId": str(message.number),
            "receiptHandle": str(message.number),
            "body": json.dumps({"detail": message.body}),
            "attributes": {"ApproximateReceiveCount": str(message.tried)},
        }
        return not events.consume(message.queue, [record])["batchItemFailures"]


@dataclass
class Credit:
    """What a customer was given to pay with."""

    id: str
    code: str = ""


@dataclass
class Stage:
    """The scene: a store, its owner, a customer, two riders, and the post between them."""

    token_for: Any
    wires: Wires
    bank: Bank
    post: Post
    shop: world.Shop
    riders: list[Rider] = field(default_factory=list)
    rider_ids: list[str] = field(default_factory=list)
    credits: list[Credit] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.customer = Customer(InProcess(self.token_for(self.shop.customer_id)), CardForm())
        self.tablet = Tablet(InProcess(self.token_for(self.shop.owner_id, "staff")), self.shop.id)
        point = self.shop.store.point
        self.home = Point(point.lat + 0.005, point.lng)

    @classmethod
    def build(cls, token_for: Any, wires: Wires, bank: Bank, post: Post) -> Stage:
        """A store somewhere on earth, where no other history has its riders."""
        point = {"lat": round(random.uniform(-55, 55), 4), "lng": round(random.uniform(-170, 170), 4)}
        return cls(
            token_for,
            wires,
            bank,
            post,
            world.open_shop(STOCK, point=point, proof_of_delivery="pin", payment_methods=METHODS),
        )

    def hire_riders(self) -> None:
        """Two riders on shift near the store."""
        for metres in (300, 1500):
            subject = ids.new_id("usr")
            rider = Rider(InProcess(self.token_for(subject, "riders")))
            rider.register("Rider", capacity=2)
            rider.start_shift(self._beside(metres))
            self.riders.append(rider)
            self.rider_ids.append(subject)

    def riders_report(self) -> None:
        """Every rider is still there."""
        with self.wires.quiet():
            for rider in self.riders:
                rider.report_position(self._beside(300))

    def _beside(self, metres: float) -> Point:
        point = self.shop.store.point
        return Point(point.lat + metres / 111_195, point.lng)

    def rider(self, rider_id: str | None) -> Rider | None:
        return self.riders[self.rider_ids.index(rider_id)] if rider_id in self.rider_ids else None

    def gift_card(self, amount: int) -> Credit:
        """A gift card that somebody has bought."""
        issued = payments.issue_gift_card(
            Money(amount, "EUR"),
            funded_by="promotions",
            merchant_id=None,
            valid_days=None,
            reason="spring",
            by="adm_1",
            key=once(),
        )
        card = Credit(issued.card.id, issued.code or "")
        self.credits.append(card)
        return card

    def store_credit(self, amount: int) -> None:
        """Credit of the customer's own."""
        given = payments.give_credit(
            self.shop.customer_id, Money(amount, "EUR"), valid_days=None, reason="sorry", by="adm_1", key=once()
        )
        if all(credit.id != given.id for credit in self.credits):
            self.credits.append(Credit(given.id))

    def delivery_of(self, order_id: str) -> dispatch.Delivery | None:
        delivery: dispatch.Delivery | None = tables.fetch(dispatch.delivery_ref(order_id))[0]
        return delivery

    def pass_time(self, span: timedelta) -> None:
        """Let Doorstep's time pass."""
        clock._frozen = clock.now() + span


def once(text: str | None = None) -> IdempotencyKey:
    """A key for a use case that is called past the API."""
    return IdempotencyKey("histories", text or ids.new_id("key"), "f", repr)

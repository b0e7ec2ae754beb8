"""A customer with a history, whose every word is found again wherever it is kept."""

from __future__ import annotations

import itertools
import random

import pytest

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.money import Money
from chalicelib.ordering import service
from chalicelib.payments import service as payments
from chalicelib.payments.model.credit import new_code
from tests.ordering import world
from tests.ordering.world import Shop, Stripe

# Each door is another one, to six decimals without a nought at the end.
_DOORS = itertools.count(1)


class Person:
    """A customer whose every word is a marker that nobody else's data has."""

    def __init__(self) -> None:
        mark = ids.new_id("mark")[-12:]
        self.id = ids.new_id("cus")
        self.name = f"Ada-{mark}"
        self.phone = f"+49-{mark}"
        self.street = f"Markstrasse-{mark}"
        self.details = f"Floor-{mark}"
        self.instructions = f"Ring-{mark}"
        self.note = f"Extra-{mark}"
        self.complaint = f"Cold-{mark}"
        self.vouched = f"Known-{mark}"
        self.answered = f"Answer-{mark}"
        self.goodwill = f"Sorry-{mark}"
        self.refund_note = f"Refund-{mark}"
        self.photo = f"photos/{mark}.jpg"
        self.postal_code = f"Z{mark}"[:20]
        self.mark = mark
        self.lat = round(52.53 + (10 * next(_DOORS) + 7) / 1e6, 6)

    @property
    def door(self) -> service.Destination:
        return service.Destination(
            lat=self.lat,
            lng=13.41,
            street=self.street,
            details=self.details,
            postal_code=self.postal_code,
            city="Berlin",
            instructions=self.instructions,
            contact_name=self.name,
            contact_phone=self.phone,
        )

    @property
    def traces(self) -> tuple[str, ...]:
        return (self.mark, self.id, f"{self.lat:.6f}")


def settle(shop: Shop, order: service.Order) -> None:
    """Hand the events that end an order to the payment centre, as its queue would."""
    for entry in world.emitted(order.id):
        if entry.type in ("OrderHandedOver", "OrderEnded", "DeliveryDelivered", "RefundRequested"):
            world.deliver("payments", entry)
        if entry.type == "SaleRecorded":
            world.deliver("invoices", entry)
    for entry in world.emitted(order.id):
        if entry.type == "SaleRecorded":
            world.deliver("invoices", entry)


def delivered(shop: Shop, stripe: Stripe, person: Person, quantity: int = 2) -> service.Order:
    """An order that was brought to the person's door by a rider, with a PIN, for a card."""
    lines = (world.pizza(quantity, note=person.note), service.LineRequest(sku="SAL-CAES", note=person.note))
    quote = shop.quote(*lines, customer_id=person.id, address=person.door)
    order = service.place_order(person.id, quote.id, "card", world.key()).order
    stripe.authorise(order.id)
    service.follow_payment(order.id, ids.new_id("evt"))
    order = shop.make_ready(world.order_of(order.id))
    rider = ids.new_id("usr")
    dispatch.register_rider(rider, name="Lena", vehicle=dispatch.Vehicle.BICYCLE, capacity=1)
    dispatch.start_shift(rider, shop.store.point)
    delivery_id = dispatch.delivery_id(order.id)
    dispatch.look_for_rider(delivery_id, ids.new_id("evt"))

    def command() -> dispatch.Command:
        return dispatch.Command(rider, ids.new_id("op"), clock.now())

    dispatch.accept_offer(delivery_id, command())
    dispatch.arrive_at_store(delivery_id, command())
    dispatch.pick_up(delivery_id, command())
    dispatch.arrive_at_door(delivery_id, command())
    dispatch.deliver(delivery_id, command(), dispatch.Evidence(pin=order.delivery_pin, photo=person.photo))
    dispatch.end_shift(rider)
    service.note_picked_up(order.id, rider, ids.new_id("evt"))
    service.note_delivered(order.id, rider, ids.new_id("evt"))
    settle(shop, order)
    return world.order_of(order.id)


def collected(shop: Shop, person: Person) -> service.Order:
    """An order that a manager handed over without its code, with a claim that was refused in writing."""
    quote = shop.quote(world.pizza(1, note=person.note), customer_id=person.id, mode="pickup")
    order = service.place_order(person.id, quote.id, "pay_at_store", world.key()).order
    ready = shop.make_ready(order)
    done = service.hand_over_order(shop.command(ready), None, person.vouched)
    draft = service.Draft(kind="complaint", reason="quality", note=person.complaint)
    service.open_claim(person.id, order.id, draft, world.any_key(), ids.new_id("req"))
    service.reject_claim(shop.command(world.order_of(order.id)), 1, person.answered)
    settle(shop, done)
    return world.order_of(order.id)


def with_history(shop: Shop, stripe: Stripe) -> Person:
    """Somebody with a history: a delivery with a refund in credit, a pickup with a claim, a quote, a wrong code."""
    person = Person()
    order = delivered(shop, stripe, person)
    collected(shop, person)
    request = payments.RefundRequest(
        reason="late", amount=300, currency="EUR", note=person.refund_note, requested_by=shop.owner_id, to_credit=True
    )
    service.refund_order(shop.id, order.id, request, world.any_key())
    payments.give_credit(
        person.id, Money(700, "EUR"), valid_days=None, reason=person.goodwill, by=shop.owner_id, key=world.any_key()
    )
    settle(shop, order)
    shop.quote(world.pizza(1, note=person.note), customer_id=person.id, address=person.door)
    with pytest.raises(DomainError):
        payments.look_at_gift_card(person.id, new_code(random.Random(person.mark).randrange))
    return person

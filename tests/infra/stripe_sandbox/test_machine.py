"""The rules by themselves: no HTTP, no store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.stripe_sandbox import machine
from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.methods import find_method
from infra.local.stripe_sandbox.model import Charge, Moment, Outcome, PaymentIntent, Refund

_numbers = count(1)
MOMENT = Moment(1_800_000_000, lambda prefix: f"{prefix}_{next(_numbers)}")
ACTION = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
STATUSES = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "succeeded",
    "canceled",
)


def fresh(**changes: object) -> PaymentIntent:
    intent = PaymentIntent(
        "pi_1",
        2000,
        "eur",
        MOMENT.now,
        "pi_1_secret_x",
        status="requires_payment_method",
        capture_method="manual",
        payment_method_types=("card", "us_bank_account"),
    )
    return replace(intent, **changes)


def confirmed(intent: PaymentIntent, method: str = "pm_card_visa") -> Outcome:
    return machine.confirm(intent, find_method(method), MOMENT, action=ACTION)


def in_status(status: str) -> tuple[PaymentIntent, Charge | None]:
    """An intent brought to this status by the machine itself."""
    intent = fresh()
    if status == "requires_confirmation":
        return machine.update(intent, {"payment_method": "pm_card_visa"}).intent, None
    if status == "canceled":
        return machine.cancel(intent, None, MOMENT, reason=None).intent, None
    made = {
        "requires_payment_method": lambda: Outcome(intent),
        "requires_action": lambda: confirmed(intent, "pm_card_threeDSecure2Required"),
        "processing": lambda: confirmed(fresh(capture_method="automatic"), "pm_usBankAccount_success"),
        "requires_capture": lambda: confirmed(intent),
        "succeeded": lambda: confirmed(fresh(capture_method="automatic")),
    }[status]()
    return made.intent, made.charge


TRANSITIONS: dict[str, tuple[Callable[[PaymentIntent, Charge | None], Outcome], tuple[str, ...]]] = {
    "confirm": (lambda intent, _: confirmed(intent), machine.CONFIRMABLE),
    "capture": (lambda intent, charge: machine.capture(intent, charge, MOMENT), ("requires_capture",)),
    "cancel": (lambda intent, charge: machine.cancel(intent, charge, MOMENT, reason=None), machine.CANCELABLE),
    "authenticate": (lambda intent, _: machine.authenticate(intent, MOMENT, passed=True), ("requires_action",)),
    "change amount": (lambda intent, _: machine.update(intent, {"amount": 3000}), machine.CONFIRMABLE),
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("transition", TRANSITIONS)
def test_each_transition_is_allowed_in_its_statuses_and_refused_in_all_others(transition: str, status: str):
    attempt, allowed = TRANSITIONS[transition]
    intent, charge = in_status(status)
    assert intent.status == status

    if status in allowed:
        attempt(intent, charge)
        return
    with pytest.raises(StripeError) as refused:
        attempt(intent, charge)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.intent == intent


def test_confirming_holds_the_amount_when_capture_is_manual():
    outcome = confirmed(fresh())

    assert (outcome.intent.status, outcome.intent.amount_capturable, outcome.intent.amount_received) == (
        "requires_capture",
        2000,
        0,
    )
    assert [type_ for type_, _ in outcome.events] == ["charge.succeeded", "payment_intent.amount_capturable_updated"]


def test_confirming_takes_the_amount_when_capture_is_automatic():
    outcome = confirmed(fresh(capture_method="automatic_async"))

    assert (outcome.intent.status, outcome.intent.amount_received) == ("succeeded", 2000)
    assert [type_ for type_, _ in outcome.events] == ["charge.succeeded", "payment_intent.succeeded"]


def test_manual_capture_can_be_asked_for_by_type_of_method():
    options = {"card": {"capture_method": "manual"}}
    intent = fresh(capture_method="automatic", payment_method_options=options)

    assert confirmed(intent).intent.status == "requires_capture"
    assert confirmed(intent, "pm_usBankAccount_success").intent.status == "processing"


def test_an_event_keeps_the_intent_as_it_was_then():
    created = machine.create(fresh())
    later = confirmed(created.intent)

    assert created.events[0][1].status == "requires_payment_method"
    assert later.events[-1][1].status == "requires_capture"


def test_capturing_less_releases_the_rest():
    held = confirmed(fresh())

    taken = machine.capture(held.intent, held.charge, MOMENT, amount=1500)

    assert (taken.intent.amount_received, taken.intent.amount_capturable) == (1500, 0)
    assert taken.charge is not None
    assert taken.refund is not None
    assert (taken.charge.amount_captured, taken.charge.amount_refunded) == (1500, 500)
    assert (taken.refund.amount, taken.refund.released) == (500, True)
    assert taken.charge.unrefunded == 1500


def test_a_delayed_payment_that_fails_asks_for_another_method():
    waiting = confirmed(fresh(capture_method="automatic"), "pm_usBankAccount_success")
    assert waiting.charge is not None

    failed = machine.settle(waiting.intent, waiting.charge, MOMENT, succeeded=False)

    assert failed.intent.status == "requires_payment_method"
    assert failed.charge is not None
    assert failed.charge.status == "failed"
    assert confirmed(failed.intent).intent.status == "succeeded"


def test_a_new_amount_voids_an_authentication_that_was_asked_for():
    waiting, _ = in_status("requires_action")

    changed = machine.update(waiting, {"amount": 9900}).intent

    assert (changed.status, changed.next_action, changed.amount) == ("requires_confirmation", None, 9900)


CARDS = (
    "pm_card_visa",
    "pm_card_chargeDeclined",
    "pm_card_threeDSecure2Required",
    "pm_card_threeDSecureRequiredChargeDeclined",
    "pm_usBankAccount_success",
)
STEPS = st.one_of(
    st.tuples(st.just("confirm"), st.sampled_from(CARDS)),
    st.tuples(st.just("authenticate"), st.booleans()),
    st.tuples(st.just("settle"), st.booleans()),
    st.tuples(st.just("capture"), st.none() | st.integers(1, 2100)),
    st.tuples(st.just("refund"), st.none() | st.integers(1, 2100)),
    st.tuples(st.just("cancel"), st.none()),
)


def step(kind: str, argument: object, intent: PaymentIntent, charge: Charge | None) -> Outcome:
    match kind:
        case "confirm":
            return confirmed(intent, str(argument))
        case "authenticate":
            return machine.authenticate(intent, MOMENT, passed=bool(argument))
        case "settle" if charge is not None:
            return machine.settle(intent, charge, MOMENT, succeeded=bool(argument))
        case "capture":
            return machine.capture(intent, charge, MOMENT, amount=argument)
        case "refund":
            return machine.refund(intent, charge, MOMENT, amount=argument)
        case _:
            return machine.cancel(intent, charge, MOMENT, reason=None)


@settings(max_examples=300, deadline=None)
@given(capture_method=st.sampled_from(("manual", "automatic")), steps=st.lists(STEPS, max_size=12))
def test_whatever_is_tried_in_whatever_order_the_money_adds_up(capture_method: str, steps: list[tuple[str, object]]):
    intent = fresh(capture_method=capture_method)
    charges: dict[str, Charge] = {}
    refunds: list[Refund] = []
    for kind, argument in steps:
        try:
            outcome = step(kind, argument, intent, charges.get(intent.latest_charge or ""))
        except StripeError:
            continue
        intent = outcome.intent
        if outcome.charge:
            charges[outcome.charge.id] = outcome.charge
        if outcome.refund:
            refunds.append(outcome.refund)

    taken = sum(charge.amount_captured for charge in charges.values() if charge.status == "succeeded")
    held = sum(charge.unrefunded for charge in charges.values() if charge.status == "succeeded" and not charge.captured)
    assert intent.amount_received == taken
    assert intent.amount_capturable == held
    assert taken + held <= intent.amount
    assert sum(refund.amount for refund in refunds if not refund.released) <= taken
    assert sum(charge.status == "succeeded" and charge.captured for charge in charges.values()) <= 1
    assert sum(refund.amount for refund in refunds) == sum(charge.amount_refunded for charge in charges.values())
    assert (intent.status == "succeeded") == (taken > 0)
    assert (intent.status == "requires_capture") == (held > 0)

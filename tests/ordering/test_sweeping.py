"""The truth sweeper: whatever message was lost, orders, payments, ledger and Stripe agree after it ran; once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from chalicelib.kernel import clock, events, ids, settings, tables
from chalicelib.kernel.errors import DomainError, Unavailable
from chalicelib.kernel.event_types import OrderEnded, OrderHandedOver, PaymentNotified, TruthSweepDue
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from chalicelib.ordering import service
from chalicelib.payments import provider
from chalicelib.payments import service as payments
from chalicelib.payments.model.cases import Case
from chalicelib.payments.provider import listing
from chalicelib.payments.tables.truth import SweepRow
from infra.local.stripe_sandbox import Config, Sandbox
from tests.ordering import world
from tests.ordering.world import Shop, Stripe, deliver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sk_test_sweeping"
# Long before the other tests' orders, which a sweep of everything would otherwise look at, too.
MORNING = world.NOON - timedelta(days=700)


@pytest.fixture
def noon() -> Iterator[None]:
    with clock.freeze(MORNING):
        yield


@pytest.fixture
def stripe(tmp_path: Path, dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stripe]:
    """A Stripe of its own, in whose lists is nothing but this test's."""
    with Sandbox(Config(tmp_path / "stripe.db", KEY, port=0)) as sandbox:
        monkeypatch.setenv("DOORSTEP_STRIPE_API_BASE", sandbox.url)
        monkeypatch.setenv("STRIPE_API_KEY", KEY)
        monkeypatch.setattr(provider.client, "_client", None)
        settings.reload()
        yield Stripe(sandbox.url)
    monkeypatch.undo()
    settings.reload()


class Night:
    """Sweeps, later than everything that happened so far."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._later = 0.0
        monkeypatch.setattr(listing, "now", lambda: time.time() + self._later)

    def sweep(self, minutes: int = 30) -> None:
        """A whole sweep, at a time at which everything is looked at that is older than ``minutes``."""
        for age in payments.AGES:
            row = tables.get(SweepRow, "SWEEP", f"INTENTS#{int(age.total_seconds()) // 60}")
            if row is not None:
                row.delete()
        self._later = minutes * 60 + 5
        with clock.freeze(clock.now() + timedelta(minutes=minutes)):
            due: TruthSweepDue | None = TruthSweepDue()
            while due is not None:
                due = service.sweep(due)


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> Night:
    return Night(monkeypatch)


def steps(order: service.Order) -> list[str]:
    return [entry.step for entry in world.order_of(order.id).timeline]


def books(order_id: str) -> dict[str, int]:
    entries = payments.entries_of_order(order_id)
    assert set(payments.trial_balance(entries).values()) <= {0}
    return payments.balances(entries)


def held_at_stripe(stripe: Stripe, *order_ids: str) -> int:
    """What Stripe has of these orders' money, less what went back; fees apart."""
    intents = stripe.intents_of(*order_ids)
    return sum(intent["captured"] - intent["refunded"] for intent in intents if intent["status"] == "succeeded")


def api() -> Any:
    return provider.client.connected().v1


def another_intent(order_id: str, *, capture: bool, key: str = "order_id", amount: int = 1500) -> str:
    """An intent that nobody here knows of, paid by its customer."""
    made = api().payment_intents.create(
        params={
            "amount": amount,
            "currency": "eur",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "capture_method": "automatic" if capture else "manual",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {key: order_id},
        }
    )
    return str(made.id)


def a_case(kind: str, subject: str) -> Case:
    return payments.get_case(Case(kind, subject).id)


def handed_over(shop: Shop, stripe: Stripe, **fields: Any) -> service.Order:
    ready = shop.make_ready(shop.placed_and_paid(stripe, mode="pickup", **fields))
    return service.hand_over_order(shop.command(ready), ready.pickup_code, None)


# --- lost messages ----------------------------------------------------------------------------------------------------


def test_an_end_that_nobody_heard_of_lets_the_money_go(shop: Shop, stripe: Stripe, night: Night) -> None:
    order = shop.placed_and_paid(stripe)
    service.reject_order(shop.command(order), "too_busy")

    for _ in range(2):
        night.sweep()

    assert world.payment_of(order.id).state == "voided"
    assert stripe.intents_of(order.id)[0]["status"] == "canceled"
    assert steps(order)[-1] == "repaired"
    assert steps(order).count("repaired") == 1


def test_a_hand_over_that_nobody_heard_of_is_paid_and_shared_out(shop: Shop, stripe: Stripe, night: Night) -> None:
    order = handed_over(shop, stripe)

    night.sweep()
    assert deliver("payments", events.envelope(OrderHandedOver(order_id=order.id, store_id=shop.id))) == []
    night.sweep()

    assert world.payment_of(order.id).is_fulfilled
    assert held_at_stripe(stripe, order.id) == books(order.id)["stripe:clearing"] == order.total.amount
    assert steps(order).count("repaired") == 1


def test_a_payment_that_nobody_heard_of_puts_the_order_on_the_board(shop: Shop, stripe: Stripe, night: Night) -> None:
    order = shop.place(wanted_at=clock.now() + timedelta(hours=5))
    stripe.authorise(order.id)
    night.sweep(21)
    assert world.order_of(order.id).confirmed_at is not None
    assert world.payment_of(order.id).state == "authorised"


def test_a_deadline_that_was_lost_ends_the_order_but_not_before_stripe_was_asked(
    shop: Shop, stripe: Stripe, night: Night
) -> None:
    paid, unpaid = shop.place(), shop.place()
    stripe.authorise(paid.id)

    night.sweep()
    night.sweep(60)

    assert "confirmed" in steps(paid)
    assert world.order_of(unpaid.id).status == "cancelled"
    assert {world.payment_of(each.id).state for each in (paid, unpaid)} <= {"voided", "authorised"}


def test_what_waits_for_its_time_is_left_alone(shop: Shop, stripe: Stripe, night: Night) -> None:
    scheduled = shop.placed_and_paid(stripe, wanted_at=clock.now() + timedelta(days=2))
    before = world.order_of(scheduled.id), world.payment_of(scheduled.id)
    for minutes in (30, 200, 26 * 60 + 5):
        night.sweep(minutes)
    assert (world.order_of(scheduled.id), world.payment_of(scheduled.id)) == before


def test_a_refund_whose_message_was_lost_is_made_once(shop: Shop, stripe: Stripe, night: Night) -> None:
    order = handed_over(shop, stripe)
    payments.capture_payment(order.id)
    request = payments.RefundRequest(reason="late", amount=700, requested_by="usr-1")
    service.refund_order(shop.id, order.id, request, refund_key())

    for _ in range(3):
        night.sweep()

    assert world.payment_of(order.id).refunded_minor == 700
    assert held_at_stripe(stripe, order.id) == books(order.id)["stripe:clearing"] == order.total.amount - 700


def test_a_tip_that_was_paid_and_not_recorded_is_the_stores(shop: Shop, stripe: Stripe, night: Night) -> None:
    order = handed_over(shop, stripe)
    payments.capture_payment(order.id)
    service.offer_tip(order.customer_id, order.id, Money(300, "EUR"), refund_key())
    action = payments.start_tip(order.id, order.customer_id)
    assert action is not None
    stripe._call(
        f"/v1/payment_intents/{action.intent_id}/confirm",
        f"client_secret={action.client_secret}&payment_method=pm_card_visa",
    )

    for _ in range(2):
        night.sweep()

    (tip,) = [entry for entry in payments.entries_of_order(order.id) if entry.kind == "tip"]
    assert tip.on(f"store:{shop.id}") == -300
    assert books(order.id)["stripe:clearing"] == order.total.amount + 300


# --- paid, and too late -----------------------------------------------------------------------------------------------


def expired_but_paid(shop: Shop, stripe: Stripe, **fields: Any) -> service.Order:
    """Nobody paid in time, so the order ended; its end was not heard of, and then the customer paid."""
    order = shop.place(**fields)
    with clock.freeze(clock.now() + timedelta(minutes=11)):
        service.watch_deadline(order.id, ids.new_id("evt"))
    stripe.authorise(order.id)
    assert world.order_of(order.id).status == "cancelled"
    return order


def test_an_expired_order_that_is_paid_goes_on_where_the_store_still_takes_it(
    shop: Shop, stripe: Stripe, night: Night
) -> None:
    left = shop.left("PIZ-MARG-32")
    order = expired_but_paid(shop, stripe)
    ended = next(entry for entry in world.emitted(order.id) if entry.type == "OrderEnded")

    night.sweep(25)
    assert deliver("payments", ended) == []

    revived = world.order_of(order.id)
    assert (revived.status, steps(order)[-1]) == ("placed", "revived")
    assert world.payment_of(order.id).state == "authorised"
    assert stripe.intents_of(order.id)[0]["status"] == "requires_capture"
    assert shop.left("PIZ-MARG-32") == (left or 0) - 2
    assert revived.accept_by is not None
    assert revived.promise.ready_at > revived.accept_by - timedelta(minutes=5)
    timers = [entry for entry in world.emitted(order.id) if entry.type == "OrderDeadlineReached" and entry.due]
    assert clock.rfc3339(revived.accept_by) in [entry.due for entry in timers]
    with clock.freeze(revived.accept_by + timedelta(minutes=1)):
        service.watch_deadline(order.id, ids.new_id("evt"))
        again = world.emitted(order.id)[-1]
        assert deliver("payments", again) == []
    assert world.payment_of(order.id).state == "voided"


def test_an_expired_order_that_is_paid_is_let_go_where_its_stock_is_gone(
    shop: Shop, stripe: Stripe, night: Night
) -> None:
    from chalicelib.inventory import service as inventory

    order = expired_but_paid(shop, stripe)
    inventory.set_stock(shop.id, "PIZ-MARG-32", 1)
    night.sweep(25)
    assert world.order_of(order.id).status == "cancelled"
    assert world.payment_of(order.id).state == "voided"
    assert shop.left("PIZ-MARG-32") == 1


def test_an_expired_order_that_is_paid_hours_later_is_not_revived(shop: Shop, stripe: Stripe, night: Night) -> None:
    order = expired_but_paid(shop, stripe)
    night.sweep(120)
    assert world.payment_of(order.id).state == "voided"


# --- money that nobody here knows of ----------------------------------------------------------------------------------


@pytest.mark.parametrize("capture", [True, False])
def test_the_second_payment_of_an_order_goes_back(shop: Shop, stripe: Stripe, night: Night, capture: bool) -> None:
    order = shop.placed_and_paid(stripe, wanted_at=clock.now() + timedelta(hours=5))
    another_intent(order.id, capture=capture)

    for _ in range(2):
        night.sweep()

    assert held_at_stripe(stripe, order.id) == 0
    assert sorted(intent["status"] for intent in stripe.intents_of(order.id)) == sorted(
        ["requires_capture", "succeeded" if capture else "canceled"]
    )
    assert books(order.id) == {}
    assert steps(order).count("repaired") == 1
    assert world.payment_of(order.id).state == "authorised"


def test_money_of_an_order_that_does_not_exist_goes_back(shop: Shop, stripe: Stripe, night: Night) -> None:
    order_id = ids.new_id("ord")
    another_intent(order_id, capture=True)
    for _ in range(2):
        night.sweep()
    assert held_at_stripe(stripe, order_id) == 0
    assert [entry.kind for entry in payments.entries_of_order(order_id)] == ["captured", "refunded"]


def test_the_money_of_others_at_the_same_stripe_is_not_touched(shop: Shop, stripe: Stripe, night: Night) -> None:
    foreign = another_intent("invoice-7", capture=True, key="reference")
    night.sweep()
    assert listing.look_at_intent(foreign).is_taken


def test_a_capture_by_other_hands_is_adopted_and_the_hand_over_takes_nothing_more(
    shop: Shop, stripe: Stripe, night: Night
) -> None:
    order = shop.placed_and_paid(stripe, mode="pickup", wanted_at=clock.now() + timedelta(hours=3))
    api().payment_intents.capture(world.intent_of(order.id))

    for _ in range(2):
        night.sweep()

    assert world.payment_of(order.id).state == "captured"
    assert books(order.id)["stripe:clearing"] == order.total.amount
    ready = shop.make_ready(world.order_of(order.id))
    service.hand_over_order(shop.command(ready), ready.pickup_code, None)
    payments.capture_payment(order.id)
    assert books(order.id)["stripe:clearing"] == held_at_stripe(stripe, order.id) == order.total.amount


def test_a_hold_that_the_bank_let_go_is_a_case_with_evidence(shop: Shop, stripe: Stripe, night: Night) -> None:
    order = shop.placed_and_paid(stripe, wanted_at=clock.now() + timedelta(days=2))
    intent = world.intent_of(order.id)
    stripe._call(f"/sandbox/payment_intents/{intent}/expire", "{}")
    for _ in range(2):
        night.sweep()
    case = a_case("hold_lost", order.id)
    assert (case.evidence["payment_intent"], case.order_id) == (intent, order.id)


# --- twice, at once, and torn in the middle ---------------------------------------------------------------------------


def test_the_sweeper_races_those_who_do_the_same_by_themselves(shop: Shop, stripe: Stripe, night: Night) -> None:
    rejected = shop.placed_and_paid(stripe)
    service.reject_order(shop.command(rejected), "too_busy")
    served = handed_over(shop, stripe)
    late = shop.place(wanted_at=clock.now() + timedelta(hours=5))
    stripe.authorise(late.id)
    doubled = shop.placed_and_paid(stripe, wanted_at=clock.now() + timedelta(hours=5))
    another_intent(doubled.id, capture=True)
    ended = OrderEnded(order_id=rejected.id, store_id=shop.id, status="rejected", actor="staff", reason="too_busy")
    told = PaymentNotified(
        order_id=late.id,
        provider_event_id="evt_1",
        provider_type="payment_intent.amount_capturable_updated",
        payment_intent_id=world.intent_of(late.id),
    )

    def swept() -> None:
        try:
            night.sweep()
        except Unavailable:
            night.sweep()

    with ThreadPoolExecutor(6) as pool:
        running = [
            pool.submit(swept),
            pool.submit(swept),
            pool.submit(deliver, "payments", events.envelope(ended)),
            pool.submit(deliver, "payments", events.envelope(OrderHandedOver(order_id=served.id, store_id=shop.id))),
            pool.submit(deliver, "ordering", events.envelope(told)),
        ]
        for each in running:
            each.result()
    night.sweep()

    assert world.payment_of(rejected.id).state == "voided"
    assert world.payment_of(served.id).is_fulfilled
    assert world.order_of(late.id).confirmed_at is not None
    for order in (rejected, served, late, doubled):
        assert books(order.id).get("stripe:clearing", 0) == held_at_stripe(stripe, order.id)


@pytest.mark.parametrize("torn_at", range(4))
def test_a_sweep_that_dies_between_any_two_calls_is_made_up_for(
    shop: Shop, stripe: Stripe, night: Night, monkeypatch: pytest.MonkeyPatch, torn_at: int
) -> None:
    rejected = shop.placed_and_paid(stripe)
    service.reject_order(shop.command(rejected), "too_busy")
    served = handed_over(shop, stripe)
    doubled = shop.placed_and_paid(stripe, wanted_at=clock.now() + timedelta(hours=5))
    another_intent(doubled.id, capture=True)
    left = [torn_at]
    commit = Transaction.commit

    def die(tx: Transaction) -> None:
        if left[0] == 0:
            left[0] = -1
            raise SystemExit
        left[0] -= 1
        commit(tx)

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "commit", die)
        with pytest.raises(SystemExit):
            night.sweep()
    night.sweep()

    assert world.payment_of(rejected.id).state == "voided"
    assert world.payment_of(served.id).is_fulfilled
    for order in (rejected, served, doubled):
        assert books(order.id).get("stripe:clearing", 0) == held_at_stripe(stripe, order.id)
        assert len([entry for entry in payments.entries_of_order(order.id) if entry.kind == "captured"]) <= 1


@pytest.mark.parametrize("kind", ["timeout_after_success", "error_500", "error_429"])
def test_whatever_stripe_answers_nothing_goes_back_twice(shop: Shop, stripe: Stripe, night: Night, kind: str) -> None:
    order = shop.placed_and_paid(stripe, wanted_at=clock.now() + timedelta(hours=5))
    another_intent(order.id, capture=True)
    world.fault(stripe, kind, "/v1/refunds", times=2)
    for _ in range(3):
        with suppress(Unavailable):
            night.sweep()
    assert held_at_stripe(stripe, order.id) == 0
    assert books(order.id) == {}


def test_a_repair_that_fails_for_a_day_is_a_case(
    shop: Shop, stripe: Stripe, night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = shop.placed_and_paid(stripe)
    service.reject_order(shop.command(order), "too_busy")

    def refuse(*_: object) -> None:
        raise DomainError("payment_refused", "no")

    with monkeypatch.context() as patch:
        patch.setattr(provider, "cancel", refuse)
        patch.setattr(listing, "list_intents", lambda *_: ([], None))
        night.sweep()
        night.sweep(25 * 60)
    case = a_case("repair_stuck", f"{order.id}/release")
    assert case.evidence["payment_state"] == "authorised"


def test_page_by_page_nothing_is_left_out(
    shop: Shop, stripe: Stripe, night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.ordering.service import sweeping

    ended = [shop.placed_and_paid(stripe) for _ in range(3)]
    for order in ended:
        service.reject_order(shop.command(order), "too_busy")
    doubled = shop.placed_and_paid(stripe, wanted_at=clock.now() + timedelta(hours=5))
    for _ in range(3):
        another_intent(doubled.id, capture=True)
    monkeypatch.setattr(sweeping, "_PAGE", 1)
    monkeypatch.setattr(sweeping, "_MOST_PER_RUN", 1)
    monkeypatch.setattr(listing, "_PAGE", 2)
    night.sweep()
    assert {world.payment_of(order.id).state for order in ended} == {"voided"}
    assert held_at_stripe(stripe, doubled.id) == 0
    returned = [entry.kind for entry in payments.entries_of_order(doubled.id) if entry.cause.startswith("unclaimed")]
    assert sorted(returned) == ["captured"] * 3 + ["refunded"] * 3
    assert steps(doubled).count("repaired") == 3


def test_a_page_that_takes_long_ends_early_and_goes_on_where_it_was(
    shop: Shop, stripe: Stripe, night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.ordering.service import sweeping

    ended = [shop.placed_and_paid(stripe) for _ in range(2)]
    for order in ended:
        service.reject_order(shop.command(order), "too_busy")
    nobodys = [ids.new_id("ord") for _ in range(3)]
    for order_id in nobodys:
        another_intent(order_id, capture=True)
    seconds = iter(range(10**6))

    class Slow:
        monotonic = staticmethod(lambda: float(next(seconds)))

    monkeypatch.setattr(sweeping, "time", Slow)
    monkeypatch.setattr(sweeping, "_SECONDS_PER_PAGE", 1.5)
    night.sweep()
    assert {world.payment_of(order.id).state for order in ended} == {"voided"}
    assert held_at_stripe(stripe, *nobodys) == 0


def test_what_was_put_off_is_looked_at_again_in_the_next_sweep(
    shop: Shop, stripe: Stripe, night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = ids.new_id("ord")
    another_intent(order_id, capture=True)

    def busy(*_: object) -> None:
        raise Unavailable("payment_in_flight", "busy")

    with monkeypatch.context() as patch:
        patch.setattr(payments, "return_money", busy)
        night.sweep()
    with clock.freeze(clock.now() + timedelta(minutes=45)):
        due: TruthSweepDue | None = TruthSweepDue()
        while due is not None:
            due = service.sweep(due)
    assert held_at_stripe(stripe, order_id) == 0


def test_what_stripe_refuses_to_give_back_is_a_case(shop: Shop, stripe: Stripe, night: Night) -> None:
    order_id = ids.new_id("ord")
    intent = another_intent(order_id, capture=True)
    charge = api().payment_intents.retrieve(intent).latest_charge
    requests.post(f"{stripe.url}/sandbox/charges/{charge}/dispute", json={}, timeout=10).raise_for_status()
    for _ in range(2):
        night.sweep()
    case = a_case("repair_refused", intent)
    assert (case.order_id, case.evidence["finding"]) == (order_id, "nobodys_money")


def test_the_reaction_carries_itself_on_and_a_page_that_comes_twice_does_so_once(
    shop: Shop, stripe: Stripe, night: Night
) -> None:
    order = shop.placed_and_paid(stripe)
    service.reject_order(shop.command(order), "too_busy")
    first = events.envelope(TruthSweepDue())
    with clock.freeze(clock.now() + timedelta(minutes=30)):
        assert deliver("ordering", first, first) == []
    row = tables.get(events.EventsRow, f"INBOX#ordering#{first.id}", "-")
    assert row is not None
    assert [(entry["type"], entry["data"]["phase"]) for entry in row.outbox] == [("TruthSweepDue", "intents")]
    assert world.payment_of(order.id).state == "voided"


def test_a_sweep_over_what_waits_for_its_time_writes_nothing_but_how_far_it_looked(
    shop: Shop, stripe: Stripe, night: Night
) -> None:
    for _ in range(3):
        shop.placed_and_paid(stripe, wanted_at=clock.now() + timedelta(days=2))
    with clock.freeze(clock.now() + timedelta(minutes=30)), world.metered() as meter:
        due: TruthSweepDue | None = TruthSweepDue()
        while due is not None:
            due = service.sweep(due)
    assert meter.written <= len(payments.AGES)
    assert len(meter.requests) <= 8 + 8 + 2 * len(payments.AGES)


def refund_key() -> Any:
    from chalicelib.kernel.idempotency import IdempotencyKey

    return IdempotencyKey("0" * 32, ids.new_id("key"), "f" * 64, lambda _: {"body": {}})

"""An order's payment: opened with the order, authorised by the customer, captured or let go once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel.errors import Conflict, DomainError, NotFound, Unavailable
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import provider, service
from chalicelib.payments.model import State

if TYPE_CHECKING:
    from chalicelib.payments.model import Payment
    from tests.payments.conftest import Stripe


def authorise(payment: Payment) -> None:
    tx = Transaction()
    service.record_authorised(tx, payment, service.look_up_provider(payment))
    tx.commit()


@pytest.fixture
def paid(stripe: Stripe, open_payment: Any) -> Payment:
    payment = open_payment()
    stripe.confirm(service.start_intent(payment))
    authorise(payment)
    return service.get_payment(payment.order_id)


def test_a_confirmed_intent_is_recorded_as_authorised(paid: Payment) -> None:
    assert paid.state is State.AUTHORISED
    assert paid.authorised_minor == 2350
    assert paid.is_secured


def test_the_hand_over_takes_the_money_once(stripe: Stripe, paid: Payment) -> None:
    for _ in range(3):
        assert service.capture_payment(paid.order_id).state is State.CAPTURED
    (intent,) = stripe.intents_of(paid.order_id)
    assert intent["status"] == "succeeded"
    assert intent["captured"] == 2350
    assert intent["captures"] == 1


def test_an_unfulfilled_end_lets_the_money_go_once(stripe: Stripe, paid: Payment) -> None:
    for _ in range(3):
        assert service.release_payment(paid.order_id).state is State.VOIDED
    (intent,) = stripe.intents_of(paid.order_id)
    assert intent["status"] == "canceled"
    assert intent["captured"] == 0


def test_an_end_after_the_capture_gives_the_money_back_once(stripe: Stripe, paid: Payment) -> None:
    service.capture_payment(paid.order_id)
    for _ in range(3):
        released = service.release_payment(paid.order_id)
    assert (released.state, released.refunded_minor) == (State.REFUNDED, 2350)
    (intent,) = stripe.intents_of(paid.order_id)
    assert intent["refunded"] == 2350


def test_an_unpaid_intent_is_closed_so_that_it_can_not_be_paid_later(stripe: Stripe, open_payment: Any) -> None:
    payment = open_payment()
    action = service.start_intent(payment)
    assert service.release_payment(payment.order_id).state is State.VOIDED
    assert stripe.confirm(action)["error"]["code"] == "payment_intent_unexpected_state"


def test_what_can_not_be_cancelled_now_is_not_written_off(
    stripe: Stripe, paid: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> None:
        raise DomainError("payment_refused", "not now")

    with monkeypatch.context() as patch:
        patch.setattr(provider, "cancel", refuse)
        with pytest.raises(Unavailable):
            service.release_payment(paid.order_id)
    assert service.get_payment(paid.order_id).state is State.AUTHORISED
    assert service.release_payment(paid.order_id).state is State.VOIDED


def test_a_hold_that_ran_out_is_found_once(stripe: Stripe, paid: Payment) -> None:
    stripe.expire_hold(paid.intent_id or "")
    for _ in range(2):
        assert service.capture_payment(paid.order_id).state is State.FAILED


def test_starting_twenty_times_at_once_makes_one_intent(stripe: Stripe, open_payment: Any) -> None:
    payment = open_payment()
    refusals: list[str] = []

    def start(_: int) -> str | None:
        try:
            action = service.start_intent(payment)
        except Unavailable as busy:
            refusals.append(busy.code)
            return None
        return action.intent_id if action else None

    with ThreadPoolExecutor(20) as pool:
        intents = set(pool.map(start, range(20)))
    assert len(intents - {None}) == 1
    assert set(refusals) <= {"payment_in_flight"}
    assert len(stripe.intents_of(payment.order_id)) == 1


@pytest.mark.parametrize(("kind", "times"), [("timeout_after_success", 1), ("error_500", 2), ("error_429", 2)])
def test_a_failing_create_never_makes_a_second_payable_intent(
    stripe: Stripe, open_payment: Any, kind: str, times: int
) -> None:
    payment = open_payment()
    stripe.fault(kind, "/v1/payment_intents", times)
    action = _until_it_works(lambda: service.start_intent(payment))
    assert stripe.confirm(action)["status"] == "requires_capture"
    payable = [i for i in stripe.intents_of(payment.order_id) if i["status"] == "requires_capture"]
    assert len(payable) == 1


@pytest.mark.parametrize("kind", ["timeout_after_success", "error_500", "error_429"])
@pytest.mark.parametrize("call", ["capture", "cancel"])
def test_a_failing_capture_or_cancel_ends_as_one(stripe: Stripe, paid: Payment, kind: str, call: str) -> None:
    stripe.fault(kind, f"/v1/payment_intents/{paid.intent_id}/{call}", times=3)
    act = service.capture_payment if call == "capture" else service.release_payment
    ended = _until_it_works(lambda: act(paid.order_id))
    assert ended.state is (State.CAPTURED if call == "capture" else State.VOIDED)
    (intent,) = stripe.intents_of(paid.order_id)
    assert intent["captures"] == (1 if call == "capture" else 0)


@pytest.mark.parametrize("kind", ["timeout_after_success", "error_500", "error_429"])
def test_a_failing_refund_gives_back_once(stripe: Stripe, paid: Payment, kind: str) -> None:
    service.capture_payment(paid.order_id)
    stripe.fault(kind, "/v1/refunds", times=2)
    assert _until_it_works(lambda: service.release_payment(paid.order_id)).state is State.REFUNDED
    (intent,) = stripe.intents_of(paid.order_id)
    assert intent["refunded"] == 2350


def _until_it_works(act: Any, tries: int = 6) -> Any:
    """As a queue would: again, after a refusal that calls itself retryable."""
    for _ in range(tries):
        try:
            return act()
        except DomainError as error:
            if not error.retryable:
                raise
    raise AssertionError("never worked")


def test_a_declined_card_is_remembered_and_another_may_be_tried(stripe: Stripe, open_payment: Any) -> None:
    payment = open_payment()
    action = service.start_intent(payment)
    stripe.confirm(action, "pm_card_chargeDeclinedInsufficientFunds")
    state = service.look_up_provider(payment)
    assert not state.is_authorised
    service.record_failure(payment, state)
    remembered = service.get_payment(payment.order_id)
    assert (remembered.state, remembered.failure_code) == (State.REQUIRES_PAYMENT, "insufficient_funds")
    assert stripe.confirm(action)["status"] == "requires_capture"
    authorise(remembered)
    assert service.get_payment(payment.order_id).failure_code is None


def test_another_amount_at_the_provider_is_refused(stripe: Stripe, open_payment: Any) -> None:
    payment, other = open_payment(), open_payment(amount=60)
    stripe.confirm(service.start_intent(other))
    with pytest.raises(Conflict, match="amount"):
        service.record_authorised(Transaction(), payment, service.look_up_provider(other))


@pytest.mark.parametrize("method", ["pay_at_store", "cash_on_delivery"])
def test_methods_paid_at_hand_over_never_call_the_provider(stripe: Stripe, open_payment: Any, method: str) -> None:
    payment = open_payment(method)
    assert payment.is_secured
    assert service.start_intent(payment) is None
    assert service.capture_payment(payment.order_id).captured_minor == 2350
    ended = open_payment(method)
    assert service.release_payment(ended.order_id).state is State.VOIDED
    assert stripe.intents_of(payment.order_id) == stripe.intents_of(ended.order_id) == []


def test_an_amount_that_the_provider_does_not_charge_is_known_beforehand(stripe: Stripe, open_payment: Any) -> None:
    assert not service.can_pay("card", Money(49, "EUR"))
    assert service.can_pay("card", Money(50, "EUR"))
    assert service.can_pay("pay_at_store", Money(0, "EUR"))
    payment = open_payment(amount=49)
    with pytest.raises(DomainError, match="payment_refused"):
        service.start_intent(payment)
    assert service.release_payment(payment.order_id).state is State.VOIDED


def test_nobody_else_sees_a_payment(stripe: Stripe, open_payment: Any) -> None:
    payment = open_payment()
    assert service.get_client_action(payment.order_id, "cus-1")[1] is not None
    with pytest.raises(NotFound):
        service.get_client_action(payment.order_id, "cus-2")


def test_two_captures_at_once_take_the_money_once(stripe: Stripe, paid: Payment) -> None:
    def capture(_: int) -> str | None:
        try:
            service.capture_payment(paid.order_id)
        except DomainError as lost:
            return lost.code
        return None

    with ThreadPoolExecutor(8) as pool:
        outcomes = set(pool.map(capture, range(8)))
    assert None in outcomes
    losses = {"version_conflict", "already_posted", "payment_in_flight", "payment_refused", "payment_state"}
    assert outcomes <= {None, *losses}
    (intent,) = stripe.intents_of(paid.order_id)
    assert intent["captures"] == 1
    assert service.capture_payment(paid.order_id).state is State.CAPTURED

"""Refunds: written down first, made once whatever Stripe answers, never more than was taken, exact in the ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import ids
from chalicelib.kernel.errors import Conflict, DomainError, Invalid
from chalicelib.kernel.idempotency import AlreadyAnswered, IdempotencyKey
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import provider, service
from chalicelib.payments.model import State
from chalicelib.payments.model.bill import DELIVERY_FEE, Bill, BillLine
from chalicelib.payments.model.credit import CreditPart
from chalicelib.payments.model.ledger import balances, trial_balance
from chalicelib.payments.model.refunds import Refund, RefundRequest, RefundState

if TYPE_CHECKING:
    from chalicelib.payments.model import Payment
    from tests.payments.conftest import Stripe

BILL = Bill(
    currency="EUR",
    lines=(
        BillLine(ref="0", quantity=3, gross=1000, tax=65, tax_rate_bps=700),
        BillLine(ref="1", gross=850, tax=136, tax_rate_bps=1900),
    ),
    fees=(BillLine(ref=DELIVERY_FEE, gross=300, tax=48, tax_rate_bps=1900),),
    tip=200,
)
FAULTS = ("timeout_after_success", "error_500", "error_429")


def key() -> IdempotencyKey:
    return IdempotencyKey("0" * 32, ids.new_id("key"), "f" * 64, lambda result: {"body": {}})


def placed(method: str = "card", bill: Bill = BILL) -> Payment:
    tx = Transaction()
    payment = service.open_payment(
        tx,
        order_id=ids.new_id("ord"),
        store_id=ids.new_id("sto"),
        customer_id="cus-1",
        amount=Money(bill.total, "EUR"),
        method=method,
        sums=bill.sums,
        mode="delivery",
    )
    tx.commit()
    return payment


@pytest.fixture
def delivered(stripe: Stripe) -> Payment:
    payment = placed()
    stripe.confirm(service.start_intent(payment))
    tx = Transaction()
    service.record_authorised(tx, payment, service.look_up_provider(payment))
    tx.commit()
    return service.capture_payment(payment.order_id, "rdr-1")


def ask(payment: Payment, payer: str = "store", **wanted: Any) -> Refund:
    request = RefundRequest(reason="missing_item", payer=payer, requested_by="usr-1", **wanted)
    return service.request_refund(payment.order_id, BILL, request, key())


def given_back(payment: Payment, payer: str = "store", **wanted: Any) -> Refund:
    return service.settle_refund(payment.order_id, ask(payment, payer, **wanted).number)


def until_it_works(act: Any, tries: int = 6) -> Any:
    for _ in range(tries):
        try:
            return act()
        except DomainError as error:
            if not error.retryable:
                raise
    raise AssertionError("never worked")


def at_stripe(stripe: Stripe, payment: Payment) -> dict[str, Any]:
    (intent,) = stripe.intents_of(payment.order_id)
    return intent


def test_pieces_and_amounts_until_nothing_is_left(stripe: Stripe, delivered: Payment) -> None:
    first = given_back(delivered, quantities={"0": 1, DELIVERY_FEE: 1})
    assert (first.amount, first.tax, first.state) == (334 + 300, 22 + 48, RefundState.SETTLED)
    assert service.get_payment(delivered.order_id).state is State.PARTIALLY_REFUNDED
    second = given_back(delivered, amount=1000, payer="platform")
    rest = given_back(delivered)
    assert first.amount + second.amount + rest.amount == BILL.total

    payment = service.get_payment(delivered.order_id)
    assert (payment.state, payment.refunded_minor, payment.pending_minor) == (State.REFUNDED, BILL.total, 0)
    assert at_stripe(stripe, delivered)["refunded"] == BILL.total
    taxes: dict[int, int] = {}
    for refund in service.refunds_of(delivered.order_id):
        for share in refund.shares:
            taxes[share.tax_rate_bps] = taxes.get(share.tax_rate_bps, 0) + share.tax
    assert {rate: tax for rate, tax in taxes.items() if tax} == BILL.taxes
    entries = service.entries_of_order(delivered.order_id)
    assert trial_balance(entries) == {"EUR": 0}
    assert balances(entries).get("stripe:clearing", 0) == 0
    assert not any(account.startswith("customer:") for account in balances(entries))


def test_more_than_is_left_is_refused(delivered: Payment) -> None:
    ask(delivered, quantities={"0": 2})
    for wanted in ({"quantities": {"0": 2}}, {"amount": BILL.total}, {"quantities": {"9": 1}}):
        with pytest.raises(Invalid):
            ask(delivered, **wanted)
    with pytest.raises(Conflict, match="payment_not_captured"):
        ask(placed())


def test_of_refunds_at_once_no_more_is_given_than_was_taken(stripe: Stripe, delivered: Payment) -> None:
    def want(_: int) -> int:
        try:
            return ask(delivered, amount=1000).number
        except DomainError:
            return 0

    with ThreadPoolExecutor(8) as pool:
        numbers = [number for number in pool.map(want, range(8)) if number]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert 1 <= len(numbers) <= 2
    for number in numbers:
        service.settle_refund(delivered.order_id, number)
    assert at_stripe(stripe, delivered)["refunded"] == 1000 * len(numbers)


def test_a_repeated_request_is_one_refund(stripe: Stripe, delivered: Payment) -> None:
    request = RefundRequest(reason="late", amount=500, requested_by="usr-1")
    same = key()
    service.request_refund(delivered.order_id, BILL, request, same)
    with pytest.raises(AlreadyAnswered):
        service.request_refund(delivered.order_id, BILL, request, same)
    assert len(service.refunds_of(delivered.order_id)) == 1


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("times", [1, 2, 4])
def test_whatever_stripe_answers_a_refund_is_made_once(
    stripe: Stripe, delivered: Payment, kind: str, times: int
) -> None:
    refund = ask(delivered, amount=700)
    stripe.fault(kind, "/v1/refunds", times)
    settled = until_it_works(lambda: service.settle_refund(delivered.order_id, refund.number))
    service.settle_refund(delivered.order_id, refund.number)

    assert settled.state is RefundState.SETTLED
    assert at_stripe(stripe, delivered)["refunded"] == 700
    assert [each.kind for each in service.entries_of_order(delivered.order_id)].count("refunded") == 1


def test_a_crash_between_stripe_and_the_books_is_made_up_for(
    stripe: Stripe, delivered: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund = ask(delivered, amount=700)

    def die(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "commit", die)
        with pytest.raises(SystemExit):
            service.settle_refund(delivered.order_id, refund.number)
    assert at_stripe(stripe, delivered)["refunded"] == 700
    assert service.get_payment(delivered.order_id).refunded_minor == 0

    service.settle_refund(delivered.order_id, refund.number)
    assert at_stripe(stripe, delivered)["refunded"] == 700
    assert service.get_payment(delivered.order_id).refunded_minor == 700


def test_a_refund_that_stripe_refuses_can_be_asked_for_again(
    stripe: Stripe, delivered: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise DomainError("payment_refused", "no", provider_code="charge_disputed")

    refund = ask(delivered, amount=700)
    with monkeypatch.context() as patch:
        patch.setattr(provider, "refund_part", refuse)
        failed = service.settle_refund(delivered.order_id, refund.number)
    assert (failed.state, failed.failure_code) == (RefundState.FAILED, "charge_disputed")
    assert service.get_payment(delivered.order_id).refundable_minor == BILL.total
    assert given_back(delivered).amount == BILL.total


def test_cash_goes_back_over_the_counter_at_once(dynamodb: Any) -> None:
    payment = placed("pay_at_store")
    service.capture_payment(payment.order_id)
    refund = ask(payment, quantities={"1": 1})
    assert refund.state is RefundState.SETTLED
    told = balances(service.entries_of_order(payment.order_id))
    assert told[f"cash:till:{payment.store_id}"] == BILL.total - 850


def test_the_ledger_is_even_after_every_end(stripe: Stripe, delivered: Payment) -> None:
    for _ in range(2):
        service.release_payment(delivered.order_id)
    entries = service.entries_of_order(delivered.order_id)
    assert trial_balance(entries) == {"EUR": 0}
    assert balances(entries).get("stripe:clearing", 0) == 0
    assert [entry.kind for entry in entries] == ["authorised", "captured", "rider_pay", "sale", "refunded"]


def test_an_end_after_a_partial_refund_gives_back_the_rest(stripe: Stripe, delivered: Payment) -> None:
    given_back(delivered, amount=700)
    assert service.release_payment(delivered.order_id).state is State.REFUNDED
    assert at_stripe(stripe, delivered)["refunded"] == BILL.total
    assert balances(service.entries_of_order(delivered.order_id)).get("stripe:clearing", 0) == 0


@pytest.mark.parametrize("given", [500, BILL.total])
def test_a_split_tender_gets_back_what_each_part_paid(stripe: Stripe, given: int) -> None:
    issued = service.issue_gift_card(
        Money(given, "EUR"),
        funded_by="promotions",
        merchant_id=None,
        valid_days=None,
        reason="spring",
        by="adm_1",
        key=key(),
    )
    tx = Transaction()
    payment = service.open_payment(
        tx,
        order_id=ids.new_id("ord"),
        store_id=ids.new_id("sto"),
        customer_id=ids.new_id("cus"),
        amount=Money(BILL.total, "EUR"),
        method="card",
        credits=(CreditPart(issued.card.id, issued.card.kind, given),),
        sums=BILL.sums,
        mode="delivery",
    )
    tx.commit()
    if given < BILL.total:
        stripe.confirm(service.start_intent(payment))
        tx = Transaction()
        service.record_authorised(tx, payment, service.look_up_provider(payment))
        tx.commit()
    service.capture_payment(payment.order_id, "rdr-1")
    for amount in (700, None):
        refund = ask(payment, amount=amount)
        service.settle_refund(payment.order_id, refund.number)

    assert service.get_payment(payment.order_id).state is State.REFUNDED
    assert service.get_gift_card(issued.card.id).available == given
    assert sum(intent["refunded"] for intent in stripe.intents_of(payment.order_id)) == BILL.total - given
    told = balances(service.entries_of_order(payment.order_id))
    assert "stripe:clearing" not in told
    assert not [account for account in told if account.startswith(("customer:", "credit:"))]

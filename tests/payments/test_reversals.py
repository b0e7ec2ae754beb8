"""What a store or a rider was paid for an order comes back when the order is refunded, as far as it is still there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chalicelib.kernel import clock
from chalicelib.payments import provider
from chalicelib.payments.provider import connect
from chalicelib.payments.service import settlement
from chalicelib.payments.service.settlement import PayoutState, ReversalState
from tests.payments.settling import (
    BILL,
    CLOSING,
    WEDNESDAY,
    WEEK,
    Settled,
    balance,
    emitted,
    entries_of,
    until_it_works,
)

if TYPE_CHECKING:
    from chalicelib.payments.model import Payment
    from tests.payments.conftest import Stripe


@pytest.fixture
def settled(stripe: Stripe) -> Settled:
    return Settled(stripe)


@pytest.fixture
def sold(settled: Settled) -> Payment:
    """An order that its store and its rider were paid for."""
    with clock.freeze(WEDNESDAY):
        payment = settled.sell()
        settled.sell()
        for party in (settled.store, settled.rider):
            settled.onboard(party)
    settled.sandbox("balance/top_up", amount=100_000, currency="eur")
    for party in (settled.store, settled.rider):
        statement = settled.close(party)
        assert statement is not None
        assert settled.pay_out(statement).state is PayoutState.SENT
    return payment


def reversed_at_stripe(settled: Settled, party: settlement.Party) -> int:
    payout = settlement.get_payout(party, "EUR", 1)
    return int(provider.client.connected().v1.transfers.retrieve(payout.transfer_id or "").amount_reversed)


def test_a_refund_takes_back_what_the_store_got_for_it(settled: Settled, sold: Payment) -> None:
    with clock.freeze(WEDNESDAY + WEEK):
        refund = settled.refund(sold, quantities={"0": 1})
        owed = -balance(settled.store)
        assert owed > 0
        (told,) = emitted("RefundSettled", order_id=sold.order_id)
        assert told.data["cause"] == refund.cause
        (reversal,) = settlement.take_back_share(sold.order_id, refund.cause)

    assert (reversal.state, reversal.amount) == (ReversalState.MADE, owed)
    assert reversed_at_stripe(settled, settled.store) == owed
    assert balance(settled.store) == 0
    payout = settlement.get_payout(settled.store, "EUR", 1)
    assert (payout.reversed, payout.reversing, payout.state) == (owed, 0, PayoutState.SENT)
    second = settled.close(at=CLOSING + WEEK)
    assert second is not None
    assert (second.totals["payout_reversed"], second.closing) == (owed, 0)
    lines = list(settlement.lines_of(second))
    assert {line.order_id for line in lines if line.kind in ("refund", "payout_reversed")} == {sold.order_id}


@pytest.mark.parametrize("kind", ["timeout_after_success", "error_500", "error_500_after_success", "error_429"])
@pytest.mark.parametrize("times", [1, 2, 4])
def test_whatever_stripe_answers_it_comes_back_once(settled: Settled, sold: Payment, kind: str, times: int) -> None:
    with clock.freeze(WEDNESDAY + WEEK):
        refund = settled.refund(sold, quantities={"0": 1})
        owed = -balance(settled.store)
        settled.stripe.fault(kind, "/v1/transfers", times)
        until_it_works(lambda: settlement.take_back_share(sold.order_id, refund.cause))
        settlement.take_back_share(sold.order_id, refund.cause)
    assert reversed_at_stripe(settled, settled.store) == owed
    assert balance(settled.store) == 0


def test_a_crash_between_the_reversal_and_the_books_is_made_up_for(
    settled: Settled, sold: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = connect.reverse

    def die(transfer_id: str, reversal: settlement.Reversal) -> str:
        asked(transfer_id, reversal)
        raise SystemExit

    with clock.freeze(WEDNESDAY + WEEK):
        refund = settled.refund(sold, quantities={"0": 1})
        owed = -balance(settled.store)
        with monkeypatch.context() as patch:
            patch.setattr(connect, "reverse", die)
            with pytest.raises(SystemExit):
                settlement.take_back_share(sold.order_id, refund.cause)
        assert balance(settled.store) == -owed
        settlement.take_back_share(sold.order_id, refund.cause)
    assert reversed_at_stripe(settled, settled.store) == owed
    assert balance(settled.store) == 0


def test_any_number_of_refunds_never_takes_more_than_was_sent(settled: Settled, sold: Payment) -> None:
    with clock.freeze(WEDNESDAY + WEEK):
        for wanted in ({"quantities": {"0": 1}}, {"amount": 1234}, {}):
            refund = settled.refund(sold, **wanted)
            settlement.take_back_share(sold.order_id, refund.cause)
    store = settlement.get_payout(settled.store, "EUR", 1)
    assert balance(settled.store) == 0
    # Its share, and what it made good to the platform and the rider.
    assert BILL.sums.items > store.reversed > store.amount // 2
    assert reversed_at_stripe(settled, settled.store) == store.reversed
    assert settlement.get_payout(settled.rider, "EUR", 1).reversed == 0
    with clock.freeze(WEDNESDAY + WEEK):
        other = settled.sell()
        settled.sandbox("balance/settle")
        assert settlement.take_back_share(other.order_id, "refund:1") == []


def test_a_rider_who_pays_for_it_gives_it_back(settled: Settled, sold: Payment) -> None:
    sent = settlement.get_payout(settled.rider, "EUR", 1).amount
    with clock.freeze(WEDNESDAY + WEEK):
        refund = settled.refund(sold, payer="rider", quantities={"0": 1})
        told = settlement.take_back_share(sold.order_id, refund.cause)
    of_rider = next(each for each in told if each.party == settled.rider)
    # No more than was sent; the rest is the rider's debt.
    assert of_rider.amount == sent
    assert reversed_at_stripe(settled, settled.rider) == sent
    assert settlement.get_payout(settled.rider, "EUR", 1).state is PayoutState.REVERSED
    assert balance(settled.rider) < 0


def test_what_the_account_has_not_got_any_more_is_a_debt(settled: Settled, sold: Payment) -> None:
    account = settlement.get_payout(settled.store, "EUR", 1).account_id
    settled.sandbox("payouts", account=account, currency="eur")
    with clock.freeze(WEDNESDAY + WEEK):
        refund = settled.refund(sold, quantities={"0": 1})
        owed = -balance(settled.store)
        for _ in range(2):
            (reversal,) = settlement.take_back_share(sold.order_id, refund.cause)
    assert (reversal.state, reversal.failure_code) == (ReversalState.CARRIED, "balance_insufficient")
    payout = settlement.get_payout(settled.store, "EUR", 1)
    assert (payout.reversed, payout.reversing) == (0, 0)
    assert reversed_at_stripe(settled, settled.store) == 0
    second = settled.close(at=CLOSING + WEEK)
    assert second is not None
    assert (second.closing, second.to_pay, second.carried) == (-owed, 0, -owed)
    with clock.freeze(WEDNESDAY + 2 * WEEK):
        settled.sell()
    third = settled.close(at=CLOSING + 2 * WEEK)
    assert third is not None
    assert third.opening == -owed
    assert third.to_pay == third.closing == balance(settled.store)


def test_what_was_not_paid_out_is_not_taken_back(settled: Settled, sold: Payment) -> None:
    with clock.freeze(WEDNESDAY + WEEK):
        fresh = settled.sell()
        refund = settled.refund(fresh, quantities={"0": 1})
        assert settlement.take_back_share(fresh.order_id, refund.cause) == []
        assert settlement.take_back_share(sold.order_id, "refund:9") == []
        assert reversed_at_stripe(settled, settled.store) == 0
        before = balance(settled.store)
        paid_by_platform = settled.refund(sold, payer="platform", quantities={"1": 1})
        # The store is made good for the goods, less the tax that it has not to pay and the commission that it has not.
        (of_store,) = settlement.take_back_share(sold.order_id, paid_by_platform.cause)
    assert of_store.amount < paid_by_platform.tax
    assert balance(settled.store) == before


def test_cash_that_the_store_gave_back_itself_is_no_debt(settled: Settled) -> None:
    with clock.freeze(WEDNESDAY):
        payment = settled.sell("pay_at_store")
        settled.sell()
        settled.onboard()
    settled.sandbox("balance/top_up", amount=100_000, currency="eur")
    statement = settled.close()
    assert statement is not None
    settled.pay_out(statement)
    with clock.freeze(WEDNESDAY + WEEK):
        refund = settled.refund(payment, quantities={"0": 1})
        assert settlement.take_back_share(payment.order_id, refund.cause) == []
    # Its commission comes back to it, and nothing else has changed.
    assert balance(settled.store) == sum(
        entry.on(settled.store.payable) * -1 - entry.on(settled.store.cash)
        for entry in entries_of(settled.store)
        if entry.cause == refund.cause
    )

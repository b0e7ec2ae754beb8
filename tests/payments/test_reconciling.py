"""The daily reconciliation: after it the ledger's clearing account is Stripe's balance, or the report says why not."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.event_types import ReconciliationDue
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import service
from chalicelib.payments.model import ledger
from chalicelib.payments.model.cases import Case, CaseState
from chalicelib.payments.model.ledger import Entry, lines_of
from chalicelib.payments.model.terms import Terms
from chalicelib.payments.provider import listing
from chalicelib.payments.service import matching, reconciling
from chalicelib.payments.tables import reconciliation as rows
from tests.payments.conftest import BILL, api, captured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.payments.model import Payment
    from chalicelib.payments.model.reconciliation import Report
    from tests.payments.conftest import Stripe


class Books:
    """A clock at which nobody else writes, and a reconciliation that begins at this test's first entry."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: Any) -> None:
        self._later = 0.0
        self.at = at
        monkeypatch.setattr(listing, "now", lambda: time.time() + self._later)
        forget()
        tx = Transaction()
        tx.put(rows.state_row(1, int(time.time()) - 60, clock.epoch_ms(at) - 1, {}))
        tx.commit()

    def reconcile(self, hours: int = 2, *, only: int | None = None) -> None:
        """A run, so many hours later; ``only`` its first pages."""
        self._later = hours * 3600.0
        with clock.freeze(self.at + timedelta(hours=hours)):
            due: ReconciliationDue | None = ReconciliationDue()
            while due is not None and only != 0:
                due = service.reconcile(due)
                only = None if only is None else only - 1

    def report(self, hours: int = 2) -> Report:
        self.reconcile(hours)
        return service.get_report(f"{self.at + timedelta(hours=hours - 6):%Y-%m-%d}")


def forget() -> None:
    for difference in rows.open_differences():
        found = tables.get(rows.OpenRow, *rows.open_key(difference))
        if found is not None:
            found.delete()
    state = tables.get(rows.StateRow, "RECON#STATE", "-")
    if state is not None:
        state.delete()


_days = iter(range(1, 1000))


@pytest.fixture
def books(stripe: Stripe, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    at = clock.now() - timedelta(days=4000 + 3 * next(_days))
    with clock.freeze(at):
        yield Books(monkeypatch, at)
        forget()


def refunded(payment: Payment, amount: int) -> None:
    from tests.payments.test_refunds import key

    request = service.RefundRequest(reason="late", amount=amount, requested_by="usr-1")
    asked = service.request_refund(payment.order_id, BILL, request, key())
    service.settle_refund(payment.order_id, asked.number)


def fees_of(payment: Payment) -> list[Entry]:
    return [entry for entry in service.entries_of_order(payment.order_id) if entry.kind == "provider_fee"]


def a_case(subject: str) -> Case:
    return service.get_case(Case(reconciling.CASE, subject).id)


# a card costs 1.4 % and 25
FEE = 33 + 25


def test_an_ordinary_day_is_even_to_the_cent(stripe: Stripe, books: Books) -> None:
    first, second = captured(stripe), captured(stripe)
    refunded(first, 700)
    report = books.report()

    assert report.differences == []
    assert report.stripe_balance == report.ledger_balance == {"EUR": 2 * (BILL.total - FEE) - 700}
    assert report.is_even
    assert (report.lines, report.matched, report.fees) == (3, 3, {"EUR": 2 * FEE})
    assert report.by_category == {"charge": {"EUR": 2 * BILL.total}, "refund": {"EUR": -700}}
    for payment in (first, second):
        (fee,) = fees_of(payment)
        assert (fee.on("stripe:fees"), fee.on("stripe:clearing")) == (FEE, -FEE)


def test_a_second_run_finds_nothing_new_and_a_torn_one_enters_nothing_twice(stripe: Stripe, books: Books) -> None:
    payment = captured(stripe)
    for pages in (1, 2, 3):
        books.reconcile(only=pages)
    report = books.report()
    again = books.report()
    assert len(fees_of(payment)) == 1
    assert report.is_even
    assert again.is_even
    assert again.stripe_balance == again.ledger_balance == {"EUR": BILL.total - FEE}


def test_the_store_bears_the_fees_where_its_terms_say_so(
    stripe: Stripe, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = captured(stripe)
    monkeypatch.setattr(matching, "terms_of", lambda *_: Terms(provider_fees_by="store"))
    assert books.report().is_even
    assert fees_of(payment)[0].on(f"store:{payment.store_id}") == FEE


def test_what_goes_to_the_bank_and_comes_from_it_is_entered_from_stripes_lines(stripe: Stripe, books: Books) -> None:
    captured(stripe)
    stripe._call("/sandbox/balance/top_up", '{"amount": 5000, "currency": "eur"}')
    paid, sent_back = (api().payouts.create(params={"amount": each, "currency": "eur"}) for each in (600, 900))
    stripe._call(f"/sandbox/payouts/{sent_back.id}/failed", '{"failure_code": "account_closed"}')
    report = books.report()
    assert report.is_even, report
    assert report.stripe_balance == {"EUR": BILL.total - FEE + 5000 - 600}
    month = service.entries_of_account("bank", books.at)
    mine = [entry for entry in month if entry.memo in (paid.id, sent_back.id)]
    assert sum(entry.on("bank") for entry in mine) == 600


def test_transfers_are_the_entries_of_statements(stripe: Stripe, books: Books) -> None:
    payment = captured(stripe)
    account = api().accounts.create(
        params={
            "country": "DE",
            "controller": {
                "fees": {"payer": "application"},
                "losses": {"payments": "application"},
                "stripe_dashboard": {"type": "express"},
            },
            "capabilities": {"transfers": {"requested": True}},
        }
    )
    stripe._call(f"/sandbox/accounts/{account.id}/onboard", "{}")
    made = api().transfers.create(params={"amount": 800, "currency": "eur", "destination": account.id})
    store = ledger.store(payment.store_id)
    entry = Entry(
        id=f"{store}:payout:1:payout",
        cause="payout:1",
        kind="payout",
        at=clock.now(),
        currency="EUR",
        lines=lines_of((store, 800, "payout"), (ledger.CLEARING, -800, "payout")),
        memo=made.id,
    )
    tx = Transaction()
    service.post(tx, entry)
    tx.commit()

    report = books.report()

    assert report.is_even, report
    assert books.report(26).is_even


def test_a_dispute_and_its_fee(stripe: Stripe, books: Books) -> None:
    payment = captured(stripe)
    charge = api().payment_intents.retrieve(payment.intent_id).latest_charge
    dispute = stripe._call(f"/sandbox/charges/{charge}/dispute", "{}")
    service.follow_dispute(str(dispute["id"]), ids.new_id("evt"))
    report = books.report()
    assert report.is_even, report
    assert report.stripe_balance == {"EUR": -FEE - 2000}


def test_what_no_notice_told_of_is_heard_of_by_its_line(stripe: Stripe, books: Books) -> None:
    """A refund by other hands, one that failed, a dispute: all their webhooks were lost."""
    first, second = captured(stripe), captured(stripe)
    api().refunds.create(params={"payment_intent": first.intent_id, "amount": 300})
    refunded(first, 700)
    failed = service.refunds_of(first.order_id)[0].provider_refund_id
    stripe._call(f"/sandbox/refunds/{failed}/fail", '{"reason": "expired_or_canceled_card"}')
    charge = api().payment_intents.retrieve(second.intent_id).latest_charge
    dispute = stripe._call(f"/sandbox/charges/{charge}/dispute", "{}")

    report = books.report()

    assert report.is_even, report
    assert {service.get_case(Case("refund_failed", failed or "").id).order_id} == {first.order_id}
    assert service.get_case(Case("dispute", str(dispute["id"])).id).order_id == second.order_id
    assert books.report(26).is_even


def nobodys_charge(order_id: str | None) -> str:
    made = api().payment_intents.create(
        params={
            "amount": 900,
            "currency": "eur",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"order_id": order_id} if order_id else {"reference": "7"},
        }
    )
    return str(made.id)


def test_money_at_stripe_that_nobody_entered_is_a_difference_until_somebody_does(stripe: Stripe, books: Books) -> None:
    order_id = ids.new_id("ord")
    nobodys_charge(order_id)
    report = books.report()
    (difference,) = report.differences
    assert (difference.side, difference.amount, difference.order_id) == ("stripe", 900, order_id)
    assert not report.is_even
    assert a_case(difference.id).state is CaseState.OPEN
    assert a_case(difference.id).order_id == order_id

    with clock.freeze(books.at + timedelta(hours=3)):
        tx = Transaction()
        lines = lines_of((ledger.customer(order_id), -900, "payment"), (ledger.CLEARING, 900, "payment"))
        told = {"id": f"{order_id}:adopted", "cause": "adopted", "kind": "captured", "order_id": order_id}
        service.post(tx, Entry(**told, at=clock.now(), currency="EUR", lines=lines))
        tx.commit()
    later = books.report(26)

    assert later.differences == []
    assert a_case(difference.id).outcome == "repaired"
    assert later.stripe_balance == later.ledger_balance


def test_money_of_others_at_the_same_stripe_is_told_every_day(stripe: Stripe, books: Books) -> None:
    nobodys_charge(None)
    for hours in (2, 26):
        (difference,) = books.report(hours).differences
        assert (difference.order_id, difference.amount) == (None, 900)


def test_an_entry_that_stripe_knows_nothing_of_is_a_difference(stripe: Stripe, books: Books) -> None:
    payment = captured(stripe)
    wrong = Entry(
        id=f"{payment.order_id}:by_hand:captured",
        cause="by_hand",
        kind="captured",
        at=clock.now(),
        currency="EUR",
        lines=lines_of((ledger.customer(payment.order_id), -10, "payment"), (ledger.CLEARING, 10, "payment")),
        order_id=payment.order_id,
    )
    tx = Transaction()
    service.post(tx, wrong)
    tx.commit()
    for hours in (2, 26):
        report = books.report(hours)
        (difference,) = report.differences
        assert (difference.id, difference.side, difference.amount) == (wrong.id, "ledger", 10)
    assert a_case(wrong.id).state is CaseState.OPEN


def test_two_runs_at_once_report_once(stripe: Stripe, books: Books) -> None:
    from concurrent.futures import ThreadPoolExecutor

    payments = [captured(stripe) for _ in range(3)]
    books.reconcile(only=1)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: books.reconcile(), range(3)))
    report = books.report()
    assert report.is_even, report
    assert all(len(fees_of(payment)) == 1 for payment in payments)


def test_page_by_page_every_line_and_entry_is_looked_at_once(
    stripe: Stripe, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.payments.provider import balance
    from chalicelib.payments.tables import ledger as entry_rows

    payments = [captured(stripe) for _ in range(3)]
    refunded(payments[0], 700)
    monkeypatch.setattr(balance, "_PAGE", 2)
    monkeypatch.setattr(entry_rows, "_CLEARING_PAGE", 1)
    report = books.report()
    assert report.is_even, report
    assert (report.lines, report.matched) == (4, 4)
    assert report.stripe_balance == {"EUR": 3 * (BILL.total - FEE) - 700}


@pytest.mark.parametrize("torn_at", range(7))
def test_a_run_that_dies_between_any_two_writes_is_made_up_for_by_the_next(
    stripe: Stripe, books: Books, monkeypatch: pytest.MonkeyPatch, torn_at: int
) -> None:
    payment = captured(stripe)
    refunded(payment, 700)
    nobodys_charge(None)
    left = [torn_at]
    commit = Transaction.commit

    def die(tx: Transaction) -> None:
        left[0] -= 1
        if left[0] == -1:
            raise SystemExit
        commit(tx)

    with monkeypatch.context() as patch, suppress(SystemExit):
        patch.setattr(Transaction, "commit", die)
        books.reconcile()
    report = books.report()
    assert [difference.amount for difference in report.differences] == [900]
    assert len(fees_of(payment)) == 1
    assert report.stripe_balance["EUR"] - report.ledger_balance["EUR"] == 900
    assert a_case(report.differences[0].id).state is CaseState.OPEN

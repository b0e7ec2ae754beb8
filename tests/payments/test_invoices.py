"""Invoices and credit notes have numbers without a gap, whoever else issues some, and whatever breaks in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import batches, clock, events, ids, tables
from chalicelib.kernel.errors import Contention, DomainError
from chalicelib.kernel.event_types import SaleRecorded
from chalicelib.kernel.idempotency import IdempotencyKey
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import service
from chalicelib.payments.model.bill import Bill, BillLine
from chalicelib.payments.service import invoicing
from chalicelib.stores import service as stores
from tests.ordering import world

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BILL = Bill(
    currency="EUR",
    lines=(
        BillLine(ref="0", quantity=2, gross=2300, tax=150, tax_rate_bps=700),
        BillLine(ref="1", gross=290, tax=46, tax_rate_bps=1900),
    ),
    fees=(BillLine(ref="delivery_fee", gross=290, tax=46, tax_rate_bps=1900),),
    tip=120,
)


@pytest.fixture
def store(dynamodb: Any) -> stores.Store:
    """A store of a merchant of its own, with particulars for its invoices."""
    owner = ids.new_id("usr")
    merchant = stores.create_merchant("Pizza Nuova", owner)
    particulars = {
        "legal_name": "Pizza Nuova GmbH",
        "address": {"line1": "Torstraße 1", "city": "Berlin", "postal_code": "10119"},
        "vat_id": "DE136695976",
        "invoice_prefix": "PN-",
    }
    stores.change_merchant(merchant.id, particulars, 1)
    return stores.create_store(merchant.id, owner, world.store_settings())


@pytest.fixture
def sell(store: stores.Store) -> Callable[..., SaleRecorded]:
    """Sell something over the counter; the news of it."""

    def sold(bill: Bill = BILL, **fields: Any) -> SaleRecorded:
        order_id = ids.new_id("ord")
        tx = Transaction()
        opened: dict[str, Any] = {"store_id": store.id, "merchant_id": store.merchant_id, **fields}
        service.open_payment(
            tx,
            order_id=order_id,
            customer_id="cus-1",
            amount=Money(bill.total, bill.currency),
            method="pay_at_store",
            sums=bill.sums,
            rates=bill.rates,
            **opened,
        )
        tx.commit()
        service.capture_payment(order_id)
        return SaleRecorded(order_id=order_id, cause="hand_over", kind="sale")

    return sold


def refund(sale: SaleRecorded, **wanted: Any) -> SaleRecorded:
    """Give something back over the counter; the news of it."""
    request = service.RefundRequest(reason="quality", requested_by="usr-1", **wanted)
    key = IdempotencyKey(ids.new_id("key"), "k", "f", lambda _: {})
    made = service.request_refund(sale.order_id, BILL, request, key)
    return SaleRecorded(order_id=sale.order_id, cause=made.cause, kind="refunded")


def invoice_of(sale: SaleRecorded) -> service.Invoice:
    found: service.Invoice | None = tables.fetch(service.invoice_ref(sale.order_id))[0]
    assert found is not None
    return found


def papers(store: stores.Store) -> list[service.Invoice]:
    since, until = clock.now() - timedelta(days=800), clock.now() + timedelta(days=800)
    return service.papers_of_merchant(store.merchant_id, since, until, limit=100).items


def sequences(store: stores.Store, kind: str = "invoice") -> list[int]:
    return sorted(paper.sequence for paper in papers(store) if paper.kind == kind)


def test_an_invoice_says_what_the_ledger_says_and_who_sells(store: stores.Store, sell: Any) -> None:
    with clock.freeze(NOW):
        sale = sell()
        (issued,) = service.issue_papers([sale])

    assert issued == invoice_of(sale)
    assert (issued.number, issued.sequence, issued.year) == ("PN-2026-000001", 1, 2026)
    assert issued.seller.legal_name == "Pizza Nuova GmbH"
    assert issued.seller.address == ("Torstraße 1", "10119 Berlin")
    assert issued.seller.vat_id == "DE136695976"
    assert issued.platform is not None
    assert issued.sums == BILL.sums
    assert issued.rates == BILL.rates
    assert issued.tenders == (("pay_at_store", BILL.total),)
    assert issued.supplied_at == NOW
    payment = service.get_payment(sale.order_id)
    assert payment.invoice == issued.number


def test_what_a_sale_posts_is_told_to_who_issues(sell: Any) -> None:
    sale = sell()
    told = [entry for entry in world.emitted(sale.order_id) if entry.type == "SaleRecorded"]
    assert [entry.data for entry in told] == [{"order_id": sale.order_id, "cause": "hand_over", "kind": "sale"}]
    assert world.deliver("invoices", *told) == []
    assert invoice_of(sale).sequence == 1


def test_repeated_and_late_news_change_nothing(store: stores.Store, sell: Any) -> None:
    sale = sell()
    service.issue_papers([sale, sale])
    first = invoice_of(sale)
    assert service.issue_papers([sale]) == []
    assert service.issue_papers([sell(), sale])[0].sequence == 2
    assert invoice_of(sale) == first
    assert sequences(store) == [1, 2]


def test_twenty_issuers_at_once_leave_no_gap(store: stores.Store, sell: Any) -> None:
    sales = [sell() for _ in range(40)]

    def issue(number: int) -> None:
        # Every sale is told to two of them.
        service.issue_papers([sales[2 * number], sales[2 * number + 1], sales[(2 * number + 7) % 40]])

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(issue, range(20)))

    assert sequences(store) == list(range(1, 41))
    numbers = [invoice_of(sale).number for sale in sales]
    assert len(set(numbers)) == 40
    listed = papers(store)
    assert [paper.sequence for paper in listed] == list(range(1, 41)), "numbers follow time"
    assert {service.get_payment(sale.order_id).invoice for sale in sales} == set(numbers)


def test_a_crash_at_any_request_leaves_neither_gap_nor_orphan(
    store: stores.Store, sell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales = [sell() for _ in range(3)]
    real = tables.connection().dispatch
    batch = events_of(sales)
    asked = 0

    class Crash(BaseException):
        """The process is gone."""

    def crashing(at: int, *, before: bool) -> Callable[..., Any]:
        count = 0

        def dispatch(*args: Any, **options: Any) -> Any:
            nonlocal count, asked
            count += 1
            asked = max(asked, count)
            if count == at and before:
                raise Crash
            answer = real(*args, **options)
            if count == at:
                raise Crash
            return answer

        return dispatch

    crashes = 0
    for at in range(1, 8):
        for before in (True, False):
            monkeypatch.setattr(tables.connection(), "dispatch", crashing(at, before=before))
            try:
                batches.consume("invoices", batch)
            except Crash:
                crashes += 1
            monkeypatch.setattr(tables.connection(), "dispatch", real)
            taken = sequences(store)
            assert taken == list(range(1, len(taken) + 1))
    assert batches.consume("invoices", batch) == {"batchItemFailures": []}
    assert sequences(store) == [1, 2, 3]
    assert crashes >= 4
    for sale in sales:
        assert service.get_payment(sale.order_id).invoice == invoice_of(sale).number


def events_of(sales: Sequence[SaleRecorded]) -> list[dict[str, Any]]:
    import json

    return [
        {"messageId": sale.order_id, "body": json.dumps({"detail": events.to_json(events.envelope(sale))})}
        for sale in sales
    ]


def test_one_that_cant_be_issued_does_not_hold_up_the_others(store: stores.Store, sell: Any) -> None:
    sale, lost = sell(), sell(store_id="sto_that_is_gone")
    told = batches.consume("invoices", events_of([lost, sale]))
    assert told == {"batchItemFailures": [{"itemIdentifier": lost.order_id}]}
    assert invoice_of(sale).sequence == 1


def test_a_correction_whose_sale_is_not_told_yet_has_its_invoice_first(store: stores.Store, sell: Any) -> None:
    sale = sell()
    issued = service.issue_papers([refund(sale, amount=500)])
    assert [paper.kind for paper in issued] == ["invoice", "credit_note"]
    assert issued[1].corrects == invoice_of(sale).number
    assert service.issue_papers([sale]) == []


def test_credit_notes_count_for_themselves_and_name_the_invoice(store: stores.Store, sell: Any) -> None:
    with clock.freeze(NOW):
        first, second = sell(), sell()
        service.issue_papers([first, second])
        one = refund(first, quantities={"0": 1})
        other = refund(second, amount=700)
        rest = refund(first)
        # The correction comes before its sale in the batch, and twice.
        notes = service.issue_papers([rest, one, other, one])

    assert [note.number for note in sorted(notes, key=lambda each: each.sequence)] == [
        "PN-C2026-000001",
        "PN-C2026-000002",
        "PN-C2026-000003",
    ]
    mine = service.credit_notes_of(first.order_id)
    assert {note.corrects for note in mine} == {invoice_of(first).number}
    assert sum(note.total for note in mine) == BILL.total
    assert sum(note.sums.items_tax + note.sums.fees_tax for note in mine) == sum(BILL.taxes.values())
    for rate, tax in BILL.taxes.items():
        assert sum(each.tax for note in mine for each in note.rates if each.rate_bps == rate) == tax
    (half,) = service.credit_notes_of(second.order_id)
    assert half.total == 700
    assert sum(each.gross for each in half.rates) + half.sums.tip == 700
    assert half.tenders == (("pay_at_store", 700),)
    assert half.reason == "quality"


def test_a_batch_with_sale_and_correction_issues_both(store: stores.Store, sell: Any) -> None:
    sale = sell()
    correction = refund(sale, amount=500)
    issued = service.issue_papers([correction, sale])
    assert [paper.kind for paper in issued] == ["invoice", "credit_note"]


def test_each_year_begins_anew_on_the_stores_own_calendar(store: stores.Store, sell: Any) -> None:
    with clock.freeze(datetime(2026, 12, 31, 22, 59, tzinfo=UTC)):
        service.issue_papers([sell()])
    with clock.freeze(datetime(2026, 12, 31, 23, 1, tzinfo=UTC)):  # in Berlin it is next year
        service.issue_papers([sell()])
    assert [paper.number for paper in papers(store)] == ["PN-2026-000001", "PN-2027-000001"]


def test_a_clock_that_goes_back_does_not_turn_the_numbers_round(store: stores.Store, sell: Any) -> None:
    with clock.freeze(NOW):
        service.issue_papers([sell()])
    with clock.freeze(NOW - timedelta(minutes=5)):
        service.issue_papers([sell()])
    first, second = papers(store)
    assert (first.sequence, second.sequence) == (1, 2)
    assert first.issued_at == second.issued_at == NOW


def test_an_invoice_keeps_what_it_said_when_its_merchant_moves(store: stores.Store, sell: Any) -> None:
    before, after = sell(), sell()
    service.issue_papers([before])
    stores.change_merchant(store.merchant_id, {"legal_name": "Nuova Holding AG", "invoice_prefix": "NH-"}, 2)
    service.issue_papers([after, refund(before, amount=100)])
    assert invoice_of(before).seller.legal_name == "Pizza Nuova GmbH"
    assert (invoice_of(after).number[:3], invoice_of(after).sequence) == ("NH-", 2)
    (note,) = service.credit_notes_of(before.order_id)
    assert (note.seller.legal_name, note.number[:4]) == ("Pizza Nuova GmbH", "PN-C")


def test_a_refund_of_the_sale_is_a_correction_however_late_its_invoice_is(store: stores.Store) -> None:
    order_id = ids.new_id("ord")
    tx = Transaction()
    service.open_payment(
        tx,
        order_id=order_id,
        store_id=store.id,
        customer_id="cus-1",
        amount=Money(BILL.total, "EUR"),
        method="pay_at_store",
        sums=BILL.sums,
        rates=BILL.rates,
        merchant_id=store.merchant_id,
    )
    tx.commit()
    service.capture_payment(order_id)
    sale = SaleRecorded(order_id=order_id, cause="hand_over", kind="sale")
    later = refund(sale, amount=300)
    service.issue_papers([sale])
    assert invoice_of(sale).before == (), "a refund of the sale is a correction, however late its invoice is"
    assert invoice_of(sale).total == BILL.total
    assert service.issue_papers([later])[0].total == 300


def test_nothing_is_invoiced_that_nobody_pays(store: stores.Store, sell: Any) -> None:
    free = Bill(currency="EUR", lines=(BillLine(ref="0", gross=0),))
    sale = sell(free)
    assert not [entry for entry in world.emitted(sale.order_id) if entry.type == "SaleRecorded"]
    assert service.issue_papers([sale, SaleRecorded(order_id="ord_none", cause="x", kind="sale")]) == []
    assert papers(store) == []


def test_races_that_are_always_lost_end(sell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.kernel.errors import VersionConflict

    def lost(_drafts: Any) -> Any:
        raise VersionConflict("counter", "of somebody")

    monkeypatch.setattr(invoicing, "_number", lost)
    monkeypatch.setattr(invoicing, "_LONGEST_PAUSE", 0.001)
    with pytest.raises(Contention):
        service.issue_papers([sell()])


def test_a_merchant_without_particulars_has_its_name_and_the_stores_address(dynamodb: Any) -> None:
    shop = world.open_shop()
    tx = Transaction()
    order_id = ids.new_id("ord")
    service.open_payment(
        tx,
        order_id=order_id,
        store_id=shop.id,
        customer_id="c",
        amount=Money(1000, "EUR"),
        method="pay_at_store",
        merchant_id=shop.store.merchant_id,
    )
    tx.commit()
    service.capture_payment(order_id)
    (issued,) = service.issue_papers([SaleRecorded(order_id=order_id, cause="hand_over", kind="sale")])
    assert issued.seller.legal_name == "Pizza Nuova"
    assert issued.seller.address == ("Torstraße 1", "10119 Berlin")
    assert issued.seller.vat_id is None
    assert not issued.number.startswith("-")


def test_a_missing_store_is_told(sell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sale = sell()
    monkeypatch.setattr(stores, "store_ref", lambda _: tables.Ref(stores_row(), "STO#none", "STORE", lambda _row: None))
    with pytest.raises(DomainError, match="store_not_found"):
        service.issue_papers([sale])


def stores_row() -> Any:
    from chalicelib.stores.tables import StoreRow

    return StoreRow

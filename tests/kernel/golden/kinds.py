"""How an item of each kind is made of what it keeps, and read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

import app  # noqa: F401  (imports every room)
from chalicelib.catalog import tables as catalog
from chalicelib.catalog.model import MenuHead
from chalicelib.dispatch import tables as dispatch
from chalicelib.dispatch.model.decision import Decision
from chalicelib.dispatch.model.delivery import Brief, Delivery
from chalicelib.dispatch.model.rider import Position, Rider
from chalicelib.dispatch.tables import deliveries, shifts
from chalicelib.inventory import tables as inventory
from chalicelib.kernel import audit
from chalicelib.kernel.geo import Point
from chalicelib.kernel.money import Money
from chalicelib.ordering import tables as ordering
from chalicelib.ordering.model.order import CUSTOMER, Actor, Order
from chalicelib.ordering.model.quote import Quote
from chalicelib.payments.model import Payment
from chalicelib.payments.model.accounts import PayoutAccount
from chalicelib.payments.model.bill import Bill
from chalicelib.payments.model.cases import Case
from chalicelib.payments.model.credit import Credit, CreditPart, Kind, Movement
from chalicelib.payments.model.deferral import Deferral
from chalicelib.payments.model.disputes import Dispute
from chalicelib.payments.model.extras import Extra
from chalicelib.payments.model.invoices import Counter, Invoice, Paper
from chalicelib.payments.model.ledger import CLEARING, Entry, Line
from chalicelib.payments.model.payouts import Payout
from chalicelib.payments.model.reconciliation import Difference, Report
from chalicelib.payments.model.refunds import Refund
from chalicelib.payments.model.resending import Resend
from chalicelib.payments.model.reversals import Reversal
from chalicelib.payments.model.statements import Party, Statement, StatementLine
from chalicelib.payments.model.terms import Schedule
from chalicelib.payments.model.tips import Tip
from chalicelib.payments.tables import (
    cases,
    credit,
    disputes,
    invoices,
    ledger,
    payment,
    payouts,
    reconciliation,
    refunds,
    settlement,
    terms,
)
from chalicelib.stores import tables as stores
from chalicelib.stores.model import Merchant, StaffMember, Store
from tests.kernel.golden.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.kernel import tables

ULID = "01kjwm8pec196am84ma1ngaanc"
ORDER = f"ord_{ULID}"
SAMPLES = Samples(
    named={
        "order_id": ORDER,
        "resend_of": ORDER,
        "store_id": f"sto_{ULID}",
        "merchant_id": f"mer_{ULID}",
        "delivery_id": f"dlv_{ULID}",
        "mates": f"dlv_{ULID}",
        "customer_id": "0f5b1e1c-customer",
        "rider_id": "0f5b1e1c-rider",
        "currency": "EUR",
        "country": "DE",
        "excluded": "1a2b3c4d",
        "photo_hash": "00ff",
    },
    known={
        Decision: Decision({"approach": 95, "lateness": 310}, "0f5b1e1c-rider", 40, 2),
        Money: Money(1250, "EUR"),
        Point: Point(52.520008, 13.404954),
        Party: Party("store", f"sto_{ULID}"),
        Actor: Actor(CUSTOMER, "0f5b1e1c-customer"),
        CreditPart: CreditPart("gft_0a1b", Kind.GIFT_CARD, 500),
    },
    names={each.__name__: each for each in (CreditPart, Deferral, Extra, Resend)},
)
of = SAMPLES.of


class Item(NamedTuple):
    """One kind of item: how its row is made, and what is read in it."""

    make: Callable[[], tables.Row]
    read: Callable[[Any], Any]


def _quote() -> Quote:
    quote: Quote = of(Quote, id=f"qte_{ULID}")
    return quote


def _entry() -> Entry:
    lines = (Line(CLEARING, 1250), Line(f"store:sto_{ULID}", -1000), Line("rider:0f5b", -250))
    entry: Entry = of(Entry, id="led_1", lines=lines)
    return entry


def _delivery() -> Delivery:
    delivery: Delivery = of(Delivery, id=f"dlv_{ULID}", brief=None)
    return delivery


def _zone(row: dispatch.ZoneRow) -> Any:
    return dispatch.zone_ref("891f1d48177ffff").parse(row)


def every_kind() -> dict[str, Item]:
    """By name. What has a table of its own to be read by is read by it; other rows are looked at as they are."""
    order: Order = of(Order, id=ORDER)
    party = Party("store", f"sto_{ULID}")
    return {
        "Merchant": Item(lambda: stores.merchant_row(of(Merchant, id=f"mer_{ULID}")), stores.merchant_of),
        "Store": Item(lambda: stores.store_row(of(Store, id=f"sto_{ULID}")), stores.store_of),
        "StaffMember": Item(lambda: stores.staff_row(f"sto_{ULID}", of(StaffMember)), stores.staff_member_of),
        "Cells": Item(lambda: stores.cells_row(f"sto_{ULID}", [("CEL#a", "DLV#b")]), stores.keys_of),
        "MenuHead": Item(
            lambda: catalog.to_row(of(MenuHead), f"STO#sto_{ULID}", catalog.MENU),
            lambda row: catalog.to_head(f"sto_{ULID}", row),
        ),
        "Stock": Item(
            lambda: inventory.StockRow(pk=f"STO#sto_{ULID}", sk="SKU#TEA", available=7, counted_at=1_772_649_015_250),
            inventory.to_stock,
        ),
        "Order": Item(lambda: ordering.to_row(order), ordering.to_order),
        "Quote": Item(lambda: ordering.quote_row(_quote()), ordering.to_quote),
        "OrderDocument": Item(lambda: ordering.document_row(_quote()), ordering.to_quote),
        "Delivery": Item(lambda: dispatch.delivery_row(_delivery()), dispatch.delivery_of),
        "Brief": Item(
            lambda: dispatch.BriefRow(pk=f"dlv_{ULID}", sk=dispatch.BRIEF, brief=deliveries.packed_brief(of(Brief))),
            dispatch.brief_of,
        ),
        "Rider": Item(lambda: dispatch.rider_row(of(Rider)), dispatch.rider_of),
        "Position": Item(lambda: dispatch.position_row(of(Position), "861f1d487ffffff"), dispatch.position_of),
        "Zone": Item(
            lambda: dispatch.ZoneRow(
                pk="ZONE#891f1d48177ffff", sk="STATE", version=3, ticked_at=7, next_tick_at=9, split=True
            ),
            _zone,
        ),
        "Preparation": Item(
            lambda: dispatch.PreparationRow(pk=f"PREP#sto_{ULID}", sk="STATE", version=2, seen=[600, 1_772_649_015, 3]),
            dispatch.preparation_ref(f"sto_{ULID}").parse,
        ),
        "Shift": Item(lambda: bare(shifts.ShiftRow, status="planned"), shifts.shift_of),
        "Duty": Item(lambda: bare(shifts.DutyRow, status="ended", origin="off_roster", breaks=["1-2"]), shifts.duty_of),
        "Payment": Item(lambda: payment.to_row(of(Payment)), payment.of_row),
        "Refund": Item(lambda: refunds.to_refund_row(of(Refund)), refunds.of_refund_row),
        "Tip": Item(lambda: refunds.to_tip_row(of(Tip)), refunds.of_tip_row),
        "Bill": Item(lambda: refunds.to_bill_row(ORDER, of(Bill)), refunds.of_bill_row),
        "ProposedBills": Item(
            lambda: refunds.to_proposed_row(ORDER, of(refunds.ProposedBills)), refunds.proposed_ref(ORDER).parse
        ),
        "Case": Item(lambda: cases.to_case_row(of(Case)), cases.of_case_row),
        "Credit": Item(lambda: credit.to_credit_row(of(Credit, id="gft_0a1b")), credit.of_credit_row),
        "Movement": Item(
            lambda: credit.movement_row("gft_0a1b", "EUR", of(Movement, id=f"mov_{ULID}")), credit._movement
        ),
        "Dispute": Item(lambda: disputes.to_dispute_row(of(Dispute)), disputes.of_dispute_row),
        "Invoice": Item(lambda: invoices.to_invoice_row(of(Invoice)), invoices.of_invoice_row),
        "NumberCounter": Item(
            lambda: invoices.to_counter_row(f"mer_{ULID}", Paper.INVOICE, 2026, of(Counter)), invoices._counter
        ),
        "LedgerEntry": Item(lambda: ledger.to_entry_row(_entry()), ledger.of_entry_row),
        "SettlementHead": Item(lambda: settlement.to_head_row(of(settlement.Head)), settlement.of_head_row),
        "Statement": Item(lambda: settlement.to_statement_row(of(Statement)), settlement.of_statement_row),
        "StatementLines": Item(
            lambda: settlement.to_lines_row(party, "EUR", 1, [of(StatementLine)])[1], settlement._of_lines_row
        ),
        "SettlementTail": Item(lambda: settlement.to_tail_row(party, "EUR", [(7, "ab")]), settlement._of_tail_row),
        "Payout": Item(lambda: payouts.to_payout_row(of(Payout)), payouts.of_payout_row),
        "Reversal": Item(lambda: payouts.to_reversal_row(of(Reversal)), payouts._of_reversal_row),
        "PayoutAccount": Item(lambda: payouts.to_account_row(of(PayoutAccount)), payouts._of_account_row),
        "PayoutAccountOwner": Item(lambda: payouts.to_owner_row(of(PayoutAccount)), payouts._of_owner_row),
        "Difference": Item(lambda: reconciliation.open_row(of(Difference)), _difference),
        "ReconciliationReport": Item(lambda: reconciliation.report_row(of(Report)), reconciliation.of_report_row),
        "Terms": Item(lambda: terms.to_terms_row(f"mer_{ULID}", of(Schedule)), terms.of_terms_row),
        "AuditEntry": Item(lambda: bare(audit.AuditRow), audit._of_row),
    }


def _difference(row: reconciliation.OpenRow) -> Difference:
    return msgspec.convert(row.body, Difference)


def bare(kind: type[tables.Row], **given: Any) -> tables.Row:
    """A row whose attributes are made up by their types."""
    from pynamodb import attributes

    def value(name: str, attribute: Any) -> Any:
        if name in given:
            return given[name]
        if isinstance(attribute, attributes.NumberAttribute):
            return sum(name.encode()) % 90 + 10
        if isinstance(attribute, attributes.BooleanAttribute):
            return True
        if isinstance(attribute, attributes.BinaryAttribute):
            return name.encode()
        if isinstance(attribute, attributes.ListAttribute):
            return [name]
        if isinstance(attribute, attributes.MapAttribute):
            return {name: 1}
        if type(attribute).__name__ == "PointAttribute":
            return Point(52.520008, 13.404954)
        return {name: name} if type(attribute).__name__ in ("JsonZ", "JSONAttribute") else name

    return kind(**{name: value(name, attribute) for name, attribute in kind.get_attributes().items()})

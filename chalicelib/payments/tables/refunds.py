"""Refunds, tips paid apart and adjusted bills at rest, beside the payment of their order (pk PAY#<order id>).

| item          | sk            | written                                                                    |
|---------------|---------------|----------------------------------------------------------------------------|
| refund        | REFUND#<nnn>  | before the provider is asked, and once more with its outcome                 |
| tip paid apart | TIP          | when it is offered, and once more when it is paid                            |
| adjusted bill | BILL          | at every adjustment; without it the bill is what was quoted                  |
| proposed bill | BILL#PROPOSED | when the customer is asked, with the one that holds if they don't agree      |
"""

from __future__ import annotations

import msgspec
from pynamodb.attributes import UnicodeAttribute

from chalicelib.kernel import tables
from chalicelib.payments.model.bill import Bill
from chalicelib.payments.model.refunds import Refund
from chalicelib.payments.model.tips import Tip
from chalicelib.payments.tables.payment import pk

BILL = "BILL"
PROPOSAL = "BILL#PROPOSED"
TIP = "TIP"
_REFUND = "REFUND#"


class RefundRow(tables.Row):
    """A refund; ``state`` stands apart, for the condition of its one change."""

    class Meta(tables.Meta):
        context = "payments"

    state = UnicodeAttribute()
    body = tables.JsonZ(attr_name="b")


class TipRow(tables.Row):
    """A tip that is paid by itself."""

    class Meta(tables.Meta):
        context = "payments"

    state = UnicodeAttribute()
    body = tables.JsonZ(attr_name="b")


class BillRow(tables.Row):
    """The bill of an order that was adjusted."""

    class Meta(tables.Meta):
        context = "payments"

    body = tables.JsonZ(attr_name="b")


def refund_key(number: int) -> str:
    """The sort key of an order's n-th refund."""
    return f"{_REFUND}{number:03d}"


def refund_ref(order_id: str, number: int) -> tables.Ref[Refund | None]:
    """Where a refund is read."""
    return tables.Ref(RefundRow, pk(order_id), refund_key(number), of_refund_row)


def refunds_of(order_id: str) -> list[Refund]:
    """All refunds of an order, in their order. One request."""
    page = tables.query(RefundRow, pk(order_id), RefundRow.sk.startswith(_REFUND), consistent=True)
    return [refund for row in page.items if (refund := of_refund_row(row)) is not None]


def to_refund_row(refund: Refund) -> RefundRow:
    """The item of a refund."""
    return RefundRow(
        pk=pk(refund.order_id),
        sk=refund_key(refund.number),
        state=refund.state.value,
        body=msgspec.to_builtins(refund),
    )


def of_refund_row(row: RefundRow | None) -> Refund | None:
    """The refund in an item."""
    return None if row is None else msgspec.convert(row.body, Refund)


def bill_ref(order_id: str) -> tables.Ref[Bill | None]:
    """Where an order's adjusted bill is read."""
    return tables.Ref(BillRow, pk(order_id), BILL, of_bill_row)


def to_bill_row(order_id: str, bill: Bill) -> BillRow:
    """The item of an adjusted bill."""
    return BillRow(pk=pk(order_id), sk=BILL, body=msgspec.to_builtins(bill))


def of_bill_row(row: BillRow | None) -> Bill | None:
    """The bill in an item."""
    return None if row is None else msgspec.convert(row.body, Bill)


class ProposedBills(msgspec.Struct, frozen=True, kw_only=True):
    """The bills between which the customer decides: by the number of the proposal that asked them."""

    number: int
    wanted: Bill
    unasked: Bill


def proposed_ref(order_id: str) -> tables.Ref[ProposedBills | None]:
    """Where the bills that a customer was asked about last are read."""
    return tables.Ref(
        BillRow,
        pk(order_id),
        PROPOSAL,
        lambda row: None if row is None else msgspec.convert(row.body, ProposedBills),
    )


def to_proposed_row(order_id: str, proposed: ProposedBills) -> BillRow:
    """The item of the bills that a customer is asked about."""
    return BillRow(pk=pk(order_id), sk=PROPOSAL, body=msgspec.to_builtins(proposed))


def tip_ref(order_id: str) -> tables.Ref[Tip | None]:
    """Where a tip that is paid apart is read."""
    return tables.Ref(TipRow, pk(order_id), TIP, of_tip_row)


def to_tip_row(tip: Tip) -> TipRow:
    """The item of a tip."""
    return TipRow(pk=pk(tip.order_id), sk=TIP, state=tip.state.value, body=msgspec.to_builtins(tip))


def of_tip_row(row: TipRow | None) -> Tip | None:
    """The tip in an item."""
    return None if row is None else msgspec.convert(row.body, Tip)

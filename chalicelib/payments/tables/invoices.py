"""Invoices and credit notes at rest, each written once and never removed, and the counters of their numbers.

| item        | pk                | sk                        | written                                        |
|-------------|-------------------|---------------------------|------------------------------------------------|
| invoice     | PAY#<order id>    | INVOICE                   | once, with the counter                         |
| credit note | PAY#<order id>    | CREDIT_NOTE#<its cause> | once, with the counter                         |
| recipient   | PAY#<order id>    | RECIPIENT                 | when its customer is forgotten and the law keeps it |
| counter     | MER#<merchant id> | NUMBERS#<kind>#<year>     | with every paper, or several at once, it counts |

The index ``invoices`` has every paper of a merchant by the time of its issue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.kernel import clock, tables
from chalicelib.payments.model.invoices import Counter, Invoice, Paper
from chalicelib.payments.tables.ledger import moment
from chalicelib.payments.tables.payment import pk
from chalicelib.payments.tables.terms import terms_key

if TYPE_CHECKING:
    from datetime import datetime

INDEX = "invoices"
INVOICE = "INVOICE"
RECIPIENT = "RECIPIENT"
_CREDIT_NOTE = "CREDIT_NOTE#"


class InvoicesIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """A merchant's invoices and credit notes, by time."""

    class Meta:
        index_name = INDEX
        projection = AllProjection()

    invoices_pk = UnicodeAttribute(hash_key=True)
    invoices_sk = UnicodeAttribute(range_key=True)


class InvoiceRow(tables.Row):
    """An invoice or a credit note."""

    class Meta(tables.Meta):
        context = "payments"

    body = tables.JsonZ(attr_name="b")
    invoices_pk = UnicodeAttribute(null=True)
    invoices_sk = UnicodeAttribute(null=True)
    invoices = InvoicesIndex()


class RecipientRow(tables.Row):
    """Whom an invoice must name that outlives its customer's data; vanishes when it need not be kept any longer."""

    class Meta(tables.Meta):
        context = "payments"

    lines = tables.JsonZ(attr_name="b")


class CounterRow(tables.Row):
    """The last number of a merchant's papers of a kind in a year."""

    class Meta(tables.Meta):
        context = "payments"

    last = NumberAttribute()
    at = NumberAttribute()


def counter_key(kind: Paper, year: int) -> str:
    """The sort key of a counter, under its merchant's."""
    return f"NUMBERS#{kind.value}#{year}"


def counter_ref(merchant_id: str, kind: Paper, year: int) -> tables.Ref[Counter]:
    """Where the last number is read."""
    return tables.Ref(CounterRow, terms_key(merchant_id), counter_key(kind, year), _counter)


def to_counter_row(merchant_id: str, kind: Paper, year: int, counter: Counter) -> CounterRow:
    """The item of a counter."""
    at = clock.epoch_ms(counter.at) if counter.at else 0
    return CounterRow(pk=terms_key(merchant_id), sk=counter_key(kind, year), last=counter.last, at=at)


def paper_key(kind: Paper, cause: str) -> str:
    """The sort key of an order's paper: its invoice, or the credit note for a cause."""
    return INVOICE if kind is Paper.INVOICE else f"{_CREDIT_NOTE}{cause}"


def paper_ref(order_id: str, kind: Paper, cause: str = "") -> tables.Ref[Invoice | None]:
    """Where a paper is read."""
    return tables.Ref(InvoiceRow, pk(order_id), paper_key(kind, cause), of_invoice_row)


def invoice_ref(order_id: str) -> tables.Ref[Invoice | None]:
    """Where an order's invoice is read."""
    return paper_ref(order_id, Paper.INVOICE)


def recipient_ref(order_id: str) -> tables.Ref[tuple[str, ...]]:
    """Where it is read whom an invoice must name whose customer was forgotten; nobody for most."""
    return tables.Ref(RecipientRow, pk(order_id), RECIPIENT, lambda row: tuple(row.lines) if row else ())


def recipient_row(order_id: str, lines: tuple[str, ...], until: datetime) -> RecipientRow:
    """The item of whom an invoice must name."""
    return RecipientRow(pk=pk(order_id), sk=RECIPIENT, lines=list(lines), ttl=int(until.timestamp()))


def credit_notes_of(order_id: str) -> list[Invoice]:
    """The credit notes of an order, in the order of their numbers' times. One request."""
    page = tables.query(InvoiceRow, pk(order_id), InvoiceRow.sk.startswith(_CREDIT_NOTE), consistent=True)
    notes = [msgspec.convert(row.body, Invoice) for row in page.items]
    return sorted(notes, key=lambda note: (note.issued_at, note.number))


def papers_between(
    merchant_id: str, since: datetime, until: datetime, *, limit: int, cursor_key: dict[str, Any] | None
) -> tables.Page[Invoice]:
    """A page of a merchant's papers that were issued from ``since`` until before ``until``, oldest first."""
    page = tables.query(
        InvoiceRow,
        merchant_id,
        InvoiceRow.invoices_sk.between(moment(since), moment(until)),
        index=INDEX,
        limit=limit,
        cursor_key=cursor_key,
    )
    return tables.Page([msgspec.convert(row.body, Invoice) for row in page.items], page.next_key)


def to_invoice_row(invoice: Invoice) -> InvoiceRow:
    """The item of a paper."""
    return InvoiceRow(
        pk=pk(invoice.order_id),
        sk=paper_key(invoice.kind, invoice.cause),
        body=msgspec.to_builtins(invoice),
        invoices_pk=invoice.merchant_id,
        invoices_sk=f"{moment(invoice.issued_at)}#{invoice.number}",
    )


def of_invoice_row(row: InvoiceRow | None) -> Invoice | None:
    """The paper in an item."""
    return None if row is None else msgspec.convert(row.body, Invoice)


def _counter(row: CounterRow | None) -> Counter:
    return Counter() if row is None else Counter(int(row.last), clock.from_epoch_ms(int(row.at)))

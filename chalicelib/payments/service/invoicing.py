"""Numbers for what was sold and undone: each sale its invoice, each correction its credit note, without a gap.

The number is taken in the transaction that writes the paper: from the counter as it was read, on the condition that it
still is so. Many papers of one merchant take their numbers together. What has its paper already is left alone, so that
late and repeated events change nothing.
"""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from chalicelib.kernel import clock, settings, tables
from chalicelib.kernel.errors import Contention, NotFound, VersionConflict
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments.model import Payment, ledger
from chalicelib.payments.model import invoices as rules
from chalicelib.payments.model.invoices import Counter, Invoice, Paper, Party
from chalicelib.payments.model.ledger import Entry
from chalicelib.payments.service.ledger import entries_of_order
from chalicelib.payments.service.writing import payment_ref
from chalicelib.payments.tables import SK, PaymentRow, pk
from chalicelib.payments.tables import invoices as rows
from chalicelib.payments.tables.invoices import CounterRow, InvoiceRow
from chalicelib.payments.tables.ledger import entry_ref
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from chalicelib.kernel.event_types import SaleRecorded

logger = logging.getLogger(__name__)

# Papers that take their numbers in one transaction: two items each and the counter, of the hundred that it may have.
_TOGETHER = 30
_HAND_OVER = "hand_over"
_ATTEMPTS = 16
_LONGEST_PAUSE = 0.2


class _Wanted(msgspec.Struct, frozen=True):
    """An entry of the ledger that is to have its paper."""

    order_id: str
    cause: str
    kind: str

    @property
    def paper(self) -> Paper:
        return rules.paper_of(self.kind)


class _Draft(msgspec.Struct, frozen=True):
    """A paper that lacks nothing but its number; ``payment`` as it was read."""

    invoice: Invoice
    prefix: str
    payment: Payment


def issue_papers(recorded: Iterable[SaleRecorded]) -> list[Invoice]:
    """Give what was recorded its invoices and credit notes. Those that were issued before are not among the answer.

    A correction whose sale has no invoice yet, since word of it comes later, has it issued first. Raises
    ``contention`` when others won every race for the numbers: it is to be tried again.
    """
    told = {_Wanted(each.order_id, each.cause, each.kind) for each in recorded}
    sales = {_Wanted(each.order_id, _HAND_OVER, ledger.SALE) for each in told if each.paper is Paper.CREDIT_NOTE}
    wanted = sorted(told | sales, key=_by_order)
    issued: list[Invoice] = []
    for kind in Paper:  # invoices first: credit notes name them
        mine = [each for each in wanted if each.paper is kind]
        for start in range(0, len(mine), _TOGETHER):
            issued += _issue(mine[start : start + _TOGETHER])
    return issued


def papers_of_merchant(
    merchant_id: str, since: datetime, until: datetime, *, limit: int, start: dict[str, Any] | None = None
) -> tables.Page[Invoice]:
    """A page of a merchant's invoices and credit notes of a period, oldest first."""
    return rows.papers_between(merchant_id, since, until, limit=limit, cursor_key=start)


def _by_order(wanted: _Wanted) -> tuple[str, str]:
    return wanted.order_id, wanted.cause


def _issue(wanted: Sequence[_Wanted]) -> list[Invoice]:
    issued: list[Invoice] = []
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.01 * 2**attempt)))  # noqa: S311 (a pause, no secret)  # nosec B311
        drafts = _drafts(wanted)
        lost = False
        for group in _by_counter(drafts):
            try:
                issued += _number(group)
            except VersionConflict:
                lost = True  # somebody else took these numbers, or wrote one of these papers: look again
        if not lost:
            return issued
    raise Contention


def _by_counter(drafts: Iterable[_Draft]) -> Iterator[list[_Draft]]:
    groups: dict[tuple[str, int], list[_Draft]] = {}
    for draft in drafts:
        groups.setdefault((draft.invoice.merchant_id, draft.invoice.year), []).append(draft)
    yield from groups.values()


def _number(drafts: Sequence[_Draft]) -> list[Invoice]:
    """Take as many numbers as there are drafts, and write the papers with them: all of it or nothing."""
    first = drafts[0].invoice
    merchant_id, kind, year = first.merchant_id, first.kind, first.year
    before: Counter = tables.fetch(rows.counter_ref(merchant_id, kind, year))[0]
    at = max(clock.now(), before.at or first.issued_at)
    numbered = [
        replace(
            draft.invoice,
            issued_at=at,
            sequence=sequence,
            number=rules.number_of(kind, draft.prefix, year, sequence),
        )
        for sequence, draft in enumerate(drafts, before.last + 1)
    ]
    tx = Transaction()
    tx.put(
        rows.to_counter_row(merchant_id, kind, year, Counter(numbered[-1].sequence, at)),
        CounterRow.last == before.last if before.last else CounterRow.pk.does_not_exist(),
        VersionConflict("counter", merchant_id),
    )
    for invoice, draft in zip(numbered, drafts, strict=True):
        tx.put(
            rows.to_invoice_row(invoice), InvoiceRow.pk.does_not_exist(), VersionConflict("invoice", invoice.order_id)
        )
        if kind is Paper.INVOICE:
            _name_in_payment(tx, draft.payment, invoice.number)
    tx.commit()
    return numbered


def _name_in_payment(tx: Transaction, payment: Payment, number: str) -> None:
    """So that whoever reads the payment knows the number, and whoever polls it sees that something is new."""
    tx.update(
        PaymentRow,
        pk(payment.order_id),
        SK,
        actions=[PaymentRow.invoice.set(number), PaymentRow.version.set(payment.version + 1)],
        condition=PaymentRow.version == payment.version,
        error=VersionConflict("payment", payment.order_id),
    )


# --- what a paper says ------------------------------------------------------------------------------------------------


def _drafts(wanted: Sequence[_Wanted]) -> list[_Draft]:
    """The papers that are still missing. Two requests, whatever their number."""
    found = tables.fetch(*(ref for each in wanted for ref in _refs(each)))
    read = list(zip(wanted, *(found[place::4] for place in range(4)), strict=True))
    missing = [each for each in read if each[3] is None]
    if not missing:
        return []
    store_ids = sorted({payment.store_id for _, _, payment, _, _ in missing if payment})
    merchant_ids = sorted({payment.merchant_id for _, _, payment, _, _ in missing if payment and payment.merchant_id})
    told = tables.fetch(*map(stores.store_ref, store_ids), *map(stores.merchant_ref, merchant_ids))
    shops = dict(zip(store_ids, told[: len(store_ids)], strict=True))
    merchants = dict(zip(merchant_ids, told[len(store_ids) :], strict=True))
    drafts = []
    for each, entry, payment, _, invoice in missing:
        if entry is None or payment is None or not rules.is_papered(entry):
            logger.warning("nothing to invoice", extra={"order_id": each.order_id, "cause": each.cause})
        elif each.paper is Paper.CREDIT_NOTE:
            drafts.append(_credit_note(entry, payment, invoice))
        else:
            drafts.append(_invoice(entry, payment, shops[payment.store_id], merchants.get(payment.merchant_id)))
    return drafts


def _refs(wanted: _Wanted) -> tuple[tables.Ref[Any], ...]:
    return (
        entry_ref(wanted.order_id, wanted.cause, wanted.kind),
        payment_ref(wanted.order_id),
        rows.paper_ref(wanted.order_id, wanted.paper, wanted.cause),
        rows.invoice_ref(wanted.order_id),
    )


def _invoice(entry: Entry, payment: Payment, store: stores.Store | None, merchant: stores.Merchant | None) -> _Draft:
    if store is None:
        raise NotFound("store", payment.store_id)
    now = clock.now()
    prefix = merchant.invoice_prefix if merchant else ""
    fees, tax = rules.is_platforms(entry, "fees"), rules.is_platforms(entry, "items_tax")
    invoice = Invoice(
        kind=Paper.INVOICE,
        number="",
        year=now.astimezone(ZoneInfo(store.time_zone)).year,
        sequence=0,
        cause=entry.cause,
        order_id=payment.order_id,
        store_id=store.id,
        merchant_id=store.merchant_id,
        currency=entry.currency,
        issued_at=now,
        supplied_at=entry.at,
        seller=_seller(store, merchant),
        store_name=store.name,
        country=store.country,
        time_zone=store.time_zone,
        sums=rules.sums_in(entry),
        rates=rules.rates_in(entry),
        platform=_platform() if fees or tax else None,
        fees_by_platform=fees,
        tax_by_platform=tax,
        tenders=rules.paid_with(payment, rules.sums_in(entry).total),
        before=_before(payment) if payment.refunds else (),
    )
    return _Draft(invoice, prefix, payment)


def _credit_note(entry: Entry, payment: Payment, invoice: Invoice | None) -> _Draft:
    """A correction says of seller and store what the invoice says that it corrects."""
    if invoice is None:
        raise NotFound("invoice", payment.order_id)
    now = clock.now()
    prefix = invoice.number.removesuffix(rules.number_of(Paper.INVOICE, "", invoice.year, invoice.sequence))
    note = replace(
        invoice,
        kind=Paper.CREDIT_NOTE,
        number="",
        year=now.astimezone(ZoneInfo(invoice.time_zone)).year,
        sequence=0,
        cause=entry.cause,
        issued_at=now,
        sums=rules.sums_in(entry),
        rates=rules.rates_in(entry),
        tenders=rules.given_back_with(payment, entry),
        corrects=invoice.number,
        reason=entry.memo,
        before=(),
    )
    return _Draft(note, prefix, payment)


def _seller(store: stores.Store, merchant: stores.Merchant | None) -> Party:
    place, country = store.address, None
    if merchant and merchant.address:
        place = merchant.address
        country = merchant.country if merchant.country != store.country else None  # told where it is another
    lines = (place.line1, place.line2, f"{place.postal_code or ''} {place.city}".strip(), place.region, country)
    name = (merchant.legal_name or merchant.name) if merchant else store.name
    return Party(name, tuple(line for line in lines if line), merchant.vat_id if merchant else None)


def _platform() -> Party:
    known = settings.get()
    return Party(known.platform_name, known.platform_address, known.platform_vat_id or None)


def _before(payment: Payment) -> tuple[int, ...]:
    numbers = (rules.made_before_sale(entry) for entry in entries_of_order(payment.order_id))
    return tuple(number for number in numbers if number is not None)

"""What the payment centre keeps of a customer: to hand out to them, and to forget.

Amounts, entries, invoices and who bore what are kept as tax law demands. What leads from them to a person is taken
out: the customer's id becomes another's that belongs to nobody, saved methods are let go at the provider, staff's notes
are emptied. Each write holds on the condition that nothing else changed it, and is left out where it is done.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from chalicelib.kernel import tables
from chalicelib.kernel.errors import Contention, VersionConflict
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import provider
from chalicelib.payments.model import credit as credit_rules
from chalicelib.payments.model import retention
from chalicelib.payments.model.credit import Credit, CreditPart, State
from chalicelib.payments.service.credit import write_off
from chalicelib.payments.service.writing import payment_ref, write
from chalicelib.payments.tables import credit as credit_rows
from chalicelib.payments.tables import invoices as invoice_rows
from chalicelib.payments.tables import ledger as ledger_rows
from chalicelib.payments.tables import refunds as refund_rows
from chalicelib.payments.tables.credit import CreditRow, MovementRow, WrongCodesRow
from chalicelib.payments.tables.invoices import RecipientRow
from chalicelib.payments.tables.ledger import EntryRow
from chalicelib.payments.tables.refunds import RefundRow, TipRow

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.payments.model import Payment
    from chalicelib.payments.model.credit import Movement
    from chalicelib.payments.model.ledger import Entry

# Of the hundred items of a transaction: each entry that moves is put and deleted.
_TOGETHER: Final = 25
_BY: Final = "erasure"
_SLACK = timedelta(minutes=1)  # an entry is dated a moment after the movement that it tells of


class Forgotten(msgspec.Struct, frozen=True):
    """Who is forgotten, and under which id, that is nobody's, their orders are kept."""

    customer_id: str
    pseudonym: str

    def renamed(self, credit_id: str) -> str:
        """The id of a credit, where it was the customer's own."""
        own = credit_rules.store_credit_id(self.customer_id)
        return credit_rules.store_credit_id(self.pseudonym) if credit_id == own else credit_id

    def account(self, account: str) -> str:
        """An account of the ledger, where it was that of the customer's credit."""
        own = credit_rules.account_of(credit_rules.store_credit_id(self.customer_id))
        if account != own:
            return account
        return credit_rules.account_of(credit_rules.store_credit_id(self.pseudonym))


# --- an order ---------------------------------------------------------------------------------------------------------


def forget_customer_of_order(order_id: str, whom: Forgotten, recipient: tuple[str, ...]) -> None:
    """Take the customer out of what is kept of an order's money, which is settled. Done before: nothing is written.

    ``recipient`` are the lines that its invoice names; they are kept where the law wants it (``retention``). The
    payment is written last: as long as it names the customer, the rest is looked at again.
    """
    payment, invoice = tables.fetch(payment_ref(order_id), invoice_rows.invoice_ref(order_id))
    if payment is None or payment.customer_id != whom.customer_id:
        return
    if payment.deferral is not None:
        provider.forget_method(payment.deferral)
    _rename_entries(ledger_rows.order_key(order_id), whom)
    _empty_refunds(order_id, whom)
    tx = Transaction()
    write(tx, payment, _without_customer(payment, whom))
    tip = tables.fetch(refund_rows.tip_ref(order_id))[0]
    if tip is not None:
        tx.put(
            refund_rows.to_tip_row(replace(tip, customer_id=whom.pseudonym)),
            TipRow.state == tip.state.value,
            Contention(),
        )
    if invoice is not None and recipient and retention.must_name_recipient(invoice):
        # The same lines for good, whoever writes them.
        until = retention.kept_until(invoice)
        tx.put(invoice_rows.recipient_row(order_id, recipient, until), RecipientRow.pk.does_not_exist(), Contention())
    tx.commit()


def _without_customer(payment: Payment, whom: Forgotten) -> Payment:
    deferral = payment.deferral and replace(payment.deferral, customer=None, method=None)
    parts = tuple(CreditPart(whom.renamed(part.credit_id), part.kind, part.amount) for part in payment.credits)
    return replace(
        payment,
        customer_id=whom.pseudonym,
        credits=parts,
        deferral=deferral,
        version=payment.version + 1,
    )


def _empty_refunds(order_id: str, whom: Forgotten) -> None:
    """Of refunds, notes are free text of the staff's, and credits may be the customer's."""
    for refund in refund_rows.refunds_of(order_id):
        by = whom.pseudonym if refund.requested_by == whom.customer_id else refund.requested_by
        given = tuple((whom.renamed(credit_id), amount) for credit_id, amount in refund.credits)
        after = replace(refund, note="", requested_by=by, credits=given)
        if after != refund:
            tx = Transaction()
            tx.put(
                refund_rows.to_refund_row(after),
                RefundRow.state == refund.state.value,
                VersionConflict("refund", order_id),
            )
            tx.commit()


def _rename_entries(pk: str, whom: Forgotten) -> None:
    """Call the account of the customer's credit another name in every entry of a partition. No amount changes."""
    start: dict[str, Any] | None = None
    while True:
        page = tables.query(EntryRow, pk, EntryRow.sk.startswith("LE#"), cursor_key=start, consistent=True)
        for row in page.items:
            renamed = _renamed(ledger_rows.of_entry_row(row), whom)
            if renamed is not None:
                tx = Transaction()
                tx.update(
                    EntryRow,
                    row.pk,
                    row.sk,
                    actions=[EntryRow.body.set(msgspec.to_builtins(renamed))],
                    condition=EntryRow.pk.exists(),
                    error=Contention(),
                )
                tx.commit()
        if page.next_key is None:
            return
        start = page.next_key


def _renamed(entry: Entry, whom: Forgotten) -> Entry | None:
    """The entry under the other name; None where it does not name the customer's credit."""
    lines = tuple(replace(line, account=whom.account(line.account)) for line in entry.lines)
    return None if lines == entry.lines else replace(entry, lines=lines)


# --- what is the customer's own ---------------------------------------------------------------------------------------


def unspent_of(customer_id: str, now: datetime) -> list[Credit]:
    """The customer's credit that could still be spent, by currency. One request."""
    own = credit_rows.balances_of(credit_rules.store_credit_id(customer_id))
    return [credit for credit in own if credit.spendable(now)]


def forget_customer(whom: Forgotten) -> bool:
    """Take what the payment centre keeps of a customer beside orders: credit with its history, and wrong codes.

    What is left of the credit goes back to who paid for it. The history moves to the other id, a page at a time: the
    answer is whether it is done.
    """
    _forget_wrong_codes(whom.customer_id)
    credit_id = credit_rules.store_credit_id(whom.customer_id)
    balances = credit_rows.balances_of(credit_id)
    for credit in balances:
        if credit.available or credit.state is State.ACTIVE:
            write_off(credit, State.REVOKED, credit_rules.REVOKED, _BY, _BY)
    page = tables.query(
        MovementRow, f"CRD#{credit_id}", MovementRow.sk.startswith("MOVE#"), limit=_TOGETHER, consistent=True
    )
    months = {f"{at:%Y%m}": at for row in page.items for at in credit_rows.moments_of(row, _SLACK)}
    account = credit_rules.account_of(credit_id)
    for at in months.values():
        _move_entries(ledger_rows.account_key(account, at), whom)
    _move(list(page.items), f"CRD#{whom.renamed(credit_id)}")
    if page.next_key is not None:
        return False
    for credit in credit_rows.balances_of(credit_id):
        tx = Transaction()
        tx.delete(
            CreditRow,
            *credit_rows.credit_key(credit_id, credit.currency),
            condition=credit_rows.is_spent(),
            error=Contention(),
        )
        tx.commit()
    return True


def _move_entries(pk: str, whom: Forgotten) -> None:
    """Entries that lie under the account's name: to the other name's partition, with their places in the indexes."""
    page = tables.query(EntryRow, pk, EntryRow.sk.startswith("LE#"), consistent=True)
    for row in page.items:
        entry = ledger_rows.of_entry_row(row)
        renamed = _renamed(entry, whom) or entry
        fresh = EntryRow(
            pk=ledger_rows.account_key(renamed.lines[0].account, renamed.at),
            sk=row.sk,
            body=msgspec.to_builtins(renamed),
            ledger_store_pk=row.ledger_store_pk,
            ledger_store_sk=row.ledger_store_sk,
            ledger_rider_pk=row.ledger_rider_pk,
            ledger_rider_sk=row.ledger_rider_sk,
            clearing_pk=row.clearing_pk,
            clearing_sk=row.clearing_sk,
        )
        tx = Transaction()
        tx.put(fresh, EntryRow.pk.does_not_exist(), Contention())
        tx.delete(EntryRow, row.pk, row.sk, condition=EntryRow.pk.exists(), error=Contention())
        tx.commit()
    if page.next_key is not None:
        _move_entries(pk, whom)


def _move(movements: list[MovementRow], pk: str) -> None:
    if not movements:
        return
    tx = Transaction()
    for row in movements:
        fresh = MovementRow(
            pk=pk,
            sk=row.sk,
            kind=row.kind,
            amount=row.amount,
            at=row.at,
            order_id=row.order_id,
            funded_by=row.funded_by,
            by=row.by,  # of the staff; why, they said in free words
        )
        tx.put(fresh, MovementRow.pk.does_not_exist(), Contention())
        tx.delete(MovementRow, row.pk, row.sk, condition=MovementRow.pk.exists(), error=Contention())
    tx.commit()


def _forget_wrong_codes(customer_id: str) -> None:
    pk = credit_rows.wrong_codes_pk(customer_id)
    if tables.get(WrongCodesRow, pk, credit_rows.WRONG_CODES) is not None:
        tx = Transaction()
        tx.delete(WrongCodesRow, pk, credit_rows.WRONG_CODES, condition=WrongCodesRow.pk.exists(), error=Contention())
        tx.commit()


# --- what is handed out -----------------------------------------------------------------------------------------------


def movements_of_customer(
    customer_id: str, *, limit: int, start: dict[str, Any] | None
) -> tables.Page[tuple[str, Movement]]:
    """A page of the history of a customer's credit in all currencies (each with its movement), oldest first."""
    return credit_rows.all_movements_of(credit_rules.store_credit_id(customer_id), limit=limit, start=start)


def wrong_codes_of(customer_id: str) -> int:
    """How many codes of no card the customer has tried of late."""
    row = tables.fetch(credit_rows.wrong_codes_ref(customer_id))[0]
    return int(row.tried) if row else 0

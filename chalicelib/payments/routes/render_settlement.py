"""Statements, payouts and accounts as the API shows them, and a statement's lines as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from chalicelib.kernel import clock
from chalicelib.kernel.money import exponent
from chalicelib.payments.schemas import amount_view
from chalicelib.payments.schemas.settlement import (
    PartyBalance,
    PayoutAccountView,
    PayoutView,
    StatementLineView,
    StatementTax,
    StatementTotal,
    StatementView,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from chalicelib.payments.service import settlement

CSV = "text/csv"
CSV_COLUMNS = ("statement", "at", "kind", "order_id", "entry_id", "terms_version", "amount", "currency", "memo")
# What spreadsheets take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def account_view(account: settlement.PayoutAccount) -> PayoutAccountView:
    """An account for the API."""
    status = account.status
    return PayoutAccountView(
        account_id=account.account_id,
        country=account.country,
        ready=account.is_ready,
        details_submitted=status.details_submitted,
        transfers_enabled=status.transfers_enabled,
        payouts_enabled=status.payouts_enabled,
        disabled_reason=status.disabled_reason,
        due=list(status.due),
        opened_at=clock.rfc3339(account.opened_at),
        checked_at=clock.rfc3339(account.checked_at),
    )


def statement_view(settled: settlement.SettledStatement) -> StatementView:
    """A statement for the API."""
    statement, currency = settled.statement, settled.statement.currency
    return StatementView(
        id=statement.id,
        party=statement.party.kind,
        party_id=statement.party.id,
        currency=currency,
        number=statement.number,
        period=statement.period,
        since=clock.rfc3339(statement.since),
        until=clock.rfc3339(statement.until),
        time_zone=statement.zone,
        closed_at=clock.rfc3339(statement.closed_at),
        opening_balance=amount_view(statement.opening, currency),
        totals=[
            StatementTotal(kind=kind, amount=amount_view(amount, currency))  # type: ignore[arg-type]  # of KINDS
            for kind, amount in statement.totals.items()
        ],
        taxes=[
            StatementTax(
                rate_basis_points=rate.rate_bps,
                gross=amount_view(rate.gross, currency),
                tax=amount_view(rate.tax, currency),
            )
            for rate in statement.rates
        ],
        closing_balance=amount_view(statement.closing, currency),
        frozen=amount_view(statement.frozen, currency),
        in_flight=amount_view(statement.in_flight, currency),
        to_pay=amount_view(statement.to_pay, currency),
        carried=amount_view(statement.carried, currency),
        lines=statement.lines,
        payout=_payout(settled.payout) if settled.payout else None,
    )


def statement_tag(settled: settlement.SettledStatement) -> str:
    """What changes with a statement's payout; nothing else of it does."""
    return f"{settled.statement.number}.{settled.payout.version if settled.payout else 0}"


def line_view(line: settlement.StatementLine, currency: str) -> StatementLineView:
    """A line for the API."""
    return StatementLineView(
        at=clock.rfc3339(line.at),
        kind=line.kind,  # type: ignore[arg-type]  # of KINDS
        amount=amount_view(line.amount, currency),
        order_id=line.order_id,
        entry_id=line.entry_id,
        terms_version=line.terms_version,
        memo=line.memo,
    )


def lines_as_csv(statement: settlement.Statement, lines: Iterable[settlement.StatementLine]) -> str:
    """Lines as RFC 4180 wants them. Amounts have a decimal point, and no text is taken for a formula."""
    written = io.StringIO()
    out = csv.writer(written)
    out.writerow(CSV_COLUMNS)
    for line in lines:
        out.writerow(
            (
                statement.id,
                clock.rfc3339(line.at),
                line.kind,
                _text(line.order_id or ""),
                _text(line.entry_id),
                "" if line.terms_version is None else line.terms_version,
                _decimal(line.amount, statement.currency),
                statement.currency,
                _text(line.memo),
            )
        )
    return written.getvalue()


def balance_view(head: settlement.Head) -> PartyBalance:
    """Where somebody's statements stand, for the API."""
    return PartyBalance(
        party=head.party.kind,
        party_id=head.party.id,
        currency=head.currency,
        statements=head.number,
        closed_until=clock.rfc3339(head.since),
        closes_at=clock.rfc3339(head.close_at),
        balance=amount_view(head.owed - head.cash, head.currency),
        unsettled=[f"{head.currency}-{number}" for number in sorted(head.unsettled)],
    )


def _payout(payout: settlement.Payout) -> PayoutView:
    return PayoutView(
        state=payout.state.value,
        amount=amount_view(payout.amount, payout.currency),
        reversed=amount_view(payout.reversed, payout.currency),
        waits_for=payout.waits_for,
        transfer_id=payout.transfer_id,
        sent_at=_instant(payout.sent_at),
        bank_payout_id=payout.bank_payout_id,
        failure_code=payout.failure_code,
        next_try_at=_instant(payout.next_try_at),
    )


def _instant(at: datetime | None) -> str | None:
    return clock.rfc3339(at) if at else None


def _text(text: str) -> str:
    """A text as a cell: one that a spreadsheet would compute begins with an apostrophe."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _decimal(amount: int, currency: str) -> str:
    digits = exponent(currency)
    if not digits:
        return str(amount)
    sign, whole = "-" if amount < 0 else "", abs(amount)
    return f"{sign}{whole // 10**digits}.{whole % 10**digits:0{digits}d}"

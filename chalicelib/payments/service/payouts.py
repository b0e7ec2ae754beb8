"""Paying out what statements leave: one transfer for each, whatever is lost on the way.

``sending`` is on record before the provider is asked, so that a crash, a time-out or a failure leaves a payout that is
asked about again, as the same transfer. The ledger is written with ``sent``, in one transaction.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, Contention, DomainError, NotFound
from chalicelib.kernel.event_types import PayoutDue
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments.model.cases import Case
from chalicelib.payments.model.payouts import Payout, PayoutState, paid_out
from chalicelib.payments.provider import connect
from chalicelib.payments.service.accounts import refresh
from chalicelib.payments.service.cases import open_case
from chalicelib.payments.service.ledger import post
from chalicelib.payments.tables import payouts as rows
from chalicelib.payments.tables.payouts import PayoutRow

if TYPE_CHECKING:
    from chalicelib.payments.model.ledger import Entry
    from chalicelib.payments.model.statements import Party

logger = logging.getLogger(__name__)

# Refusals that pass: money that is not there yet, and an account that Stripe wants to know more of.
_NOT_THERE_YET = ("balance_insufficient",)
_NEWEST = 3
_NOT_READY = ("insufficient_capabilities_for_transfer", "transfers_not_allowed")


def get_payout(party: Party, currency: str, number: int) -> Payout:
    """The payout of a statement. Raises ``payout_not_found``."""
    payout: Payout | None = tables.fetch(rows.payout_ref(party, currency, number))[0]
    if payout is None:
        raise NotFound("payout", f"{currency}-{number}")
    return payout


def settle_payout(party: Party, currency: str, number: int) -> Payout:
    """Do a payout's next step: send it, find out whether it was sent, or ask what became of it. Not yet: nothing."""
    payout = get_payout(party, currency, number)
    if payout.has_moved:
        return payout if payout.is_over or _too_early(payout) else follow_payout(payout)
    if payout.state is PayoutState.PLANNED:
        payout = _begin(payout)
    if payout.state is PayoutState.SENDING and not _too_early(payout):
        payout = _send(payout)
    return payout


def retry_payout(party: Party, currency: str, number: int) -> Payout:
    """A person wants a payout tried at once, though it waits or was refused. Raises ``payout_over``."""
    payout = get_payout(party, currency, number)
    if payout.has_moved:
        return follow_payout(payout)
    if payout.state is PayoutState.CARRIED:
        raise Conflict("payout_over", "The next statement has taken this amount over.")
    if payout.state is not PayoutState.SENDING:
        again = payout.planned_again()
        _write(Transaction(), payout, again)
        payout = _begin(again)
    return _send(payout) if payout.state is PayoutState.SENDING else payout


def follow_payout(payout: Payout) -> Payout:
    """Ask what became of a payout that was sent: whether the bank has it, sent it back, or it was reversed."""
    now = clock.now()
    after = payout.followed(connect.bank_news(payout), now)
    if after is payout:
        if payout.is_over:
            return payout
        after = payout.looked_at(now)
    tx = Transaction()
    if after.state is PayoutState.FAILED and payout.state is not PayoutState.FAILED:
        open_case(tx, _case(after, "bank_payout_failed", after.bank_payout_id or after.group))
    _remind(tx, after)
    return _write(tx, payout, after)


def follow_account_payouts(account_id: str) -> list[Payout]:
    """Something happened between an account and its bank: ask what became of the newest payouts that went there."""
    party: Party | None = tables.fetch(rows.owner_ref(account_id))[0]
    if party is None:
        return []
    newest = (payout for payout in rows.payouts_of(party, _NEWEST) if payout.has_moved)
    return [follow_payout(payout) for payout in newest if payout.state is not PayoutState.REVERSED]


def _begin(payout: Payout) -> Payout:
    """Put on record that the provider is about to be asked, where there is an account to send it to."""
    (account,) = tables.fetch(rows.account_ref(payout.party))
    if account is not None and not account.is_ready:
        account = refresh(account)
    now = clock.now()
    if account is None or not account.is_ready:
        if payout.waits_for == "account_not_ready" and _too_early(payout):
            return payout
        tx = Transaction()
        waits = payout.waiting("account_not_ready", now)
        _remind(tx, waits)
        return _write(tx, payout, waits)
    if payout.waits_for != "account_not_ready" and _too_early(payout):
        return payout
    return _write(Transaction(), payout, payout.sending(account.account_id))


def _send(payout: Payout) -> Payout:
    tx = Transaction()
    try:
        transfer_id = connect.transfer(payout)
    except DomainError as error:
        if error.code != "payment_refused":
            raise
        after = _refused(tx, payout, str(error.extra.get("provider_code")))
    else:
        after = payout.sent(transfer_id, clock.now())
    _remind(tx, after)
    return _write(tx, payout, after, *([paid_out(after, clock.now())] if after.has_moved else []))


def _refused(tx: Transaction, payout: Payout, code: str) -> Payout:
    """Nothing has moved, now or by any earlier call: later, or never."""
    now = clock.now()
    logger.warning("payout refused", extra={"payout": payout.group, "stripe_code": code})
    if code == "api_error":
        return payout.asked_anew(now)
    if code in _NOT_THERE_YET:
        return payout.waiting("insufficient_balance", now)
    if code in _NOT_READY:
        return payout.waiting("account_not_ready", now)
    after = payout.refused(code, now)
    open_case(tx, _case(after, "payout_refused", f"{after.group}/{after.attempt}"))
    return after


def _case(payout: Payout, kind: str, subject: str) -> Case:
    return Case(
        kind,
        subject,
        store_id=payout.party.id if payout.party.kind == "store" else None,
        evidence={
            "party": f"{payout.party.kind}:{payout.party.id}",
            "statement": payout.statement,
            "amount": payout.amount,
            "currency": payout.currency,
            "account": payout.account_id,
            "transfer": payout.transfer_id,
            "bank_payout": payout.bank_payout_id,
            "failure_code": payout.failure_code,
        },
    )


def _too_early(payout: Payout) -> bool:
    return payout.next_try_at is not None and clock.now() < payout.next_try_at


def _remind(tx: Transaction, payout: Payout) -> None:
    if payout.next_try_at is not None and not payout.is_over:
        party = payout.party
        tx.emit_at(
            payout.next_try_at,
            PayoutDue(party=party.kind, party_id=party.id, currency=payout.currency, number=payout.number),
        )


def _write(tx: Transaction, before: Payout, after: Payout, *entries: Entry) -> Payout:
    """The payout first: of two at once, the later one is told to look again."""
    tx.put(rows.to_payout_row(after), PayoutRow.version == before.version, Contention())
    post(tx, *entries)
    tx.commit()
    return after

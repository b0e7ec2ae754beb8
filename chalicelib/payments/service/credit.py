"""Gift cards and store credit: issued, looked at, granted, and written off when their time is over.

Every movement is a line of the credit's history and an entry of the ledger, in the transaction that moves the balance.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from chalicelib.kernel import clock, ids, secret_values, settings, tables
from chalicelib.kernel.errors import Conflict, Contention, DomainError, Forbidden, Invalid, NotFound, Violation
from chalicelib.kernel.event_types import CreditExpiryReached
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments.model import credit as rules
from chalicelib.payments.model.credit import Credit, Kind, Movement, State
from chalicelib.payments.model.ledger import Line
from chalicelib.payments.service.credit_entries import enter, note
from chalicelib.payments.tables import SK, PaymentRow
from chalicelib.payments.tables import credit as rows
from chalicelib.payments.tables import of_row as payment_of_row
from chalicelib.payments.tables import pk as payment_pk
from chalicelib.payments.tables.credit import CreditRow, WrongCodesRow

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chalicelib.kernel.idempotency import IdempotencyKey
    from chalicelib.payments.model import Payment


class IssuedCard(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh gift card. Its code is told once, and stored nowhere."""

    card: Credit
    code: str | None = None


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Credit for a customer: ``funded_by`` is the ledger's account that pays for it, ``cause`` what it is given for."""

    customer_id: str
    amount: Money
    funded_by: str
    cause: str
    reason: str
    by: str | None = None
    order_id: str | None = None
    expires_at: datetime | None = None
    kind: rules.MovementKind = rules.ISSUED


# --- gift cards -------------------------------------------------------------------------------------------------------


def issue_gift_card(
    amount: Money,
    *,
    funded_by: str,
    merchant_id: str | None,
    valid_days: int | None,
    reason: str,
    by: str,
    key: IdempotencyKey,
) -> IssuedCard:
    """Make a gift card, for the stores of one merchant or for all; whoever has the code can spend it."""
    now = clock.now()
    code = rules.new_code(secrets.randbelow)
    card = Credit(
        id=rules.card_id(code, _secrets()[0]),
        kind=Kind.GIFT_CARD,
        currency=amount.currency,
        available=amount.amount,
        expires_at=_in_days(now, valid_days),
        merchant_id=merchant_id,
    )
    issue = Movement(
        id=ids.new_id("mov"),
        kind=rules.ISSUED,
        amount=amount.amount,
        at=now,
        funded_by=funded_by,
        reason=reason,
        by=by,
    )
    tx = Transaction()
    exists = Conflict("gift_card_exists", "This code was drawn before: try again.")
    tx.put(rows.to_credit_row(card), CreditRow.pk.does_not_exist(), exists)
    note(tx, card.id, card.currency, issue)
    enter(
        tx, issue.id, "credit_issued", card.currency, [Line(card.account, -issue.amount), Line(funded_by, issue.amount)]
    )
    _watch_expiry(tx, card)
    issued = IssuedCard(card=card)
    tx.remember(key, issued)
    tx.commit()
    return replace(issued, code=rules.printed(code))


def look_at_gift_card(customer_id: str, typed: str) -> Credit:
    """The card with a code. Raises ``gift_card_not_found``; after ten of those in an hour, ``too_many_wrong_codes``."""
    card_ids = find_card_ids(typed)
    if not card_ids:
        raise NotFound("gift_card", "with this code")
    wrong, *cards = tables.fetch(rows.wrong_codes_ref(customer_id), *map(rows.credit_ref, card_ids))
    check_wrong_codes(wrong)
    card: Credit | None = next((each for each in cards if each is not None), None)
    if card is None:
        count_wrong_code(customer_id)
        raise NotFound("gift_card", "with this code")
    return card


def find_card_ids(typed: str) -> tuple[str, ...]:
    """The ids that the card with this code may have: one for each key in use, the newest first.

    None for a code with a typing error, which needs no look.
    """
    code = rules.read_code(typed)
    return () if code is None else tuple(rules.card_id(code, secret) for secret in _secrets())


def get_gift_card(card_id: str, merchant_id: str | None = None) -> Credit:
    """A card by its id. Raises ``gift_card_not_found``, also for what another merchant has issued."""
    card: Credit | None = None
    if ids.is_id(card_id, "gft"):
        card = tables.fetch(rows.credit_ref(card_id))[0]
    if card is None or (merchant_id is not None and card.merchant_id != merchant_id):
        raise NotFound("gift_card", card_id)
    return card


def revoke_gift_card(card_id: str, merchant_id: str | None, reason: str, by: str) -> Credit:
    """End a card that was lost, stolen or made by mistake. What orders hold of it stays theirs; twice is once."""
    card = get_gift_card(card_id, merchant_id)
    if card.state is not State.ACTIVE:
        return card
    write_off(card, State.REVOKED, rules.REVOKED, reason, by)
    return get_gift_card(card_id)


def check_wrong_codes(wrong: WrongCodesRow | None) -> None:
    """Refuse a customer who has tried too many codes of no card; ``wrong`` is what was counted."""
    now = clock.epoch_ms(clock.now())
    if wrong is not None and int(wrong.tried) >= rules.MAX_WRONG_CODES and int(wrong.ends_at) > now:
        raise DomainError(
            "too_many_wrong_codes",
            "Too many codes that belong to no gift card: try again later.",
            status=429,
            retryable=True,
            retry_after=max(1, (int(wrong.ends_at) - now) // 1000),
        )


def count_wrong_code(customer_id: str) -> None:
    """Note that a customer tried a code of no card."""
    now = clock.now()
    ends_at = now + rules.WRONG_CODES_WINDOW
    pk = rows.wrong_codes_pk(customer_id)
    over = WrongCodesRow.pk.does_not_exist() | (WrongCodesRow.ends_at <= clock.epoch_ms(now))
    fresh = WrongCodesRow(
        pk=pk, sk=rows.WRONG_CODES, tried=1, ends_at=clock.epoch_ms(ends_at), ttl=int(ends_at.timestamp())
    )
    begun = Conflict("window_open", "Counting has begun.")
    tx = Transaction()
    tx.put(fresh, over, begun)
    try:
        tx.commit()
    except Conflict:
        more = Transaction()
        # Where the window ended between the two writes, one try goes uncounted: the codes are long enough for that.
        more.update(
            WrongCodesRow,
            pk,
            rows.WRONG_CODES,
            actions=[WrongCodesRow.tried.add(1)],
            condition=WrongCodesRow.pk.exists(),
            error=begun,
        )
        more.commit()


# --- store credit -----------------------------------------------------------------------------------------------------


def give_credit(
    customer_id: str, amount: Money, *, valid_days: int | None, reason: str, by: str, key: IdempotencyKey
) -> Credit:
    """Give a customer credit out of the platform's promotions."""
    given = Grant(
        customer_id=customer_id,
        amount=amount,
        funded_by=rules.PROMOTIONS,
        cause=ids.new_id("mov"),
        reason=reason,
        by=by,
        expires_at=_in_days(clock.now(), valid_days),
    )
    return _give(given, key)


def give_goodwill(
    store_id: str,
    order_id: str,
    amount: Money,
    *,
    valid_days: int | None,
    reason: str,
    by: str,
    key: IdempotencyKey,
) -> Credit:
    """Give the customer of a store's order credit, once for each order and at most what it cost; the store pays.

    Raises ``order_not_found`` also for what was never paid, ``credit_given_already``, or ``Invalid``.
    """
    payment: Payment | None = tables.fetch(tables.Ref(PaymentRow, payment_pk(order_id), SK, payment_of_row))[0]
    unseen = payment is None or (payment.uses_provider and not payment.authorised_minor)
    if payment is None or unseen or payment.store_id != store_id:
        raise NotFound("order", order_id)
    if payment.amount.currency != amount.currency:
        detail = f"The order was in {payment.amount.currency}."
        raise Invalid([Violation("currency_mismatch", "/amount/currency", detail)])
    if amount.amount > payment.amount.amount:
        params = {"max_minor": payment.amount.amount}
        raise Invalid([Violation("goodwill_too_large", "/value/amount", "More than the order cost.", params)])
    if payment.customer_id == by:
        raise Forbidden("Nobody gives goodwill to themselves.")
    given = Grant(
        customer_id=payment.customer_id,
        amount=amount,
        funded_by=f"store:{store_id}",
        cause=order_id,
        reason=reason,
        by=by,
        order_id=order_id,
        expires_at=_in_days(clock.now(), valid_days),
    )
    return _give(given, key)


def grant(tx: Transaction, before: Credit | None, given: Grant) -> Credit:
    """Write credit for a customer into the caller's transaction, on the balance as it was read (``store_credit_ref``).

    A later expiry puts off that of the whole balance, an earlier one changes nothing; None is never. Once for each
    ``cause`` and ``kind``.
    """
    now = clock.now()
    credit_id, currency, amount = rules.store_credit_id(given.customer_id), given.amount.currency, given.amount.amount
    fresh = Credit(id=credit_id, kind=Kind.STORE_CREDIT, currency=currency, expires_at=given.expires_at)
    has_life = before is not None and (before.held or before.spendable(now))
    after = replace(
        before or fresh,
        available=(before.available if before else 0) + amount,
        state=State.ACTIVE,
        expires_at=rules.later(before.expires_at, given.expires_at) if before and has_life else given.expires_at,
    )
    actions: list[Any] = [
        CreditRow.available.add(amount),
        CreditRow.held.add(0),
        CreditRow.currency.set(currency),
        CreditRow.state.set(State.ACTIVE.value),
    ]
    if after.expires_at is not None:
        actions.append(CreditRow.expires_at.set(clock.epoch_ms(after.expires_at)))
    elif before is not None and before.expires_at is not None:
        actions.append(CreditRow.expires_at.remove())
    tx.update(
        CreditRow,
        *rows.credit_key(credit_id, currency),
        actions=actions,
        condition=CreditRow.pk.does_not_exist() if before is None else rows.unchanged(before),
        error=Contention(),
    )
    movement = Movement(
        id=given.cause,
        kind=given.kind,
        amount=amount,
        at=now,
        order_id=given.order_id,
        funded_by=given.funded_by,
        reason=given.reason,
        by=given.by,
    )
    note(tx, credit_id, currency, movement, Conflict("credit_given_already", "This credit was given before."))
    enter(
        tx,
        given.cause,
        f"credit_{given.kind}",
        currency,
        [Line(after.account, -amount), Line(given.funded_by, amount)],
        order_id=given.order_id,
    )
    _watch_expiry(tx, after)
    return after


def store_credit_ref(customer_id: str, currency: str) -> tables.Ref[Credit | None]:
    """Where a customer's credit in a currency is read."""
    return rows.credit_ref(rules.store_credit_id(customer_id), currency)


def list_own_credit(customer_id: str) -> list[Credit]:
    """A customer's credit, one balance for each currency."""
    return rows.balances_of(rules.store_credit_id(customer_id))


def list_own_movements(
    customer_id: str, currency: str, *, limit: int, start: Mapping[str, Any] | None
) -> tables.Page[Movement]:
    """A page of the history of a customer's credit, newest first."""
    return rows.movements_of(rules.store_credit_id(customer_id), currency, limit=limit, start=start)


def list_card_movements(card: Credit, *, limit: int, start: Mapping[str, Any] | None) -> tables.Page[Movement]:
    """A page of the history of a gift card, newest first."""
    return rows.movements_of(card.id, card.currency, limit=limit, start=start)


# --- the end of a credit ----------------------------------------------------------------------------------------------


def expire_credit(credit_id: str, currency: str) -> None:
    """Write off what is left of a credit whose time is over; what orders hold is written off when they let it go.

    Moot where the expiry was put off, or was posted before.
    """
    credit: Credit | None = tables.fetch(rows.credit_ref(credit_id, currency))[0]
    if credit is not None and credit.state is State.ACTIVE and credit.is_past(clock.now()):
        write_off(credit, State.EXPIRED, rules.EXPIRED, None, None)


def funding_of(credit_id: str, currency: str) -> dict[str, int]:
    """Who has paid how much for a credit, in minor units."""
    funding: dict[str, int] = {}
    start = None
    while True:
        page = rows.movements_of(credit_id, currency, start=start)
        for movement in page.items:
            if movement.funded_by is not None:
                funding[movement.funded_by] = funding.get(movement.funded_by, 0) + movement.amount
        start = page.next_key
        if start is None:
            return funding


def write_off(credit: Credit, state: State, kind: rules.MovementKind, reason: str | None, by: str | None) -> None:
    """End a credit: what is left of it goes back to who paid for it."""
    rest = credit.available
    tx = Transaction()
    tx.update(
        CreditRow,
        *rows.credit_key(credit.id, credit.currency),
        actions=[CreditRow.available.set(0), CreditRow.state.set(state.value)],
        condition=rows.unchanged(credit) & (CreditRow.available == rest),
        error=Contention(),
    )
    if rest:
        end = Movement(id=ids.new_id("mov"), kind=kind, amount=rest, at=clock.now(), reason=reason, by=by)
        note(tx, credit.id, credit.currency, end)
        shares = rules.written_off(rest, funding_of(credit.id, credit.currency))
        lines = [Line(credit.account, rest), *(Line(account, -share) for account, share in shares.items())]
        enter(tx, end.id, f"credit_{kind}", credit.currency, lines)
    tx.commit()


def _give(given: Grant, key: IdempotencyKey) -> Credit:
    before: Credit | None = tables.fetch(store_credit_ref(given.customer_id, given.amount.currency))[0]
    tx = Transaction()
    after = grant(tx, before, given)
    tx.remember(key, after)
    tx.commit()
    return after


def _watch_expiry(tx: Transaction, credit: Credit) -> None:
    if credit.expires_at is not None:
        tx.emit_at(credit.expires_at, CreditExpiryReached(credit_id=credit.id, currency=credit.currency))


def _in_days(now: datetime, days: int | None) -> datetime | None:
    return None if days is None else now + timedelta(days=days)


def _secrets() -> tuple[str, ...]:
    return secret_values.accepted(settings.get().gift_card_secret, "DOORSTEP_GIFT_CARD_SECRET")

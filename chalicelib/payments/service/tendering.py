"""Split tender: what gift cards and store credit give towards an order, from its placement to its end.

place            credit: available → held, in the order's transaction
capture          held → redeemed, in the transaction that notes the capture
order ended      held → available, in the transaction that notes the void; written off where the credit has ended
refund           redeemed → available, in the refund's transaction
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, Contention, DomainError, Invalid, Violation
from chalicelib.kernel.money import Money
from chalicelib.payments import model
from chalicelib.payments.model import Method
from chalicelib.payments.model import credit as rules
from chalicelib.payments.model.credit import CreditPart, Kind, Movement, State, Till, Wanted
from chalicelib.payments.model.ledger import Line
from chalicelib.payments.service.credit import (
    Grant,
    check_wrong_codes,
    count_wrong_code,
    find_card_ids,
    funding_of,
    grant,
    store_credit_ref,
)
from chalicelib.payments.service.credit_entries import enter, note
from chalicelib.payments.tables import credit as rows
from chalicelib.payments.tables.credit import CreditRow, MovementRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.kernel.transaction import Transaction
    from chalicelib.payments.model import Payment
    from chalicelib.payments.model.credit import Credit


class Tender(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer wants to pay with; ``amount`` (minor units) None is as much as is there and is needed."""

    method: Literal["gift_card", "store_credit", "card"]
    code: str = ""
    amount: int | None = None


class TenderPlan(msgspec.Struct, frozen=True, kw_only=True):
    """An order's tenders before their balances were read: ``refs`` is what to read of them, in one request."""

    customer_id: str
    total: Money
    tenders: tuple[Tender, ...]
    card_ids: tuple[tuple[str, ...], ...]
    refs: tuple[tables.Ref[Any], ...]

    def settle(self, read: Sequence[Any], merchant_id: str) -> tuple[CreditPart, ...]:
        """What each credit gives, of what was ``read``; the rest is for the card.

        Raises ``Invalid`` with every fault at once, and ``too_many_wrong_codes``.
        """
        if not self.tenders:
            return ()
        wrong, *balances = read
        if any(self.card_ids):
            check_wrong_codes(wrong)
        found = iter(balances)
        wanted = []
        for number, (tender, card_ids) in enumerate(zip(self.tenders, self.card_ids, strict=True)):
            if tender.method == "card":
                continue
            looked_at = [next(found) for _ in card_ids or (("own",) if tender.method == "store_credit" else ())]
            credit: Credit | None = next((each for each in looked_at if each is not None), None)
            kind = Kind(tender.method)
            wanted.append(Wanted(pointer=f"/tenders/{number}", kind=kind, credit=credit, amount=tender.amount))
            if card_ids and credit is None:
                count_wrong_code(self.customer_id)
        till = Till(total=self.total.amount, currency=self.total.currency, merchant_id=merchant_id, now=clock.now())
        parts, violations = rules.apply(till, wanted)
        violations = [*violations, *([] if violations else self._check_rest(parts))]
        if violations:
            raise Invalid(violations)
        return parts

    def _check_rest(self, parts: Sequence[CreditPart]) -> list[Violation]:
        rest = self.total.amount - sum(part.amount for part in parts)
        if not rest and parts:
            return []
        if not rest:
            return [Violation("nothing_to_pay", "/tenders", "This order costs nothing: choose another way to pay.")]
        params = {"left_to_pay": rest}
        if all(tender.method != "card" for tender in self.tenders):
            detail = "The tenders don't cover the order: add a card."
            return [Violation("tenders_do_not_cover", "/tenders", detail, params)]
        if not model.can_pay(Method.CARD, Money(rest, self.total.currency)):
            detail = "What is left is less than a card can be charged: state smaller amounts."
            return [Violation("rest_not_chargeable", "/tenders", detail, params)]
        return []


def plan_tenders(customer_id: str, total: Money, tenders: Sequence[Tender]) -> TenderPlan:
    """What an order's tenders are, and where their balances are read."""
    card_ids = tuple(find_card_ids(tender.code) if tender.method == "gift_card" else () for tender in tenders)
    refs: list[tables.Ref[Any]] = [rows.wrong_codes_ref(customer_id)] if tenders else []
    for tender, possible in zip(tenders, card_ids, strict=True):
        if tender.method == "store_credit":
            refs.append(store_credit_ref(customer_id, total.currency))
        else:
            refs.extend(map(rows.credit_ref, possible))
    return TenderPlan(customer_id=customer_id, total=total, tenders=tuple(tenders), card_ids=card_ids, refs=tuple(refs))


def covers(parts: Sequence[CreditPart], total: Money) -> bool:
    """Whether credits pay all of it."""
    return bool(parts) and sum(part.amount for part in parts) == total.amount


def hold(tx: Transaction, payment: Payment) -> None:
    """Set aside what an order's credits give, in the order's transaction. The error is ``insufficient_credit``."""
    now = clock.now()
    currency = payment.amount.currency
    for part in payment.credits:
        tx.update(
            CreditRow,
            *rows.credit_key(part.credit_id, currency),
            actions=[CreditRow.available.add(-part.amount), CreditRow.held.add(part.amount)],
            condition=rows.spendable(part.amount, now),
            error=_spent_meanwhile,
        )
        held = Movement(id=payment.order_id, kind=rules.HELD, amount=part.amount, at=now, order_id=payment.order_id)
        note(tx, part.credit_id, currency, held)


def _spent_meanwhile(item: dict[str, Any] | None) -> DomainError:
    left = int(item["available"]) if item and item.get("state") == State.ACTIVE.value else 0
    return Conflict("insufficient_credit", "This credit was spent meanwhile: place the order anew.", available=left)


def redeem(tx: Transaction, payment: Payment, due: int) -> int:
    """Take what an order's credits hold towards ``due`` minor units, and let the rest of the holds go. What was taken.

    Reads the credits where something is let go.
    """
    parts = rules.taken(payment.credits, due)
    total = sum(part.amount for part in parts)
    _end_holds(tx, payment, {part.credit_id: part.amount for part in parts})
    if total:
        lines = [Line(rules.account_of(part.credit_id), part.amount) for part in parts if part.amount]
        lines.append(Line(f"customer:{payment.order_id}", -total))
        enter(
            tx,
            payment.order_id,
            "credit_redeemed",
            payment.amount.currency,
            lines,
            order_id=payment.order_id,
            store_id=payment.store_id,
        )
    return total


def release(tx: Transaction, payment: Payment) -> None:
    """Let go of what an order that ended unfulfilled holds of its credits. Reads the credits."""
    _end_holds(tx, payment, {})


def refund_to_credit(tx: Transaction, payment: Payment, parts: Sequence[CreditPart], cause: str) -> None:
    """Give back to credits what was taken of them; ``cause`` is the refund's id. Reads the credits.

    What a card gave that has ended since goes to the customer's store credit, which the refund keeps from expiring.
    """
    if not parts:
        return
    currency = payment.amount.currency
    *credits_, own = tables.fetch(
        *(rows.credit_ref(part.credit_id, currency) for part in parts),
        store_credit_ref(payment.customer_id, currency),
    )
    homeless = 0
    for part, credit in zip(parts, credits_, strict=True):
        if credit is None or part.kind is Kind.STORE_CREDIT or _has_ended(credit):
            homeless += part.amount
        else:
            _refund_to_card(tx, payment, part, credit, cause)
    if homeless:
        back = Grant(
            customer_id=payment.customer_id,
            amount=Money(homeless, currency),
            funded_by=f"customer:{payment.order_id}",
            cause=cause,
            reason="refund",
            order_id=payment.order_id,
            kind=rules.REFUNDED,
        )
        grant(tx, own, back)


def _has_ended(credit: Credit) -> bool:
    return credit.state is not State.ACTIVE or credit.is_past(clock.now())


def refund_rest(tx: Transaction, payment: Payment) -> int:
    """Give back to credits all that is still to be given back of what they gave; how much."""
    _, parts = rules.give_back(
        rules.taken(payment.credits, payment.captured_minor),
        captured=payment.captured_minor,
        refunded=payment.refunded_minor,
        amount=payment.captured_minor - payment.refunded_minor,
    )
    refund_to_credit(tx, payment, parts, f"{payment.order_id}:end")
    return sum(part.amount for part in parts)


def _refund_to_card(tx: Transaction, payment: Payment, part: CreditPart, credit: Credit, cause: str) -> None:
    tx.update(
        CreditRow,
        *rows.credit_key(part.credit_id, credit.currency),
        actions=[CreditRow.available.add(part.amount)],
        condition=rows.unchanged(credit),
        error=Contention(),
    )
    back = Movement(
        id=cause, kind=rules.REFUNDED, amount=part.amount, at=clock.now(), order_id=payment.order_id, reason="refund"
    )
    note(tx, part.credit_id, credit.currency, back)
    enter(
        tx,
        f"{cause}:{part.credit_id}",
        "credit_refunded",
        credit.currency,
        [Line(f"customer:{payment.order_id}", part.amount), Line(credit.account, -part.amount)],
        order_id=payment.order_id,
        store_id=payment.store_id,
    )


def _end_holds(tx: Transaction, payment: Payment, taken: Mapping[str, int]) -> None:
    """End every hold of an order: ``taken`` of each credit is spent, the rest can be spent again, or has expired."""
    currency = payment.amount.currency
    loose = [part for part in payment.credits if part.amount > taken.get(part.credit_id, 0)]
    read = tables.fetch(*(rows.credit_ref(part.credit_id, currency) for part in loose)) if loose else ()
    lives: dict[str, Credit] = {credit.id: credit for credit in read if credit is not None}
    lost: list[Line] = []
    for part in payment.credits:
        spent = taken.get(part.credit_id, 0)
        rest = part.amount - spent
        credit = lives.get(part.credit_id)
        actions = [CreditRow.held.add(-part.amount)]
        condition = CreditRow.held >= part.amount
        if credit is not None:
            condition &= rows.unchanged(credit)
            if credit.state is State.ACTIVE:
                actions.append(CreditRow.available.add(rest))
            else:
                lost += _lose(tx, payment, credit, rest)
        key = rows.credit_key(part.credit_id, currency)
        tx.update(CreditRow, *key, actions=actions, condition=condition, error=Contention())
        tx.update(
            MovementRow,
            *rows.hold_key(part.credit_id, currency, payment.order_id),
            actions=[
                MovementRow.kind.set(rules.REDEEMED if spent else rules.RELEASED),
                MovementRow.amount.set(spent or part.amount),
                MovementRow.at.set(clock.epoch_ms(clock.now())),
            ],
            condition=MovementRow.kind == rules.HELD,
            error=Conflict("hold_ended", "This hold has ended before."),
        )
    if lost:
        enter(tx, payment.order_id, "credit_expired", currency, lost, order_id=payment.order_id)


def _lose(tx: Transaction, payment: Payment, credit: Credit, rest: int) -> list[Line]:
    """The lines that write off what comes back to a credit that has ended meanwhile."""
    end = Movement(id=payment.order_id, kind=rules.EXPIRED, amount=rest, at=clock.now(), order_id=payment.order_id)
    note(tx, credit.id, credit.currency, end)
    shares = rules.written_off(rest, funding_of(credit.id, credit.currency))
    return [Line(credit.account, rest), *(Line(account, -share) for account, share in shares.items())]

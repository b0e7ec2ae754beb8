"""The truth sweeper: orders, payments, ledger and Stripe are compared, and what is safe is put right.

It goes both ways. From here: every payment about which something waits to be done, by its index. From Stripe: every
intent, listed by when it was made, at several ages; so a payment that nobody here knows of is found, too. Nothing is
decided by what is missing here: a repair asks Stripe how things stand, and makes nothing that cannot be made twice.
What no rule decides becomes a case.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import DomainError, Unavailable, VersionConflict
from chalicelib.kernel.event_types import TruthSweepDue
from chalicelib.kernel.ids import is_id
from chalicelib.ordering.model import order as rules
from chalicelib.ordering.model import truth
from chalicelib.ordering.model.order import Change, Order
from chalicelib.ordering.model.truth import Due
from chalicelib.ordering.service.adjusting import follow_extra
from chalicelib.ordering.service.following import follow_payment, watch_deadline
from chalicelib.ordering.service.reviving import revive
from chalicelib.ordering.service.securing import is_overdue, watch_payment
from chalicelib.ordering.service.storing import save
from chalicelib.ordering.tables import order_ref
from chalicelib.payments import service as payments
from chalicelib.payments.service import Case, Finding, SeenIntent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.kernel.transaction import Transaction

logger = logging.getLogger(__name__)

_PAGE = 50
_MOST_PER_RUN = 100
_SECONDS_PER_PAGE = 12.0
# Payments younger than this are still being made.
_YOUNGEST = timedelta(minutes=15)


def sweep(due: TruthSweepDue) -> TruthSweepDue | None:
    """Look at a page of what is to be looked at, and put it right; where the next page begins, None after the last.

    A page ends early when its repairs take long: an invocation has its limit.
    """
    until = time.monotonic() + _SECONDS_PER_PAGE
    if due.phase == "payments":
        return _sweep_payments(due.shard, due.after, until) or TruthSweepDue(phase="intents")
    return _sweep_intents(due, until)


# --- from here --------------------------------------------------------------------------------------------------------


def _sweep_payments(shard: int, after: str, until: float) -> TruthSweepDue | None:
    looked = 0
    before = _id_at(_YOUNGEST)
    for number in range(shard, payments.shards_of_unsettled()):
        start = after if number == shard else ""
        while True:
            found = payments.unsettled_after(number, start, before, _PAGE)
            for order_id, order, payment in _read(found):
                if looked >= _MOST_PER_RUN or time.monotonic() > until:
                    return TruthSweepDue(phase="payments", shard=number, after=start)
                _attempt(order_id, lambda: _settle(order, payment))  # noqa: B023 (called at once)
                looked, start = looked + 1, order_id
            if len(found) < _PAGE:
                break
    return None


def _read(order_ids: list[str]) -> Iterator[tuple[str, Order | None, payments.Payment | None]]:
    refs = [ref for order_id in order_ids for ref in (order_ref(order_id), payments.payment_ref(order_id))]
    read = iter(tables.fetch(*refs) if refs else ())
    for order_id in order_ids:
        yield order_id, next(read), next(read)


def settle_order(order_id: str) -> None:
    """Do what is overdue about one order's payment."""
    ((_, order, payment),) = _read([order_id])
    _settle(order, payment)


def _settle(order: Order | None, payment: payments.Payment | None) -> None:
    if order is None or payment is None:
        return
    now = clock.now()
    if is_overdue(order, payment, now):
        watch_payment(order.id, f"sweep:payment:{order.id}.{order.version}.{payment.version}")
        return
    due = truth.due_about(order, payment, now)
    if due is None:
        return
    if now - truth.waits_since(order, payment) >= truth.STUCK:
        _tell(order, "repair_stuck", f"{order.id}/{due}", due=due.value, payment_state=payment.state.value)
    beside = _noting(order, due.value)
    if due is Due.DEADLINE:
        watch_deadline(order.id, f"sweep:{due}:{order.id}.{order.version}")
    elif due is Due.RELEASE:
        if not _revived(order, payment):
            payments.release_payment(order.id, beside)
    elif due is Due.REFUND:
        _settle_refunds(order)
    else:
        # Of a cancellation with a fee, too, what is left is taken and shared out.
        rider_id = truth.brought_by(order) if due is Due.CAPTURE else None
        payments.capture_payment(order.id, rider_id, beside)


def _settle_refunds(order: Order) -> None:
    for refund in payments.refunds_of(order.id):
        if refund.state == "pending":
            payments.settle_refund(order.id, refund.number, _noting(order, f"refund:{refund.number}"))
            return  # the order is another version now; the next sweep makes the next


def _revived(order: Order, payment: payments.Payment) -> bool:
    if not truth.may_be_revived(order, clock.now()) or not payment.uses_provider:
        return False
    state = payments.look_up_provider(payment)
    return state.is_authorised and revive(order, payment, state)


# --- from Stripe ------------------------------------------------------------------------------------------------------


def _sweep_intents(due: TruthSweepDue, until: float) -> TruthSweepDue | None:
    for number in range(due.shard, len(payments.AGES)):
        here = due if number == due.shard and due.until else _window(number)
        if here.until <= here.since:
            continue
        seen, after = payments.list_intents(here.since, here.until, here.after or None)
        done, put_off = _compare(seen, here.done, until)
        here = replace(here, put_off=here.put_off or put_off)
        if done < len(seen):
            return replace(here, done=done)
        if after is not None:
            return replace(here, after=after, done=0)
        if not here.put_off:
            payments.close_window(payments.AGES[number], here.until)
    return None


def _window(number: int) -> TruthSweepDue:
    since, until = payments.window_of(payments.AGES[number])
    return TruthSweepDue(phase="intents", shard=number, since=since, until=until)


def _compare(seen: list[SeenIntent], done: int, until: float) -> tuple[int, bool]:
    """Judge the intents of a page from a place on: how far it came, and whether something was put off."""
    rest = seen[done:]
    named = list(dict.fromkeys(order_id for each in rest if (order_id := each.claimed_by)))
    known = [order_id for order_id in named if is_id(order_id, "ord")]
    read = {order_id: (order, payment) for order_id, order, payment in _read(known)}
    tips = dict(zip(known, tables.fetch(*map(payments.tip_ref, known)), strict=True)) if known else {}
    put_off = False
    for number, each in enumerate(rest, done):
        order_id = each.claimed_by
        if order_id is None:
            continue  # not ours; what it took is told by the reconciliation
        _, payment = read.get(order_id, (None, None))
        if _judge(each, payment, tips.get(order_id)) is None:
            continue
        if time.monotonic() > until:
            return number, put_off
        if not _attempt(order_id, lambda: _act(each)):  # noqa: B023 (called at once)
            put_off = True
    return len(seen), put_off


def _judge(seen: SeenIntent, payment: payments.Payment | None, tip: payments.Tip | None) -> Finding | None:
    if seen.tip_of is not None:
        return payments.judge_tip(seen, tip)
    return payments.judge_extra(seen, payment) if seen.extra_of is not None else payments.judge(seen, payment)


def _act(seen: SeenIntent) -> None:
    """Judge an intent by what is known of its order at this moment, and do what is to be done."""
    order_id = seen.claimed_by or ""
    ((_, order, payment),) = _read([order_id])
    finding = _judge(seen, payment, tables.fetch(payments.tip_ref(order_id))[0])
    if finding is None:
        return
    try:
        _put_right(finding, seen, order, payment)
    except DomainError as error:
        if error.retryable or isinstance(error, VersionConflict):
            raise
        evidence = {"finding": finding.value, "code": error.code, "amount": seen.amount, "status": seen.status}
        payments.open_case(None, Case("repair_refused", seen.id, order_id=order_id, evidence=evidence))
        raise


def _put_right(finding: Finding, seen: SeenIntent, order: Order | None, payment: payments.Payment | None) -> None:
    if finding is Finding.NOBODYS_MONEY:
        store_id = order.store_id if order else None
        if payment is not None and payment.state is payments.State.VOIDED and seen.id == payment.intent_id:
            payments.return_late_payment(payment.order_id, seen.id)
            return
        payments.return_money(seen, store_id, _noting(order, f"returned:{seen.id}") if order else None)
    elif order is None or payment is None:
        return
    elif finding is Finding.TIP_NOT_RECORDED:
        payments.settle_tip(order.id, seen.id, _noting(order, f"tip:{seen.id}"))
    elif finding is Finding.NOT_FOLLOWED:
        if seen.extra_of is not None:
            follow_extra(order.id, seen.id, f"sweep:{seen.id}")
        elif order.status in rules.ENDED:
            _settle(order, payment)
        else:
            follow_payment(order.id, f"sweep:{seen.id}", seen.id)
    elif finding is Finding.TAKEN_EARLY:
        payments.adopt_capture(payment, _noting(order, f"adopted:{seen.id}"))
    elif finding is Finding.HOLD_LOST:
        if order.status not in rules.ENDED:
            _tell(order, "hold_lost", order.id, payment_intent=seen.id, amount=seen.amount, status=seen.status)
    else:
        _tell(order, "taken_after_failure", order.id, payment_intent=seen.id, received=seen.received)


# --- common -----------------------------------------------------------------------------------------------------------


def _noting(order: Order, what: str) -> Callable[[Transaction], None]:
    """Writes into a repair's transaction that the order's timeline tells of it."""

    def note(tx: Transaction) -> None:
        change = Change(rules.SYSTEM_ACTOR, clock.now(), f"sweep:{what}")
        if not order.knows(change.cause):
            save(tx, order, order.with_entry(rules.REPAIRED, change, what.partition(":")[0]))

    return note


def _tell(order: Order, kind: str, subject: str, **evidence: object) -> None:
    told = {"order_status": order.status.value, "total": order.total.amount, "currency": order.total.currency}
    payments.open_case(
        None, Case(kind, subject, order_id=order.id, store_id=order.store_id, evidence={**told, **evidence})
    )


def _attempt(order_id: str, act: Callable[[], None]) -> bool:
    """One order that cannot be put right now does not keep the others from it; a provider that is away does.

    False where it is to be tried again soon.
    """
    try:
        act()
    except Unavailable as error:
        if error.code == "payment_provider_unavailable":
            raise
        logger.warning("repair put off", extra={"order_id": order_id, "code": error.code})
        return False
    except VersionConflict:
        logger.info("moved meanwhile", extra={"order_id": order_id})
        return False
    except DomainError as error:
        logger.exception("repair refused", extra={"order_id": order_id, "code": error.code})
    return True


def _id_at(age: timedelta) -> str:
    """The order id of this age: those that are older come before it."""
    return ids.earliest("ord", clock.now() - age)

"""What must hold when a history is over, whatever happened in it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.kernel import clock, tables
from chalicelib.ordering.model.order import ENDED, Order, Status
from chalicelib.ordering.tables import document_ref, order_ref
from chalicelib.payments import service as payments
from chalicelib.payments.model import State, ledger
from chalicelib.payments.model.refunds import RefundState
from chalicelib.payments.model.tips import TipState
from chalicelib.payments.service.notices import REFUND_FAILED
from chalicelib.payments.tables.credit import credit_ref
from chalicelib.payments.tables.ledger import entries_under
from tests.payments.histories.stage import COUNTED, STOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.payments.model import Payment
    from tests.payments.histories.play import Ordered, Play

_CREDIT = ("credit_redeemed", "credit_refunded", "credit_expired")


def broken(play: Play) -> list[str]:
    """Everything that does not hold, in words; none is as it must be."""
    with play.stage.wires.quiet():
        return [*_books(play), *_bank(play), *_orders(play), *_credits(play), *_stock(play)]


def _books(play: Play) -> Iterator[str]:
    """The ledger is what was posted, each entry once, and all of it adds up to nothing."""
    wires, kept = play.stage.wires, {}
    for key in wires.entry_keys:
        kept |= {f"{key} LE#{entry.cause}#{entry.kind}": entry for entry in entries_under(key)}
    if kept != wires.entries:
        yield f"the ledger keeps {sorted(kept)} of {sorted(wires.entries)}"
    for currency, rest in payments.trial_balance(kept.values()).items():
        if rest:
            yield f"the trial balance of {currency} is {rest}"
    shop = play.stage.shop.id
    by_time = payments.all_entries_of_store(shop, play.began, clock.now() + timedelta(seconds=1))
    theirs = {entry.id: entry for entry in kept.values() if entry.store_id == shop and entry.concerns_store}
    if {entry.id: entry for entry in by_time} != theirs:
        yield "what the index of the store tells is not what the ledger has of it"


def _bank(play: Play) -> Iterator[str]:
    """What Stripe holds is what the ledger says; its fees are in the ledger."""
    told = play.stage.bank.summary()
    balances = payments.balances(play.stage.wires.entries.values())
    there = sum(sum(funds.values()) for funds in told["balances"].get("platform", {}).values())
    here = balances.get(ledger.CLEARING, 0)
    if here != there:
        fees, posted = sum(told["fees"].values()), balances.get(ledger.PROVIDER_FEES, 0)
        yield f"Stripe holds {there}, and the ledger says {here}; of fees of {fees}, it has {posted}"
    for case in play.stage.wires.cases.values():
        if case.kind == "difference" and case.state == "open":
            yield f"the reconciliation found a difference: {case.evidence}"
    for intent in told["intents"]:
        if intent["captures"] > 1:
            yield f"{intent['id']} was captured {intent['captures']} times"
        if intent["refunded"] > intent["captured"]:
            yield f"{intent['id']} gave back {intent['refunded']} of {intent['captured']}"


def _orders(play: Play) -> Iterator[str]:
    intents = play.stage.bank.summary()["intents"]
    for ordered in play.orders:
        if not ordered.id:
            continue
        order, payment, tip = tables.fetch(
            order_ref(ordered.id), payments.payment_ref(ordered.id), payments.tip_ref(ordered.id)
        )
        mine = [each for each in intents if each["metadata"].get("order_id") == ordered.id]
        if order is None:
            if mine or payment is not None:
                yield f"{ordered.number}: never placed, and there is money"
            continue
        # What was made behind a failure that Stripe keeps, nobody can ever pay: its secret was never told.
        mine = [each for each in mine if each["attempts"] or each["id"] in ordered.told]
        faults = [*_ends(order, payment, play), *_money(order, payment, mine), *_ledger(ordered, payment, tip, play)]
        yield from (f"{ordered.number}: {fault}" for fault in faults)


def _ends(order: Order, payment: Payment, play: Play) -> Iterator[str]:
    """Order and payment are over, and fit each other."""
    if order.status not in ENDED:
        yield f"the order is still {order.status}"
    fulfilled = order.status is Status.COMPLETED
    wanted = (State.CAPTURED, State.PARTIALLY_REFUNDED, State.REFUNDED) if fulfilled else (State.VOIDED, State.REFUNDED)
    if payment.state not in wanted and not _is_explained(order, payment, play):
        yield f"the order is {order.status}, and its payment {payment.state}"
    if payment.pending_minor:
        yield f"{payment.pending_minor} are still about to be refunded"
    if fulfilled != payment.is_fulfilled and payment.state is not State.REFUNDED:
        yield f"the order is {order.status}, and the payment says fulfilled: {payment.is_fulfilled}"


def _is_explained(order: Order, payment: Payment, play: Play) -> bool:
    """The bank had let go of the hold when the goods were handed over: a person looks at it."""
    cases = [case for case in play.stage.wires.cases.values() if case.order_id == order.id]
    return payment.state is State.FAILED and any(case.kind == "capture_failed" for case in cases)


def _money(order: Order, payment: Payment, intents: list[dict[str, Any]]) -> Iterator[str]:
    """Nothing is taken twice, or more than was held; the bank holds nothing any more."""
    if not 0 <= payment.refunded_minor <= payment.captured_minor <= max(payment.authorised_minor, 0):
        yield (
            f"refunded {payment.refunded_minor}, captured {payment.captured_minor}, "
            f"authorised {payment.authorised_minor}"
        )
    if len([each for each in intents if each["captured"]]) > 1:
        yield "it was paid twice"
    for each in intents:
        if each["status"] not in ("succeeded", "canceled"):
            yield f"{each['id']} can still be paid: it is {each['status']}"
    taken, back = sum(each["captured"] for each in intents), sum(each["refunded"] for each in intents)
    refunds = [each for each in payments.refunds_of(order.id) if each.state is RefundState.SETTLED]
    # The payment counts all tenders together; what the card paid is the rest of it.
    net = taken - back
    credit = payment.captured_credit_minor
    to_credit = sum(amount for refund in refunds for _, amount in refund.credits)
    if payment.state is State.REFUNDED:
        credit = to_credit = 0
    ours = payment.captured_minor - payment.refunded_minor - (credit - to_credit) if payment.uses_provider else 0
    # A refund that came back after days is the customer's still, and a case: another one is not made by itself.
    if ours + _came_back(payments.entries_of_order(order.id)) != net:
        yield f"Stripe has {taken} - {back} of it, and the payment {ours}"
    if payment.amount.amount < net:
        yield f"Stripe has {net} of an order of {payment.amount.amount}"


def _came_back(entries: list[payments.Entry]) -> int:
    return sum(entry.on(ledger.CLEARING) for entry in entries if entry.kind == REFUND_FAILED)


def _ledger(ordered: Ordered, payment: Payment, tip: payments.Tip | None, play: Play) -> Iterator[str]:
    """The customer owes nothing and is owed nothing; cash is where it was paid."""
    entries = payments.entries_of_order(ordered.id)
    balances = payments.balances(entries)
    owed = balances.get(ledger.customer(ordered.id), 0)
    if owed and payment.state is State.FAILED:
        unpaid = payment.amount.amount - payment.captured_minor
        if owed != unpaid:
            yield f"the customer's account stands at {owed}, and {unpaid} were not paid"
    elif owed != -_came_back(entries):
        yield f"the customer's account stands at {owed}: {[(e.cause, e.kind, e.lines) for e in entries]}"
    cash = sum(amount for account, amount in balances.items() if account.startswith("cash:"))
    if not payment.uses_provider:
        net = payment.captured_minor - payment.refunded_minor
        by_credit = -sum(
            entry.on(account) for entry in entries if entry.kind in _CREDIT
            for account in {line.account for line in entry.lines} if account.startswith("customer:")
        )  # fmt: skip
        if cash != net - by_credit:
            yield f"{cash} in cash of {net}, of which {by_credit} by credit"
    elif cash:
        yield f"{cash} in cash for an order that was not paid in cash"
    there = sum(
        each["captured"] - each["refunded"]
        for each in play.stage.bank.summary()["intents"]
        if each["metadata"].get("tip_of") == ordered.id
    )
    told = tip.paid_minor if tip is not None and tip.state is TipState.CAPTURED else 0
    if there != told:
        yield f"Stripe has {there} of its tip, and {told} are known"


def _credits(play: Play) -> Iterator[str]:
    """No credit is below nothing, none is held any more, and the ledger owes what is there."""
    balances = payments.balances(play.stage.wires.entries.values())
    for credit in play.stage.credits:
        found = tables.fetch(credit_ref(credit.id, "EUR"))[0]
        if found.available < 0 or found.held:
            yield f"{credit.id} has {found.available} and holds {found.held}"
        owed = -balances.get(found.account, 0)
        if owed != found.available:
            yield f"{credit.id} has {found.available}, and the ledger owes {owed}"


def _stock(play: Play) -> Iterator[str]:
    """What is not sold is there."""
    sold: Counter[str] = Counter()
    for ordered in play.orders:
        order = tables.fetch(order_ref(ordered.id))[0] if ordered.id else None
        if order is not None and order.status not in (Status.CANCELLED, Status.REJECTED):
            sold.update(tables.fetch(document_ref(order.customer_id, order.id))[0].counted)
    for sku in COUNTED:
        left = play.stage.shop.left(sku)
        if left != STOCK - sold[sku]:
            yield f"{left} of {sku} are left of {STOCK}, and {sold[sku]} are sold"

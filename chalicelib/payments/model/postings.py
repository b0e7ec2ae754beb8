"""Which entries a fact leaves in the ledger: pure functions from what happened to balanced lines.

A sale's lines carry what they are about, so that a refund can undo the same parts of it: ``items`` and ``fees`` without
their taxes, ``items_tax``, ``fees_tax``, ``tip``, ``commission``, ``commission_tax``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from chalicelib.kernel.money import allocate
from chalicelib.payments.model import ledger
from chalicelib.payments.model.bill import RateSum
from chalicelib.payments.model.ledger import Entry, Line, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from chalicelib.payments.model.bill import Sums
    from chalicelib.payments.model.payment import Payment
    from chalicelib.payments.model.terms import Terms

Payer = Literal["store", "platform", "rider", "supplier"]

_COMMISSION = ("commission", "commission_tax")
_TAXES = ("items_tax", "fees_tax")
# What a refund's payer does not make good: commission that is not earned any more, tax that is not due any more.
_NOBODYS_LOSS = (*_COMMISSION, *_TAXES)


def entry_of(
    payment: Payment, cause: str, kind: str, at: datetime, *, lines: tuple[Line, ...] = (), memo: str = ""
) -> Entry:
    """An entry about an order's payment."""
    return Entry(
        id=f"{payment.order_id}:{cause}:{kind}",
        cause=cause,
        kind=kind,
        at=at,
        currency=payment.amount.currency,
        lines=lines,
        order_id=payment.order_id,
        store_id=payment.store_id,
        rider_id=payment.rider_id,
        memo=memo,
    )


def authorised(payment: Payment, at: datetime, cause: str = "authorise") -> Entry:
    """The customer's bank holds the money: nothing has moved."""
    return entry_of(payment, cause, ledger.AUTHORISED, at, memo=str(payment.authorised_minor))


def voided(payment: Payment, at: datetime) -> Entry:
    """The hold was let go: nothing has moved."""
    return entry_of(payment, "release", ledger.VOIDED, at, memo=str(payment.authorised_minor))


def collected(payment: Payment, amount: int, at: datetime) -> Entry:
    """The money was taken: by the provider, by the rider at the door, or at the till. Credits are entered apart."""
    paid_to, kind = _where(payment)
    lines = lines_of((paid_to, amount, "payment"), (ledger.customer(payment.order_id), -amount, "payment"))
    return entry_of(payment, "collect", kind, at, lines=lines)


def sold(payment: Payment, terms: Terms, at: datetime) -> list[Entry]:
    """The goods changed hands: who gets what of their price. A rider's pay is an entry of its own."""
    sums, goods = payment.sums, ledger.store(payment.store_id)
    commission, commission_tax = terms.commission_on(sums, payment.mode)
    fees_to = goods if terms.fees_to == "store" else ledger.PLATFORM
    tip_to = ledger.rider(payment.rider_id) if payment.rider_id else goods
    goods_tax_to = goods if terms.goods_tax_by == "store" else ledger.PLATFORM_TAX
    fees_tax_to = goods_tax_to if terms.fees_to == "store" else ledger.PLATFORM_TAX
    lines = lines_of(
        (ledger.customer(payment.order_id), sums.total, "payment"),
        (goods, -(sums.items - sums.items_tax), "items"),
        (goods_tax_to, -sums.items_tax, "items_tax"),
        (fees_to, -(sums.fees - sums.fees_tax), "fees"),
        (fees_tax_to, -sums.fees_tax, "fees_tax"),
        (tip_to, -sums.tip, "tip"),
        (goods, commission, "commission"),
        (ledger.PLATFORM, -commission, "commission"),
        (goods, commission_tax, "commission_tax"),
        (ledger.PLATFORM_TAX, -commission_tax, "commission_tax"),
    )
    sale = entry_of(payment, "hand_over", ledger.SALE, at, lines=lines)
    entries = [replace(sale, rates=payment.rates, terms_version=payment.terms_version)]
    earned = terms.rider_earns(sums) if payment.rider_id else 0
    if payment.rider_id and earned:
        pay = lines_of((fees_to, earned, "rider_pay"), (ledger.rider(payment.rider_id), -earned, "rider_pay"))
        entries.append(entry_of(payment, "hand_over", ledger.RIDER_PAY, at, lines=pay))
    return entries


def returned(payment: Payment, amount: int, at: datetime, cause: str = "release") -> Entry:
    """Money that had been taken for goods that were never handed over goes back."""
    paid_to, _ = _where(payment)
    lines = lines_of((ledger.customer(payment.order_id), amount, "payment"), (paid_to, -amount, "payment"))
    return entry_of(payment, cause, ledger.REFUNDED, at, lines=lines)


def refunded(
    payment: Payment,
    cause: str,
    sums: Sums,
    posted: Iterable[Entry],
    at: datetime,
    *,
    back: int,
    payer: Payer | None,
    memo: str = "",
    rates: Iterable[RateSum] = (),
) -> Entry:
    """Part of a sale is undone, and its price goes back: ``back`` the way it came, the rest to credits that gave it.

    Each party gives back what it got of this part by the entries ``posted`` for the order; then the ``payer`` makes
    good what the others gave back. The last refund gives back the last cent of everything, commission included.
    ``rates`` is what is given back by tax rate.
    """
    left = _left_of_sale(posted)
    wanted = {
        "items": sums.items - sums.items_tax,
        "items_tax": sums.items_tax,
        "fees": sums.fees - sums.fees_tax,
        "fees_tax": sums.fees_tax,
        "tip": sums.tip,
    }
    items_left = -sum(amount for (_, about), amount in left.items() if about == "items")
    undone: list[tuple[str, int, str]] = []
    for (account, about), amount in left.items():
        if about in wanted:
            undone.append((account, min(wanted[about], -amount), about))
        elif about in _COMMISSION:
            part = _part(abs(amount), wanted["items"], items_left)
            undone.append((account, part if amount < 0 else -part, about))
    paid_to, _ = _where(payment)
    taken = sum(amount for _, amount, _ in undone)
    # What no sale accounts for (the provider held more than was sold) is the customer's own.
    rest = sums.total - taken
    to_credits = sums.total - back
    lines = [
        *undone,
        (ledger.customer(payment.order_id), rest - to_credits, "payment"),
        (paid_to, -back, "payment"),
    ]
    if payer is not None:
        lines += _made_good(undone, account_of(payment, payer))
    entry = entry_of(payment, cause, ledger.REFUNDED, at, lines=lines_of(*lines), memo=memo)
    undone_by_rate = tuple(RateSum(each.rate_bps, -each.gross, -each.tax) for each in rates)
    return replace(entry, rates=undone_by_rate, terms_version=payment.terms_version)


def tipped(payment: Payment, cause: str, amount: int, at: datetime) -> Entry:
    """A tip that was paid by itself: to the rider who brought the order, or else to the store."""
    getter = ledger.rider(payment.rider_id) if payment.rider_id else ledger.store(payment.store_id)
    lines = lines_of((ledger.CLEARING, amount, "tip"), (getter, -amount, "tip_apart"))
    return entry_of(payment, cause, ledger.TIPPED, at, lines=lines)


def tip_put_by(payment: Payment, cause: str, amount: int, at: datetime) -> Entry:
    """A tip that was paid before anybody has earned it."""
    lines = lines_of((ledger.CLEARING, amount, "tip"), (ledger.customer(payment.order_id), -amount, "tip_apart"))
    return entry_of(payment, cause, ledger.TIPPED, at, lines=lines)


def tip_shared(payment: Payment, cause: str, amount: int, at: datetime) -> Entry:
    """A tip that was put by is earned."""
    lines = lines_of((ledger.customer(payment.order_id), amount, "tip_apart"), (_tipped(payment), -amount, "tip_apart"))
    return entry_of(payment, cause, ledger.TIP_SHARED, at, lines=lines)


def tip_returned(payment: Payment, cause: str, amount: int, at: datetime) -> Entry:
    """A tip has gone back, from who had it."""
    had = _tipped(payment) if payment.is_fulfilled else ledger.customer(payment.order_id)
    lines = lines_of((had, amount, "tip_apart"), (ledger.CLEARING, -amount, "tip"))
    return entry_of(payment, cause, ledger.TIP_REFUNDED, at, lines=lines)


def _tipped(payment: Payment) -> str:
    return ledger.rider(payment.rider_id) if payment.rider_id else ledger.store(payment.store_id)


def written_off(payment: Payment, amount: int, at: datetime) -> Entry:
    """What is too little to be charged is given to the customer, at the platform's expense."""
    lines = lines_of((ledger.PROMOTIONS, amount, "payment"), (ledger.customer(payment.order_id), -amount, "payment"))
    return entry_of(payment, "collect", ledger.WRITTEN_OFF, at, lines=lines)


def _where(payment: Payment) -> tuple[str, str]:
    """The account that the customer pays into, and what kind of entry that makes."""
    if payment.is_online:
        return ledger.CLEARING, ledger.CAPTURED
    if payment.rider_id:
        return ledger.purse(payment.rider_id), ledger.CASH_COLLECTED
    return ledger.till(payment.store_id), ledger.CASH_COLLECTED


def _left_of_sale(posted: Iterable[Entry]) -> dict[tuple[str, str], int]:
    """What each account still has of the sale, by what it is about."""
    left: dict[tuple[str, str], int] = {}
    for entry in posted:
        if entry.kind in (ledger.SALE, ledger.REFUNDED):
            for line in entry.lines:
                if line.about not in ("payment", "made_good"):
                    key = (line.account, line.about)
                    left[key] = left.get(key, 0) + line.amount
    return {key: amount for key, amount in left.items() if amount}


def _part(amount: int, part: int, whole: int) -> int:
    """As much of an amount as a part is of a whole; all of it with the last part."""
    if whole <= 0 or part >= whole:
        return amount
    return allocate(amount, [part, whole - part])[0]


def account_of(payment: Payment, payer: Payer) -> str:
    """The account of who bears a loss."""
    if payer == "store":
        return ledger.store(payment.store_id)
    if payer == "rider" and payment.rider_id:
        return ledger.rider(payment.rider_id)
    if payer == "supplier":
        return ledger.supplier(payment.store_id)
    return ledger.PLATFORM


def _made_good(undone: list[tuple[str, int, str]], payer: str) -> list[tuple[str, int, str]]:
    """What the payer gives the others for what they gave back."""
    losses = [(account, amount) for account, amount, about in undone if about not in _NOBODYS_LOSS and account != payer]
    return [(account, -amount, "made_good") for account, amount in losses] + [
        (payer, sum(amount for _, amount in losses), "made_good")
    ]

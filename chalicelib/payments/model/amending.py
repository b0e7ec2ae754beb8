"""What becomes of a bill before the hand-over: pieces that are missing, weighed, or replaced by something else.

An amendment makes two bills: ``wanted`` is as the store would have it, ``unasked`` needs nobody's consent. It has no
substitute that the customer has to be asked about, and nothing in it costs more than before. They are the same where
there is nothing to ask. Amounts are minor units.
"""

from __future__ import annotations

from collections.abc import Mapping  # resolved at run time by msgspec
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.kernel.errors import Conflict, Invalid, Violation
from chalicelib.kernel.money import allocate
from chalicelib.payments.model.apportion import by_quantity
from chalicelib.payments.model.bill import Bill, BillLine

if TYPE_CHECKING:
    from chalicelib.payments.model.apportion import Share

MOST_LINES = 100  # a line's name on the bill has two digits at most


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """What all pieces of a line that are on the bill really cost."""

    ref: str
    gross: int
    tax: int


class Swap(msgspec.Struct, frozen=True, kw_only=True):
    """Pieces of a line that something else replaces: at most at their price, or at its own if the customer agrees."""

    ref: str
    quantity: int
    by: BillLine
    asks: bool


class Amendment(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is changed at once: pieces missing by the line's ``ref``, lines weighed, pieces swapped."""

    missing: Mapping[str, int] = {}
    weighed: tuple[Weighed, ...] = ()
    swaps: tuple[Swap, ...] = ()


class Amended(msgspec.Struct, frozen=True, kw_only=True):
    """The bill that the store wants, the one that needs no consent, and what the first asks beyond the limit."""

    wanted: Bill
    unasked: Bill
    extra: int = 0

    @property
    def asks(self) -> bool:
        """Whether the customer has to be asked."""
        return self.wanted != self.unasked


def amend(bill: Bill, change: Amendment, *, ceiling: int, least_extra: int) -> Amended:
    """The bills that an amendment makes. Up to ``ceiling`` may be taken without asking.

    Less than ``least_extra`` beyond that can't be paid apart: the store bears it. Raises ``nothing_left`` where the
    order should be cancelled instead, or ``Invalid``.
    """
    wanted = _apply(bill, change, unasked=False)
    if not has_goods(wanted):
        raise Conflict("nothing_left", "Nothing would be left of this order: cancel it.")
    excess = wanted.total - ceiling
    if 0 < excess < least_extra:
        wanted, excess = _shaved(wanted, bill, excess), 0
    if excess <= 0 and not any(swap.asks for swap in change.swaps):
        return Amended(wanted=wanted, unasked=wanted)
    return Amended(wanted=wanted, unasked=_apply(bill, change, unasked=True), extra=max(excess, 0))


def has_goods(bill: Bill) -> bool:
    """Whether anything that was ordered is left on a bill."""
    return any(line.gross for line in bill.lines)


def _apply(bill: Bill, change: Amendment, *, unasked: bool) -> Bill:
    after = bill.less(by_quantity(bill, change.missing, "/missing"))
    for number, swap in enumerate(change.swaps):
        taken = _swapped(after, swap, f"/substituted/{number}")
        after = after.less(taken)
        if unasked and swap.asks:
            continue
        by = swap.by if swap.asks else _capped(swap.by, sum(share.gross for share in taken))
        if len(after.lines) >= MOST_LINES:
            raise Invalid([Violation("too_many_substitutes", f"/substituted/{number}", "The bill is too long.")])
        after = replace(after, lines=(*after.lines, replace(by, ref=str(len(after.lines)))))
    prices = {weighed.ref: weighed for weighed in change.weighed}
    return replace(after, lines=tuple(_weighed(line, prices.get(line.ref), unasked=unasked) for line in after.lines))


def _swapped(bill: Bill, swap: Swap, pointer: str) -> list[Share]:
    """What is taken off the bill for a substitute."""
    line = next((line for line in bill.lines if line.ref == swap.ref), None)
    if line is None:
        detail = "There is no such line on this bill."
        raise Invalid([Violation("line_not_on_bill", f"{pointer}/line", detail, {"line": swap.ref})])
    if swap.quantity > line.quantity:
        params = {"line": swap.ref, "left": line.quantity}
        detail = f"Only {line.quantity} are left of this line."
        raise Invalid([Violation("quantity_not_left", f"{pointer}/quantity", detail, params)])
    return by_quantity(bill, {swap.ref: swap.quantity})


def _weighed(line: BillLine, price: Weighed | None, *, unasked: bool) -> BillLine:
    if price is None or (unasked and price.gross > line.gross):
        return line
    return replace(line, gross=price.gross, tax=price.tax)


def _capped(line: BillLine, most: int) -> BillLine:
    """A line at a price of at most so much, with as much less tax."""
    if line.gross <= most:
        return line
    return replace(line, gross=most, tax=allocate(line.tax, [most, line.gross - most])[0] if most else 0)


def _shaved(wanted: Bill, before: Bill, excess: int) -> Bill:
    """The bill with so much less for what became dearer, the dearest change first."""
    old = {line.ref: line.gross for line in before.lines}
    rises = sorted(wanted.lines, key=lambda line: line.gross - old.get(line.ref, 0), reverse=True)
    less: dict[str, BillLine] = {}
    for line in rises:
        part = min(excess, max(0, line.gross - old.get(line.ref, 0)))
        less[line.ref] = _capped(line, line.gross - part)
        excess -= part
    return replace(wanted, lines=tuple(less[line.ref] for line in wanted.lines))

"""Taking part of a bill, to the minor unit: a quantity of some lines, or an amount of all.

Each taking is computed on what earlier ones have left, by largest remainder: the last one takes the rest. So in
whatever way a bill is taken apart, its pieces add up to exactly the bill, part by part and tax rate by tax rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chalicelib.kernel.errors import Invalid, Violation
from chalicelib.kernel.money import allocate
from chalicelib.payments.model.bill import DELIVERY_FEE, SMALL_ORDER_FEE, TIP, Sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.payments.model.bill import Bill, BillLine


class Share(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    rename={"ref": "r", "gross": "g", "tax": "t", "tax_rate_bps": "b", "quantity": "q"},
):
    """What is taken of a part of a bill: so many minor units, of which tax; and so many pieces, where it is told."""

    ref: str
    gross: int
    tax: int = 0
    tax_rate_bps: int = 0
    quantity: int = 0


def by_quantity(left: Bill, wanted: Mapping[str, int], pointer: str = "/lines") -> list[Share]:
    """The shares of so many pieces of each part, by its ``ref``, of what is left of a bill.

    Pieces that cost unequal cents cost more first. Raises ``Invalid`` for a part that is not on the bill, or for more
    pieces than are left of it; ``pointer`` leads to the list that named them.
    """
    parts = {part.ref: part for part in left.parts}
    faults = []
    shares = []
    for number, (ref, quantity) in enumerate(wanted.items()):
        part = parts.get(ref)
        if part is None:
            detail = "There is no such line on this bill."
            faults.append(Violation("line_not_on_bill", f"{pointer}/{number}/line", detail, {"line": ref}))
        elif quantity > part.quantity:
            params = {"line": ref, "left": part.quantity}
            detail = f"Only {part.quantity} are left of this line."
            faults.append(Violation("quantity_not_left", f"{pointer}/{number}/quantity", detail, params))
        elif quantity:
            gross = sum(allocate(part.gross, [1] * part.quantity)[:quantity])
            shares.append(_share(part, gross, quantity))
    if faults:
        raise Invalid(faults)
    return shares


def by_amount(left: Bill, amount: int) -> list[Share]:
    """The shares of an amount, in proportion over every part of what is left of a bill.

    Raises ``Invalid`` for more than is left.
    """
    total = left.total
    if amount > total:
        params = {"left_minor": total}
        raise Invalid([Violation("amount_not_left", "/amount/amount", f"Only {total} minor units are left.", params)])
    parts = [part for part in left.parts if part.gross]
    if not parts:
        return []
    split = allocate(amount, [part.gross for part in parts])
    return [_share(part, gross, 0) for part, gross in zip(parts, split, strict=True) if gross]


def all_of(left: Bill) -> list[Share]:
    """The shares of everything that is left."""
    return [
        Share(part.ref, part.gross, part.tax, part.tax_rate_bps, part.quantity) for part in left.parts if part.gross
    ]


def sums_of(shares: Iterable[Share]) -> Sums:
    """Shares of a bill summed up."""
    sums = dict.fromkeys(("items", "items_tax", "fees", "fees_tax", "tip"), 0)
    for share in shares:
        kind = _KINDS.get(share.ref, "items")
        sums[kind] += share.gross
        if kind != "tip":
            sums[f"{kind}_tax"] += share.tax
    return Sums(**sums)


_KINDS = {DELIVERY_FEE: "fees", SMALL_ORDER_FEE: "fees", TIP: "tip"}


def _share(part: BillLine, gross: int, quantity: int) -> Share:
    # Neither more tax than money is taken, nor more is left: a part's tax is never more than the part.
    tax = allocate(part.tax, [gross, part.gross - gross])[0] if gross else 0
    return Share(part.ref, gross, tax, part.tax_rate_bps, quantity)

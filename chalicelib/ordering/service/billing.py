"""What a customer was quoted, as the payment centre's bill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel.money import allocate
from chalicelib.payments import service as payments

if TYPE_CHECKING:
    from chalicelib.ordering.model.quote import Quote


def bill_of(quote: Quote) -> payments.Bill:
    """The bill of a quote: every minor unit of its breakdown, on the line or fee that it is charged for.

    A tax category's tax was rounded once, on its sum; here it is apportioned by largest remainder to what is charged in
    the category, so that the parts' taxes add up to it exactly.
    """
    lines = enumerate(quote.lines)
    charged = [(str(number), line.quantity, line.total_minor, line.tax_category) for number, line in lines]
    fees = (
        (payments.DELIVERY_FEE, quote.breakdown.delivery_fee_minor),
        (payments.SMALL_ORDER_FEE, quote.breakdown.small_order_fee_minor),
    )
    charged += [(ref, 1, amount, quote.fee_category) for ref, amount in fees if amount]
    taxes = _taxes(quote, [(amount, category) for _, _, amount, category in charged])
    rates = {tax.category: tax.rate for tax in quote.breakdown.taxes}
    parts = tuple(
        payments.BillLine(
            ref=ref,
            quantity=quantity,
            gross=amount if quote.breakdown.tax_included else amount + tax,
            tax=tax,
            tax_rate_bps=rates.get(category, 0),
        )
        for (ref, quantity, amount, category), tax in zip(charged, taxes, strict=True)
    )
    count = len(quote.lines)
    return payments.Bill(
        currency=quote.currency, lines=parts[:count], fees=parts[count:], tip=quote.breakdown.tip_minor
    )


def _taxes(quote: Quote, charged: list[tuple[int, str]]) -> list[int]:
    """Each part's tax."""
    taxes = [0] * len(charged)
    for tax in quote.breakdown.taxes:
        members = [number for number, (_, category) in enumerate(charged) if category == tax.category]
        split = allocate(tax.tax_minor, [charged[number][0] for number in members])
        for number, share in zip(members, split, strict=True):
            taxes[number] = share
    return taxes

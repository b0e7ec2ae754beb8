"""Which of an invoice's words outlive its customer's data: what the law on invoices wants kept, and no more.

Up to a bound a simplified invoice need not name its recipient (Council Directive 2006/112/EC, Articles 220a, 226b and
238: 100 euros everywhere, up to 400 where a country says so). Beyond it a full invoice names who received it, and the
seller keeps it as long as tax law says; that duty goes before a customer's right to be forgotten (GDPR, Article 17(3)).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from chalicelib.payments.model.invoices import Invoice

# Longer than tax law asks anywhere in the EU but for goods of long use; counted from the end of the year of issue.
KEPT_YEARS: Final = 10
# Minor units, by country and currency. Where nothing is said here, the directive's least is taken.
_SIMPLIFIED_UP_TO: Final = {
    ("AT", "EUR"): 400_00,
    ("BE", "EUR"): 100_00,
    ("DE", "EUR"): 250_00,
    ("ES", "EUR"): 400_00,
    ("IT", "EUR"): 400_00,
    ("NL", "EUR"): 100_00,
    ("GB", "GBP"): 250_00,
    ("CH", "CHF"): 400_00,
}
_LEAST: Final = 100_00


def must_name_recipient(invoice: Invoice) -> bool:
    """Whether the law wants the recipient's name and address on it."""
    return invoice.total > _SIMPLIFIED_UP_TO.get((invoice.country, invoice.currency), _LEAST)


def kept_until(invoice: Invoice) -> datetime:
    """The end of its retention."""
    return datetime(invoice.issued_at.year + KEPT_YEARS + 1, 1, 1, tzinfo=UTC)

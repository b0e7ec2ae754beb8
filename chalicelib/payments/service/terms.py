"""What is agreed with a merchant: said once for orders to come, never changed for those that were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import VersionConflict
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments.model.terms import DEFAULT, Schedule, Terms
from chalicelib.payments.tables.terms import TermsRow, terms_ref, to_terms_row
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from chalicelib.kernel.idempotency import IdempotencyKey


def agree_on_terms(merchant_id: str, terms: Terms, key: IdempotencyKey) -> tuple[str, Schedule]:
    """Add the next version of a merchant's terms.

    Raises ``merchant_not_found``, or ``Invalid`` for dates that are over or taken.
    """
    stores.get_merchant(merchant_id)
    before = get_terms(merchant_id)
    after = before.extended(terms, clock.now())
    first = TermsRow.pk.does_not_exist()
    tx = Transaction()
    tx.put(
        to_terms_row(merchant_id, after),
        TermsRow.version == len(before.versions) if before.versions else first,
        VersionConflict("terms", merchant_id),
    )
    agreed = (merchant_id, after)
    tx.remember(key, agreed)
    tx.commit()
    return agreed


def get_terms(merchant_id: str) -> Schedule:
    """Every version of a merchant's terms."""
    schedule: Schedule = tables.fetch(terms_ref(merchant_id))[0]
    return schedule


def terms_of(merchant_id: str, version: int) -> Terms:
    """The terms that an order was placed under. Version 0 costs no request."""
    return DEFAULT if version == 0 else get_terms(merchant_id).version(version)

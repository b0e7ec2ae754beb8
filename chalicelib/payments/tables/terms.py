"""Merchants' terms at rest: pk MER#<merchant id>, sk TERMS, every version in one item; versions are only added."""

from __future__ import annotations

import msgspec
from pynamodb.attributes import NumberAttribute

from chalicelib.kernel import tables
from chalicelib.payments.model.terms import Schedule

TERMS = "TERMS"


class TermsRow(tables.Row):
    """All versions of a merchant's terms; ``version`` is the number of the last."""

    class Meta(tables.Meta):
        context = "payments"

    version = NumberAttribute()
    body = tables.JsonZ(attr_name="b")


def terms_key(merchant_id: str) -> str:
    """The partition of what is agreed with a merchant."""
    return f"MER#{merchant_id}"


def terms_ref(merchant_id: str) -> tables.Ref[Schedule]:
    """Where a merchant's terms are read; one without any has the default ones."""
    return tables.Ref(TermsRow, terms_key(merchant_id), TERMS, of_terms_row)


def to_terms_row(merchant_id: str, schedule: Schedule) -> TermsRow:
    """The item of a merchant's terms."""
    return TermsRow(
        pk=terms_key(merchant_id),
        sk=TERMS,
        version=len(schedule.versions),
        body=msgspec.to_builtins(schedule.versions),
    )


def of_terms_row(row: TermsRow | None) -> Schedule:
    """The terms in an item."""
    if row is None:
        return Schedule()
    return msgspec.convert({"versions": row.body}, Schedule)

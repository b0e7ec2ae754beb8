"""Merchants: who owns stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import Conflict, NotFound, VersionConflict
from chalicelib.kernel.transaction import Transaction
from chalicelib.stores.model import Merchant
from chalicelib.stores.tables import MERCHANT_SK, MerchantRow, merchant_of, merchant_pk, merchant_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.kernel.idempotency import IdempotencyKey


def create_merchant(name: str, owner_id: str, key: IdempotencyKey | None = None) -> Merchant:
    """Register a merchant for the user who owns it."""
    merchant = Merchant(id=ids.new_id("mer"), name=name, owner_id=owner_id, created_at=clock.now())
    tx = Transaction()
    tx.put(
        merchant_row(merchant),
        MerchantRow.pk.does_not_exist(),
        Conflict("merchant_exists", "There is such a merchant already."),
    )
    if key:
        tx.remember(key, merchant)
    tx.commit()
    return merchant


def get_merchant(merchant_id: str) -> Merchant:
    """A merchant. Raises ``merchant_not_found``."""
    row = tables.get(MerchantRow, merchant_pk(merchant_id), MERCHANT_SK)
    if row is None:
        raise NotFound("merchant", merchant_id)
    return merchant_of(row)


def merchant_ref(merchant_id: str) -> tables.Ref[Merchant | None]:
    """Where a merchant is read, for callers that read several things in one request."""
    return tables.Ref(MerchantRow, merchant_pk(merchant_id), MERCHANT_SK, lambda row: merchant_of(row) if row else None)


def change_merchant(merchant_id: str, changes: Mapping[str, Any], expected_version: int | None) -> Merchant:
    """Change some of a merchant's fields, given as JSON values. Raises ``version_conflict``.

    Invoices that were issued keep what they said.
    """
    merchant = get_merchant(merchant_id)
    conflict = VersionConflict("merchant", merchant_id)
    if merchant.version != expected_version:
        raise conflict
    fields = {**msgspec.to_builtins(merchant), **changes, "version": merchant.version + 1}
    changed = msgspec.convert(fields, Merchant)
    tx = Transaction()
    tx.put(merchant_row(changed), MerchantRow.version == merchant.version, conflict)
    tx.commit()
    return changed


def is_merchant_owner(principal_id: str, merchant_id: str) -> bool:
    """Whether this user owns the merchant."""
    row = tables.get(MerchantRow, merchant_pk(merchant_id), MERCHANT_SK)
    return row is not None and row.owner_id == principal_id

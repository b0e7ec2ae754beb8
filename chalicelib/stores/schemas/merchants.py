"""What the API takes and gives about merchants."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chalicelib.stores.schemas.stores import Country, InstantText, Name, StoreAddress, UserId

LegalName = Annotated[
    str, Meta(min_length=1, max_length=120, pattern=r"\S", description="As invoices name it.", examples=["Lina GmbH"])
]
VatId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z0-9][A-Z0-9 ./-]{2,23}$(?!\n)",
        description="The tax number that its invoices name.",
        examples=["DE136695976"],
    ),
]
InvoicePrefix = Annotated[
    str,
    Meta(
        max_length=12,
        pattern=r"^([A-Z0-9][A-Z0-9-]{0,11})?$(?!\n)",
        description="What the numbers of its invoices begin with.",
        examples=["LINA-"],
    ),
]


class CreateMerchant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A merchant to register, with the user who owns it."""

    name: Name
    owner_id: UserId


class ChangeMerchant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a merchant. Invoices that were issued keep what they said."""

    name: Name | UnsetType = UNSET
    legal_name: LegalName | UnsetType | None = UNSET
    address: StoreAddress | UnsetType | None = UNSET
    country: Country | UnsetType | None = UNSET
    vat_id: VatId | UnsetType | None = UNSET
    invoice_prefix: InvoicePrefix | UnsetType = UNSET


class MerchantView(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant."""

    id: str
    name: str
    owner_id: str
    legal_name: LegalName | None
    address: StoreAddress | None
    country: Country | None
    vat_id: VatId | None
    invoice_prefix: str
    created_at: InstantText
    version: int

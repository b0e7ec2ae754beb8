"""Accounts at the provider that stores and riders are paid to."""

from __future__ import annotations

from datetime import datetime  # resolved at run time by msgspec

import msgspec
from msgspec.structs import replace

from chalicelib.payments.model.statements import Party


class AccountStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the provider says of an account. ``due`` names what it still wants to know."""

    details_submitted: bool = False
    transfers_enabled: bool = False
    payouts_enabled: bool = False
    disabled_reason: str | None = None
    due: tuple[str, ...] = ()


class PayoutAccount(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A party's account, as the provider described it at ``checked_at``."""

    party: Party
    account_id: str
    country: str
    opened_by: str
    opened_at: datetime
    checked_at: datetime
    status: AccountStatus = AccountStatus()
    version: int = 1

    @property
    def is_ready(self) -> bool:
        """Whether money can be sent there, and on to the bank."""
        return self.status.transfers_enabled and self.status.payouts_enabled

    def checked(self, status: AccountStatus, at: datetime) -> PayoutAccount:
        """As the provider describes it now."""
        return replace(self, status=status, checked_at=at, version=self.version + 1)

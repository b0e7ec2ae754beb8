"""An invitation to work at a store: a token that is told once, is good for some days, and is used once.

A token names its store and invitation, and ends with 128 random bits, of which only a digest is kept.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

import msgspec

from chalicelib.kernel.ids import is_id
from chalicelib.stores.model.roles import Role

LIFE: Final = timedelta(days=3)
# Who can change prices, people or payouts signs in with a second factor; a clerk's tablet stands at the counter.
WITH_SECOND_FACTOR: Final = frozenset(("manager", "owner"))


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is invited to. ``contact`` is the digest of the address that must be theirs; empty for anybody."""

    id: str
    store_id: str
    role: Role
    secret: str
    invited_by: str
    created_at: datetime
    expires_at: datetime
    name: str | None = None
    contact: str = ""

    def is_opened_by(self, secret: str, now: datetime) -> bool:
        """Whether a token's secret opens it now."""
        return now < self.expires_at and hmac.compare_digest(self.secret, digest(secret))

    def is_for(self, contacts: tuple[str, ...]) -> bool:
        """Whether somebody with these verified addresses is meant."""
        return not self.contact or self.contact in {contact_digest(each) for each in contacts}


class Token(msgspec.Struct, frozen=True):
    """What opens an invitation."""

    store_id: str
    invitation_id: str
    secret: str

    def __str__(self) -> str:
        """As it is told."""
        return f"{self.store_id}.{self.invitation_id}.{self.secret}"


def read_token(told: str) -> Token | None:
    """The token behind what somebody sent; None for what can't be one."""
    parts = told.split(".")
    if len(parts) != 3 or not is_id(parts[0], "sto") or not is_id(parts[1], "inv") or not parts[2].isascii():
        return None
    return Token(*parts)


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def contact_digest(contact: str) -> str:
    """What is kept of an e-mail address or phone number, however it was written."""
    return digest("".join(contact.lower().split()))

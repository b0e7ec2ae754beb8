"""Prefixed, time-sortable identifiers such as ``ord_01k9z0c2m3…`` (a lower-case ULID behind a type prefix)."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from chalicelib.kernel import clock

if TYPE_CHECKING:
    from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PATTERN = re.compile(r"[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{26}\Z")


def new_id(prefix: str) -> str:
    """A fresh id: 48 bits of milliseconds (Doorstep's clock), then 80 random bits, in Crockford's base 32."""
    number = (int(clock.now().timestamp() * 1000) << 80) | int.from_bytes(os.urandom(10), "big")
    return f"{prefix}_{_encode(number)}"


def earliest(prefix: str, at: datetime) -> str:
    """The first id that may be made at an instant: ids that are older come before it."""
    return f"{prefix}_{_encode(int(at.timestamp() * 1000) << 80)}"


def retag(identifier: str, prefix: str) -> str:
    """The same ULID under another prefix: an order, its payment and its delivery share theirs with the quote."""
    return f"{prefix}_{identifier.partition('_')[2]}"


def is_id(value: str, prefix: str) -> bool:
    """Whether ``value`` has the form of an id with this prefix."""
    return value.startswith(prefix + "_") and _PATTERN.match(value) is not None


def _encode(number: int) -> str:
    digits = []
    for _ in range(26):
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))

"""Opaque page cursors, bound to the list and filter that they came from."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any

from chalicelib.kernel.errors import Invalid, Violation

if TYPE_CHECKING:
    from collections.abc import Mapping


def encode(next_key: Mapping[str, Any] | None, *filters: str) -> str | None:
    """The cursor of the page that starts after ``next_key``; None after the last page."""
    if next_key is None:
        return None
    packed = json.dumps([_binding(filters), next_key], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode(cursor: str | None, *filters: str) -> dict[str, Any] | None:
    """The key to start after; None for the first page. A cursor of another list or filter is ``Invalid``."""
    if cursor is None:
        return None
    try:
        binding, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError):
        binding, key = None, None
    if binding != _binding(filters) or not _is_key(key):
        raise Invalid([Violation("invalid_cursor", "?cursor", "The cursor is not of this list: start without one.")])
    return dict(key)


def _binding(filters: tuple[str, ...]) -> str:
    return hashlib.sha256("\x00".join(filters).encode()).hexdigest()[:12]


def _is_key(key: Any) -> bool:
    """Whether it has the form of a DynamoDB key: names to one string or number each."""
    if not isinstance(key, dict) or not 1 <= len(key) <= 4:
        return False
    return all(
        isinstance(value, dict)
        and len(value) == 1
        and next(iter(value)) in ("S", "N")
        and isinstance(next(iter(value.values())), str)
        for value in key.values()
    )

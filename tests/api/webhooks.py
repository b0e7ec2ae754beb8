"""Signatures as Stripe makes them."""

from __future__ import annotations

import hashlib
import hmac
import time


def signed(content: bytes, secret: str, *, at: float | None = None, scheme: str = "v1") -> str:
    """The header that goes with a notice, as of now or another time."""
    stamp = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + content, hashlib.sha256).hexdigest()
    return f"t={stamp},{scheme}={digest}"

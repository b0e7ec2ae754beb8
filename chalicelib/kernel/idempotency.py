"""The stored answer of a request that must happen once.

The record is written by the business transaction itself, so there is no window in which one exists without the other.
It lives in the events table, in the same row as the events that the transaction emits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.kernel.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Callable


class IdempotencyKey(msgspec.Struct, frozen=True):
    """Identifies a request: ``scope`` (caller and route), the client's ``key`` and the ``fingerprint`` of the body.

    ``render`` turns the use case's result into the JSON value that a repeat of the request is answered with.
    """

    scope: str
    key: str
    fingerprint: str
    render: Callable[[Any], Any]


class StoredAnswer(msgspec.Struct, frozen=True):
    """What was answered to the first request with this key."""

    fingerprint: str
    answer: Any


class AlreadyAnswered(DomainError):
    """The idempotency record exists: another request with this key won. The edge turns this into its stored answer."""

    def __init__(self) -> None:
        super().__init__("request_in_flight", "A request with this Idempotency-Key is being worked on.", retryable=True)

"""Shapes that every context's API shares."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

Amount = Annotated[
    int,
    msgspec.Meta(ge=-(10**12), le=10**12, description="Minor units of the currency (cents for EUR).", examples=[1250]),
]
PositiveAmount = Annotated[
    int, msgspec.Meta(ge=0, le=10**9, description="Minor units of the currency.", examples=[1250])
]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217 code.", examples=["EUR"])]
Instant = Annotated[
    str,
    msgspec.Meta(max_length=40, description="RFC 3339 instant in UTC.", examples=["2026-03-01T12:30:00.000Z"]),
]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90, description="Degrees, WGS 84.", examples=[52.52])]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180, description="Degrees, WGS 84.", examples=[13.405])]


class MoneyView(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of money."""

    amount: Amount
    currency: Currency


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong with the request."""

    code: str
    pointer: Annotated[str, msgspec.Meta(description="JSON pointer into the body, or `?name` of a query parameter.")]
    detail: str
    params: dict[str, Any] = {}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refusal (RFC 9457). `code` is stable; `detail` says what to do; `retryable` whether to send it again."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    retryable: bool
    errors: list[Fault] = []


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of a list."""

    cursor: Annotated[str, msgspec.Meta(max_length=1024, description="`next_cursor` of the page before.")] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100, description="Items on the page.")] = 20

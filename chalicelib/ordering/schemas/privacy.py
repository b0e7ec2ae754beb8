"""What the API takes and gives about everything that is kept of a customer, and about forgetting it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from chalicelib.ordering.schemas.values import InstantText


class ExportItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is kept."""

    kind: Annotated[
        Literal["account", "erasure", "credit", "wrong_codes", "quote", "credit_movement", "order"],
        Meta(description="What it is; `data` has its fields. Others may be added."),
    ]
    id: str
    data: dict[str, Any]


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """A page of what is kept of you: all of it when you have followed `next_cursor` to its end."""

    items: list[ExportItem]
    next_cursor: str | None


class RequestErasure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That you mean it."""

    confirm: Annotated[Literal["erase"], Meta(description="Ask your user to type it.")]
    forfeit_credit: Annotated[bool, Meta(description="Give up what store credit is left.")] = False


class OrderErasure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a customer asked for by another way."""

    confirm: Annotated[Literal["erase"], Meta(description="That the customer was identified, and means it.")]
    forfeit_credit: Annotated[bool, Meta(description="The customer gives up what store credit is left.")] = False
    at_once: Annotated[bool, Meta(description="Leave out the time to think it over.")] = False


class ErasureView(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is that you are forgotten."""

    id: str
    state: Annotated[
        Literal["waiting", "erasing", "erased"],
        Meta(description="`waiting` can be taken back; nothing can be ordered from the request on."),
    ]
    requested_at: InstantText
    due_at: Annotated[InstantText, Meta(description="When it begins, or looks again whether all orders have ended.")]
    waits_for: Annotated[list[str], Meta(description="Orders that have not ended, or whose money is not settled.")]
    orders: Annotated[int, Meta(description="How many orders no longer lead to you.")]
    erased_at: InstantText | None

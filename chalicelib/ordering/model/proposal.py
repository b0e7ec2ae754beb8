"""A change of an accepted order that its customer has to agree to: something else, or a higher price."""

from __future__ import annotations

from collections.abc import Mapping  # resolved at run time by msgspec
from datetime import datetime

import msgspec


class Proposal(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "number": "n",
        "due_at": "d",
        "reason": "r",
        "total_minor": "t",
        "unasked_minor": "u",
        "extra_minor": "x",
        "reserved": "s",
    },
):
    """The ``number``-th proposal of an order, open until it is answered or ``due_at``. Amounts are minor units.

    The order then costs ``total_minor`` if the customer agrees, which is ``extra_minor`` more than may be taken without
    asking; ``unasked_minor`` if not. ``reserved`` are the counted SKUs of what is proposed.
    """

    number: int
    due_at: datetime
    reason: str
    total_minor: int
    unasked_minor: int
    extra_minor: int = 0
    reserved: Mapping[str, int] = {}

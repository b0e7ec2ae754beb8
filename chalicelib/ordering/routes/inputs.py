"""What several routes of ordering read from a request alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.kernel.errors import Invalid, Violation
from chalicelib.ordering.service import StaffCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.edge.endpoint import Request
    from chalicelib.ordering.schemas.money import RefundLine


def counted(lines: Sequence[RefundLine], pointer: str) -> dict[str, int]:
    """How many pieces of each line, each named once."""
    pieces: dict[str, int] = {}
    for number, line in enumerate(lines):
        if line.line in pieces:
            detail = "Name each line once."
            raise Invalid([Violation("line_repeated", f"{pointer}/{number}/line", detail)])
        pieces[line.line] = line.quantity
    return pieces


def command_of(request: Request[Any]) -> StaffCommand:
    """Which of the staff wants to change which order, on the version that they have seen."""
    return StaffCommand(
        store_id=request.path["store_id"],
        order_id=request.path["order_id"],
        staff_id=request.principal.id,
        expected_version=request.expected_version,
        request_id=request.request_id,
    )

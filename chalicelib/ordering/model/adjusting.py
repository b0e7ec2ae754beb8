"""Changing an accepted order before its hand-over: at once, or with its customer's consent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.ordering.model.order import ADJUSTED, UNDER_WAY, Change, Order, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.ordering.model.proposal import Proposal

PROPOSED: Final = "adjustment_proposed"
AGREED: Final = "adjustment_agreed"
DECLINED: Final = "adjustment_declined"

CUSTOMER_SILENT: Final = "customer_did_not_answer"


def demand_adjustable(order: Order) -> None:
    """Raises ``Conflict`` where it is too late, or the customer was asked something and has not answered."""
    if order.status not in UNDER_WAY:
        raise Conflict(
            "order_status_conflict",
            f"An order that is {order.status} can't be adjusted.",
            command="adjust",
            order_status=str(order.status),
        )
    if order.proposal is not None:
        raise Conflict("proposal_open", "Its customer has not answered yet: wait, or withdraw what was proposed.")


def adjust(order: Order, change: Change, *, total_minor: int, reserved: Mapping[str, int], reason: str) -> Order:
    """The order costs something else from now on, with more counted goods in it."""
    demand_adjustable(order)
    return _costing(order.with_entry(ADJUSTED, change, reason), total_minor, _plus(order.also_reserved, reserved))


def propose(order: Order, change: Change, proposal: Proposal) -> Order:
    """The customer is asked. Not once the order is ready: a rider may leave with it at any moment."""
    demand_adjustable(order)
    if order.status is Status.READY:
        detail = "It is ready: there is no time to ask its customer. Leave out what they would have to agree to."
        raise Conflict("order_status_conflict", detail, command="propose", order_status=str(order.status))
    asked = replace(order.with_entry(PROPOSED, change, proposal.reason), proposal=proposal)
    return replace(asked, also_reserved=_plus(order.also_reserved, proposal.reserved))


def next_number(order: Order) -> int:
    """The number of the next proposal."""
    return 1 + sum(entry.step == PROPOSED for entry in order.timeline)


def agree(order: Order, change: Change) -> Order:
    """The customer agrees: so it is."""
    proposal = find(order)
    agreed = replace(order.with_entry(AGREED, change, proposal.reason), proposal=None)
    return _costing(agreed, proposal.total_minor, order.also_reserved)


def decline(order: Order, change: Change, reason: str | None = None) -> Order:
    """The customer does not agree, or not in time: it goes on without, and costs no more than before."""
    proposal = find(order)
    declined = replace(order.with_entry(DECLINED, change, reason), proposal=None)
    rest = {sku: count - proposal.reserved.get(sku, 0) for sku, count in order.also_reserved.items()}
    return _costing(declined, proposal.unasked_minor, {sku: count for sku, count in rest.items() if count})


def find(order: Order) -> Proposal:
    """What the customer is asked. Raises ``proposal_not_found``."""
    if order.proposal is None:
        raise NotFound("proposal", order.id)
    return order.proposal


def _costing(order: Order, total_minor: int, also_reserved: Mapping[str, int]) -> Order:
    return replace(order, total=replace(order.total, amount=total_minor), also_reserved=also_reserved)


def _plus(some: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {sku: some.get(sku, 0) + more.get(sku, 0) for sku in {**some, **more}}

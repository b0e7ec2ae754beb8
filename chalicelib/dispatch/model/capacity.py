"""What a rider may be asked to carry: volume, a cold box, age-restricted goods, and cash up to a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from chalicelib.dispatch.model.delivery import ENDED, USUAL_SIZE, Delivery, Need
from chalicelib.kernel.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chalicelib.dispatch.model.rider import Limits
    from chalicelib.kernel.money import Money


class Carrier(Protocol):
    """A rider, as far as capacity goes. ``cash`` was collected and not handed in yet."""

    @property
    def limits(self) -> Limits:
        """What the rider may carry."""
        ...

    @property
    def cash(self) -> Money | None:
        """What the rider has to hand in."""
        ...


def is_demanding(delivery: Delivery) -> bool:
    """Whether the delivery asks for more than a rider with room for one more order."""
    return bool(delivery.needs or delivery.cash_to_collect or delivery.size > USUAL_SIZE)


def equipment(limits: Limits) -> frozenset[Need]:
    """The needs that the rider can meet."""
    met = ((Need.COLD_BOX, limits.cold_box), (Need.AGE_CHECK, limits.age_restricted))
    return frozenset(need for need, has in met if has)


def refusal(rider: Carrier, delivery: Delivery, held: Iterable[Delivery]) -> Conflict | None:
    """Why the rider can't have the delivery next to what is in hand (taken or offered, not ended); None: it fits.

    Cash is of one currency at a time: what can't be compared with the limit, or added up, is refused.
    """
    limits = rider.limits
    lacking = delivery.needs - equipment(limits)
    if Need.AGE_CHECK in lacking:
        return Conflict("age_restricted_not_permitted", "You may not carry age-restricted goods.")
    if lacking:
        return Conflict("cold_box_required", "This order needs a cold box.")
    others = [each for each in held if each.id != delivery.id and each.status not in ENDED]
    if limits.volume is not None and delivery.size + sum(each.size for each in others) > limits.volume:
        return Conflict("volume_exceeded", "This order does not fit with what you have.")
    if delivery.cash_to_collect is not None and not _may_collect(rider, delivery.cash_to_collect, others):
        return Conflict("cash_limit_exceeded", "You would have more cash than you may: hand some in first.")
    return None


def fitting(rider: Carrier, deliveries: Sequence[Delivery], held: Iterable[Delivery], room: int) -> list[Delivery]:
    """The first of these deliveries that the rider can have all together, at most ``room`` of them."""
    taken: list[Delivery] = []
    held = list(held)
    for each in deliveries[:room]:
        if refusal(rider, each, [*held, *taken]) is not None:
            break
        taken.append(each)
    return taken


def _may_collect(rider: Carrier, due: Money, others: Iterable[Delivery]) -> bool:
    amounts = [due, *(each.cash_to_collect for each in others if each.cash_to_collect is not None)]
    if rider.cash is not None:
        amounts.append(rider.cash)
    limit = rider.limits.cash_limit
    currencies = {each.currency for each in amounts} | ({limit.currency} if limit else set())
    return len(currencies) == 1 and (limit is None or sum(each.amount for each in amounts) <= limit.amount)

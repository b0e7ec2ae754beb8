"""Writing what a look or a tick came to: offers, and what is left waiting."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from chalicelib.dispatch.model.feed import offer_for
from chalicelib.dispatch.model.rider import with_offer
from chalicelib.dispatch.model.search import Asked, Look, conclude
from chalicelib.dispatch.service.records import write_delivery, write_rider
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.event_types import DeliverySearchDue, DeliveryUnfilled
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chalicelib.dispatch.model.delivery import Delivery
    from chalicelib.dispatch.model.policy import Policy
    from chalicelib.dispatch.service.around import Hands
    from chalicelib.dispatch.service.planning import Proposal

logger = logging.getLogger(__name__)


class RiderTaken(Conflict):
    """The rider got another offer, or left, since we looked."""

    def __init__(self) -> None:
        super().__init__("rider_taken", "The rider got another offer meanwhile.")


def make_offer(
    deliveries: Sequence[Delivery], proposal: Proposal, hands: Hands, now: datetime, *, cause: str, policy: Policy
) -> None:
    """Offer deliveries to a rider, all of them or none. One transaction.

    Raises ``RiderTaken`` or ``VersionConflict`` where the rider or a delivery has changed since it was read.
    """
    mates = proposal.deliveries if len(deliveries) > 1 else ()
    lives = offer_for(hands.rider, hands.at_work.deliveries, now, policy)
    asked = Asked(proposal.rider_id, proposal.decision, mates, proposal.load, lives)
    looks = [conclude(each, asked, now, cause, policy) for each in deliveries]
    tx = Transaction()
    write_looks(tx, deliveries, looks)
    offered = [look.delivery for look in looks]
    write_rider(tx, hands.rider, with_offer(hands.learned, offered, hands.kept, now), RiderTaken())
    tx.commit()
    logger.info(
        "offered",
        extra={
            "rider_id": proposal.rider_id,
            "deliveries": [each.id for each in deliveries],
            "terms": proposal.decision.terms,
            "runner_up": proposal.decision.runner_up,
        },
    )


def write_looks(tx: Transaction, deliveries: Sequence[Delivery], looks: Sequence[Look]) -> None:
    """Write what looks changed, their alerts, and one timer for all that need one at the same time."""
    due: dict[datetime, list[str]] = {}
    for before, look in zip(deliveries, looks, strict=True):
        if look.delivery is before:
            continue
        write_delivery(tx, before, look.delivery)
        if look.alert:
            tx.emit(
                DeliveryUnfilled(
                    delivery_id=before.id,
                    order_id=before.order_id,
                    store_id=before.store_id,
                    rounds=look.delivery.rounds,
                )
            )
        if look.next_look_at is not None:
            due.setdefault(look.next_look_at, []).append(before.id)
    rounds = {look.delivery.id: look.delivery.rounds for look in looks}
    for at, (first, *others) in due.items():
        tx.emit_at(at, DeliverySearchDue(delivery_id=first, attempt=rounds[first] + 1, others=tuple(others)))

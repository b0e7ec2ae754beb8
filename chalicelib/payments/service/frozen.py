"""What of a party's money waits for a dispute's end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.payments.model.statements import STORE
from chalicelib.payments.service.notices import frozen_of

if TYPE_CHECKING:
    from chalicelib.payments.model.statements import Party


def frozen_minor(party: Party, currency: str) -> int:
    """Minor units of a party's balance that are not paid out while disputes are open."""
    return frozen_of(party.id).get(currency, 0) if party.kind == STORE else 0

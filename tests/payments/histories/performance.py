"""A history from an empty stage to its last truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chalicelib.kernel import clock, events
from chalicelib.payments import provider
from infra.local.environment import STRIPE_WEBHOOK_SECRET
from tests.ordering.world import NOON
from tests.payments.histories import truths
from tests.payments.histories.play import Play
from tests.payments.histories.stage import Broken, Post, Stage
from tests.payments.histories.wires import Bank, Wires

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.payments.histories.script import History


def perform(history: History, token_for: Callable[..., str]) -> Play:
    """Play a history and check what must hold. Raises ``Broken`` with everything that happened and does not hold."""
    wires = Wires()
    bank = Bank(wires)
    post = Post(wires, bank, STRIPE_WEBHOOK_SECRET)
    with clock.freeze(NOON), wires.between_app_and_tables(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "_client", post.client)
        patch.setattr(provider.client, "_client", bank.client)
        play = Play(Stage.build(token_for, wires, bank, post), history)
        try:
            play.run()
            if faults := truths.broken(play):
                raise Broken("\n".join(faults))
        except Exception as error:
            error.add_note("\n".join(("", repr(history), "", *play.log)))
            raise
        finally:
            bank.close()
    return play

"""A history from an empty stage to its last truth.

Each begins days after the one before it has ended, so that what goes through all of a ledger by time sees its own
entries only; and Stripe's time is Doorstep's.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import clock, events, tables
from chalicelib.payments import provider
from chalicelib.payments.provider import intents, listing
from chalicelib.payments.tables import SK, PaymentRow, pk
from chalicelib.payments.tables import reconciliation as books
from infra.local.environment import STRIPE_WEBHOOK_SECRET
from infra.local.stripe_sandbox import gateway
from tests.ordering.world import NOON
from tests.payments.histories import truths
from tests.payments.histories.play import Play
from tests.payments.histories.stage import Broken, Post, Stage
from tests.payments.histories.wires import Bank, Wires

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tests.payments.histories.script import History

_next_begin = NOON


def perform(history: History, token_for: Callable[..., str]) -> Play:
    """Play a history and check what must hold. Raises ``Broken`` with everything that happened and does not hold."""
    wires = Wires()
    bank = Bank(wires)
    post = Post(wires, bank, STRIPE_WEBHOOK_SECRET)
    with _at_a_time_of_its_own(), wires.between_app_and_tables(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "_client", post.client)
        patch.setattr(provider.client, "_client", bank.client)
        for module in (gateway, listing, intents):
            patch.setattr(module, "time", _DoorstepsTime)
        _close_the_books_of_earlier_ones(clock.now())
        play = Play(Stage.build(token_for, wires, bank, post), history)
        try:
            play.run()
            if faults := truths.broken(play):
                raise Broken("\n".join(faults))
        except Exception as error:
            error.add_note("\n".join(("", repr(history), "", *play.log)))
            with wires.quiet():
                _remove(play)
            raise
        finally:
            bank.close()
    return play


@contextmanager
def _at_a_time_of_its_own() -> Iterator[None]:
    global _next_begin
    with clock.freeze(_next_begin):
        try:
            yield
        finally:
            _next_begin = clock.now() + timedelta(days=2)


class _DoorstepsTime:
    """In place of the module `time`, for those who are Stripe or ask what time it is there."""

    @staticmethod
    def time() -> float:
        return clock.now().timestamp()

    @staticmethod
    def sleep(_seconds: float) -> None:
        """No time passes but what the history lets pass."""


def _close_the_books_of_earlier_ones(now: datetime) -> None:
    """Their Stripe is gone: nothing of theirs is to be compared any more."""
    books.state_row(1, int(now.timestamp()), clock.epoch_ms(now), {}).save()


def _remove(play: Play) -> None:
    """Take what is not settled out of the way of the sweeps of later histories."""
    for ordered in play.orders:
        row: Any = tables.get(PaymentRow, pk(ordered.id), SK) if ordered.id else None
        if row is not None:
            row.delete()

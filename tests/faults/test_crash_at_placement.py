"""The process ends between an order's commit and the call that makes its payment: one order, one payable intent."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.payments import provider
from tests.faults.house import House
from tests.faults.mailbox import Mailbox
from tests.faults.plays import NEVER_HELD, assert_ends, brought, done, ready_to_leave, undone
from tests.faults.posts import Orderly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.plays import MoveClock

pytestmark = [
    pytest.mark.fault,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]


@contextmanager
def crashes_before_the_intent_is_made(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process ends between the commit and the call: past every `except Exception`, without an answer."""

    def die(*_: Any) -> Any:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(provider, "open_intent", die)
        yield


def test_a_crash_after_the_commit_leaves_one_order_that_can_be_paid(
    house: House, mailbox: Mailbox, pass_time: MoveClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies before it asks for the intent; the customer's app sends the same request again."""
    post = Orderly(mailbox, pass_time)
    quote = house.quote()
    with crashes_before_the_intent_is_made(monkeypatch), pytest.raises(OSError, match="/v1/orders"):
        house.try_once_to_order(quote, "one-order")
    (kept,) = house.customer.orders()
    assert kept["status"] == "placed"
    assert house.sandbox.intents_of(kept["id"]) == []

    again = house.customer.place_raw(quote["id"], key="one-order")

    placed = again.body
    assert (again.status, again.replayed, placed["id"]) == (201, True, kept["id"])
    mailbox.follow(placed["id"])
    assert house.shop.left("PIZ-MARG-32") == 48
    house.pay(placed)
    rider = ready_to_leave(house, post, placed)
    brought(rider, placed)
    assert_ends(house, placed, post, done())
    assert len(house.customer.orders()) == 1


def test_a_crash_after_the_commit_and_a_customer_who_never_comes_back(
    house: House, mailbox: Mailbox, pass_time: MoveClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order expires; what the look for its payment made at the provider is closed."""
    quote = house.quote()
    with crashes_before_the_intent_is_made(monkeypatch), pytest.raises(OSError, match="/v1/orders"):
        house.try_once_to_order(quote, "abandoned")
    (kept,) = house.customer.orders()
    mailbox.follow(kept["id"])

    expired = undone("cancelled", "payment_expired", authorised=0, charges=(NEVER_HELD,))
    assert_ends(house, kept, Orderly(mailbox, pass_time), expired)

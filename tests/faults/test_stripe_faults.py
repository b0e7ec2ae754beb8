"""The payment provider fails, falls silent, or loses its notices: every order ends as if it had not, and pays once.

What is tested is where Doorstep and the customer's app call Stripe: making the intent, confirming it, capturing,
cancelling, refunding. `times=1` is what Stripe's SDK gets over by itself; four times in a row it gives up, and who
called must come again.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3

from chalicelib.payments import provider
from infra.local.actors import Refused
from infra.local.environment import free_ports, url
from tests.faults.house import House, later
from tests.faults.mailbox import Mailbox
from tests.faults.plays import (
    HELD_AND_LET_GO,
    assert_ends,
    brought,
    cooked,
    done,
    pay_by,
    ready_to_leave,
    taken,
    undone,
)
from tests.faults.posts import Orderly, Patient
from tests.ordering import world
from tests.stack import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.plays import MoveClock

pytestmark = pytest.mark.fault

AUTHORISED = "payment_intent.amount_capturable_updated"


@dataclass(frozen=True)
class Failure:
    """What happens to so many calls of one of Stripe's paths."""

    kind: str
    times: int
    remembered: bool | None = None

    def of(self, house: House, path: str) -> None:
        more = {} if self.remembered is None else {"remembered": self.remembered}
        cause(house, self.kind, path=path, times=self.times, **more)


_KINDS = {
    "answer_lost": ("timeout_after_success", None),
    "failed": ("error_500", True),
    "failed_for_a_moment": ("error_500", False),
    "too_many_requests": ("error_429", None),
}
_FAILURES = {f"{name}-{times}": Failure(kind, times, kept) for name, (kind, kept) in _KINDS.items() for times in (1, 4)}


@pytest.fixture(params=_FAILURES.values(), ids=_FAILURES.keys())
def failure(request: pytest.FixtureRequest) -> Failure:
    given: Failure = request.param
    return given


def cause(house: House, kind: str, *, times: int = 1, path: str = "", event: str | None = None, **more: Any) -> None:
    """Let it happen to the next calls of this path, or to this kind of notice."""
    match = {"path_prefix": path, "event_type": event} if event else {"method": "POST", "path_prefix": path}
    wanted = {"kind": kind, "match": match, "times": times, **more}
    requests.post(f"{house.sandbox.url}/sandbox/faults", json=wanted, timeout=10).raise_for_status()


def insist(act: Callable[[], Any], tries: int = 8) -> Any:
    """As a customer does: try again what said to try again, with the same key."""
    for left in reversed(range(tries)):
        try:
            return act()
        except (Refused, OSError, RuntimeError, urllib3.exceptions.HTTPError) as error:
            if not left or (isinstance(error, Refused) and not error.problem.get("retryable")):
                raise
    raise AssertionError


def confirm(house: House, placed: dict[str, Any]) -> None:
    """Pay; an app whose confirmation was answered with an error looks whether it has gone through."""

    def paid() -> bool:
        return any(charge["status"] == "requires_capture" for charge in house.sandbox.intents_of(placed["id"]))

    def attempt() -> None:
        try:
            house.customer.pay(placed)
        except (RuntimeError, urllib3.exceptions.HTTPError):
            if not paid():
                raise

    insist(attempt)
    assert eventually(house.notices), "the provider's notice did not come"


def intent_path(placed: dict[str, Any]) -> str:
    return f"/v1/payment_intents/{placed['payment']['payment_intent_id']}"


def capture_in_dashboard(house: House, placed: dict[str, Any]) -> None:
    provider.capture(placed["payment"]["payment_intent_id"], placed["total"]["amount"])


@contextmanager
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody answers at Stripe's address."""
    import stripe

    nowhere = stripe.StripeClient("sk_test_x", base_addresses={"api": url(free_ports(1)[0])}, max_network_retries=1)
    with monkeypatch.context() as patch:
        patch.setattr(provider.client, "_client", nowhere)
        yield


# --- each place where Stripe is called --------------------------------------------------------------------------------


def test_while_the_intent_is_made(house: House, mailbox: Mailbox, pass_time: MoveClock, failure: Failure) -> None:
    post = Patient(mailbox, pass_time)
    failure.of(house, "/v1/payment_intents")
    quote = house.quote()

    placed = insist(lambda: house.customer.place(quote, key="key-of-this-order"))

    mailbox.follow(placed["id"])
    confirm(house, placed)
    rider = ready_to_leave(house, post, placed)
    brought(rider, placed)
    assert_ends(house, placed, post, done())
    assert len(house.customer.orders()) == 1


def test_while_the_customer_confirms(house: House, mailbox: Mailbox, pass_time: MoveClock, failure: Failure) -> None:
    post = Patient(mailbox, pass_time)
    placed = house.place_order()
    failure.of(house, "/v1/payment_intents/*/confirm")

    confirm(house, placed)

    rider = ready_to_leave(house, post, placed)
    brought(rider, placed)
    assert_ends(house, placed, post, done())


def test_while_the_money_is_taken(house: House, mailbox: Mailbox, pass_time: MoveClock, failure: Failure) -> None:
    post = Patient(mailbox, pass_time)
    placed = house.place_order()
    house.pay(placed)
    rider = ready_to_leave(house, post, placed)
    failure.of(house, "/v1/payment_intents/*/capture")

    brought(rider, placed)

    assert_ends(house, placed, post, done())


def test_while_the_hold_is_let_go(house: House, mailbox: Mailbox, pass_time: MoveClock, failure: Failure) -> None:
    post = Patient(mailbox, pass_time)
    placed = house.place_order()
    house.pay(placed)
    post.until(lambda: house.is_on_board(placed["id"]))
    failure.of(house, "/v1/payment_intents/*/cancel")

    house.tablet.reject(placed["id"])

    assert_ends(house, placed, post, undone("rejected", "too_busy"))


def test_while_money_is_given_back(house: House, mailbox: Mailbox, pass_time: MoveClock, failure: Failure) -> None:
    """Somebody had captured the payment in Stripe's dashboard before the store turned the order down."""
    post = Patient(mailbox, pass_time)
    placed = house.place_order()
    house.pay(placed)
    post.until(lambda: house.is_on_board(placed["id"]))
    capture_in_dashboard(house, placed)
    failure.of(house, "/v1/refunds")

    house.tablet.reject(placed["id"])

    total = placed["total"]["amount"]
    given_back = ("succeeded", 0, total, total, 0, 1, 1)
    refunded = undone("rejected", "too_busy", payment="refunded", captured=total, refunded=total, charges=(given_back,))
    assert_ends(house, placed, post, refunded)


def test_a_moment_of_failure_never_leaves_two_payable_intents(
    house: House, mailbox: Mailbox, pass_time: MoveClock
) -> None:
    """The first answer to a key is what counts; a failure that Stripe did not keep is no answer."""
    cause(house, "error_500", path="/v1/payment_intents", times=3, remembered=False)
    quote = house.quote()
    placed = insist(lambda: house.customer.place(quote, key="key-of-this-order"))
    mailbox.follow(placed["id"])

    again = house.customer.payment(placed["id"])

    assert again["payment_intent_id"] == placed["payment"]["payment_intent_id"]
    assert len(house.sandbox.intents_of(placed["id"])) == 1


def test_a_provider_that_keeps_failing_for_an_order_leaves_it_to_expire(
    house: House, mailbox: Mailbox, pass_time: MoveClock
) -> None:
    """Stripe keeps a failure for each of the order's keys: nobody can ever pay it, and it ends like any unpaid one."""
    cause(house, "error_500", path="/v1/payment_intents", times=8, remembered=True)
    quote = house.quote()

    with pytest.raises(Refused) as refused:
        insist(lambda: house.customer.place(quote, key="key-of-this-order"))

    assert refused.value.code == "payment_refused"
    (kept,) = house.customer.orders()
    mailbox.follow(kept["id"])
    expired = undone("cancelled", "payment_expired", authorised=0, charges=())
    assert_ends(house, kept, Orderly(mailbox, pass_time), expired)


# --- notices ----------------------------------------------------------------------------------------------------------


def test_a_lost_notice_is_made_up_for_at_the_deadline(house: House, mailbox: Mailbox, pass_time: MoveClock) -> None:
    post = Orderly(mailbox, pass_time)
    placed = house.place_order()
    cause(house, "webhook_lost", path=intent_path(placed), event=AUTHORISED)
    house.customer.pay(placed)
    assert not house.is_on_board(placed["id"])

    pass_time(pay_by(placed))

    post.until(lambda: house.is_on_board(placed["id"]))
    assert house.notices() == []
    rider = taken(house, post, placed)
    cooked(house, placed)
    brought(rider, placed)
    assert_ends(house, placed, post, done())


def test_a_notice_that_comes_twice_counts_once(house: House, mailbox: Mailbox, pass_time: MoveClock) -> None:
    post = Orderly(mailbox, pass_time)
    placed = house.place_order()
    cause(house, "webhook_duplicated", path=intent_path(placed), event=AUTHORISED)
    house.customer.pay(placed)
    assert eventually(lambda: len(house.notices()) == 2)

    rider = ready_to_leave(house, post, placed)
    brought(rider, placed)

    assert_ends(house, placed, post, done())
    assert len({message.detail["id"] for message in house.notices()}) == 1


def test_a_notice_that_comes_after_the_order_was_confirmed_changes_nothing(
    house: House, mailbox: Mailbox, pass_time: MoveClock
) -> None:
    post = Orderly(mailbox, pass_time)
    placed = house.place_order()
    cause(house, "webhook_delayed", path=intent_path(placed), event=AUTHORISED, delay_ms=400)
    house.customer.pay(placed)
    pass_time(pay_by(placed))
    post.until(lambda: house.is_on_board(placed["id"]))
    rider = taken(house, post, placed)
    cooked(house, placed)
    assert eventually(lambda: len(house.notices()) == 1)

    brought(rider, placed)

    assert_ends(house, placed, post, done())


def test_a_notice_that_comes_after_the_order_expired_holds_no_money(
    house: House, mailbox: Mailbox, pass_time: MoveClock
) -> None:
    """Paid between the last look at the provider and the end of the order; the notice comes last of all."""
    post = Orderly(mailbox, pass_time)
    placed = house.place_order()
    pass_time(pay_by(placed))
    post.until(lambda: house.customer.follow(placed["id"]).body["status"] == "cancelled")
    cause(house, "webhook_delayed", path=intent_path(placed), event=AUTHORISED, delay_ms=400)
    house.customer.pay(placed)
    post.settle()
    assert eventually(lambda: AUTHORISED in {notice.detail["data"]["provider_type"] for notice in house.notices()})

    assert_ends(house, placed, post, undone("cancelled", "payment_expired", authorised=0))


# --- away altogether --------------------------------------------------------------------------------------------------


def test_a_provider_that_is_away_at_the_deadline_is_asked_again(
    house: House, mailbox: Mailbox, pass_time: MoveClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was paid, the notice was lost, and at the deadline nobody answers: the order waits for an answer."""
    post = Orderly(mailbox, pass_time)
    placed = house.place_order()
    cause(house, "webhook_lost", path=intent_path(placed), event=AUTHORISED)
    house.customer.pay(placed)
    with away(monkeypatch):
        pass_time(pay_by(placed))
        for message in mailbox.owing():
            assert mailbox.arrive(message) == []
        assert house.customer.follow(placed["id"]).body["status"] == "placed"

    pass_time(later(minutes=1, seconds=1))
    post.until(lambda: house.is_on_board(placed["id"]))

    house.tablet.reject(placed["id"])
    assert_ends(house, placed, post, undone("rejected", "too_busy"))


def test_an_outage_while_money_moves_ends_as_if_there_had_been_none(
    house: House, mailbox: Mailbox, pass_time: MoveClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Orderly(mailbox, pass_time)
    placed = house.place_order()
    house.pay(placed)
    rider = ready_to_leave(house, post, placed)
    with away(monkeypatch):
        brought(rider, placed)
        capture = next(message for message in mailbox.owing() if message.queue == "payments")
        for _ in range(3):
            assert mailbox.arrive(capture) == [capture]
    assert house.sandbox.intents_of(placed["id"])[0]["captures"] == 0

    assert_ends(house, placed, post, done())


def test_a_hold_that_ran_out_is_told_once_and_for_all(house: House, mailbox: Mailbox, pass_time: MoveClock) -> None:
    """The goods are gone and the bank has let go: a person must look at it, and no message fails for ever."""
    post = Orderly(mailbox, pass_time)
    placed = house.place_order()
    house.pay(placed)
    rider = ready_to_leave(house, post, placed)
    intent_id = placed["payment"]["payment_intent_id"]
    requests.post(f"{house.sandbox.url}/sandbox/payment_intents/{intent_id}/expire", timeout=10).raise_for_status()

    brought(rider, placed)
    post.settle()
    for message in mailbox.messages * 2:
        assert mailbox.arrive(message) == []

    assert world.payment_of(placed["id"]).failure_code == "authorisation_lost"
    assert_ends(house, placed, post, done(payment="failed", captured=0, charges=(HELD_AND_LET_GO,)))

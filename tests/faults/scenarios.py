"""What goes wrong: each scenario plays orders while one thing is broken; what must hold after it, `Scene` knows."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import requests
import urllib3

from chalicelib.dispatch.service import ticks
from chalicelib.kernel import clock, events
from chalicelib.ordering import service as ordering
from chalicelib.payments import provider
from infra.local.actors import Refused
from infra.local.actors.rider import delivery_of
from infra.local.environment import STRIPE_WEBHOOK_SECRET, free_ports, url
from tests.faults import dynamo
from tests.faults.plays import pay_by, pay_unnoticed
from tests.faults.scene import insist, operation
from tests.ordering import world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.scene import Scene


# --- DynamoDB ---------------------------------------------------------------------------------------------------------


def _while_dynamodb(act: dynamo.Act, share: float) -> Callable[[Scene], None]:
    def play(scene: Scene) -> None:
        with scene.dynamo.does(act, share):
            scene.goes_to_the_door()
            scene.settle()
        assert scene.dynamo.struck

    return play


class Died(BaseException):
    """The process is gone: past every `except Exception`, without an answer."""


def processes_die(scene: Scene) -> None:
    """The API's and the consumers', before or after one of their calls of DynamoDB."""
    at_work = [False]

    def die(call: dynamo.Call) -> dynamo.Answer:
        if threading.current_thread() is threading.main_thread() and not at_work[0]:
            return call.send()  # who only looks, for the test
        if scene.chance.random() < 0.5:
            call.send()
        raise Died

    bring = scene.mailbox._invoke

    def brought(queue: str, batch: Any) -> Any:
        at_work[0] = True
        try:
            return bring(queue, batch)
        except Died:
            return list(batch)
        finally:
            at_work[0] = False

    scene.monkeypatch.setattr(scene.mailbox, "_invoke", brought)
    with scene.dynamo.does(die, 0.08):
        scene.goes_to_the_door()
        scene.goes_to_the_door()
        scene.settle()
    assert scene.dynamo.struck


# --- bus and queues ---------------------------------------------------------------------------------------------------


def the_bus_takes_a_part(scene: Scene) -> None:
    """`FailedEntryCount` above nothing: every other entry, at first."""
    numbers = itertools.count()
    scene.mailbox.refuses = lambda service, _: service == "events" and next(numbers) % 2 == 0
    scene.goes_to_the_door()


def the_bus_takes_nothing(scene: Scene) -> None:
    """The relay gives up, and its batch comes again; so does Stripe's notice, whose webhook failed."""
    scene.monkeypatch.setattr(events, "_ATTEMPTS", 2)
    placed = scene.places()
    refused = [0]

    def refuse(service: str, _: int) -> bool:
        refused[0] += 1
        return service == "events"

    scene.mailbox.refuses = refuse
    insist(lambda: scene.house.customer.pay(placed))
    deadline = time.monotonic() + 10
    while refused[0] < 3 and time.monotonic() < deadline:
        _try(scene.mailbox.collect)
        time.sleep(0.02)
    assert refused[0] >= 3
    scene.mailbox.refuses = lambda *_: False
    scene.goes_to_the_door(placed)


def a_queue_takes_no_timers(scene: Scene) -> None:
    """SendMessageBatch with failed entries, half of them for ever."""
    scene.mailbox.refuses = lambda service, _: service == "sqs" and scene.chance.random() < 0.5
    scene.goes_to_the_door()
    scene.goes_to_the_door()


def _try(act: Callable[[], Any]) -> None:
    try:
        act()
    except Exception:  # noqa: BLE001 (whatever the function raises, Lambda sends the batch again)
        return


def messages_come_twice_and_in_any_order(scene: Scene) -> None:
    """Any that were ever sent, beside one that is owed; early ones too."""
    bring = scene.mailbox.arrive

    def arrive(*batch: Any) -> Any:
        more = scene.chance.choices(scene.mailbox.messages, k=scene.chance.randrange(4))
        mixed = [*batch, *more]
        scene.chance.shuffle(mixed)
        return [each for each in bring(*mixed) if each in batch]

    scene.monkeypatch.setattr(scene.mailbox, "arrive", arrive)
    scene.goes_to_the_door()
    scene.goes_to_the_door()
    scene.settle()


def poison(scene: Scene) -> None:
    """What nobody can read is put aside after five receives; what came with it is handled."""
    unreadable = [
        "not json",
        json.dumps({"detail": {}}),
        json.dumps({"detail": {"id": "evt_x", "type": "NobodyKnows", "version": 1, "at": "2026-03-02T11:00:00.000Z",
                               "data": {}, "trace": "-"}}),
    ]  # fmt: skip
    placed = scene.places()
    for body in unreadable:
        batch = [scene.mailbox.send("ordering", body)]
        scene.pays(placed) if body is unreadable[0] else None
        for _ in range(scene.post.RECEIVES):
            good = [each for each in scene.mailbox.owing() if each.queue == "ordering" and each.is_due]
            failed = scene.mailbox.arrive(*batch, *good)
            assert failed == batch, "only what can't be read may fail"
    assert scene.mailbox.lose(lambda each: each.body in unreadable) == len(unreadable)
    scene.goes_to_the_door(placed)


def a_reaction_has_a_bug(scene: Scene) -> None:
    """It fails until it is put aside; the bug is mended, and what was put aside is driven again."""
    key = ("ordering", "PaymentNotified")
    event_type, reaction = events._reactions[key]
    placed = scene.places()
    scene.monkeypatch.setitem(events._reactions, key, (event_type, lambda *_: 1 / 0))
    scene.pays(placed)
    while not scene.post.aside:
        if not scene.post._bring_some():
            scene.let_pass(seconds=1)
    scene.monkeypatch.setitem(events._reactions, key, (event_type, reaction))
    scene.goes_to_the_door(placed)
    assert scene.put_aside


def a_notice_is_lost(scene: Scene) -> None:
    """The deadline's timer finds the money; nobody answers the order in the store, and another timer sees that."""
    placed = scene.places()
    pay_unnoticed(scene.house, placed)
    scene.ends = {"rejected"}
    scene.settle()
    assert not scene.found_by_sweep


def a_notice_and_every_timer_are_lost(scene: Scene) -> None:
    """Nothing is under way that could find the money: the truth sweeper does."""
    placed = scene.places()
    pay_unnoticed(scene.house, placed)
    scene.mailbox.collect()
    assert scene.mailbox.lose(lambda each: each.type == "OrderDeadlineReached")
    scene.ends = {"rejected"}
    scene.settle()
    assert scene.found_by_sweep == 1


def events_of_an_end_are_lost(scene: Scene) -> None:
    """The order is at its door, and nobody takes the money: the truth sweeper does."""
    scene.goes_to_the_door()
    scene.until(lambda: world.order_of(scene.orders[0]["id"]).status.value == "completed" or None)
    lost = scene.mailbox.lose(lambda each: each.queue == "payments" and not each.arrived)
    if lost:
        scene.let_pass(minutes=40)
        scene.found_by_sweep += 1
        ordering.settle_order(scene.orders[0]["id"])


def the_relay_is_behind_by_an_hour(scene: Scene) -> None:
    """One order is paid and not heard of, one is brought to its door meanwhile; then the hour's events come at once."""
    begun = scene.places()
    scene.pays(begun)
    scene.accepted(begun)
    rider = scene.taken(begun)
    scene.mailbox.relays = False
    scene.cooked(begun)
    scene.brought(rider, begun)
    unheard = scene.places()
    scene.let_pass(hours=1)
    scene.pays(unheard)
    scene.mailbox.relays = True
    scene.ends = {"completed", "cancelled", "rejected"}
    scene.settle()
    assert world.order_of(begun["id"]).status.value == "completed"


# --- zones ------------------------------------------------------------------------------------------------------------


def _two_that_wait(scene: Scene) -> list[dict[str, Any]]:
    """Two accepted orders, and riders who are at home: their zone is awake."""
    for rider in scene.house.riders:
        rider.end_shift()
    waiting = [scene.places(), scene.places()]
    for placed in waiting:
        scene.pays(placed)
        scene.accepted(placed)
    scene.until(lambda: any(each.type == "ZoneTickDue" for each in scene.mailbox.messages))
    return waiting


def a_zones_ticks_are_lost(scene: Scene) -> None:
    """Every tick, for ever: the deliveries' own looks find that the zone sleeps."""
    send = scene.mailbox._hold
    scene.monkeypatch.setattr(scene.mailbox, "_hold", lambda each: None if each.type == "ZoneTickDue" else send(each))
    for rider in scene.house.riders:
        rider.end_shift()
    waiting = [scene.places(), scene.places()]
    for placed in waiting:
        scene.pays(placed)
        scene.accepted(placed)
    scene.post.bring_what_is_due()
    scene.let_pass(minutes=2)
    scene.post.bring_what_is_due()
    scene.house.hire_rider(700)
    scene.house.hire_rider(800)
    asked = clock.now()
    for placed in waiting:
        rider = scene.taken(placed)
        assert clock.now() - asked < timedelta(minutes=8)
        scene.cooked(placed)
        scene.brought(rider, placed)


def a_tick_dies_with_its_zone_taken(scene: Scene) -> None:
    """It has taken the zone, has not planned, and finds its turn gone when its message comes again."""
    waiting = _two_that_wait(scene)
    plan, deaths = ticks._plan, itertools.count()

    def die_twice(*given: Any) -> None:
        if next(deaths) < 2:
            raise RuntimeError("the process ends here")
        plan(*given)

    scene.monkeypatch.setattr(ticks, "_plan", die_twice)
    scene.house.hire_rider(700)
    scene.house.hire_rider(800)
    for placed in waiting:
        scene.goes_to_the_door(placed)
    assert next(deaths) > 2


# --- Stripe -----------------------------------------------------------------------------------------------------------


@contextmanager
def _stripe_away(scene: Scene) -> Iterator[None]:
    import stripe

    nowhere = stripe.StripeClient("sk_test_x", base_addresses={"api": url(free_ports(1)[0])}, max_network_retries=1)
    with scene.monkeypatch.context() as patch:
        patch.setattr(provider.client, "_client", nowhere)
        yield


def stripe_is_down(scene: Scene) -> None:
    """When the order is placed, when it is paid, and when the money is to be taken."""
    with _stripe_away(scene):
        quote = scene.house.quote()
        refusal = scene.house.refused(lambda: scene.house.customer.place(quote, key="while-down"))
        assert refusal in (None, "payment_provider_unavailable", "provider_unavailable"), refusal
    again = insist(lambda: scene.house.customer.place(quote, key="while-down"))
    scene.mailbox.follow(again["id"])
    scene.orders.append(again)
    scene.pays(again)
    with _stripe_away(scene):
        for _ in range(8):
            scene.post._bring_some()
    scene.accepted(again)
    rider = scene.taken(again)
    scene.cooked(again)
    with _stripe_away(scene):
        scene.brought(rider, again)
        for _ in range(12):
            scene.post._bring_some()


def _stripe(scene: Scene, kind: str, path: str = "", **more: Any) -> None:
    match = {"event_type": path} if kind.startswith("webhook") else {"method": "POST", "path_prefix": path}
    wanted = {"kind": kind, "match": match, **more}
    requests.post(f"{scene.house.sandbox.url}/sandbox/faults", json=wanted, timeout=10).raise_for_status()


def stripe_is_slow(scene: Scene) -> None:
    """It does what it is asked, and its answers come too late or never."""
    _stripe(scene, "slow_request", "/v1/payment_intents", times=2, delay_ms=300)
    placed = scene.places()
    scene.pays(placed)
    _stripe(scene, "timeout_after_success", "/v1/payment_intents/*/capture", times=4, delay_ms=100)
    scene.goes_to_the_door(placed)


def stripe_lies(scene: Scene) -> None:
    """It says that something failed which it did, and that something is paid which is not."""
    _stripe(scene, "error_500_after_success", "/v1/payment_intents", times=1)
    placed = scene.places()
    _false_notice(scene, placed)
    scene.settle_what_is_due()
    assert not scene.house.is_on_board(placed["id"])
    _stripe(scene, "webhook_duplicated", "payment_intent.amount_capturable_updated", times=1)
    scene.pays(placed)
    _stripe(scene, "error_500_after_success", "/v1/payment_intents/*/capture", times=4)
    scene.goes_to_the_door(placed)


def _false_notice(scene: Scene, placed: dict[str, Any]) -> None:
    """Signed, and not true."""
    intent = {
        "id": placed["payment"]["payment_intent_id"],
        "object": "payment_intent",
        "status": "requires_capture",
        "amount_capturable": placed["total"]["amount"],
        "metadata": {"order_id": placed["id"]},
    }
    at = int(time.time())
    told = {"id": f"evt_false_{placed['id']}", "object": "event", "created": at, "livemode": False}
    told |= {"type": "payment_intent.amount_capturable_updated", "data": {"object": intent}}
    body = json.dumps(told)
    signed = hmac.new(STRIPE_WEBHOOK_SECRET.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={at},v1={signed}", "Content-Type": "application/json"}
    answer = urllib3.request("POST", f"{scene.house._url}/v1/webhooks/stripe", body=body, headers=headers)
    assert answer.status < 300, answer.data


# --- clocks -----------------------------------------------------------------------------------------------------------


def _by_wrong_clocks(**minutes: float) -> Callable[[Scene], None]:
    """Functions whose clocks are so many minutes ahead; one order is brought, one is never paid, one never answered."""

    def play(scene: Scene) -> None:
        scene.mailbox.skews = {name: timedelta(minutes=each) for name, each in minutes.items()}
        unpaid, unanswered = scene.places(), scene.places()
        scene.pays(unanswered)
        placed = scene.places()
        scene.pays(placed)
        scene.accepted(placed)
        _brought_by_hook_or_by_crook(scene, placed)
        _until_ended(scene, unpaid, unanswered)
        scene.mailbox.skews = {}
        scene.ends = {"completed", "cancelled", "rejected"}
        scene.settle()
        ends = [world.order_of(each["id"]).status.value for each in (unpaid, unanswered, placed)]
        assert ends == ["cancelled", "rejected", "completed"], ends

    return play


def _brought_by_hook_or_by_crook(scene: Scene, placed: dict[str, Any]) -> None:
    """Offers made by a slow clock have run out when they are seen; once the clock is right, one has not."""
    for _ in range(3):
        _some_time(scene, lambda: scene.house.offered_to(placed["id"]), 20)
        rider = scene.house.offered_to(placed["id"])
        refusal = scene.house.refused(lambda rider=rider: scene.reports(rider, placed, "accept")) if rider else "none"
        if refusal is None and rider is not None:
            scene.cooked(placed)
            scene.brought(rider, placed)
            return
        scene.let_pass(seconds=20)
    scene.mailbox.skews = {}
    scene.goes_to_the_door(placed)


def _some_time(scene: Scene, holds: Callable[[], Any], seconds: int) -> None:
    """A second passes with each look: by a wrong clock a timer may set itself again at once, and again."""
    for _ in range(seconds):
        if holds():
            return
        _try(scene.post._bring_some)
        scene.let_pass(seconds=1)


def _until_ended(scene: Scene, *orders: dict[str, Any]) -> None:
    scene.pass_time(max(map(pay_by, orders)))
    for _ in range(60):
        _some_time(scene, lambda: False, 3)
        if all(world.order_of(each["id"]).deadline is None for each in orders):
            return
        scene.let_pass(seconds=20)


def the_issuers_clock_is_ahead(scene: Scene) -> None:
    """Tokens that were issued minutes from now are as good as those of a right clock."""
    issuer, subject = scene.house._issuer, scene.house.customer
    ahead = int(time.time()) + 300
    token = issuer.token(scene.house.shop.customer_id, iat=ahead, exp=ahead + 3600)
    scene.monkeypatch.setattr(subject.client, "_token", lambda: token)
    scene.goes_to_the_door()


# --- riders' phones ---------------------------------------------------------------------------------------------------


def a_rider_app_replays_a_day(scene: Scene) -> None:
    """Every report of two orders comes again hours later, in any order, with the ids and times of then."""
    day: list[tuple[Any, str, Any]] = []
    for rider in scene.house.riders:
        post = rider.client.post

        def kept(path: str, body: Any = None, rider: Any = rider, post: Any = post, **more: Any) -> Any:
            if "/deliveries/" in path:
                day.append((rider, path, body))
            return post(path, body, **more)

        scene.monkeypatch.setattr(rider.client, "post", kept)
    for _ in range(2):
        scene.goes_to_the_door()
    scene.settle()
    scene.let_pass(hours=10)
    before = [scene.house.ending(each["id"]) for each in scene.orders]
    again = [*day, *day]
    scene.chance.shuffle(again)
    for rider, path, body in again:
        try:
            type(rider.client).post(rider.client, path, body)
        except Refused as refused:
            _is_a_refusal(refused)
    assert len(day) >= 10
    assert [scene.house.ending(each["id"]) for each in scene.orders] == before


def _is_a_refusal(refused: Refused) -> None:
    if not 400 <= refused.status < 500:
        raise refused


def a_rider_app_was_offline(scene: Scene) -> None:
    """The steps of an hour come at once, the last first; the phone sends again what was refused as too early."""
    placed = scene.places()
    scene.pays(placed)
    scene.accepted(placed)
    rider = scene.taken(placed)
    scene.cooked(placed)
    began = clock.now()
    steps = ["arrived_at_store", "picked_up", "arrived", "delivered"]
    at = {step: clock.rfc3339(began + timedelta(minutes=5 * number)) for number, step in enumerate(steps)}
    scene.let_pass(hours=1)
    waiting = list(reversed(steps))
    for _ in range(len(steps)):
        for step in list(waiting):
            evidence = {"pin": placed["delivery_pin"], "age_proven": True} if step == "delivered" else {}
            try:
                rider.report(delivery_of(placed["id"]), step, operation(step, placed), at[step], **evidence)
            except Refused as refused:
                _is_a_refusal(refused)
            else:
                waiting.remove(step)
    assert "delivered" not in waiting


# --- the list ---------------------------------------------------------------------------------------------------------

SCENARIOS: dict[str, Callable[[Scene], None]] = {
    "DynamoDB throttles": _while_dynamodb(dynamo.throttled, 0.35),
    "DynamoDB: transactions conflict": _while_dynamodb(dynamo.conflicting, 0.3),
    "DynamoDB fails": _while_dynamodb(dynamo.failing, 0.3),
    "DynamoDB: requests time out": _while_dynamodb(dynamo.silent, 0.25),
    "DynamoDB: answers are lost": _while_dynamodb(dynamo.answer_lost, 0.2),
    "DynamoDB: keys are left unprocessed": _while_dynamodb(dynamo.partial, 0.4),
    "EventBridge: some entries fail": the_bus_takes_a_part,
    "EventBridge is throttled": the_bus_takes_nothing,
    "SQS: entries fail": a_queue_takes_no_timers,
    "SQS: duplicates, any order": messages_come_twice_and_in_any_order,
    "SQS: poison messages": poison,
    "SQS: a reaction fails until it is mended": a_reaction_has_a_bug,
    "a notice is lost": a_notice_is_lost,
    "a notice and its timers are lost": a_notice_and_every_timer_are_lost,
    "the events of an end are lost": events_of_an_end_are_lost,
    "the relay is behind by an hour": the_relay_is_behind_by_an_hour,
    "a zone's ticks are lost": a_zones_ticks_are_lost,
    "a tick dies": a_tick_dies_with_its_zone_taken,
    "Stripe is down": stripe_is_down,
    "Stripe is slow": stripe_is_slow,
    "Stripe lies": stripe_lies,
    "clocks: consumers are ahead": _by_wrong_clocks(ordering=4, dispatch=4, payments=4),
    "clocks: consumers are behind": _by_wrong_clocks(ordering=-4, dispatch=-4, payments=-4),
    "clocks: the relay is ahead": _by_wrong_clocks(relay=4, sweep=4),
    "clocks: the relay is behind": _by_wrong_clocks(relay=-4, sweep=-4),
    "clocks: the issuer is ahead": the_issuers_clock_is_ahead,
    "a rider app replays a day": a_rider_app_replays_a_day,
    "a rider app was offline": a_rider_app_was_offline,
    "processes die at any call": processes_die,
}

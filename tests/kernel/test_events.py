"""From an emitted event to a reaction: what is sent where, and what happens when a part of it fails."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from moto import mock_aws

import app  # noqa: F401  (declares every reaction)
from chalicelib.kernel import clock, event_types, events, ids, logs, settings, tables
from chalicelib.kernel.errors import Contention, VersionConflict
from chalicelib.kernel.event_types import DeliverySearchDue, OrderDeadlineReached, OrderHandedOver, OrderPlaced
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.wire import Emulator

PLACED = OrderPlaced(order_id="ord_1", store_id="sto_1", customer_id="c", mode="pickup")


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A bus whose rules are those of ROUTES, and its queues, in moto."""
    with mock_aws():
        sqs, bus = boto3.client("sqs"), boto3.client("events")
        bus.create_event_bus(Name="test-bus")
        urls = {}
        for queue in events.QUEUES:
            urls[queue] = sqs.create_queue(QueueName=queue)["QueueUrl"]
            arn = sqs.get_queue_attributes(QueueUrl=urls[queue], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            types = [event_type for event_type, to in events.ROUTES.items() if queue in to]
            pattern = json.dumps({"source": [events.SOURCE], "detail-type": types})
            bus.put_rule(Name=queue, EventBusName="test-bus", EventPattern=pattern)
            bus.put_targets(Rule=queue, EventBusName="test-bus", Targets=[{"Id": "queue", "Arn": arn}])
        monkeypatch.setenv("DOORSTEP_BUS_NAME", "test-bus")
        monkeypatch.setenv("DOORSTEP_QUEUE_URLS", json.dumps(urls))
        monkeypatch.setattr(events, "_clients", {})
        settings.reload()
        yield urls
    monkeypatch.undo()
    settings.reload()


def received(url: str) -> list[dict[str, Any]]:
    told = boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
    return list(told.get("Messages", []))


def delayed(url: str) -> int:
    name = "ApproximateNumberOfMessagesDelayed"
    told = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(told["Attributes"][name])


def record_of(pk: str, *, event_name: str = "INSERT") -> dict[str, Any]:
    """The stream record of a row of the events table, as Lambda gets it."""
    row = tables.get(events.EventsRow, pk, "-")
    assert row is not None
    image = {
        "pk": {"S": row.pk},
        "sk": {"S": row.sk},
        "relay": {"S": row.relay} if row.relay else None,
        "outbox": TypeSerializer().serialize(events.EventsRow.outbox.serialize(row.outbox)),
    }
    image["outbox"] = {"B": _base64(image["outbox"]["B"])}
    return {"eventName": event_name, "dynamodb": {"NewImage": {k: v for k, v in image.items() if v}}}


def _base64(raw: Any) -> str:
    import base64

    return base64.b64encode(bytes(raw)).decode()


def message(event: events.Event, **attributes: str) -> dict[str, Any]:
    body = {"detail": events.to_json(events.envelope(event))}
    return {
        "messageId": ids.new_id("msg"),
        "receiptHandle": "none",
        "body": json.dumps(body),
        "attributes": attributes,
    }


def test_every_route_has_a_reaction_and_every_reaction_a_route() -> None:
    routed = {(queue, event_type) for event_type, queues in events.ROUTES.items() for queue in queues}
    assert events.reactions() == routed


def test_every_routed_event_is_in_the_catalogue() -> None:
    for name in events.ROUTES:
        assert issubclass(getattr(event_types, name), events.Event)


def test_what_is_due_goes_over_the_bus_to_the_queues_of_its_rules(queues: dict[str, str]) -> None:
    handed_over = events.envelope(OrderHandedOver(order_id="ord_1", store_id="sto_1"))
    events.relay_entries([events.envelope(PLACED), handed_over])
    (arrived,) = received(queues["payments"])
    body = json.loads(arrived["Body"])
    assert (body["source"], body["detail-type"]) == ("doorstep", "OrderHandedOver")
    assert body["detail"] == json.loads(json.dumps(events.to_json(handed_over)))
    assert received(queues["ordering"]) == []


def test_what_is_due_soon_waits_in_its_queue_and_what_is_due_late_is_left_for_the_sweep(
    queues: dict[str, str],
) -> None:
    now = clock.now()
    soon = events.envelope(DeliverySearchDue(delivery_id="dlv_1", attempt=1), now + timedelta(minutes=10))
    late = events.envelope(OrderDeadlineReached(order_id="ord_1"), now + timedelta(minutes=16))
    events.relay_entries([soon, late])
    assert delayed(queues["dispatch"]) == 1
    assert delayed(queues["ordering"]) == 0


@pytest.mark.usefixtures("dynamodb")
def test_the_relay_sends_what_a_transaction_emitted_and_nothing_else(queues: dict[str, str]) -> None:
    event_id = ids.new_id("evt")
    tx = Transaction()
    tx.claim("ordering", event_id)
    tx.emit(OrderHandedOver(order_id="ord_1", store_id="sto_1"))
    tx.commit()
    pk = f"INBOX#ordering#{event_id}"
    events.relay({"Records": [record_of(pk, event_name="MODIFY"), record_of(pk, event_name="REMOVE")]})
    assert received(queues["payments"]) == []
    events.relay({"Records": [record_of(pk)]})
    assert len(received(queues["payments"])) == 1


def test_entries_that_the_bus_did_not_take_are_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[list[str]] = []

    class Bus:
        def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
            sent.append([entry["DetailType"] for entry in Entries])
            failing = len(sent) == 1
            return {
                "Entries": [
                    {"ErrorCode": "Throttled"} if failing and entry["DetailType"] == "OrderPlaced" else {"EventId": "e"}
                    for entry in Entries
                ]
            }

    monkeypatch.setattr(events, "_client", lambda service: Bus())
    events.publish([events.envelope(PLACED), events.envelope(OrderHandedOver(order_id="o", store_id="s"))])
    assert sent == [["OrderPlaced", "OrderHandedOver"], ["OrderPlaced"]]


def test_entries_that_never_go_fail_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bus:
        def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
            return {"Entries": [{"ErrorCode": "InternalFailure"} for _ in Entries]}

    monkeypatch.setattr(events, "_client", lambda service: Bus())
    monkeypatch.setattr(events.time, "sleep", lambda seconds: None)
    with pytest.raises(Contention):
        events.publish([events.envelope(PLACED)])


def test_the_sweep_sends_a_late_timer_once_it_comes_near(dynamodb: Emulator, queues: dict[str, str]) -> None:
    order_id = ids.new_id("ord")
    now = clock.now()
    tx = Transaction()
    tx.emit_at(now + timedelta(hours=2), OrderDeadlineReached(order_id=order_id))
    tx.commit()
    events.sweep()
    assert delayed(queues["ordering"]) == 0
    with clock.freeze(now + timedelta(hours=2) - timedelta(seconds=30)):
        assert events.sweep() >= 1
        assert events.sweep() == 0
    assert delayed(queues["ordering"]) >= 1


class TestConsuming:
    @pytest.fixture
    def reactions(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """A consumer of its own for these tests."""
        declared: dict[tuple[str, str], Any] = {}
        monkeypatch.setattr(events, "_reactions", declared)
        monkeypatch.setattr(events.time, "sleep", lambda seconds: None)
        monkeypatch.setattr(events, "_show_again", lambda queue, message, seconds: None)
        return declared

    def test_a_failing_message_fails_alone(self, reactions: dict[Any, Any]) -> None:
        seen = []

        def react(event: OrderHandedOver, meta: events.Meta) -> None:
            if event.order_id == "bad":
                raise ValueError
            seen.append((event.order_id, meta.event_id[:4]))

        reactions["payments", "OrderHandedOver"] = (OrderHandedOver, react)
        batch = [message(OrderHandedOver(order_id=each, store_id="s")) for each in ("a", "bad", "c")]
        batch.append({"messageId": "poison", "receiptHandle": "x", "body": "{"})
        answer = events.consume("payments", batch)
        assert seen == [("a", "evt_"), ("c", "evt_")]
        assert [f["itemIdentifier"] for f in answer["batchItemFailures"]] == [batch[1]["messageId"], "poison"]

    def test_a_timer_that_comes_early_waits_in_its_queue(
        self, reactions: dict[Any, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By this function's clock: the relay's may be ahead of it."""
        seen, hidden = [], []
        monkeypatch.setattr(events, "_show_again", lambda queue, message, seconds: hidden.append(seconds))
        reactions["ordering", "OrderDeadlineReached"] = (OrderDeadlineReached, lambda event, meta: seen.append(event))
        with clock.freeze(clock.now()):
            early = message(OrderDeadlineReached(order_id="a"))
            body = json.loads(early["body"])
            body["detail"]["due"] = clock.rfc3339(clock.now() + timedelta(minutes=4))
            early = {**early, "body": json.dumps(body)}
            answer = events.consume("ordering", [early])
            with clock.freeze(clock.now() + timedelta(minutes=4)):
                on_time = events.consume("ordering", [early])
        assert (answer, hidden) == ({"batchItemFailures": [{"itemIdentifier": early["messageId"]}]}, [240])
        assert (on_time, len(seen)) == ({"batchItemFailures": []}, 1)

    def test_a_lost_race_is_run_again_at_once(self, reactions: dict[Any, Any]) -> None:
        tries = []

        def react(event: OrderHandedOver, meta: events.Meta) -> None:
            tries.append(event)
            if len(tries) < 3:
                raise VersionConflict("order", event.order_id)

        reactions["payments", "OrderHandedOver"] = (OrderHandedOver, react)
        answer = events.consume("payments", [message(OrderHandedOver(order_id="a", store_id="s"))])
        assert (len(tries), answer) == (3, {"batchItemFailures": []})

    def test_an_unknown_field_of_a_newer_producer_is_ignored(self, reactions: dict[Any, Any]) -> None:
        seen = []
        reactions["payments", "OrderHandedOver"] = (OrderHandedOver, lambda event, meta: seen.append(event))
        newer = message(OrderHandedOver(order_id="a", store_id="s"))
        body = json.loads(newer["body"])
        body["detail"]["data"]["colour"] = "red"
        events.consume("payments", [{**newer, "body": json.dumps(body)}])
        assert [event.order_id for event in seen] == ["a"]

    def test_the_trace_of_the_request_reaches_the_reaction(self, reactions: dict[Any, Any]) -> None:
        seen = []
        reactions["payments", "OrderHandedOver"] = (
            OrderHandedOver,
            lambda event, meta: seen.append((meta.trace_id, logs.trace_id())),
        )
        with logs.context(trace_id="req-7"):
            sent = message(OrderHandedOver(order_id="a", store_id="s"))
        events.consume("payments", [sent])
        assert seen == [("req-7", "req-7")]


def test_a_failed_message_is_shown_again_after_a_growing_pause(queues: dict[str, str]) -> None:
    sqs = boto3.client("sqs")
    sqs.send_message(QueueUrl=queues["payments"], MessageBody="{")
    (arrived,) = received(queues["payments"])
    record = {
        "messageId": arrived["MessageId"],
        "receiptHandle": arrived["ReceiptHandle"],
        "body": arrived["Body"],
        "attributes": arrived["Attributes"],
    }
    answer = events.consume("payments", [record])
    assert answer == {"batchItemFailures": [{"itemIdentifier": arrived["MessageId"]}]}
    assert received(queues["payments"]) == []
    time.sleep(2.1)  # 2 ** the first receipt; the queue's own timeout would be 30 s
    assert received(queues["payments"])[0]["Attributes"]["ApproximateReceiveCount"] == "2"


def test_the_page_of_events_names_every_event_and_its_consumers() -> None:
    page = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    types = {
        name
        for name, kind in vars(event_types).items()
        if isinstance(kind, type) and kind.__module__.startswith(event_types.__name__)
    }
    assert types <= set(rows)
    for name in types:
        for queue in events.ROUTES.get(name, ()):
            told = f"{queue}:" if not name.endswith(("Due", "Reached")) else f"| {queue},"
            assert told in rows[name], f"{name} → {queue}"

"""The sandbox as a process: killed at any moment, it goes on where it was."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import stripe

from infra.local.stripe_sandbox import Sandbox
from tests.infra.stripe_sandbox.conftest import (
    SECRET_KEY,
    WEBHOOK_SECRET,
    Caller,
    Receiver,
    client_of,
    order_intent,
    pay,
)

ROOT = Path(__file__).parents[3]


class Process:
    def __init__(self, db: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                *("-m", "infra.local.stripe_sandbox", "--port", "0", "--db", str(db)),
                *("--secret-key", SECRET_KEY, "--webhook-secret", WEBHOOK_SECRET, "--webhook-first-retry", "0.05"),
                *options,
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().rpartition(" ")[2].strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    processes: list[Process] = []

    def run_one(*options: str) -> Process:
        processes.append(Process(tmp_path / "state" / "stripe.sqlite", *options))
        return processes[-1]

    yield run_one
    for process in processes:
        process.kill()


@pytest.mark.fault
def test_everything_answered_before_a_kill_is_there_after_it(run: Callable[..., Process]):
    first = run()
    client = client_of(first.url)
    held = pay(client, order_intent(client))
    key = {"idempotency_key": "capture-1"}
    captured = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 2000}, key)
    refund = client.v1.refunds.create({"payment_intent": held.id, "amount": 500})
    waiting = pay(client, order_intent(client))
    events = [event.id for event in client.v1.events.list({"limit": 100}).data]
    first.kill()

    second = run()
    client = client_of(second.url)

    assert client.v1.payment_intents.retrieve(held.id) == captured
    assert client.v1.refunds.retrieve(refund.id) == refund
    assert [event.id for event in client.v1.events.list({"limit": 100}).data] == events
    replayed = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 2000}, key)
    assert replayed.last_response.headers["Idempotent-Replayed"] == "true"
    assert client.v1.payment_intents.capture(waiting.id).status == "succeeded"
    assert Caller(second.url)("GET", "/sandbox/summary")[1]["currencies"]["eur"]["captured"] == 2000 + 2350


@pytest.mark.fault
def test_webhooks_that_did_not_arrive_before_a_kill_arrive_after_it(run: Callable[..., Process], receiver: Receiver):
    receiver.answers = [503] * 1000
    first = run("--webhook-url", receiver.url)
    client = client_of(first.url)
    intent = pay(client, order_intent(client))
    receiver.wait_for(lambda types: len(set(types)) == 2)
    first.kill()
    receiver.answers = []
    receiver.received.clear()

    run("--webhook-url", receiver.url)

    receiver.wait_for(
        lambda types: set(types) == {"payment_intent.created", "payment_intent.amount_capturable_updated"}
    )
    assert {received.event.data.object.id for received in receiver.received} == {intent.id}


@pytest.mark.fault
def test_a_kill_while_requests_run_leaves_no_half_change(run: Callable[..., Process]):
    first = run()
    client = client_of(first.url)
    held = [pay(client, order_intent(client)).id for _ in range(5)]
    # The kill comes from outside, while captures follow one another as fast as they can.
    killer = subprocess.Popen(
        [sys.executable, "-c", f"import os, time; time.sleep(.05); os.kill({first.process.pid}, 9)"]
    )
    answered: list[str] = []

    def capture_on_and_on() -> None:
        while True:
            answered.append(client.v1.payment_intents.capture(held.pop()).id)
            held.append(pay(client, order_intent(client)).id)

    with pytest.raises(stripe.APIConnectionError):
        capture_on_and_on()
    killer.wait()

    second = run()
    summary = Caller(second.url)("GET", "/sandbox/summary")[1]
    events = client_of(second.url).v1.events.list({"type": "payment_intent.succeeded", "limit": 100})

    captured = {line["id"] for line in summary["intents"] if line["captures"]}
    assert set(answered) <= captured
    assert {event.data.object.id for event in events.auto_paging_iter()} == captured
    for line in summary["intents"]:
        assert line["captured"] == (2350 if line["status"] == "succeeded" else 0)


def test_a_file_from_before_there_were_balances_goes_on(start: Callable[..., Sandbox], tmp_path: Path):
    first = start()
    held = pay(client_of(first.url), order_intent(client_of(first.url)))
    first.stop()
    with closing(sqlite3.connect(tmp_path / "stripe.sqlite", isolation_level=None)) as file:
        file.execute("DROP TABLE balance_transactions")
        file.execute("DROP TABLE held")
        new = ("template", "customer", "balance_transaction", "available_on", "dispute", "charged_back")
        for name in new:
            file.execute("UPDATE resources SET body = json_remove(body, ?)", (f"$.{name}",))

    client = client_of(start().url)

    taken = client.v1.payment_intents.capture(held.id, {"expand": ["latest_charge.balance_transaction"]})
    assert taken.latest_charge.balance_transaction.amount == 2350
    assert client.v1.refunds.create({"payment_intent": held.id}).status == "succeeded"


def test_it_stops_when_asked_to(run: Callable[..., Process]):
    process = run()
    os.kill(process.process.pid, signal.SIGTERM)
    assert process.process.wait(timeout=10) == 0


def test_a_taken_port_is_told_clearly(run: Callable[..., Process]):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = run("--port", str(taken.getsockname()[1]))
        _, message = process.process.communicate(timeout=10)
    assert process.process.returncode == 2
    assert "the port is taken" in message
    assert "Traceback" not in message


def test_one_file_serves_one_sandbox(run: Callable[..., Process]):
    run()
    second = run()
    _, message = second.process.communicate(timeout=20)
    assert second.process.returncode == 2
    assert "is another sandbox using it?" in message

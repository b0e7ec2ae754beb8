"""The stack's processes as a whole: what survives a kill, who may sign in, what a taken port says."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests

from infra.local import dynoxide, processes, provision
from infra.local.environment import Ports
from infra.local.stack import LocalStack, StackError
from infra.local.users import PASSWORD
from infra.local.wire import COGNITO, DYNAMODB, EVENTS, SQS, EmulatorError
from tests.stack import Caller, eventually, started

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = "tests.infra.recording_app"
pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def small_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack whose functions write down what they are invoked with."""
    running = started(tmp_path_factory.mktemp("small-stack"), app=APP)
    yield running
    running.stop()


def recorded(stack: LocalStack, function: str) -> list[dict[str, Any]]:
    path = stack.directory / "recorded.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line["event"] for line in lines if line["function"] == function]


def records(stack: LocalStack, function: str) -> list[dict[str, Any]]:
    return [record for event in recorded(stack, function) for record in event["Records"]]


def put_outbox(stack: LocalStack, pk: str) -> None:
    item = {"pk": {"S": pk}, "sk": {"S": "-"}, "relay": {"S": "now"}, "outbox": {"B": "AAAA"}}
    stack.dynamodb.call(DYNAMODB, "PutItem", TableName=stack.table_name("events"), Item=item)


def publish(stack: LocalStack, event_id: str) -> None:
    entry = {
        "Source": "doorstep",
        "DetailType": "PaymentNotified",
        "Detail": json.dumps({"id": event_id, "note": "<id> <time>"}),
        "EventBusName": stack.env["DOORSTEP_BUS_NAME"],
    }
    stack.moto.call(EVENTS, "PutEvents", Entries=[entry])


def claims(stack: LocalStack, token: str) -> dict[str, Any]:
    keys = jwt.PyJWKClient(stack.env["DOORSTEP_OIDC_JWKS_URL"])
    key = keys.get_signing_key_from_jwt(token).key
    return jwt.decode(token, key, algorithms=["RS256"], issuer=stack.env["DOORSTEP_OIDC_ISSUER"])


# --- functions --------------------------------------------------------------------------------------------------------


def test_a_fresh_outbox_reaches_the_relay_as_lambda_would_get_it(small_stack: LocalStack) -> None:
    pk = f"OUT#{uuid.uuid4()}"
    put_outbox(small_stack, pk)
    small_stack.drain()

    (record,) = [each for each in records(small_stack, "relay") if each["dynamodb"]["Keys"]["pk"]["S"] == pk]
    assert record["eventName"] == "INSERT"
    assert record["eventSource"] == "aws:dynamodb"
    assert "/stream/" in record["eventSourceARN"]
    assert record["dynamodb"]["NewImage"]["outbox"] == {"B": "AAAA"}


def test_changed_rows_and_rows_without_an_outbox_are_not_relayed(small_stack: LocalStack) -> None:
    table = {"TableName": small_stack.table_name("events")}
    claim, outbox = f"INBOX#{uuid.uuid4()}", f"OUT#{uuid.uuid4()}"
    small_stack.dynamodb.call(DYNAMODB, "PutItem", **table, Item={"pk": {"S": claim}, "sk": {"S": "-"}})
    put_outbox(small_stack, outbox)
    put_outbox(small_stack, outbox)  # replaces the item: a MODIFY
    small_stack.drain()

    keys = [each["dynamodb"]["Keys"]["pk"]["S"] for each in records(small_stack, "relay")]
    assert keys.count(outbox) == 1
    assert claim not in keys


def test_an_event_travels_over_bus_rule_and_queue(small_stack: LocalStack) -> None:
    event_id = str(uuid.uuid4())
    publish(small_stack, event_id)
    small_stack.drain()

    (record,) = [each for each in records(small_stack, "ordering_events") if event_id in each["body"]]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"].endswith(":doorstep-local-ordering")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    message = json.loads(record["body"])
    assert message["detail-type"] == "PaymentNotified"
    assert message["detail"] == {"id": event_id, "note": "<id> <time>"}


def test_an_event_that_no_rule_names_reaches_no_queue(small_stack: LocalStack) -> None:
    bus = small_stack.env["DOORSTEP_BUS_NAME"]
    entry = {"Source": "doorstep", "DetailType": "NobodyCares", "Detail": '{"id": "nobody"}', "EventBusName": bus}
    small_stack.moto.call(EVENTS, "PutEvents", Entries=[entry])
    small_stack.drain()
    assert not any("nobody" in each["body"] for each in records(small_stack, "ordering_events"))


def test_the_sweep_runs_when_the_stack_comes_up(small_stack: LocalStack) -> None:
    assert eventually(lambda: bool(recorded(small_stack, "sweep")))
    assert recorded(small_stack, "sweep")[0]["detail-type"] == "Scheduled Event"


def test_invocations_are_counted_by_function(small_stack: LocalStack) -> None:
    before = small_stack.invocations()
    publish(small_stack, "counted")
    Caller(small_stack).get("/health")
    small_stack.drain()
    after = small_stack.invocations()
    assert after["ordering_events"] == before.get("ordering_events", 0) + 1
    assert after["api"] == before.get("api", 0) + 1


# --- users ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "groups", "client"),
    [
        ("customer", None, "customerapp"),
        ("staff", ["staff"], "staffapp"),
        ("rider", ["riders"], "riderapp"),
        ("admin", ["admins"], "staffapp"),
    ],
)
def test_access_tokens_carry_the_groups_and_are_signed(
    small_stack: LocalStack, role: str, groups: list[str] | None, client: str
) -> None:
    told = claims(small_stack, small_stack.token_for(role))
    assert told["token_use"] == "access"
    assert told.get("cognito:groups") == groups
    assert told["client_id"] == client
    assert client in small_stack.env["DOORSTEP_OIDC_CLIENT_IDS"].split(",")


def test_users_sign_in_with_their_password_only(small_stack: LocalStack) -> None:
    user = small_stack.create_user(f"eve-{uuid.uuid4()}")
    attempt = {"USERNAME": user.email, "PASSWORD": PASSWORD + "x"}
    with pytest.raises(EmulatorError) as refused:
        small_stack.moto.call(
            COGNITO,
            "AdminInitiateAuth",
            UserPoolId=small_stack.env["DOORSTEP_OIDC_ISSUER"].rpartition("/")[2],
            ClientId="customerapp",
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters=attempt,
        )
    assert refused.value.code == "NotAuthorizedException"


# --- life -------------------------------------------------------------------------------------------------------------


def test_provisioning_again_changes_nothing(small_stack: LocalStack) -> None:
    def everything() -> list[Any]:
        tables = small_stack.dynamodb.call(DYNAMODB, "ListTables")
        queues = small_stack.moto.call(SQS, "ListQueues")
        rules = small_stack.moto.call(EVENTS, "ListRules", EventBusName=small_stack.env["DOORSTEP_BUS_NAME"])
        pools = small_stack.moto.call(COGNITO, "ListUserPools", MaxResults=10)["UserPools"]
        clients = small_stack.moto.call(COGNITO, "ListUserPoolClients", UserPoolId=pools[0]["Id"], MaxResults=10)
        return [tables, queues, rules, pools, clients]

    before = everything()
    provision.create_tables(small_stack.dynamodb, small_stack.prefix)
    provision.create_messaging(small_stack.moto, small_stack.prefix)
    provision.create_users(small_stack.moto, small_stack.prefix)
    assert everything() == before


def test_a_killed_stack_goes_on_where_it_was(small_stack: LocalStack) -> None:
    user = small_stack.create_user("ann", ["staff"])
    queue = json.loads(small_stack.env["DOORSTEP_QUEUE_URLS"])["ordering"]
    relayed_before, later, undelivered = (f"OUT#{uuid.uuid4()}" for _ in range(3))
    put_outbox(small_stack, relayed_before)
    small_stack.drain()
    delayed = {"QueueUrl": queue, "MessageBody": json.dumps({"later": later}), "DelaySeconds": 2}
    small_stack.moto.call(SQS, "SendMessage", **delayed)
    sent_at = time.time()
    pump = next(child for child in small_stack.children if child.name == "pump")
    pump.signal(signal.SIGSTOP)  # so that what follows is still under way when the power goes
    put_outbox(small_stack, undelivered)
    publish(small_stack, undelivered)
    small_stack.kill()

    small_stack.start()

    small_stack.drain(delayed=True)
    keys = [each["dynamodb"]["Keys"]["pk"]["S"] for each in records(small_stack, "relay")]
    assert keys.count(undelivered) == 1, "the stream's record was still to be relayed"
    assert keys.count(relayed_before) == 1, "what was relayed stays relayed"
    bodies = [each["body"] for each in records(small_stack, "ordering_events")]
    assert sum(undelivered in body for body in bodies) == 1, "the bus had taken the event"
    assert sum(later in body for body in bodies) == 1
    assert time.time() - sent_at >= 2, "the delay goes on, it does not begin anew and is not forgotten"
    assert claims(small_stack, user.token)["sub"] == user.sub, "tokens from before are still good"
    small_stack.users._signed_in.clear()
    again = small_stack.create_user("ann")
    assert again.sub == user.sub, "rows in DynamoDB know her by it"
    assert claims(small_stack, again.token)["cognito:groups"] == ["staff"]


def test_a_second_stack_on_the_same_data_is_refused(small_stack: LocalStack) -> None:
    with pytest.raises(StackError, match="already running"):
        LocalStack(small_stack.directory, app=APP).start()


@pytest.mark.parametrize(("index", "option"), [(0, "--port"), (1, "--dynamodb-port"), (3, "--stripe-port")])
def test_a_taken_port_is_named_with_the_option_that_changes_it(tmp_path: Path, index: int, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free = Ports.free()
        numbers = [free.api[0], free.dynamodb, free.moto, free.stripe]
        numbers[index] = taken.getsockname()[1]
        stack = LocalStack(tmp_path, ports=Ports((numbers[0],), *numbers[1:]), app=APP)
        with pytest.raises(StackError) as told:
            stack.start()
    assert f"port {numbers[index]} " in str(told.value)
    assert option in str(told.value)
    assert "\n" not in str(told.value)
    assert not any(child.runs() for child in stack.children)


def test_an_app_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path, app="tests.infra.there_is_no_such_app")
    with pytest.raises(StackError, match="there_is_no_such_app"):
        stack.start()
    assert not any(child.runs() for child in stack.children)


def test_a_process_that_ends_by_itself_is_noticed(tmp_path: Path) -> None:
    ended: list[str] = []
    with LocalStack(tmp_path, app=APP) as stack:
        enough = processes.watch(stack.children, lambda child: ended.append(child.name))
        next(child for child in stack.children if child.name == "moto").signal(signal.SIGKILL)
        assert eventually(lambda: bool(ended))
        enough.set()
    assert ended == ["moto"]


def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from infra.local.stack import LocalStack
LocalStack(Path({str(tmp_path)!r}), app={APP!r}).start()
time.sleep(60)
"""
    supervisor = subprocess.Popen([sys.executable, "-c", code], cwd=processes.ROOT)
    description = tmp_path / "stack.json"
    try:
        assert eventually(description.exists, 30)
    finally:
        supervisor.kill()
        supervisor.wait()
    pids = json.loads(description.read_text())["pids"].values()
    assert eventually(lambda: not any(_lives(pid) for pid in pids))
    with LocalStack(tmp_path, app=APP) as again:
        assert requests.get(again.api_url + "/health", timeout=5).status_code == 200


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # Whoever adopted it may be slow to collect it; a process without a command line has ended.
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes()) if Path("/proc").exists() else True
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_time_runs_fast_for_functions_and_timers_alike(tmp_path: Path) -> None:
    with LocalStack(tmp_path, app=APP, speed=60.0) as stack:
        queue = json.loads(stack.env["DOORSTEP_QUEUE_URLS"])["ordering"]
        clock = json.loads((stack.directory / "clock.json").read_text())
        began = time.time()
        now = clock["anchor"] + (began - clock["wall_anchor"]) * 60
        due = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(now + 90))
        body = json.dumps({"detail": {"id": "timer", "due": due}})
        stack.moto.call(SQS, "SendMessage", QueueUrl=queue, MessageBody=body, DelaySeconds=2)
        assert eventually(lambda: bool(records(stack, "ordering_events")))
        assert 1.3 <= time.time() - began < 1.95, "90 seconds are one and a half, not the two that SQS can say"
        assert len(recorded(stack, "sweep")) >= 2, "a minute of Doorstep's time is a second"
        stack.kill()
        stack.start()
        assert json.loads((stack.directory / "clock.json").read_text()) == clock


def test_without_dynoxide_moto_takes_over_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_available() -> Path:
        raise dynoxide.NotAvailable("npm is not installed")

    monkeypatch.setattr(dynoxide, "binary", not_available)
    with LocalStack(tmp_path, app=APP) as stack:
        assert stack.warning.startswith("npm is not installed: DynamoDB is moto's")
        put_outbox(stack, "OUT#1")
        publish(stack, "event")
        stack.drain()
        assert [each["dynamodb"]["Keys"]["pk"]["S"] for each in records(stack, "relay")] == ["OUT#1"]
        assert len(records(stack, "ordering_events")) == 1
        stack.kill()
        stack.start()
        stack.drain()
        assert stack.queue_depths()["ordering"].ready == 0


def test_several_api_processes_serve_one_stack(tmp_path: Path) -> None:
    with LocalStack(tmp_path, app=APP, api_processes=2) as stack:
        assert len(stack.api_urls) == 2
        for api in range(2):
            assert Caller(stack, api=api).get("/health").json() == {"status": "up"}

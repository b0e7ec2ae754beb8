"""The whole stack on one machine: its processes, its resources, its users.

with LocalStack(Path(".local/default")) as stack:
requests.get(stack.api_url + "/v1/stores", headers=stack.authorization("customer"))
"""

from __future__ import annotations

import fcntl
import json
import socket
import time
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Self

from chalicelib.kernel import events
from chalicelib.payments.provider import WEBHOOK_TYPES
from infra import resources
from infra.local import dynoxide, environment, invocations, processes, provision
from infra.local.clock_file import write_clock
from infra.local.environment import Ports, url
from infra.local.processes import POLL_SECONDS, Child, StackError, answers
from infra.local.pump import READY_FILE
from infra.local.stream import Checkpoint, iterator, stream_of
from infra.local.users import User, Users
from infra.local.wire import SQS, STREAMS, Emulator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

START_SECONDS = 60.0
PORT_SECONDS = 1.0
PREFIX = "doorstep-local"


@dataclass(frozen=True)
class Depth:
    """Messages of a queue: ready to be received, being handled, waiting for their delay."""

    ready: int
    in_flight: int
    delayed: int


class LocalStack:
    """A stack in a directory. Starting it again there finds its data, its users and its time again.

    `speed` is how many seconds of Doorstep's time pass in one of the wall's (changed, it holds from the next start
    on), `start_at` the instant at which a new stack's time begins (now, when it is not given). `app` names the module
    with the Chalice app. With `stripe_keys` (STRIPE_API_KEY and STRIPE_WEBHOOK_SECRET) payments go to Stripe itself
    rather than to the sandbox. Without `functions` only the emulators run: who starts it is the API and the pump. With
    `cloudformation` moto deploys the state template as AWS would, in memory.
    """

    def __init__(
        self,
        directory: Path,
        *,
        ports: Ports | None = None,
        speed: float = 1.0,
        start_at: datetime | None = None,
        api_processes: int = 1,
        app: str = "app",
        prefix: str = PREFIX,
        stripe_keys: Mapping[str, str] | None = None,
        functions: bool = True,
        cloudformation: bool = False,
    ) -> None:
        self.directory = directory.absolute()
        self.ports = ports or Ports.free(api_processes)
        self.prefix = prefix
        self.speed = speed
        self._start_at = start_at
        self._app = app
        self._with_functions = functions
        self._lock: IO[str] | None = None
        self._children: list[Child] = []
        try:
            dynoxide.binary()
            self.warning = ""
        except dynoxide.NotAvailable as reason:
            self.warning = (
                f"{reason}: DynamoDB is moto's, in memory and one call at a time. Data is lost when the stack ends."
            )
        self._cloudformation = cloudformation
        self._durable = not self.warning and not cloudformation
        clock_file = self.directory / "clock.json"
        self._stripe_keys = stripe_keys or {}
        self.env = environment.of_stack(
            prefix, self.ports, clock_file, own_dynamodb=self._durable, stripe_keys=self._stripe_keys
        )
        self.dynamodb = Emulator(self.env["AWS_ENDPOINT_URL_DYNAMODB"])
        self.moto = Emulator(self.env["AWS_ENDPOINT_URL_SQS"])
        self.users = Users(self.moto, environment.pool_id(prefix))

    # --- life ----------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Bring everything up and wait until it answers. Raises StackError, with nothing left running."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._take_directory()
        try:
            self._check_ports()
            write_clock(self.directory / "clock.json", self.speed, self._start_at)
            (self.directory / READY_FILE).unlink(missing_ok=True)
            for old in self.directory.glob("invocations-*.json"):
                old.unlink()
            if not self._durable:
                # Messages and users must not outlive the orders that they tell of.
                (self.directory / "moto.db").unlink(missing_ok=True)
            self._bring_up()
        except BaseException:
            self.kill()
            raise
        self._write_description()

    def stop(self) -> None:
        """End every process in an orderly way."""
        processes.stop(self._children)
        self._release_directory()

    def kill(self) -> None:
        """`kill -9` of every process at once; `start` goes on from what is on disk."""
        processes.kill(self._children)
        self._release_directory()

    @property
    def children(self) -> Sequence[Child]:
        """The processes, to be watched."""
        return self._children

    def _bring_up(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        emulators = self._emulators()
        apis, pumps = (self._apis(), [self._pump()]) if self._with_functions else ([], [])
        # What a notice of Stripe's says goes straight to the bus, which forgets what no rule wants: so both, the
        # sandbox with the notices of an earlier run and the pump, begin after the rules are there.
        late = [*pumps, *([] if self._stripe_keys else [self._stripe()])]
        self._children = [*emulators, *apis, *late]
        # The environment is known beforehand, so the app is imported while the emulators start.
        for child in (*emulators, *apis):
            child.start()
        for child in emulators:
            child.wait_until_ready(deadline)
        if self._cloudformation:
            provision.deploy(url(self.ports.moto), self.prefix)
        else:
            provision.create_tables(self.dynamodb, self.prefix)
            provision.create_messaging(self.moto, self.prefix)
        provision.create_users(self.moto, self.prefix)
        for child in late:
            child.start()
        for child in (*apis, *late):
            child.wait_until_ready(deadline)

    def _emulators(self) -> list[Child]:
        moto = ["infra.local.moto_server", "--port", str(self.ports.moto), "--state", str(self.directory / "moto.db")]
        if not self._durable:
            moto.append("--dynamodb")
        found = [self._child("moto", moto, f"{url(self.ports.moto)}/health")]
        if self._durable:
            database = str(self.directory / "dynamodb.db")
            command = ["infra.local.dynamodb", "--port", str(self.ports.dynamodb), "--db-path", database]
            found.append(self._child("dynamodb", command, url(self.ports.dynamodb)))
        return found

    def _stripe(self) -> Child:
        command = ["infra.local.child", "infra.local.stripe_sandbox"]
        for option, value in {
            "port": str(self.ports.stripe),
            "db": str(self.directory / "stripe.db"),
            "webhook-url": self.api_url + environment.WEBHOOK_PATH,
            "webhook-secret": self.env["STRIPE_WEBHOOK_SECRET"],
            "secret-key": self.env["STRIPE_API_KEY"],
            "webhook-events": ",".join(sorted(WEBHOOK_TYPES)),
        }.items():
            command += [f"--{option}", value]
        return self._child("stripe", command, f"{url(self.ports.stripe)}/sandbox/health")

    def _apis(self) -> list[Child]:
        found = []
        for number, port in enumerate(self.ports.api, start=1):
            name = f"api-{number}"
            command = ["infra.local.api", "--port", str(port), "--process", name, *self._function_options()]
            found.append(self._child(name, command, f"{url(port)}/health"))
        return found

    def _pump(self) -> Child:
        pump = self._child("pump", ["infra.local.pump", *self._function_options()], "")
        pump.ready = (self.directory / READY_FILE).exists
        return pump

    def _function_options(self) -> list[str]:
        return ["--app", self._app, "--directory", str(self.directory)]

    def _child(self, name: str, command: Sequence[str], health: str) -> Child:
        return Child(name, command, answers(health), self.directory / f"{name}.log", self.env)

    def _take_directory(self) -> None:
        lock = (self.directory / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise StackError(
                f"a stack is already running on {self.directory}: stop it, or use another --name"
            ) from None
        self._lock = lock

    def _release_directory(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _check_ports(self) -> None:
        wanted = {f"API process {n}": ("--port", port) for n, port in enumerate(self.ports.api, start=1)}
        wanted |= {
            "DynamoDB": ("--dynamodb-port", self.ports.dynamodb),
            "queues, bus and users": ("--moto-port", self.ports.moto),
            "Stripe sandbox": ("--stripe-port", self.ports.stripe),
        }
        # A process that was killed a moment ago may not have let go of its port yet.
        deadline = time.monotonic() + PORT_SECONDS
        for what, (option, port) in wanted.items():
            while not _is_free(port):
                if time.monotonic() > deadline:
                    raise StackError(
                        f"port {port} ({what}) is taken: choose another with {option}, or stop what listens there"
                    )
                time.sleep(POLL_SECONDS)

    def _write_description(self) -> None:
        description = {
            "api_urls": self.api_urls,
            "ports": asdict(self.ports),
            "env": self.env,
            "pids": {child.name: child.pid for child in self._children},
            "warning": self.warning,
        }
        path = self.directory / "stack.json"
        path.write_text(json.dumps(description, indent=2) + "\n")
        path.chmod(0o600)

    # --- use -----------------------------------------------------------------------------------------------

    @property
    def api_urls(self) -> list[str]:
        """The addresses of the API processes."""
        return [url(port) for port in self.ports.api]

    @property
    def api_url(self) -> str:
        """The address of the first API process, which also takes the webhooks."""
        return url(self.ports.api[0])

    @property
    def stripe_url(self) -> str:
        """The address of the Stripe sandbox."""
        return url(self.ports.stripe)

    def create_user(self, name: str, groups: Sequence[str] = ()) -> User:
        """A user of this name in these groups, made now or found again, with a fresh access token."""
        return self.users.sign_in(name, groups)

    def token_for(self, role: str, name: str | None = None) -> str:
        """An access token of a user with a role: customer, staff, rider or admin."""
        return self.users.of_role(role, name).token

    def table_name(self, context: str) -> str:
        """The name of a context's table."""
        return resources.table_name(self.prefix, context)

    def invocations(self) -> dict[str, int]:
        """How often each function was invoked since the start (`api` for all API processes together)."""
        time.sleep(2 * invocations.FLUSH_SECONDS)
        return invocations.read(self.directory)

    def queue_depths(self) -> dict[str, Depth]:
        """What is in each consumer's queue."""
        return {queue: self._depth(resources.queue_name(self.prefix, queue)) for queue in events.QUEUES}

    def dlq_depths(self) -> dict[str, int]:
        """How many messages were put aside, by consumer (`relay` for the stream's)."""
        queues = (*events.QUEUES, resources.RELAY_DLQ)
        return {queue: self._depth(resources.dlq_name(self.prefix, queue)).ready for queue in queues}

    def queues_empty(self, *, delayed: bool = False) -> bool:
        """Whether nothing is left to handle: in the stream, in a queue, and (if asked) no timer in a queue either."""
        if self._stream_waits():
            return False
        depths = self.queue_depths().values()
        return not any(depth.ready or depth.in_flight or (delayed and depth.delayed) for depth in depths)

    def drain(self, timeout: float = 30.0, *, delayed: bool = False) -> None:
        """Wait until everything that is due has been handled. Raises TimeoutError with what is left.

        An event that is handled while the questions are asked can hide behind them, so two empty looks are needed
        with no invocation in between.
        """
        deadline = time.monotonic() + timeout
        while True:
            before = self._background_invocations()
            if self.queues_empty(delayed=delayed) and self.queues_empty(delayed=delayed):
                time.sleep(2 * invocations.FLUSH_SECONDS)
                if self._background_invocations() == before:
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(f"not drained after {timeout} s: {self.queue_depths()}")
            time.sleep(0.05)

    def _background_invocations(self) -> int:
        counts = invocations.read(self.directory)
        return sum(count for function, count in counts.items() if function not in {"api", "sweep"})

    def _depth(self, name: str) -> Depth:
        attributes = self.moto.call(
            SQS,
            "GetQueueAttributes",
            QueueUrl=environment.queue_url(self.env["AWS_ENDPOINT_URL_SQS"], name),
            AttributeNames=["All"],
        )["Attributes"]
        counts = ("", "NotVisible", "Delayed")
        return Depth(*(int(attributes[f"ApproximateNumberOfMessages{each}"]) for each in counts))

    def _stream_waits(self) -> bool:
        arn, shards = stream_of(self.dynamodb, self.table_name("events"))
        checkpoint = Checkpoint(self.directory / "stream.json")
        for shard in shards:
            place = iterator(self.dynamodb, arn, shard, checkpoint.read(f"{arn} {shard}"))
            if self.dynamodb.call(STREAMS, "GetRecords", ShardIterator=place, Limit=1)["Records"]:
                return True
        return False


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

"""`make soak MINUTES=…`: orders are placed and carried to the door while everything that can break is broken.

Processes are killed and stalled, Stripe fails, is slow, forgets and repeats, every few seconds, one fault after
another. People behave as good apps do (`test_kill.Order`). In the end nothing is broken any more: what was put aside is
driven again, timers go off, the truth sweeper looks, and what must hold is checked. The report, a JSON file, says for
each kind of fault which invariants held for the orders that were under way when it struck. Exit code 1 when one did
not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from chalicelib.kernel import events
from infra import resources
from infra.local.environment import Ports, queue_url
from infra.local.replay import invariants
from infra.local.stack import LocalStack
from infra.local.wire import SQS
from tests.faults.plant import Plant
from tests.faults.test_kill import SPEED, Order, insist
from tests.flows.town import STOCK, TAKEN, Town

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = dict[str, Any]

PEOPLE = 3
PAUSE_SECONDS = (0.5, 3.0)
# Longer than the app waits for DynamoDB (5 s): what was asked meanwhile times out and may have happened.
STALL_SECONDS = 5.5
DRAIN_SECONDS = 240.0
ACCEPT_WITHIN_MINUTES = 4
# A notice of Stripe's that is lost is made up for when the time to pay is over: people must not have given up by then.
PAY_WINDOW_SECONDS = 120
PROCESSES = ("api-1", "pump", "dynamodb", "moto", "stripe")
STRIPE_FAULTS: dict[str, Json] = {
    "error_500": {},
    "error_429": {},
    "error_500_after_success": {},
    "timeout_after_success": {"delay_ms": 1500},
    "slow_request": {"delay_ms": 1500},
    "webhook_lost": {},
    "webhook_duplicated": {},
    "webhook_delayed": {"delay_ms": 2000},
    "webhook_reordered": {"delay_ms": 1000},
}
# What is left behind, in queues and dead letters, belongs to no order: it is told once, for all.
INVARIANTS = tuple(each for each in invariants.INVARIANTS if each != "nothing left behind")
OVERALL = ("journeys finished", "nothing left behind", "books agree")
# In the end time passes faster, until the truth sweeper has looked at the youngest order, twice.
LAST_SPEED = 60.0
LAST_MINUTES = 45


@dataclass
class Strike:
    """A fault that was made to happen."""

    kind: str
    began: float
    ended: float = 0.0


@dataclass
class Played:
    """One order, from when to when it was under way, and what did not hold for it."""

    began: float
    order: Patient | None = None
    ended: float = 0.0
    trouble: str = ""
    breaches: dict[str, str] = field(default_factory=dict)

    def felt(self, strike: Strike) -> bool:
        """Whether it was under way when a fault struck."""
        return self.began <= strike.ended and strike.began <= self.ended


class Patient(Order):
    """An order whose store may take its time: the stack is down for much of it."""

    def __init__(self, plant: Plant) -> None:
        super().__init__(plant, Town(plant.stack, accept_within_minutes=ACCEPT_WITHIN_MINUTES))

    def charges(self) -> list[Json]:
        """What Stripe has of the order. One whose answer was a 500 for good has another one made beside it."""
        summary = insist(lambda: requests.get(f"{self.plant.stack.stripe_url}/sandbox/summary", timeout=10).json())
        return [dict(each) for each in summary["intents"] if each["metadata"].get("order_id") == self.id]

    def charge(self) -> Json:
        """The one that the money is in."""
        return max(self.charges(), key=lambda each: (each["captures"], each["capturable"]))


class Soak:
    """A stack, people who order, and a hand that breaks things."""

    def __init__(self, plant: Plant, seed: int) -> None:
        self.plant = plant
        self.chance = random.Random(seed)
        self.strikes: list[Strike] = []
        self.played: list[Played] = []
        self.over = threading.Event()
        self.overall: dict[str, list[str]] = {name: [] for name in OVERALL}

    # --- what goes on -------------------------------------------------------------------------------------------------

    def run(self, seconds: float, told: Callable[[str], None]) -> None:
        """Break things for so long while people order; then let all come to an end."""
        until = time.monotonic() + seconds
        people = [threading.Thread(target=self._live, daemon=True) for _ in range(PEOPLE)]
        for person in people:
            person.start()
        while time.monotonic() < until:
            strike = self._strike()
            told(f"{strike.kind}; {len(self.strikes)} faults, {sum(bool(each.ended) for each in self.played)} orders")
            time.sleep(self.chance.uniform(*PAUSE_SECONDS))
        self.over.set()
        requests.delete(f"{self.plant.stack.stripe_url}/sandbox/faults", timeout=10)
        told("nothing is broken any more: the last orders go to their end")
        for person in people:
            person.join()
        self._settle(told)
        self._check()

    def _live(self) -> None:
        """Order, again and again."""
        while not self.over.is_set():
            played = Played(time.monotonic())
            self.played.append(played)
            try:
                played.order = insist(lambda: Patient(self.plant))
                played.order.go()
            except Exception as error:  # noqa: BLE001 (whatever it is, it is told in the report)
                played.trouble = f"{type(error).__name__}: {error}"
            played.ended = time.monotonic()

    def _strike(self) -> Strike:
        faults: list[tuple[str, Callable[[], None]]] = [
            *((f"{name} killed", lambda name=name: self.plant.kill_one(name)) for name in PROCESSES),
            *((f"{name} stalled", lambda name=name: self._stall(name)) for name in ("dynamodb", "pump", "moto")),
            *((f"stripe {kind}", lambda kind=kind: self._fail_stripe(kind)) for kind in STRIPE_FAULTS),
            ("everything killed", self.plant.kill),
        ]
        counted = Counter(strike.kind for strike in self.strikes)
        # What has struck least often comes first, so that a short run has as many kinds as it can.
        kind, act = min(faults, key=lambda fault: (counted[fault[0]], self.chance.random()))
        strike = Strike(kind, time.monotonic())
        act()
        strike.ended = time.monotonic()
        self.strikes.append(strike)
        return strike

    def _stall(self, name: str) -> None:
        self.plant.pause(name)
        time.sleep(STALL_SECONDS)
        self.plant.child(name).signal(signal.SIGCONT)

    def _fail_stripe(self, kind: str) -> None:
        wanted = {"kind": kind, "times": 2, **STRIPE_FAULTS[kind]}
        requests.post(f"{self.plant.stack.stripe_url}/sandbox/faults", json=wanted, timeout=10).raise_for_status()

    # --- the end ------------------------------------------------------------------------------------------------------

    def _settle(self, told: Callable[[str], None]) -> None:
        """Drive again what was put aside, and let time pass until timers went off and the truth was looked for."""
        for what, act, delayed in (
            ("what was put aside", self._redrive, False),
            ("time passes", self._let_time_pass, True),
        ):
            act()
            told(f"{what}, then the queues")
            try:
                self.plant.stack.drain(DRAIN_SECONDS, delayed=delayed)
            except TimeoutError as error:
                self.overall["nothing left behind"].append(str(error))
        stack = self.plant.stack
        self.overall["nothing left behind"] += invariants.nothing_left_behind(stack.queue_depths(), stack.dlq_depths())

    def _redrive(self) -> None:
        moto, prefix = self.plant.stack.moto, self.plant.stack.prefix
        endpoint = self.plant.stack.env["AWS_ENDPOINT_URL_SQS"]
        for queue in events.QUEUES:
            aside = queue_url(endpoint, resources.dlq_name(prefix, queue))
            back = queue_url(endpoint, resources.queue_name(prefix, queue))
            asked = {"QueueUrl": aside, "MaxNumberOfMessages": 10}
            while messages := moto.call(SQS, "ReceiveMessage", **asked).get("Messages"):
                for message in messages:
                    moto.call(SQS, "SendMessage", QueueUrl=back, MessageBody=message["Body"])
                    moto.call(SQS, "DeleteMessage", QueueUrl=aside, ReceiptHandle=message["ReceiptHandle"])

    def _let_time_pass(self) -> None:
        """All timers go off, and schedules call the sweeper, which leaves alone what is younger than 15 minutes."""
        self.plant.go_on_at(LAST_SPEED)
        time.sleep(LAST_MINUTES * 60 / LAST_SPEED)

    def _check(self) -> None:
        sums: Counter[str] = Counter()
        for played in self.played:
            if played.order is None or not played.order.placed:
                if played.trouble:
                    self.overall["journeys finished"].append(played.trouble)
                continue
            for invariant, breach in _breaches(played.order, sums):
                played.breaches[invariant] = breach
            # One that ended otherwise (refused in time, say) is no breach as long as all else holds.
            if played.trouble and "ended" in played.breaches:
                self.overall["journeys finished"].append(f"{played.order.id}: {played.trouble}")
        if sums["ours"] != sums["theirs"]:
            self.overall["books agree"].append(f"ours {sums['ours']}, Stripe's {sums['theirs']} (minor units)")

    # --- the report ---------------------------------------------------------------------------------------------------

    def report(self) -> Json:
        """Fault × invariant × result."""
        told: Json = {}
        for kind in sorted({strike.kind for strike in self.strikes}):
            strikes = [strike for strike in self.strikes if strike.kind == kind]
            felt = [each for each in self.played if any(each.felt(strike) for strike in strikes)]
            results: Json = {}
            for invariant in INVARIANTS:
                broken = [each.breaches[invariant] for each in felt if invariant in each.breaches]
                results[invariant] = {"held": not broken, "breaches": broken}
            told[kind] = {"times": len(strikes), "orders": len(felt), "invariants": results}
        return {
            "orders": len(self.played),
            "completed": sum(not each.trouble for each in self.played),
            "strikes": len(self.strikes),
            "faults": told,
            "overall": {name: {"held": not found, "breaches": found} for name, found in self.overall.items()},
            "ended_otherwise": [each.trouble for each in self.played if each.trouble],
            "clean": self.clean,
        }

    @property
    def clean(self) -> bool:
        """Whether everything held."""
        return not any(self.overall.values()) and not any(each.breaches for each in self.played)


def _breaches(order: Patient, sums: Counter[str]) -> Iterator[tuple[str, str]]:
    seen, charges = insist(order.seen), order.charges()
    payment = insist(lambda: order.customer.payment(order.id))
    name = f"{order.id} ({seen['status']}, {payment['state']})"
    done = seen["status"] == invariants.COMPLETED
    sums["ours"] += payment["captured"]["amount"] - payment["refunded"]["amount"]
    sums["theirs"] += sum(each["captured"] - each["refunded"] for each in charges)
    # An intent behind a 500 for good nobody can ever pay: its secret was told to nobody.
    charges = [each for each in charges if each["attempts"] or each["status"] == "canceled"]
    # Each thing that the sweeper puts right is told, and may be one of several.
    steps = [entry["step"] for entry in seen["timeline"] if entry["step"] != "repaired"]
    left = {sku: count - (TAKEN[sku] if done else 0) for sku, count in STOCK.items()}
    feeds = [insist(lambda rider=rider: rider.look().body) for rider in order.riders]
    cards = insist(lambda: order.town.tablet.look().body)["cards"]
    found = {
        "ended": invariants.ended(name, seen["status"]),
        "paid once": invariants.paid_once(name, seen["status"], seen["total"]["amount"], payment, charges),
        "no step twice": invariants.no_step_twice(name, steps),
        "stock adds up": invariants.stock_adds_up(name, insist(order.town.stock), left),
        "hands and board empty": invariants.hands_and_board_empty(name, feeds, cards),
    }
    for invariant, breaches in found.items():
        if told := "; ".join(breaches):
            yield invariant, told


def soak(directory: Path, seconds: float, seed: int, told: Callable[[str], None]) -> Soak:
    """The whole of it, on a stack of its own that is gone afterwards."""
    # Below the ports that a system hands out: while a process is down, nobody must be given its port.
    dynamodb, moto, stripe, api = random.sample(range(12_000, 32_000), 4)
    stack = LocalStack(directory, ports=Ports((api,), dynamodb, moto, stripe), speed=SPEED)
    stack.env["DOORSTEP_PAY_WINDOW_SECONDS"] = str(PAY_WINDOW_SECONDS)
    plant = Plant(stack)
    plant.start()
    try:
        made = Soak(plant, seed)
        made.run(seconds, told)
        return made
    finally:
        for child in stack.children:
            child.signal(signal.SIGCONT)
        stack.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.faults.soak", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--keep", type=Path, help="the stack's directory, which then stays: logs, messages, tables")
    parser.add_argument("--report", type=Path, default=Path("soak-report.json"))
    asked = parser.parse_args()
    began = time.monotonic()

    def told(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", file=sys.stderr, flush=True)

    folder = tempfile.TemporaryDirectory(prefix="doorstep-soak-", ignore_cleanup_errors=True)
    with contextlib.nullcontext(asked.keep) if asked.keep else folder as place:
        made = soak(Path(place), asked.minutes * 60, asked.seed, told)
    report = {"seed": asked.seed, "minutes": asked.minutes, **made.report()}
    asked.report.write_text(json.dumps(report, indent=2) + "\n")
    for kind, each in report["faults"].items():
        broken = [name for name, result in each["invariants"].items() if not result["held"]]
        print(f"{kind:32} {each['times']:4} times, {each['orders']:4} orders: {', '.join(broken) or 'all held'}")
    for name, result in report["overall"].items():
        print(f"{name:32} {'held' if result['held'] else result['breaches']}")
    print(f"{report['completed']} of {report['orders']} reached the door, {report['strikes']} faults: {asked.report}")
    return 0 if made.clean else 1


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)

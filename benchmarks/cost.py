"""What 1,000 delivered orders cost at AWS list price: `python -m benchmarks.cost [--json]`.

One order paid by card is played from its quote to the taken money, warm, and everything that AWS would bill is counted
on the way: units of DynamoDB, invocations, API requests, events, messages, bytes of log and of answers. To these come
the polls of customers, tablets and riders. What cannot be counted on this machine (how long
AWS's services take to answer) is stated in `Assumed` and may be given otherwise on the command line.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from benchmarks import billing, prices

if TYPE_CHECKING:
    from benchmarks.billing import Bill

TARGET_USD = 0.60
ORDERS = 1000
_POLLS = ("customer", "map", "tablet", "rider")
OWN = ("the order itself", "browsing")


@dataclass(frozen=True)
class Assumed:
    """What is not counted here, with where it is from. The command line has an option for each."""

    # Polls and positions for each delivered order; `--counts FILE` takes them from what a replay wrote. These are of
    # 0o50t75s1p100, minutes 480 to 720 at 30 times their pace (docs/adr/0069).
    customer_polls: float = 22.7
    map_polls: float = 7.7
    tablet_polls: float = 23.4
    rider_polls: float = 32.9
    positions: float = 21.6
    # What a customer looks at before ordering: two menus of 2,000 products, whole, and six that are known already.
    menus: float = 2.0
    looks: float = 6.0
    # Waiting for AWS and Stripe in the same region, milliseconds: DynamoDB promises single digits; the others are
    # what their users commonly report. Lambda bills them like work.
    dynamodb_ms: float = 5.0
    messaging_ms: float = 20.0
    stripe_ms: float = 400.0
    # CPU here is of a core at full speed; Lambda gives a core at 1,769 MB and a part of it below.
    cpu_factor: float = 1.0
    # Lambda's own START, END and REPORT lines, and a line of API Gateway's access log.
    platform_log_bytes: float = 450.0
    access_log_bytes: float = 620.0
    # X-Ray's default rule, above one trace a second.
    traced: float = 0.05
    # Headers of an answer, TLS included.
    answer_overhead_bytes: float = 700.0


def lines(bill: Bill, told: Assumed) -> dict[str, dict[prices.Price, float]]:
    """Units by what they are for and by price, for one order."""
    polls = {name: getattr(told, f"{name}_polls") for name in _POLLS}
    found: dict[str, dict[prices.Price, float]] = {"the order itself": defaultdict(float)}
    for call in bill.journey:
        _add(found["the order itself"], call, told, 1.0)
    found["browsing"] = defaultdict(float)
    _add(found["browsing"], bill.menu, told, told.menus)
    _add(found["browsing"], bill.look, told, told.looks)
    for who, times in polls.items():
        part = found[f"polls of the {who}"] = defaultdict(float)
        _add(part, bill.polls[who], told, times)
    part = found["positions of the rider"] = defaultdict(float)
    _add(part, bill.position, told, told.positions)
    return found


def _add(units: dict[prices.Price, float], call: billing.Call, told: Assumed, times: float) -> None:
    cpu_share = min(1.0, call.memory_mb / 1769)
    waiting = call.requests * told.dynamodb_ms + call.stripe * told.stripe_ms + call.sends * told.messaging_ms
    milliseconds = call.cpu_ms * told.cpu_factor / cpu_share + waiting
    log = call.log_bytes + told.platform_log_bytes
    if call.is_api:
        units[prices.REST_API] += times
        units[prices.WAF] += times
        units[prices.TRANSFER_OUT] += times * (call.answer_bytes + told.answer_overhead_bytes)
        units[prices.TRACES] += times * told.traced
        log += told.access_log_bytes
    units[prices.DYNAMODB_WRITE] += times * call.write_units
    units[prices.DYNAMODB_READ] += times * call.read_units
    units[prices.LAMBDA_REQUEST] += times
    units[prices.LAMBDA_TIME] += times * milliseconds / 1000 * call.memory_mb / 1024
    units[prices.EVENTBRIDGE] += times * call.events
    # EventBridge pays for no SendMessage: the queue's owner does. A batch is received once and deleted once.
    units[prices.SQS] += times * (call.queue_sends + call.received + 2 * call.is_consumer)
    units[prices.LOGS] += times * log


def cost(found: dict[str, dict[prices.Price, float]]) -> dict[str, dict[str, float]]:
    """Dollars for 1,000 orders, by purpose and service."""
    return {
        purpose: _by_service({price: ORDERS * amount for price, amount in units.items()})
        for purpose, units in found.items()
    }


def _by_service(units: dict[prices.Price, float]) -> dict[str, float]:
    told: dict[str, float] = defaultdict(float)
    for price, amount in units.items():
        told[price.service] += price.of(amount)
    return dict(told)


def total(costs: dict[str, dict[str, float]]) -> float:
    """All of it."""
    return sum(sum(part.values()) for part in costs.values())


def instead(bill: Bill, told: Assumed) -> dict[str, float]:
    """Dollars for 1,000 orders if something were otherwise."""
    now = lines(bill, told)
    requests = ORDERS * sum(units[prices.REST_API] for units in now.values())
    full = total(cost(now))
    cheaper_gateway = full - prices.REST_API.of(requests) + prices.HTTP_API.of(requests)
    # A nudge over MQTT for each change (about thirty an order over three phones), and a poll a minute to be sure.
    pushed = Assumed(
        **{
            **_values(told),
            "customer_polls": 27.5 + 10,
            "map_polls": 0.0,
            "tablet_polls": 20.0 + 10,
            "rider_polls": 29.0 + 10,
        }
    )
    minutes = 27.5 + 20.0 + 29.0
    push = prices.IOT_MINUTE.of(ORDERS * minutes) + prices.IOT_MESSAGE.of(ORDERS * 2 * 30)
    on_push = total(cost(lines(bill, pushed))) + push
    sparse = {f"{name}_polls": 0.0 if name == "map" else 10.0 for name in _POLLS}
    no_net = Assumed(**{**_values(told), **sparse})
    return {
        "an HTTP API instead of the REST API (it takes no web ACL)": cheaper_gateway - prices.WAF.of(requests),
        "changes pushed over IoT Core, a poll a minute to be sure": on_push,
        "changes pushed over IoT Core, polls only after a push": total(cost(lines(bill, no_net))) + push,
        "no polls and no positions at all": sum(
            sum(part.values()) for purpose, part in cost(now).items() if purpose in OWN
        ),
    }


def _values(told: Assumed) -> dict[str, float]:
    return {each.name: getattr(told, each.name) for each in fields(told)}


# --- printing ---------------------------------------------------------------------------------------------------------


def units_table(found: dict[str, dict[prices.Price, float]]) -> Table:
    """What was counted for one order."""
    table = Table(title=f"One delivered order: units, and their price ({prices.REGION}, {prices.AS_OF})")
    table.add_column("unit", no_wrap=True)
    for purpose in found:
        table.add_column(purpose, justify="right")
    for column in ("units", "$ per million", "$ per 1,000 orders"):
        table.add_column(column, justify="right")
    for price in {price: None for units in found.values() for price in units}:
        amounts = [units.get(price, 0.0) for units in found.values()]
        whole = sum(amounts)
        table.add_row(
            f"{price.service}: {price.unit}",
            *(f"{amount:,.4g}" if amount else "·" for amount in amounts),
            f"{whole:,.4g}",
            f"{price.of(prices.MILLION):,.4g}",
            f"{price.of(whole * ORDERS):.4f}",
        )
    return table


def shares_table(costs: dict[str, dict[str, float]]) -> Table:
    """Dollars for 1,000 delivered orders, by service and purpose."""
    table = Table(title="Dollars for 1,000 delivered orders")
    table.add_column("service", no_wrap=True)
    for purpose in (*costs, "all", "share"):
        table.add_column(purpose, justify="right")
    everything = total(costs)
    services = sorted(
        {service for part in costs.values() for service in part},
        key=lambda each: -sum(part.get(each, 0.0) for part in costs.values()),
    )
    for service in services:
        row = [part.get(service, 0.0) for part in costs.values()]
        table.add_row(service, *(f"{each:.4f}" for each in row), f"{sum(row):.4f}", f"{sum(row) / everything:.0%}")
    table.add_section()
    sums = [sum(part.values()) for part in costs.values()]
    table.add_row("all", *(f"{each:.4f}" for each in sums), f"{everything:.4f}", "100%", style="bold")
    return table


def verdict(bill: Bill, told: Assumed, costs: dict[str, dict[str, float]]) -> list[str]:
    """Whether the aim is reached, and what stands in the way where it is not."""
    whole = total(costs)
    if whole <= TARGET_USD:
        return [f"[green]${whole:.2f} for 1,000 delivered orders: the aim of ${TARGET_USD:.2f} is reached."]
    polls = sum(sum(part.values()) for purpose, part in costs.items() if purpose not in OWN)
    gateway = sum(part.get("API Gateway", 0.0) for part in costs.values())
    found = [
        f"[yellow]${whole:.2f} for 1,000 delivered orders: the aim of ${TARGET_USD:.2f} is missed.",
        (
            f"In the way stand the polls and positions, ${polls:.2f} of it (API Gateway's price for all REST requests: "
            f"${gateway:.2f}); browsing and the orders themselves cost ${whole - polls:.2f}."
        ),
        "With:",
    ]
    return found + [f"  ${usd:.2f}  {what}" for what, usd in instead(bill, told).items()]


NOT_IN_IT = (
    "Not in it: Stripe's fees, Cognito (by monthly user), storage and backups, cold starts, what is paid by the month "
    "whatever happens (web ACL and rules $8, alarms $0.10, dashboard $3, metrics $0.30 each, idle queues' long polls)."
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.cost", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print figures for machines")
    parser.add_argument("--counts", type=Path, help="a replay's counts of polls and positions")
    for each in fields(Assumed):
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=float, metavar="N", help=f"{each.default:g}")
    asked = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    as_json, counts = asked.pop("json"), asked.pop("counts", None)
    counted = {} if counts is None else json.loads(counts.read_text())
    told = Assumed(**{**counted, **asked})
    with tempfile.TemporaryDirectory(prefix="doorstep-cost-") as directory:
        bill = billing.count(Path(directory))
    found = lines(bill, told)
    costs = cost(found)
    if as_json:
        answer: dict[str, Any] = {
            "usd_per_1000_orders": total(costs),
            "target": TARGET_USD,
            "by_purpose": costs,
            "instead": instead(bill, told),
            "assumed": _values(told),
            "prices": {f"{each.service}: {each.unit}": each.source for units in found.values() for each in units},
        }
        print(json.dumps(answer, indent=2))
        return
    console = Console(width=max(150, Console().width))
    console.print(units_table(found))
    console.print(shares_table(costs))
    for line in verdict(bill, told, costs):
        console.print(line)
    console.print(NOT_IN_IT, style="dim")
    console.print("Assumed: " + ", ".join(f"{name} {value:g}" for name, value in _values(told).items()), style="dim")
    for source in sorted({each.source for units in found.values() for each in units}):
        console.print(f"  {source}", style="dim")


if __name__ == "__main__":
    main()

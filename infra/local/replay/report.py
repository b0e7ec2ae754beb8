"""The tables at the end of a played day: how it went, and what it cost."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from statistics import fmean
from typing import TYPE_CHECKING

from rich.table import Table

from infra.local.metering import Usage, total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from infra.local.actors import Client
    from infra.local.replay.clockwork import Lateness
    from infra.local.replay.day import Day
    from infra.local.replay.stage import Stage

MINUTE = timedelta(minutes=1)
STEPS = "the orders' own steps"
# Everything that is done on behalf of these is for keeping in touch; what is left are the orders' own steps.
KEEPING_IN_TOUCH = {
    "GET /v1/rider/feed": "couriers' polls",
    "GET /v1/stores/{store_id}/board": "tablets' polls",
    "GET /v1/orders/{order_id}": "customers' polls",
    "GET /v1/orders/{order_id}/rider": "customers' polls",
    "PUT /v1/rider/position": "couriers' positions",
    "POST /v1/rider/shift": "couriers' shifts",
    "sweep": "sweep of timers",
}
LATE_SECONDS = 60.0


def service_table(stage: Stage, reactions: Sequence[float], speed: float, wall_seconds: float) -> Table:
    """How the day went for those who took part."""
    rows = Table(
        title=f"{stage.day.instance.name} at {speed:g} times its pace", title_justify="left", show_header=False
    )
    rows.add_column(min_width=46)
    rows.add_column(justify="right", min_width=26)
    for name, value in _service(stage.day):
        rows.add_row(name, value)
    rows.add_section()
    for name, value in _touch(stage):
        rows.add_row(name, value)
    if reactions:
        rows.add_row("from offer to acceptance, mean", f"{fmean(reactions):.1f} s")
        rows.add_row("from offer to acceptance, p90", f"{percentile(reactions, 0.9):.1f} s")
    rows.add_section()
    rows.add_row("wall time", f"{wall_seconds / 60:.1f} min")
    for name, value in _lateness(stage.clockwork.lateness, speed):
        rows.add_row(name, value)
    return rows


def cost_table(stage: Stage, uses: Mapping[str, Usage], invocations: int) -> Table:
    """What DynamoDB was asked, for each order that was placed."""
    placed = max(1, stage.day.tally["placed"])
    rows = Table(title="DynamoDB per order", title_justify="left")
    rows.add_column("", min_width=34)
    for column in ("requests", "read units", "write units"):
        rows.add_column(column, justify="right")
    grouped: dict[str, Usage] = {STEPS: Usage()}
    for use, usage in uses.items():
        group = KEEPING_IN_TOUCH.get(use, STEPS)
        grouped[group] = grouped.get(group, Usage()) + usage
    for group, usage in grouped.items():
        rows.add_row(group, *_per(usage, placed))
    rows.add_section()
    rows.add_row("all together", *_per(total(grouped.values()), placed))
    rows.caption = f"{invocations / placed:.1f} invocations per order behind the API"
    rows.caption_justify = "left"
    return rows


def too_late(stage: Stage) -> str:
    """What to say when the actors could not follow the clock; nothing when they could."""
    late = stage.clockwork.lateness.share(0.99)
    if late <= LATE_SECONDS:
        return ""
    return (
        f"The actors lagged behind the clock, by more than {late:.0f} s in 1 % of cases: this machine is too slow "
        "for this speed, and the times above are longer than they should be."
    )


def _service(day: Day) -> Iterable[tuple[str, str]]:
    delivered = [played for played in day.orders if played.delivered_at is not None]
    to_door = [(played.delivered_at - played.click) / MINUTE for played in delivered if played.delivered_at]
    waited = [
        (played.picked_up_at - max(played.ready, played.marked_ready_at or played.ready)) / MINUTE
        for played in delivered
        if played.picked_up_at
    ]
    yield "orders placed", f"{day.tally['placed']} of {len(day.orders)}"
    yield "orders delivered", str(len(delivered))
    for end, count in _other_ends(day).items():
        yield f"orders {end}", str(count)
    yield "click to door, mean", _minutes(to_door, fmean)
    yield "click to door, p90", _minutes(to_door, lambda values: percentile(values, 0.9))
    yield "ready to pickup, mean", _minutes(waited, fmean)
    yield "offers accepted", str(day.tally["offers accepted"])
    yield "offers that had run out when they were seen", str(day.tally["offers missed"])


def counts(stage: Stage) -> dict[str, float]:
    """What `benchmarks.cost` multiplies with, for each delivered order."""
    delivered = max(1, stage.day.tally["delivered"])
    polls = {who: sum(each.polls for each in clients) / delivered for who, clients in _phones(stage).items()}
    looks = stage.day.tally["looks at the map"] / delivered
    return {
        "customer_polls": polls["customers"] - looks,
        "map_polls": looks,
        "tablet_polls": polls["tablets"],
        "rider_polls": polls["couriers"],
        "positions": stage.day.tally["heartbeats"] / delivered,
    }


def _phones(stage: Stage) -> dict[str, list[Client]]:
    return {
        "couriers": [courier.rider.client for courier in stage.couriers],
        "tablets": [kitchen.tablet.client for kitchen in stage.kitchens.values()],
        "customers": [diner.customer.client for diner in stage.diners],
    }


def _touch(stage: Stage) -> Iterable[tuple[str, str]]:
    delivered = max(1, stage.day.tally["delivered"])
    phones = _phones(stage)
    for who, clients in phones.items():
        polls, unchanged = sum(each.polls for each in clients), sum(each.unchanged for each in clients)
        share = f" ({unchanged / polls:.0%} were 304)" if polls else ""
        yield f"polls of {who} per delivered order", f"{polls / delivered:.1f}{share}"
    everything = sum(each.polls for clients in phones.values() for each in clients)
    yield "polls per delivered order, all together", f"{everything / delivered:.1f}"
    yield "  of these customers' looks at the map", f"{stage.day.tally['looks at the map'] / delivered:.1f}"
    yield "positions of couriers per delivered order", f"{stage.day.tally['heartbeats'] / delivered:.1f}"


def _other_ends(day: Day) -> dict[str, int]:
    ends: dict[str, int] = {}
    for played in day.orders:
        if played.has_ended and played.status != "completed":
            end = f"{played.status} ({played.reason})"
            ends[end] = ends.get(end, 0) + 1
    return dict(sorted(ends.items()))


def _lateness(lateness: Lateness, speed: float) -> Iterable[tuple[str, str]]:
    for name, part in (("median", 0.5), ("p99", 0.99), ("most", 1.0)):
        seconds = lateness.share(part)
        yield f"actors woken late, {name}", f"{seconds:.1f} s ({seconds / speed * 1000:.0f} ms wall)"


def percentile(values: Sequence[float], part: float) -> float:
    """The least of the values that this part of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(part * len(ordered)) - 1)]


def _per(usage: Usage, orders: int) -> tuple[str, str, str]:
    return (
        f"{usage.requests / orders:.1f}",
        f"{usage.read_units / orders:.1f}",
        f"{usage.write_units / orders:.1f}",
    )


def _minutes(values: Sequence[float], measure: Callable[[Sequence[float]], float]) -> str:
    return f"{measure(values):.1f} min" if values else "-"

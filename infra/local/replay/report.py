"""The table at the end of a played day."""

from __future__ import annotations

from datetime import timedelta
from statistics import fmean
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from infra.local.metering import Usage
    from infra.local.replay.clockwork import Lateness
    from infra.local.replay.day import Day
    from infra.local.replay.stage import Stage

MINUTE = timedelta(minutes=1)


def table(stage: Stage, usage: Usage, invocations: int, speed: float, wall_seconds: float) -> Table:
    """How the day went."""
    rows = Table(title=f"{stage.day.instance.name}: a day at {speed:g} times its pace", title_justify="left")
    rows.add_column("")
    rows.add_column("", justify="right")
    for name, value in (*_service(stage.day), *_cost(stage, usage, invocations)):
        rows.add_row(name, value)
    rows.add_section()
    rows.add_row("wall time", f"{wall_seconds / 60:.1f} min")
    rows.add_row("actors woken late: median, p99, most", _lateness(stage.clockwork.lateness, speed))
    return rows


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
    yield "ended otherwise", _ended_otherwise(day)
    yield "click to door, mean", _minutes(to_door and fmean(to_door))
    yield "click to door, p90", _minutes(to_door and percentile(to_door, 0.9))
    yield "ready to pickup, mean", _minutes(waited and fmean(waited))
    yield "offers accepted, come too late for", f"{day.tally['offers accepted']}, {day.tally['offers missed']}"


def _cost(stage: Stage, usage: Usage, invocations: int) -> Iterable[tuple[str, str]]:
    day = stage.day
    delivered, placed = max(1, day.tally["delivered"]), max(1, day.tally["placed"])
    clients = {
        "couriers": [courier.rider.client for courier in stage.couriers],
        "tablets": [kitchen.tablet.client for kitchen in stage.kitchens.values()],
        "customers": [diner.customer.client for diner in stage.diners],
    }
    for who, theirs in clients.items():
        polls, unchanged = sum(each.polls for each in theirs), sum(each.unchanged for each in theirs)
        share = f"{unchanged / polls:.0%} of them 304" if polls else "none"
        yield f"polls of {who} per delivered order", f"{polls / delivered:.1f} ({share})"
    yield "heartbeats per delivered order", f"{day.tally['heartbeats'] / delivered:.1f}"
    yield "DynamoDB requests per order, all included", f"{usage.requests / placed:.1f}"
    yield "read units per order, all included", f"{usage.read_units / placed:.1f}"
    yield "write units per order, all included", f"{usage.write_units / placed:.1f}"
    yield "invocations behind the API per order", f"{invocations / placed:.1f}"


def percentile(values: Sequence[float], part: float) -> float:
    """The least value that this part of all values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, round(part * len(ordered) + 0.5) - 1))]


def _ended_otherwise(day: Day) -> str:
    ends: dict[str, int] = {}
    for played in day.orders:
        if played.has_ended and played.status != "completed":
            end = f"{played.status} ({played.reason})"
            ends[end] = ends.get(end, 0) + 1
    return ", ".join(f"{count} {end}" for end, count in sorted(ends.items())) or "0"


def _lateness(lateness: Lateness, speed: float) -> str:
    return ", ".join(
        f"{seconds:.1f} s ({seconds / speed * 1000:.0f} ms of the wall's)"
        for seconds in (lateness.share(0.5), lateness.share(0.99), lateness.share(1.0))
    )


def _minutes(value: float | list[float]) -> str:
    return f"{value:.1f} min" if isinstance(value, float) else "-"

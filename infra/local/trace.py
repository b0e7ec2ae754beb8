"""Follow one order through every process of the local stack: `make trace ORDER=ord_…`.

In AWS the same is a query of CloudWatch Logs Insights over all log groups (docs/operations.md); here it is the log
files of the stack's directory. An order, its quote, payment and delivery share the part of their ids behind the prefix;
what one request or event set off shares its trace.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What a line is read for first; the rest of its fields follow.
_SAID = ("at", "level", "logger", "message", "trace_id", "request_id", "error")


class Line(NamedTuple):
    """A line of a process's log."""

    process: str
    fields: dict[str, Any]

    @property
    def at(self) -> str:
        """When it was written: the wall's time, sortable."""
        return str(self.fields.get("at", ""))

    def names(self, subject: str) -> bool:
        """Whether any of its fields has this part of an id."""
        return any(subject in value for value in self.fields.values() if isinstance(value, str))


def read(directory: Path) -> Iterator[Line]:
    """Every structured line of every log below the directory."""
    for log in sorted(directory.rglob("*.log")):
        with log.open(encoding="utf-8", errors="replace") as lines:
            for text in lines:
                if text.startswith("{"):
                    try:
                        yield Line(log.stem, json.loads(text))
                    except ValueError:
                        continue  # the last line of a process that was killed


def follow(lines: Iterable[Line], order_id: str) -> list[Line]:
    """The lines about an order, its payment or its delivery, and those of the same requests and events, by time."""
    subject = order_id.partition("_")[2] or order_id
    known = list(lines)
    direct = [line for line in known if line.names(subject)]
    traces = {line.fields["trace_id"] for line in direct if line.fields.get("trace_id")}
    found = {id(line): line for line in direct}
    # A poll names many orders in one trace, and a trace of many orders is none of this one.
    found |= {
        id(line): line for line in known if line.fields.get("trace_id") in traces and not _of_another(line, subject)
    }
    return sorted(found.values(), key=lambda line: line.at)


def _of_another(line: Line, subject: str) -> bool:
    ids = [line.fields[name] for name in ("order_id", "delivery_id") if name in line.fields]
    return bool(ids) and not any(subject in each for each in ids)


def main() -> int:
    """Print the trace as a table."""
    parser = argparse.ArgumentParser(description="Follow one order through the local stack's logs.")
    parser.add_argument("order", help="the order's id; its quote's, payment's or delivery's will do")
    parser.add_argument("--directory", type=Path, default=Path(".local"))
    options = parser.parse_args()
    console = Console()
    lines = follow(read(options.directory), options.order)
    if not lines:
        console.print(f"Nothing about {options.order} in {options.directory.resolve()}.")
        return 1
    table = Table("at", "process", "what", "trace", "more", title=options.order)
    for line in lines:
        fields = line.fields
        what = fields.get("route") or fields.get("event") or fields["logger"].rpartition(".")[2]
        rest = {name: value for name, value in fields.items() if name not in (*_SAID, "route", "event", "event_id")}
        style = (
            "red" if fields["level"] in ("ERROR", "CRITICAL") else "yellow" if fields["level"] == "WARNING" else None
        )
        table.add_row(
            line.at[11:23],
            line.process,
            f"{what}: {fields['message']}",
            str(fields.get("trace_id", ""))[-8:],
            " ".join(f"{name}={value}" for name, value in rest.items()),
            style=style,
        )
    console.print(table)
    processes = {line.process for line in lines}
    traces = {line.fields.get("trace_id") for line in lines} - {None}
    console.print(f"{len(lines)} lines of {len(processes)} processes, {len(traces)} traces.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

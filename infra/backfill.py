"""Bring all items of a row up to today's schema: `python -m infra.backfill start PaymentRow`, `… status PaymentRow-2`.

On the local stack of that name when there is one, else on what the environment names (DOORSTEP_TABLE_PREFIX, AWS_…).
`start` and `resume` leave the work to the `upkeep` function; `run` does it in this process, at the same pace.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from infra.local.dynoxide import LOCAL

if TYPE_CHECKING:
    from chalicelib.kernel.backfill import BackfillRow

_COLUMNS = ("segment", "status", "pages", "seen", "migrated", "left", "units")


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked, and print how far the job has come."""
    asked = _parser().parse_args(arguments)
    console = Console()
    _take_environment(asked.name)
    import app  # noqa: F401  (imports every row)
    from chalicelib.kernel import backfill

    try:
        match asked.what:
            case "start" | "run":
                job = backfill.start(
                    asked.of, segments=asked.segments, pace=asked.pace, dry=asked.dry_run, tell=asked.what == "start"
                )
            case "pause":
                backfill.pause(job := asked.of)
            case "resume":
                backfill.resume(job := asked.of)
            case _:
                job = asked.of
        if asked.what == "run":
            _run(job, console)
        console.print(progress(backfill.segments_of(job), job))
    except backfill.Refused as error:
        console.print(f"[red]error: {error}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="infra.backfill", description=__doc__)
    parser.add_argument("what", choices=("start", "run", "status", "pause", "resume"))
    parser.add_argument("of", help="a row's class to start or run (PaymentRow); else a job (PaymentRow-2)")
    parser.add_argument("--segments", type=int, default=1, help="parts of the table side by side, at most 32")
    parser.add_argument("--pace", type=float, default=25.0, help="capacity units a second, for each segment")
    parser.add_argument("--dry-run", action="store_true", help="count what would be migrated, and write nothing")
    parser.add_argument("--name", default="default", help="the local stack's name")
    return parser


def _take_environment(name: str) -> None:
    """Before anything is imported that knows the tables by their names."""
    try:
        os.environ.update(json.loads((LOCAL / name / "stack.json").read_text())["env"])
    except OSError:
        if "DOORSTEP_TABLE_PREFIX" not in os.environ:
            told = f"error: no stack is running on {LOCAL / name}, and DOORSTEP_TABLE_PREFIX is not set"
            raise SystemExit(told) from None


def _run(job: str, console: Console) -> None:
    """One page of each segment after the other, each no sooner than its pace allows."""
    from chalicelib.kernel import backfill

    # When a segment's next page may be done; those that are over are no more in it.
    due = {int(row.sk): (int(row.page), 0.0) for row in backfill.segments_of(job)}
    while due:
        segment = min(due, key=lambda each: due[each][1])
        page, at = due[segment]
        time.sleep(max(0.0, at - time.monotonic()))
        pause = backfill.do_page(job, segment, page, tell=False)
        if pause is None:
            del due[segment]
        else:
            due[segment] = (page + 1, time.monotonic() + pause)
        console.log(f"segment {segment}, page {page}" + ("" if pause is None else f", the next in {pause:.1f} s"))


def progress(rows: list[BackfillRow], job: str) -> Table:
    """How far each segment has come."""
    table = Table(*_COLUMNS, title=job)
    for row in rows:
        counts = (row.page, row.seen, row.migrated, row.left)
        table.add_row(str(int(row.sk)), row.status, *(f"{int(each):,}" for each in counts), f"{float(row.units):,.1f}")
    return table


if __name__ == "__main__":
    sys.exit(main())

"""What `import app` adds to a cold start, against the import of the frameworks that it can't do without.

`python -m benchmarks.cold_import [--runs 15] [--check]` runs the two in turn in fresh interpreters and compares them
pair by pair, by the CPU time that the operating system accounts to each finished process: the ratio holds where the
machine's speed drifts. What an idle interpreter costs is taken off both, and bytecode is kept in a directory of the
run's own, whatever the environment says about it. With `--check` the exit code is 1 above the limit.

The second figure leaves the interpreter at the end of the import, without the tearing down that Lambda never sees.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

from rich.console import Console
from rich.progress import track
from rich.table import Table

LIMIT = 1.3
FRAMEWORKS = "import chalice, pynamodb.models, botocore.session"
APP = "import app"
LEAVE = "; import os; os._exit(0)"
STATEMENTS = ("pass", FRAMEWORKS, APP)


def cpu_seconds(statement: str, bytecode: str) -> float:
    """User and system seconds of a fresh interpreter that runs the statement, with its bytecode in a directory."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen([sys.executable, "-c", statement], env={**env, "PYTHONPYCACHEPREFIX": bytecode})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{statement!r} failed")
    return usage.ru_utime + usage.ru_stime


def measure(runs: int) -> dict[str, list[float]]:
    """CPU seconds of every statement, run in turn: to the interpreter's end, and to the import's end."""
    spent: dict[str, list[float]] = {statement + end: [] for end in ("", LEAVE) for statement in STATEMENTS}
    with tempfile.TemporaryDirectory(prefix="doorstep-bytecode-") as bytecode:
        for statement in STATEMENTS:
            cpu_seconds(statement, bytecode)  # the first runs write it
        for _ in track(range(runs), "importing", console=Console(stderr=True)):
            for statement, times in spent.items():
                times.append(cpu_seconds(statement, bytecode))
    return spent


def ratio(spent: dict[str, list[float]], end: str = "") -> float:
    """The median of the pairs' ratios; what the interpreter costs by itself is in neither import."""
    runs = zip(*(spent[statement + end] for statement in STATEMENTS), strict=True)
    return statistics.median((app - idle) / (frameworks - idle) for idle, frameworks, app in runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--check", action="store_true", help=f"fail above {LIMIT}")
    asked = parser.parse_args()
    spent = measure(asked.runs)
    table = Table("fresh interpreter", title="Cold import, median CPU ms")
    for column in ("whole process", "import only"):
        table.add_column(column, justify="right")
    for statement in STATEMENTS:
        table.add_row(statement, *(f"{statistics.median(spent[statement + end]) * 1000:.0f}" for end in ("", LEAVE)))
    table.add_section()
    table.add_row("ratio, median of pairs", f"{ratio(spent):.2f}", f"{ratio(spent, LEAVE):.2f}")
    Console().print(table)
    if asked.check and ratio(spent) > LIMIT:
        raise SystemExit(f"importing the app costs more than {LIMIT} times the frameworks")


if __name__ == "__main__":
    main()

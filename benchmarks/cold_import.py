"""What `import app` adds to a cold start, against the import of the frameworks that it can't do without.

`python -m benchmarks.cold_import [--runs 15] [--check]` runs the two in turn in fresh interpreters and compares them
pair by pair, by the CPU time that the operating system accounts to each finished process: the ratio holds where the
machine's speed drifts. Bytecode is kept in a directory of the run's own, whatever the environment says about it, and
tearing the interpreter down is no part of an import. With `--check` the exit code is 1 above the limit.
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
LEAVE = "import os; os._exit(0)"


def cpu_seconds(statement: str, bytecode: str) -> float:
    """User and system seconds until a fresh interpreter has run the statement, with its bytecode in a directory."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        [sys.executable, "-c", f"{statement}; {LEAVE}"], env={**env, "PYTHONPYCACHEPREFIX": bytecode}
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{statement!r} failed")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--check", action="store_true", help=f"fail above {LIMIT}")
    asked = parser.parse_args()
    idle, frameworks, app = [], [], []
    with tempfile.TemporaryDirectory(prefix="doorstep-bytecode-") as bytecode:
        for statement in (APP, FRAMEWORKS, "pass"):
            cpu_seconds(statement, bytecode)  # the first runs write it
        for _ in track(range(asked.runs), "importing", console=Console(stderr=True)):
            idle.append(cpu_seconds("pass", bytecode))
            frameworks.append(cpu_seconds(FRAMEWORKS, bytecode))
            app.append(cpu_seconds(APP, bytecode))
    # What the interpreter costs by itself is in neither import.
    ratios = [(a - i) / (f - i) for a, f, i in zip(app, frameworks, idle, strict=True)]
    table = Table("fresh interpreter", "CPU ms, median", title="Cold import")
    for name, runs in (("nothing", idle), (FRAMEWORKS, frameworks), (APP, app)):
        table.add_row(name, f"{statistics.median(runs) * 1000:.0f}")
    table.add_row("ratio, median of pairs", f"{statistics.median(ratios):.2f}")
    Console().print(table)
    if asked.check and statistics.median(ratios) > LIMIT:
        raise SystemExit(f"importing the app costs more than {LIMIT} times the frameworks")


if __name__ == "__main__":
    main()

"""The durable DynamoDB of the local stack: `python -m infra.local.dynamodb --port 8001 --db-path file`."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from pathlib import Path

from infra.local import dynoxide
from infra.local.lifeline import follow_parent


def main(arguments: list[str] | None = None) -> int:
    """Run dynoxide until it or the supervisor ends; SIGTERM stops it."""
    parser = argparse.ArgumentParser(prog="infra.local.dynamodb", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--db-path", type=Path, help="SQLite file; in memory when not given")
    options = parser.parse_args(arguments)
    try:
        command = [str(dynoxide.binary()), "--port", str(options.port)]
    except dynoxide.NotAvailable as reason:
        print(reason, file=sys.stderr)
        return 1
    if options.db_path is not None:
        options.db_path.parent.mkdir(parents=True, exist_ok=True)
        command += ["--db-path", str(options.db_path)]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    signal.signal(signal.SIGINT, lambda *_: server.terminate())
    follow_parent(server.pid)
    return server.wait()


if __name__ == "__main__":
    sys.exit(main())

"""A fresh access token of a running stack: `python -m infra.local.token staff`, `… customer --user ann`."""

from __future__ import annotations

import argparse
import json
import sys

from infra.local.dynoxide import LOCAL
from infra.local.environment import pool_id
from infra.local.users import ROLES, Users
from infra.local.wire import Emulator


def main(arguments: list[str] | None = None) -> int:
    """Print the token."""
    parser = argparse.ArgumentParser(prog="infra.local.token", description=__doc__)
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--user", help="a user's name or e-mail address; the role's demo user when not given")
    parser.add_argument("--name", default="default", help="the stack's name")
    options = parser.parse_args(arguments)
    try:
        env = json.loads((LOCAL / options.name / "stack.json").read_text())["env"]
        users = Users(Emulator(env["AWS_ENDPOINT_URL_SQS"]), pool_id(env["DOORSTEP_TABLE_PREFIX"]))
        print(users.of_role(options.role, options.user).token)
    except OSError:
        print(f"error: no stack is running on {LOCAL / options.name}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`make run`: the whole of Doorstep on this machine, with a demo order, until Ctrl-C."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

from infra.local import environment
from infra.local.dynoxide import LOCAL
from infra.local.environment import Ports, free_ports
from infra.local.processes import Child, StackError, watch
from infra.local.stack import LocalStack
from infra.local.users import ROLES

if TYPE_CHECKING:
    from collections.abc import Sequence

DEMO = "infra.local.demo"
API_PORT = 8000


class _Stopped(Exception):
    pass


def options_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; each option has an environment variable of the same name (`--port`: DOORSTEP_PORT)."""
    parser = argparse.ArgumentParser(prog="make run ARGS=…", description=__doc__)
    for option, default, what in (
        ("port", API_PORT, "the API; further API processes take the ports after it"),
        ("dynamodb-port", 0, "DynamoDB (0: any free one)"),
        ("moto-port", 0, "queues, bus and users (0: any free one)"),
        ("stripe-port", 0, "the Stripe sandbox (0: any free one)"),
        ("api-processes", 1, "how many API processes"),
    ):
        parser.add_argument(f"--{option}", type=int, default=int(_from_environment(option, default)), help=what)
    speed = float(_from_environment("speed", 1.0))
    parser.add_argument("--speed", type=float, default=speed, help="seconds that pass in one of the wall's")
    name = str(_from_environment("name", "default"))
    parser.add_argument("--name", default=name, help="a stack of its own under .local/<name>")
    parser.add_argument("--no-demo", action="store_true", help="only bring the stack up")
    return parser.parse_args(arguments)


def _from_environment(option: str, default: object) -> str:
    return os.environ.get(f"DOORSTEP_{option.upper().replace('-', '_')}") or str(default)


def ports_of(options: argparse.Namespace) -> Ports:
    """The chosen ports, and free ones where none was chosen."""
    spare = iter(free_ports(3))
    return Ports(
        api=tuple(range(options.port, options.port + options.api_processes)),
        dynamodb=options.dynamodb_port or next(spare),
        moto=options.moto_port or next(spare),
        stripe=options.stripe_port or next(spare),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C, SIGTERM or the end of one of the processes."""
    options = options_of(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    keys = environment.stripe_itself(os.environ)
    stack = LocalStack(LOCAL / options.name, ports=ports_of(options), speed=options.speed, stripe_keys=keys)
    if stack.warning:
        print(f"warning: {stack.warning}", file=sys.stderr)
    died, stopping = threading.Event(), threading.Event()
    try:
        stack.start()
        stopping = watch(stack.children, lambda child: _died(child, died))
        lines = () if options.no_demo else _play_demo(stack)
        print(banner(stack, options.name, lines), flush=True)
        threading.Event().wait()
    except _Stopped:
        pass
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        # A second Ctrl-C must not leave half of the processes behind.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        stopping.set()
        stack.stop()
    if died.is_set():
        return 1
    print("\nstopped" if stack.warning else "\nstopped; `make run` finds the data again")
    return 0


def _stop(*_: object) -> NoReturn:
    raise _Stopped


def _died(child: Child, died: threading.Event) -> None:
    print(f"error: {child.name} ended by itself; {child.last_words()}", file=sys.stderr)
    died.set()
    os.kill(os.getpid(), signal.SIGTERM)


def _play_demo(stack: LocalStack) -> Sequence[str]:
    """Seed and play the demo; the lines to paste that it suggests."""
    if importlib.util.find_spec(DEMO) is None:
        return ()
    demo = importlib.import_module(DEMO)
    demo.seed(stack)
    demo.play(stack)
    return demo.curl_lines(stack) if hasattr(demo, "curl_lines") else ()


def banner(stack: LocalStack, name: str, lines: Sequence[str]) -> str:
    """Where everything is, a token for each role, and lines to paste."""
    chosen = "" if name == "default" else f" --name {name}"
    return "\n".join(
        [
            "",
            f"Doorstep is up at {', '.join(stack.api_urls)}, its documentation at {stack.api_url}/v1/docs",
            f"Data and logs: {stack.directory}",
            "",
            *(f"export {role.upper()}={stack.token_for(role)}" for role in ROLES),
            "",
            *(lines or [f'curl -s -H "Authorization: Bearer $CUSTOMER" {stack.api_url}/v1/orders']),
            "",
            f"Tokens last an hour; a fresh one: {sys.executable} -m infra.local.token {'|'.join(ROLES)}{chosen}",
            "Ctrl-C stops everything.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())

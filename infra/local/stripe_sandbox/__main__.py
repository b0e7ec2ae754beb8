"""`python -m infra.local.stripe_sandbox`: run the sandbox until it is interrupted."""

from __future__ import annotations

import argparse
import errno
import logging
import signal
import sqlite3
import sys
import threading
from pathlib import Path

from infra.local.lifeline import follow_parent
from infra.local.stripe_sandbox import DEFAULT_EVENTS, Config, Endpoint, Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM. The exit code is 2 when it can't start: bad options, a taken port or file."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=options.log_level.upper(), format="%(levelname)s %(name)s %(message)s")
    try:
        sandbox = Sandbox(_config(options))
    except ValueError as error:
        print(f"stripe sandbox: {error}", file=sys.stderr)
        return 2
    except sqlite3.OperationalError as error:
        print(f"stripe sandbox: {options.db}: {error} (is another sandbox using it?)", file=sys.stderr)
        return 2
    except OSError as error:
        reason = "the port is taken" if error.errno == errno.EADDRINUSE else error
        print(f"stripe sandbox: port {options.port}: {reason}", file=sys.stderr)
        return 2
    follow_parent()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with sandbox:
        print(f"stripe sandbox: {sandbox.url}", flush=True)
        stopped.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.local.stripe_sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=12111, help="0 takes any free port")
    parser.add_argument("--db", type=Path, default=Path(".local/stripe.sqlite"), help="the file that remembers")
    parser.add_argument("--secret-key", default="sk_test_local")
    parser.add_argument("--publishable-key", help="default: the secret key with pk_ for sk_")
    parser.add_argument("--webhook-url", help="without it no webhooks are sent")
    parser.add_argument("--webhook-secret", default="whsec_local")
    parser.add_argument(
        "--webhook-events",
        default=",".join(sorted(DEFAULT_EVENTS)),
        help="comma-separated event types; charge.dispute.* for all of a kind, * for all (default: %(default)s)",
    )
    parser.add_argument("--webhook-timeout", type=float, default=20.0, help="seconds")
    parser.add_argument("--webhook-first-retry", type=float, default=0.5, help="seconds, doubling up to a minute")
    parser.add_argument(
        "--funds-after", type=int, default=0, help="seconds until the money of a payment is available (Stripe: days)"
    )
    parser.add_argument("--log-level", default="warning", choices=("debug", "info", "warning", "error"))
    return parser


def _config(options: argparse.Namespace) -> Config:
    endpoint = None
    if options.webhook_url:
        endpoint = Endpoint(
            options.webhook_url,
            options.webhook_secret,
            frozenset(filter(None, options.webhook_events.split(","))),
            options.webhook_timeout,
            options.webhook_first_retry,
        )
    return Config(options.db, options.secret_key, options.port, options.publishable_key, endpoint, options.funds_after)


if __name__ == "__main__":
    sys.exit(main())

"""Threads that meet a type at once: msgspec must know it by then, or the process may end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Every thread decodes something for every route, all in the same order: without the types learned beforehand one such
# process in three ends with a segmentation fault.
SCRIPT = """
import contextlib, sys, threading
import msgspec
import app
from chalicelib.edge.route import ROUTES
from infra.local import type_info

type_info.learn()
bodies = [each for route in ROUTES for each in (route.body, route.returns, route.query) if each not in (None, bytes)]
sys.setswitchinterval(1e-6)
together = threading.Barrier(6)

def decode():
    together.wait()
    for body in bodies:
        with contextlib.suppress(msgspec.ValidationError):
            msgspec.json.decode(b'{"products": [{"variants": [{"sku": 1}]}], "lines": [{"sku": 1}]}', type=body)

threads = [threading.Thread(target=decode) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(bodies))
"""


@pytest.mark.parametrize("attempt", range(3))
def test_threads_that_meet_types_at_once_do_not_end_the_process(attempt: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"AWS_DEFAULT_REGION": "eu-central-1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 50

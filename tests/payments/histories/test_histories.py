"""Whatever happens to orders, and whatever goes wrong meanwhile: in the end every cent is where it belongs.

``make histories N=2000`` plays that many other ones each time; a test run plays the same 200. What fails is shrunk and
printed as Python; kept in `regressions`, it is played by every run.
"""

from __future__ import annotations

import os
import random
import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.payments.histories.performance import perform
from tests.payments.histories.regressions import REGRESSIONS
from tests.payments.histories.script import History, histories

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.fault

SHARDS = 4
HISTORIES = int(os.environ.get("DOORSTEP_HISTORIES", "200"))
# A run of the tests plays the same ones each time.
SEED = int(os.environ.get("DOORSTEP_SEED") or (random.getrandbits(32) if "DOORSTEP_HISTORIES" in os.environ else 1))


@pytest.mark.parametrize("history", REGRESSIONS.values(), ids=REGRESSIONS.keys())
def test_what_went_wrong_once(token_for: Callable[..., str], history: History) -> None:
    perform(history, token_for)


@pytest.mark.timeout(6 * 3600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_cent_is_accounted_for(token_for: Callable[..., str], shard: int) -> None:
    share = HISTORIES // SHARDS
    begun, played = time.monotonic(), 0

    @seed(SEED + shard)
    @settings(
        max_examples=share,
        database=None,
        derandomize=False,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(histories())
    def play(history: History) -> None:
        nonlocal played
        perform(history, token_for)
        played += 1
        if share > 50 and played % 50 == 0:
            each = (time.monotonic() - begun) / played
            told = f"histories {shard} (seed {SEED}): {played} of {share}, {each:.2f} s each"
            print(told, file=sys.stderr, flush=True)

    play()

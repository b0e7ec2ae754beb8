"""Histories that once broke something, by what they broke. Each is played by every run of the tests."""

from __future__ import annotations

from tests.payments.histories.script import History, Spec, Step

REGRESSIONS: dict[str, History] = {
    "nothing goes wrong": History(orders=(Spec(),), steps=(Step("go_on", n=9),)),
}

"""What a person must decide about money: told once, with the evidence, and closed with what came of it."""

from __future__ import annotations

import hashlib
from datetime import datetime  # resolved at run time by msgspec
from enum import StrEnum
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from chalicelib.kernel.errors import Conflict

Outcome = Literal["repaired", "refunded", "charged", "written_off", "no_action"]


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    RESOLVED = "resolved"


class Case(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    rename={
        "kind": "k",
        "subject": "s",
        "order_id": "o",
        "store_id": "st",
        "evidence": "e",
        "opened_at": "at",
        "state": "z",
        "outcome": "out",
        "note": "n",
        "resolved_by": "by",
        "resolved_at": "rat",
    },
):
    """Something about money that no rule decides.

    ``kind`` says what is wrong, ``subject`` about what (``ord_…``, ``dp_…``, ``ord_…/refund/2``): the two name the
    case, which is opened once. ``evidence`` is a small JSON object: what was seen, as it was seen.
    """

    kind: str
    subject: str
    order_id: str | None = None
    store_id: str | None = None
    evidence: dict[str, Any] = {}
    opened_at: datetime | None = None
    state: CaseState = CaseState.OPEN
    outcome: Outcome | None = None
    note: str = ""
    resolved_by: str | None = None
    resolved_at: datetime | None = None

    @property
    def id(self) -> str:
        """Made of what names the case."""
        return "cse_" + hashlib.sha256(f"{self.kind}\x00{self.subject}".encode()).hexdigest()[:26]


def resolved(case: Case, outcome: Outcome, note: str, by: str, at: datetime) -> Case:
    """The case closed. The very same case where it was closed like that before; ``case_resolved`` where otherwise."""
    if case.state is CaseState.OPEN:
        return replace(case, state=CaseState.RESOLVED, outcome=outcome, note=note, resolved_by=by, resolved_at=at)
    if (case.outcome, case.note, case.resolved_by) == (outcome, note, by):
        return case
    raise Conflict("case_resolved", "Somebody has closed this case already.", outcome=case.outcome)

"""Cases: what the machine found about money and leaves to a person, with the evidence."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Contention, NotFound
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments.model import cases as rules
from chalicelib.payments.model.cases import Case, CaseState
from chalicelib.payments.tables import cases as rows
from chalicelib.payments.tables.cases import CaseRow

if TYPE_CHECKING:
    from chalicelib.payments.model.cases import Outcome

logger = logging.getLogger(__name__)


def open_case(tx: Transaction | None, case: Case) -> Case:
    """Open a case in the caller's transaction, or in one of its own. Opened before, open or closed: nothing happens.

    One read. Where two open it at the same moment, the later transaction fails as retryable and finds it then.
    """
    known: Case | None = tables.fetch(rows.case_ref(case.id))[0]
    if known is not None:
        return known
    opened = replace(case, opened_at=clock.now(), state=CaseState.OPEN)
    own = tx or Transaction()
    own.put(rows.to_case_row(opened), CaseRow.pk.does_not_exist(), Contention())
    if tx is None:
        try:
            own.commit()
        except Contention:
            return get_case(case.id)
    logger.warning("case opened", extra={"case_kind": case.kind, "subject": case.subject, "order_id": case.order_id})
    return opened


def get_case(case_id: str) -> Case:
    """A case. Raises ``case_not_found``."""
    case: Case | None = tables.fetch(rows.case_ref(case_id))[0]
    if case is None:
        raise NotFound("case", case_id)
    return case


def list_cases(state: CaseState, *, limit: int, start: dict[str, Any] | None) -> tables.Page[Case]:
    """A page of the cases in a state, oldest first."""
    after = start.get("after", {}).get("S") if start else None
    found, last = rows.cases_after(state, after, limit)
    return tables.Page(found, {"after": {"S": last}} if last else None)


def resolve_case(case_id: str, outcome: Outcome, note: str, by: str) -> Case:
    """Close a case with what came of it. Raises ``case_resolved`` when it was closed otherwise."""
    before = get_case(case_id)
    after = rules.resolved(before, outcome, note, by, clock.now())
    if after is before:
        return before
    tx = Transaction()
    tx.put(rows.to_case_row(after), CaseRow.state == CaseState.OPEN.value, Contention())
    tx.commit()
    return after

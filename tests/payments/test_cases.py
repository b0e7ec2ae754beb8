"""Cases: opened once, listed oldest first, closed once with a reason."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import Conflict, Contention, NotFound
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import service
from chalicelib.payments.service import Case, CaseState


def a_case(subject: str | None = None) -> Case:
    return Case("test", subject or ids.new_id("ord"), order_id="ord_1", evidence={"captured": 700})


def listed(state: CaseState) -> list[Case]:
    found: list[Case] = []
    start: dict[str, Any] | None = None
    while True:
        page = service.list_cases(state, limit=3, start=start)
        found += page.items
        start = page.next_key
        if start is None:
            return found


def test_opened_twice_is_one_case_with_the_first_evidence(dynamodb: Any) -> None:
    first = service.open_case(None, a_case("ord_a"))
    again = service.open_case(None, Case("test", "ord_a", evidence={"captured": 900}))
    assert first.id == again.id
    assert service.get_case(first.id).evidence == {"captured": 700}


def test_opened_by_many_at_once_it_is_one(dynamodb: Any) -> None:
    case = a_case()
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: service.open_case(None, case).opened_at, range(8)))
    assert service.get_case(case.id).opened_at in opened
    assert sum(found.id == case.id for found in listed(CaseState.OPEN)) == 1


def test_it_is_opened_with_the_rest_of_a_transaction_or_not_at_all(dynamodb: Any) -> None:
    case = a_case()
    tx = Transaction()
    service.open_case(tx, case)
    with pytest.raises(NotFound):
        service.get_case(case.id)
    late = Transaction()
    service.open_case(late, case)
    tx.commit()
    with pytest.raises(Contention):
        late.commit()
    assert service.get_case(case.id).state is CaseState.OPEN


def test_pages_are_in_the_order_of_opening_and_leave_nothing_out(dynamodb: Any) -> None:
    mine = []
    began = clock.now()
    for minutes in range(10):
        with clock.freeze(began + timedelta(days=-400, minutes=minutes)):
            mine.append(service.open_case(None, a_case()).id)
    found = [case.id for case in listed(CaseState.OPEN)]
    assert [each for each in found if each in mine] == mine
    assert len(set(found)) == len(found)


def test_a_closed_case_says_what_came_of_it_and_stays_closed(dynamodb: Any) -> None:
    case = service.open_case(None, a_case())
    done = service.resolve_case(case.id, "written_off", "The card was stolen.", by="adm_1")
    assert (done.state, done.outcome, done.resolved_by) == (CaseState.RESOLVED, "written_off", "adm_1")
    assert service.resolve_case(case.id, "written_off", "The card was stolen.", by="adm_1") == done
    with pytest.raises(Conflict, match="case_resolved"):
        service.resolve_case(case.id, "no_action", "Nothing.", by="adm_2")
    assert service.open_case(None, case).state is CaseState.RESOLVED
    assert case.id not in [each.id for each in listed(CaseState.OPEN)]
    assert case.id in [each.id for each in listed(CaseState.RESOLVED)]

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.inventory import service
from chalicelib.kernel import tables
from chalicelib.kernel.errors import Conflict, DomainError, NotFound, VersionConflict
from chalicelib.kernel.idempotency import AlreadyAnswered, IdempotencyKey
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.usefixtures("dynamodb")


@pytest.fixture
def store_id() -> str:
    return new_id("sto")


def key() -> IdempotencyKey:
    return IdempotencyKey("stock", new_id("key"), "fingerprint", list)


def left(store_id: str, sku: str) -> int | None:
    (available,) = tables.fetch(service.stock_ref(store_id, sku))
    assert available is None or isinstance(available, int)
    return available


def reserve(store_id: str, quantities: Mapping[str, int], **options: Any) -> None:
    tx = Transaction()
    service.reserve(tx, store_id, quantities, **options)
    tx.commit()


def release(store_id: str, quantities: Mapping[str, int]) -> None:
    tx = Transaction()
    service.release(tx, store_id, quantities)
    tx.commit()


def test_a_sku_that_nobody_counts_has_no_stock(store_id: str) -> None:
    assert left(store_id, "COLA") is None
    with pytest.raises(NotFound, match="stock_not_found"):
        service.get_stock(store_id, "COLA")


def test_stock_is_stated_and_read(store_id: str) -> None:
    stated = service.set_stock(store_id, "COLA", 24)
    assert service.get_stock(store_id, "COLA") == stated
    assert left(store_id, "COLA") == 24
    service.set_stock(store_id, "COLA", 0)
    assert left(store_id, "COLA") == 0


def test_a_count_on_the_condition_of_another_holds_only_then(store_id: str) -> None:
    service.set_stock(store_id, "COLA", 24)
    service.set_stock(store_id, "COLA", 10, expected=24)
    with pytest.raises(VersionConflict):
        service.set_stock(store_id, "COLA", 5, expected=24)
    with pytest.raises(VersionConflict):
        service.set_stock(store_id, "NEVER-COUNTED", 5, expected=0)
    assert left(store_id, "COLA") == 10


def test_stock_is_adjusted_and_never_below_zero(store_id: str) -> None:
    service.set_stock(store_id, "COLA", 5)
    service.adjust_stock(store_id, "COLA", 7, key())
    service.adjust_stock(store_id, "COLA", -12, key())
    assert left(store_id, "COLA") == 0
    with pytest.raises(Conflict, match="stock_below_zero"):
        service.adjust_stock(store_id, "COLA", -1, key())
    with pytest.raises(NotFound, match="stock_not_found"):
        service.adjust_stock(store_id, "FANTA", 3, key())
    assert left(store_id, "FANTA") is None


def test_a_repeated_adjustment_counts_once(store_id: str) -> None:
    service.set_stock(store_id, "COLA", 5)
    same = key()
    service.adjust_stock(store_id, "COLA", 3, same)
    with pytest.raises(AlreadyAnswered):
        service.adjust_stock(store_id, "COLA", 3, same)
    assert left(store_id, "COLA") == 8


def test_a_stores_stock_is_listed_by_sku_in_pages(store_id: str) -> None:
    for sku in ("C", "A", "B"):
        service.set_stock(store_id, sku, 1)
    service.set_stock(new_id("sto"), "D", 1)
    first = service.list_stock(store_id, limit=2)
    second = service.list_stock(store_id, limit=2, cursor_key=first.next_key)
    assert [stock.sku for stock in first.items] == ["A", "B"]
    assert [stock.sku for stock in second.items] == ["C"]
    assert service.stock_levels(store_id) == {"A": 1, "B": 1, "C": 1}


def test_reserving_takes_off_and_releasing_puts_back(store_id: str) -> None:
    service.set_stock(store_id, "COLA", 5)
    service.set_stock(store_id, "DIP", 2)
    reserve(store_id, {"COLA": 3, "DIP": 2})
    assert (left(store_id, "COLA"), left(store_id, "DIP")) == (2, 0)
    release(store_id, {"COLA": 3, "DIP": 2})
    assert (left(store_id, "COLA"), left(store_id, "DIP")) == (5, 2)


def test_all_that_is_short_is_told_at_once_and_nothing_is_taken(store_id: str) -> None:
    service.set_stock(store_id, "COLA", 2)
    service.set_stock(store_id, "WATER", 9)
    quantities = {"COLA": 3, "WATER": 1, "NEVER-COUNTED": 1}
    with pytest.raises(DomainError) as refused:
        reserve(store_id, quantities, pointers={"COLA": "/lines/0/sku"})
    assert refused.value.code == "out_of_stock"
    assert refused.value.status == 409
    told = {found.params["sku"]: found for found in refused.value.violations}
    assert told["COLA"].params == {"sku": "COLA", "requested": 3, "available": 2}
    assert told["COLA"].pointer == "/lines/0/sku"
    assert told["NEVER-COUNTED"].params["available"] == 0
    assert told["NEVER-COUNTED"].pointer == "/lines"
    assert set(told) == {"COLA", "NEVER-COUNTED"}
    assert (left(store_id, "COLA"), left(store_id, "WATER")) == (2, 9)


def test_releasing_never_fails_for_the_stock(store_id: str) -> None:
    release(store_id, {"COLA": 2})
    assert left(store_id, "COLA") == 2


@pytest.mark.parametrize("quantity", [0, -4])
def test_quantities_that_would_add_stock_are_errors_of_the_caller(store_id: str, quantity: int) -> None:
    with pytest.raises(ValueError, match="COLA"):
        service.reserve(Transaction(), store_id, {"COLA": quantity})
    with pytest.raises(ValueError, match="COLA"):
        service.release(Transaction(), store_id, {"COLA": quantity})


def test_fifty_at_once_for_ten_units_get_exactly_ten(store_id: str) -> None:
    service.set_stock(store_id, "COLA", 10)
    service.set_stock(store_id, "DIP", 1000)

    def take(_: int) -> str:
        """What becomes of one customer who tries again while the answer is "try again"."""
        outcome = "contention"
        while outcome == "contention":
            try:
                reserve(store_id, {"COLA": 1, "DIP": 2})
                outcome = "reserved"
            except DomainError as error:
                outcome = error.code
        return outcome

    with ThreadPoolExecutor(16) as pool:
        outcomes = Counter(pool.map(take, range(50)))
    assert outcomes == {"reserved": 10, "out_of_stock": 40}
    assert (left(store_id, "COLA"), left(store_id, "DIP")) == (0, 980)

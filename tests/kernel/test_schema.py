"""Items of other releases: read as today's, written back when they are written, and safe beside older code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import pytest
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.kernel import ids, schema, tables
from chalicelib.kernel.errors import Contention, DomainError
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.wire import Emulator

R = TypeVar("R", bound=tables.Row)
pytestmark = pytest.mark.usefixtures("dynamodb")


class TrayOfOldRow(tables.Row):
    """A tray, as the release before wrote it: what lies on it is one text."""

    class Meta(tables.Meta):
        context = "inventory"

    version = NumberAttribute()
    label = UnicodeAttribute(null=True)
    goods = UnicodeAttribute()


def _count_goods(row: TrayRow) -> None:
    row.pieces = len(row.goods.split())


class TrayRow(TrayOfOldRow):
    """The same in the release that counts what lies on it."""

    class Meta(tables.Meta):
        context = "inventory"

    MIGRATIONS: ClassVar[tuple[Callable[[Any], None], ...]] = (_count_goods,)

    pieces = NumberAttribute(null=True)


def _sort_goods(row: TrayOfNextRow) -> None:
    row.goods = " ".join(sorted(row.goods.split()))


class TrayOfNextRow(TrayRow):
    """The same in the release after that."""

    class Meta(tables.Meta):
        context = "inventory"

    MIGRATIONS: ClassVar[tuple[Callable[[Any], None], ...]] = (_count_goods, _sort_goods)


def fresh() -> str:
    return ids.new_id("tray")


def put(row: tables.Row, condition: Any = None) -> None:
    tx = Transaction()
    tx.put(row, condition, Contention())
    tx.commit()


def read(kind: type[R], pk: str) -> R:
    row = tables.get(kind, pk, "-")
    assert row is not None
    return row


def stored(pk: str) -> dict[str, Any]:
    """The item as it lies in the table, without its keys."""
    connection = tables.connection()
    table = TrayRow.Meta.table_name
    item: dict[str, Any] = connection.dispatch(
        "GetItem", {"TableName": table, "Key": {"pk": {"S": pk}, "sk": {"S": "-"}}, "ConsistentRead": True}
    )["Item"]
    return {name: next(iter(value.values())) for name, value in item.items() if name not in ("pk", "sk")}


def old_tray(**more: Any) -> str:
    pk = fresh()
    put(TrayOfOldRow(pk=pk, sk="-", version=1, goods="tea cake", **more), TrayOfOldRow.pk.does_not_exist())
    return pk


class TestReading:
    def test_an_old_item_is_read_in_todays_shape_however_it_is_read(self) -> None:
        pk = old_tray()
        (queried,) = tables.query(TrayRow, pk).items
        (fetched,) = tables.fetch(tables.Ref(TrayRow, pk, "-", lambda row: row))
        assert [row.pieces for row in (read(TrayRow, pk), queried, fetched)] == [2, 2, 2]

    def test_reading_writes_nothing(self) -> None:
        pk = old_tray()
        read(TrayRow, pk)
        assert stored(pk) == {"version": "1", "goods": "tea cake"}

    def test_an_item_of_today_is_not_migrated_again(self) -> None:
        pk = fresh()
        put(TrayRow(pk=pk, sk="-", version=1, goods="tea cake", pieces=7), TrayRow.pk.does_not_exist())
        assert stored(pk) == {"version": "1", "goods": "tea cake", "pieces": "7", "_2": True}
        assert read(TrayRow, pk).pieces == 7

    def test_an_item_two_steps_behind_takes_both_and_one_a_step_behind_only_the_second(self) -> None:
        behind_two = read(TrayOfNextRow, old_tray())
        assert (behind_two.pieces, behind_two.goods) == (2, "cake tea")
        pk = fresh()
        put(TrayRow(pk=pk, sk="-", version=1, goods="tea cake", pieces=7), TrayRow.pk.does_not_exist())
        behind_one = read(TrayOfNextRow, pk)
        assert (behind_one.pieces, behind_one.goods) == (7, "cake tea")


class TestWriting:
    def test_the_next_whole_write_keeps_todays_shape(self) -> None:
        pk = old_tray()
        row = read(TrayRow, pk)
        row.version = 2
        put(row, TrayRow.version == 1)
        assert stored(pk) == {"version": "2", "goods": "tea cake", "pieces": "2", "_2": True}

    def test_a_row_without_migrations_has_no_marks(self) -> None:
        assert schema.marks(TrayOfOldRow) == {}
        assert stored(old_tray()) == {"version": "1", "goods": "tea cake"}

    def test_a_change_that_loses_the_race_writes_nothing(self) -> None:
        pk = old_tray()
        row = read(TrayRow, pk)
        with pytest.raises(DomainError):
            put(row, TrayRow.version == 9)
        assert stored(pk) == {"version": "1", "goods": "tea cake"}

    def test_what_became_nothing_is_taken_away(self) -> None:
        pk = old_tray(label="window")
        row = read(TrayRow, pk)
        row.label = None
        put(row, TrayRow.version == 1)
        assert "label" not in stored(pk)

    def test_a_row_without_what_it_must_have_is_not_written(self) -> None:
        pk = old_tray()
        with pytest.raises(ValueError, match="goods"):
            put(TrayRow(pk=pk, sk="-", version=2), TrayRow.version == 1)


class TestBlueAndGreen:
    """Two releases at the same item: neither loses what the other knows."""

    @pytest.fixture
    def tray(self) -> str:
        """An item that the newer release has written."""
        pk = fresh()
        put(TrayRow(pk=pk, sk="-", version=1, goods="tea cake", pieces=2), TrayRow.pk.does_not_exist())
        return pk

    def test_old_code_that_changes_a_part_keeps_what_it_does_not_know(self, tray: str) -> None:
        tx = Transaction()
        actions = [TrayOfOldRow.label.set("window"), TrayOfOldRow.version.set(2)]
        tx.update(TrayOfOldRow, tray, "-", actions=actions, condition=TrayOfOldRow.version == 1)
        tx.commit()
        assert stored(tray)["pieces"] == "2"

    @pytest.mark.parametrize("together", [False, True])
    def test_old_code_that_writes_the_whole_item_keeps_what_it_does_not_know(
        self, tray: str, dynamodb: Emulator, *, together: bool
    ) -> None:
        row = read(TrayOfOldRow, tray)
        row.version = 2
        tx = Transaction()
        tx.put(row, TrayOfOldRow.version == 1)
        if together:
            tx.put(TrayOfOldRow(pk=fresh(), sk="-", version=1, goods="tea"), TrayOfOldRow.pk.does_not_exist())
        tx.commit()
        assert stored(tray) == {"version": "2", "goods": "tea cake", "pieces": "2"}

    def test_what_old_code_changed_is_migrated_again(self, tray: str) -> None:
        """It did not know that ``pieces`` follows from what it changed."""
        row = read(TrayOfOldRow, tray)
        row.goods = "tea cake jam"
        put(row, TrayOfOldRow.version == 1)
        assert read(TrayRow, tray).pieces == 3

    def test_what_old_code_changed_in_part_is_migrated_again(self, tray: str) -> None:
        tx = Transaction()
        tx.update(TrayOfOldRow, tray, "-", actions=[TrayOfOldRow.goods.set("jam")], condition=TrayOfOldRow.pk.exists())
        tx.commit()
        assert read(TrayRow, tray).pieces == 1

    def test_each_release_takes_back_only_what_is_newer_than_itself(self) -> None:
        pk = fresh()
        put(TrayOfNextRow(pk=pk, sk="-", version=1, goods="a b", pieces=2), TrayOfNextRow.pk.does_not_exist())
        assert {"_2", "_3"} <= set(stored(pk))
        row = read(TrayRow, pk)
        row.goods = "tea cake jam"
        row.pieces = 3
        put(row, TrayRow.version == 1)
        assert schema.number_of({name: {} for name in stored(pk)}) == 2
        assert read(TrayOfNextRow, pk).goods == "cake jam tea"

    def test_new_code_that_changes_a_part_of_an_old_item_claims_nothing_for_the_rest(self) -> None:
        pk = old_tray()
        tx = Transaction()
        tx.update(TrayRow, pk, "-", actions=[TrayRow.label.set("window")], condition=TrayRow.version == 1)
        tx.commit()
        assert "_2" not in stored(pk)
        assert read(TrayRow, pk).pieces == 2


def test_what_an_index_keeps_of_an_item_is_not_migrated() -> None:
    """It has neither the marks nor what a migration needs."""
    assert TrayRow.of_projection({"pk": {"S": "tray_1"}, "sk": {"S": "-"}}).pieces is None

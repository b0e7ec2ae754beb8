"""Items of other releases: every shape that was ever stored is read, and no shape changes unnoticed."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from chalicelib.kernel import schema
from tests.kernel.golden import kinds
from tests.kernel.golden.items import DIRECTORY, as_it_is, every_kind, kept, read

KINDS = every_kind()
named = pytest.mark.parametrize("name", KINDS)


@named
def test_a_shape_that_changed_is_kept_beside_the_one_before(name: str) -> None:
    """Fails where anything came, went or changed in an item: `python -m tests.kernel.golden` adds the new shape."""
    shapes, now = kept(name), as_it_is(KINDS[name])
    assert shapes
    assert {key: shapes[-1][key] for key in now} == now


@named
def test_every_shape_that_was_ever_stored_is_read_today(name: str) -> None:
    """Fails where an old item can't be read, or is read as something else: that takes a migration."""
    for entry in kept(name):
        assert read(KINDS[name], entry) == entry["read_as"]


@named
def test_within_a_schema_nothing_goes_from_an_item(name: str) -> None:
    """Code of the release before still looks for it. What goes takes a migration, a release after nobody reads it."""
    for before, after in pairwise(kept(name)):
        assert before["schema"] <= after["schema"]
        if before["schema"] == after["schema"]:
            assert gone(before["item"], after["item"]) == []


def test_no_kind_that_was_ever_stored_is_forgotten() -> None:
    assert {path.stem for path in DIRECTORY.glob("*.json")} <= set(KINDS)


def test_a_row_with_migrations_says_how_its_items_are_found() -> None:
    """And no other kind of item in its table has such keys: a backfill would take it for one."""
    made = {name: kind.make() for name, kind in KINDS.items()}
    for row in {type(each) for each in made.values() if schema.current(type(each)) > 1}:
        assert row.KEYS is not None
        pk, sk = row.KEYS
        found = [
            type(each)
            for each in made.values()
            if each.Meta.table_name == row.Meta.table_name and each.pk.startswith(pk) and each.sk.startswith(sk)
        ]
        assert set(found) == {row}


def gone(before: Any, after: Any, path: str = "") -> list[str]:
    """What was in ``before`` and is not in ``after``, or is something else there, by its path."""
    if isinstance(before, dict) and isinstance(after, dict):
        lost = [f"{path}/{name}" for name in before if name not in after]
        return lost + [
            each for name in before if name in after for each in gone(before[name], after[name], f"{path}/{name}")
        ]
    if isinstance(before, list) and isinstance(after, list):
        short = [f"{path}/{len(after)}"] if len(after) < len(before) else []
        return short + [
            each for n, (a, b) in enumerate(zip(before, after, strict=False)) for each in gone(a, b, f"{path}/{n}")
        ]
    return [] if type(before) is type(after) else [path]


class TestGone:
    def test_what_comes_is_no_loss(self) -> None:
        assert gone({"a": [1]}, {"a": [1, 2], "b": 1}) == []

    def test_what_goes_or_becomes_another_type_is(self) -> None:
        assert gone({"a": {"b": 1, "c": 1}}, {"a": {"b": "1"}}) == ["/a/c", "/a/b"]
        assert gone({"a": [1, 2]}, {"a": [1]}) == ["/a/1"]


def test_a_migration_that_is_missing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order whose total is named otherwise in old items can't be read without one, and can be with it."""
    order = KINDS["Order"]
    entry = kept("Order")[-1]
    document = dict(entry["item"]["b"]["Z"])
    document["total"] = document.pop("t")
    old = {**entry, "item": {**entry["item"], "b": {"Z": document}}}
    with pytest.raises(KeyError):
        read(order, old)

    def rename(row: Any) -> None:
        if "total" in row.body:
            row.body = {**row.body, "t": row.body["total"]}

    monkeypatch.setattr(type(order.make()), "MIGRATIONS", (rename,))
    assert read(order, old) == entry["read_as"]
    assert entry["read_as"]["id"] == kinds.ORDER

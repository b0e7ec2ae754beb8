"""Backfills: whole, once, at a pace, whatever is killed or written meanwhile."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.kernel import backfill, clock, events, ids, tables
from chalicelib.kernel.event_types import BackfillDue
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.usefixtures("dynamodb")

PREFIX = "CRATE#"  # nothing else in the table begins so
META = events.Meta(event_id="evt_1", at=clock.now(), trace_id=None)


class CrateOfOldRow(tables.Row):
    """A crate, as the release before wrote it."""

    class Meta(tables.Meta):
        context = "inventory"

    version = NumberAttribute()
    goods = UnicodeAttribute()


def _count(row: CrateRow) -> None:
    row.pieces = len(row.goods.split())


class CrateRow(CrateOfOldRow):
    """The same in the release that counts what is in it."""

    class Meta(tables.Meta):
        context = "inventory"

    MIGRATIONS: ClassVar[tuple[Callable[[Any], None], ...]] = (_count,)
    KEYS: ClassVar[tuple[str, str] | None] = (PREFIX, "-")

    pieces = NumberAttribute(null=True)


@pytest.fixture
def crates() -> Iterator[list[str]]:
    """Thirty crates of the old release in a table that has other things, too."""
    made = []
    with tables_cleared():
        for number in range(30):
            pk = PREFIX + ids.new_id("crt")
            CrateOfOldRow(pk=pk, sk="-", version=1, goods=" ".join(["tea"] * (number % 3 + 1))).save()
            made.append(pk)
        CrateOfOldRow(pk="OTHER#1", sk="-", version=1, goods="tea").save()
        yield made


class tables_cleared:  # noqa: N801 (used as a context manager)
    """Jobs and crates are gone before and after: the tables are those of all tests of this process."""

    def __enter__(self) -> None:
        self._clear()

    def __exit__(self, *_: object) -> None:
        self._clear()

    def _clear(self) -> None:
        for row in CrateRow.scan(CrateRow.pk.startswith(PREFIX)):
            row.delete()
        for job in backfill.BackfillRow.scan(backfill.BackfillRow.pk.startswith("BACKFILL#")):
            job.delete()
        for outbox in outboxes():
            if any(entry["type"] == "BackfillDue" for entry in outbox.outbox):
                outbox.delete()


def stored(pk: str) -> dict[str, Any]:
    key = {"pk": {"S": pk}, "sk": {"S": "-"}}
    request = {"TableName": CrateRow.Meta.table_name, "Key": key, "ConsistentRead": True}
    item: dict[str, Any] = tables.connection().dispatch("GetItem", request)["Item"]
    return {name: next(iter(value.values())) for name, value in item.items() if name not in ("pk", "sk")}


def outboxes() -> list[events.EventsRow]:
    return [row for row in events.EventsRow.scan() if row.outbox]


def emitted(job: str) -> list[events.Envelope]:
    """The pages of a job that were told of, by page."""
    sent = [events.of_json(entry) for row in outboxes() for entry in row.outbox]
    found = [entry for entry in sent if entry.type == "BackfillDue" and entry.data["job"] == job]
    return sorted(found, key=lambda entry: (entry.data["segment"], entry.data["page"]))


def run(job: str, *, segment: int = 0, page: int = 0, most: int = 1000) -> int:
    """Do pages as the queue would, at most so many; the page that is next."""
    for _ in range(most):
        if backfill.do_page(job, segment, page) is None:
            return page
        page += 1
    return page


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "_PAGE_ITEMS", 7)


class TestAWholeTable:
    def test_every_item_of_the_row_is_brought_up_and_nothing_else_is_touched(self, crates: list[str]) -> None:
        job = backfill.start("CrateRow")
        run(job)
        for number, pk in enumerate(crates):
            count = number % 3 + 1
            goods = " ".join(["tea"] * count)
            assert stored(pk) == {"version": "1", "goods": goods, "pieces": str(count), "_2": True}
        assert "_2" not in stored("OTHER#1")
        (told,) = backfill.segments_of(job)
        assert (told.status, told.migrated, told.left) == (backfill.DONE, 30, 0)
        assert told.seen >= 31
        assert told.units > 30  # a unit for each write, and what was read

    def test_segments_side_by_side_do_the_same(self, crates: list[str]) -> None:
        job = backfill.start("CrateRow", segments=4)
        for segment in range(4):
            run(job, segment=segment)
        assert all("_2" in stored(pk) for pk in crates)
        assert sum(row.migrated for row in backfill.segments_of(job)) == 30
        assert {row.status for row in backfill.segments_of(job)} == {backfill.DONE}

    def test_a_dry_run_counts_and_writes_nothing(self, crates: list[str]) -> None:
        job = backfill.start("CrateRow", dry=True)
        run(job)
        assert not any("_2" in stored(pk) for pk in crates)
        assert backfill.segments_of(job)[0].migrated == 30

    def test_a_second_run_finds_nothing_to_do(self, crates: list[str]) -> None:
        run(backfill.start("CrateRow"))
        job = backfill.start("CrateRow")
        run(job)
        assert backfill.segments_of(job)[0].migrated == 0

    def test_attributes_that_this_release_does_not_know_are_kept(self, crates: list[str]) -> None:
        key = {"pk": {"S": crates[0]}, "sk": {"S": "-"}}
        tables.connection().dispatch(
            "UpdateItem",
            {
                "TableName": CrateRow.Meta.table_name,
                "Key": key,
                "UpdateExpression": "SET shelf = :s",
                "ExpressionAttributeValues": {":s": {"S": "top"}},
            },
        )
        run(backfill.start("CrateRow"))
        assert stored(crates[0])["shelf"] == "top"


class TestInterrupted:
    def test_killed_in_the_middle_of_a_page_it_goes_on_and_does_nothing_twice(
        self, crates: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = backfill.start("CrateRow")
        real, written = backfill._bring_up, []

        def dies(kind: Any, item: Any, done: Any) -> None:
            if len(written) == 10:
                raise KeyboardInterrupt
            written.append(item["pk"]["S"])
            real(kind, item, done)

        monkeypatch.setattr(backfill, "_bring_up", dies)
        with pytest.raises(KeyboardInterrupt):
            run(job)
        page = int(backfill.segments_of(job)[0].page)
        assert len([pk for pk in crates if "_2" in stored(pk)]) == 10
        monkeypatch.setattr(backfill, "_bring_up", real)
        versions = {pk: stored(pk) for pk in written}
        run(job, page=page)
        assert all("_2" in stored(pk) for pk in crates)
        assert {pk: stored(pk) for pk in written} == versions
        assert backfill.segments_of(job)[0].status == backfill.DONE

    def test_it_goes_on_where_it_was(self, crates: list[str]) -> None:
        job = backfill.start("CrateRow")
        page = run(job, most=2)
        before = backfill.segments_of(job)[0]
        assert (before.page, before.status) == (2, backfill.RUNNING)
        assert before.cursor is not None
        run(job, page=page)
        assert all("_2" in stored(pk) for pk in crates)

    def test_a_page_that_comes_twice_is_done_once(self, crates: list[str], caplog: pytest.LogCaptureFixture) -> None:
        job = backfill.start("CrateRow")
        run(job, most=1)
        seen = backfill.segments_of(job)[0].seen
        with caplog.at_level(logging.INFO):
            backfill.backfill(BackfillDue(job=job, segment=0, page=0), META)
        assert "not the job's next page" in caplog.text
        assert backfill.segments_of(job)[0].seen == seen
        assert [entry.data["page"] for entry in emitted(job)] == [0, 1]

    def test_a_page_that_takes_too_long_ends_early_and_loses_nothing(
        self, crates: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backfill, "_PAGE_SECONDS", -1.0)
        job = backfill.start("CrateRow")
        run(job)
        assert all("_2" in stored(pk) for pk in crates)
        assert backfill.segments_of(job)[0].page >= 30

    def test_paused_it_stands_still_and_resumed_it_goes_on(self, crates: list[str]) -> None:
        job = backfill.start("CrateRow")
        page = run(job, most=1)
        backfill.pause(job)
        assert backfill.do_page(job, 0, page) is None
        assert backfill.segments_of(job)[0].page == page
        backfill.resume(job)
        assert [entry.data["page"] for entry in emitted(job)] == [0, 1, 1]
        run(job, page=page)
        assert all("_2" in stored(pk) for pk in crates)

    def test_one_that_is_not_over_is_not_begun_again(self, crates: list[str]) -> None:
        backfill.start("CrateRow")
        with pytest.raises(backfill.Refused, match="is not over"):
            backfill.start("CrateRow")


class TestWritersBesideIt:
    """Somebody changes an item between its reading and its migration."""

    def meanwhile(self, monkeypatch: pytest.MonkeyPatch, write: Callable[[str], None], times: int = 1) -> None:
        real, done = backfill._update_of, []

        def late(kind: Any, item: Any) -> dict[str, Any]:
            request = real(kind, item)
            if len(done) < times:
                done.append(item)
                write(item["pk"]["S"])
            return request

        monkeypatch.setattr(backfill, "_update_of", late)

    def test_old_code_wins_and_what_it_wrote_is_migrated(
        self, crates: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        changed = []

        def write(pk: str) -> None:
            tx = Transaction()
            row = CrateOfOldRow(pk=pk, sk="-", version=2, goods="a b c d e")
            tx.put(row, CrateOfOldRow.version == 1)
            tx.commit()
            changed.append(pk)

        self.meanwhile(monkeypatch, write)
        run(backfill.start("CrateRow"))
        (pk,) = changed
        assert stored(pk) == {"version": "2", "goods": "a b c d e", "pieces": "5", "_2": True}

    def test_new_code_wins_and_is_left_alone(self, crates: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        changed = []

        def write(pk: str) -> None:
            tx = Transaction()
            tx.put(CrateRow(pk=pk, sk="-", version=2, goods="a", pieces=99), CrateRow.version == 1)
            tx.commit()
            changed.append(pk)

        self.meanwhile(monkeypatch, write)
        job = backfill.start("CrateRow")
        run(job)
        assert stored(changed[0])["pieces"] == "99"
        assert backfill.segments_of(job)[0].migrated == 29

    def test_what_was_removed_stays_so(self, crates: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        gone = []

        def write(pk: str) -> None:
            CrateRow(pk, "-").delete()
            gone.append(pk)

        self.meanwhile(monkeypatch, write)
        run(backfill.start("CrateRow"))
        assert tables.get(CrateRow, gone[0], "-") is None

    def test_an_item_that_changes_all_the_time_is_told_of(
        self, crates: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def write(pk: str) -> None:
            CrateOfOldRow(pk, "-").update(actions=[CrateOfOldRow.version.add(1)])

        self.meanwhile(monkeypatch, write, times=3)
        job = backfill.start("CrateRow")
        run(job)
        (told,) = backfill.segments_of(job)
        assert (told.left, told.migrated) == (1, 29)
        assert "changed each time" in caplog.text
        run(backfill.start("CrateRow"))
        assert all("_2" in stored(pk) for pk in crates)


class TestPace:
    def test_a_page_is_followed_after_what_its_units_take_at_the_pace(self, crates: list[str]) -> None:
        now = clock.now()
        with clock.freeze(now):
            job = backfill.start("CrateRow", pace=2.0)
            pause = backfill.do_page(job, 0, 0)
            cost = float(backfill.segments_of(job)[0].units)
            first, second = emitted(job)
        assert cost > 0
        assert pause == cost / 2.0
        assert first.due is None
        assert second.due is not None
        # What is kept of a moment are milliseconds.
        assert abs((clock.parse(second.due) - now).total_seconds() - cost / 2.0) < 0.001

    def test_all_pages_together_take_no_less_than_all_units_at_the_pace(self, crates: list[str]) -> None:
        job = backfill.start("CrateRow", pace=5.0)
        pauses, page = 0.0, 0
        last = 0.0
        while (pause := backfill.do_page(job, 0, page)) is not None:
            pauses, page = pauses + pause, page + 1
            last = float(backfill.segments_of(job)[0].units)
        assert pauses == pytest.approx(last / 5.0)

    def test_a_slow_pace_takes_small_pages(self, crates: list[str]) -> None:
        job = backfill.start("CrateRow", pace=0.2)
        backfill.do_page(job, 0, 0)
        assert backfill.segments_of(job)[0].seen <= 3

    def test_what_needs_no_queue_tells_nobody(self, crates: list[str]) -> None:
        job = backfill.start("CrateRow", tell=False)
        page = 0
        while backfill.do_page(job, 0, page, tell=False) is not None:
            page += 1
        assert emitted(job) == []
        assert all("_2" in stored(pk) for pk in crates)


class TestRefused:
    def test_a_row_without_migrations_and_one_that_there_is_not(self) -> None:
        for name in ("OrderRow", "NoSuchRow"):
            with pytest.raises(backfill.Refused):
                backfill.start(name)

    def test_a_job_that_there_is_not(self) -> None:
        with pytest.raises(backfill.Refused):
            backfill.segments_of("OrderRow-9")

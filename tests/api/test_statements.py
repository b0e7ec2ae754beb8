"""Statements over HTTP: a week of orders, read as JSON and as a table, by those whose it is."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from chalicelib.edge import cursors
from chalicelib.kernel import clock, ids
from chalicelib.ordering import service as ordering
from chalicelib.payments import service as payments
from chalicelib.payments.model.statements import KINDS, Party, Statement, StatementLine
from chalicelib.payments.routes.render_settlement import CSV_COLUMNS, lines_as_csv
from chalicelib.payments.schemas.settlement import LineKind
from chalicelib.payments.service import closing, settlement
from tests.payments import settling

if TYPE_CHECKING:
    from tests.api.scene import Scene

SETTLEMENT = "/v1/settlement/stores/{}/statements"


def sold(scene: Scene) -> str:
    """An order that its customer has got, and paid at the till."""
    order = scene.ready("pickup")
    ordering.hand_over_order(scene.shop.command(order), order.pickup_code, None)
    payments.capture_payment(order.id)
    return order.id


def closed(scene: Scene, **headers: str) -> Any:
    headers = {"Idempotency_Key": ids.new_id("key"), **headers}
    return scene.call("admin", "POST", SETTLEMENT.format(scene.store_id), {"currency": "EUR"}, **headers)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_statement_is_closed_read_and_exported(scene: Scene) -> None:
    orders = {sold(scene) for _ in range(3)}

    answer = closed(scene)

    assert answer.status == 201, answer
    told = answer.json
    assert (told["id"], told["party"], told["party_id"]) == ("EUR-1", "store", scene.store_id)
    totals = {each["kind"]: each["amount"]["amount"] for each in told["totals"]}
    assert told["closing_balance"]["amount"] == sum(totals.values())
    # Everything was paid at the till: the store owes the commission.
    assert totals["cash_collected"] == -sum(totals[kind] for kind in ("sale", "tax"))
    assert told["closing_balance"]["amount"] == totals["commission"] < 0
    assert (told["payout"], told["to_pay"]["amount"]) == (None, 0)
    assert sum(each["gross"]["amount"] for each in told["taxes"]) == -totals["cash_collected"]

    path = f"/v1/stores/{scene.store_id}/statements"
    assert [each["id"] for each in scene.call("owner", "GET", path).json["items"]] == ["EUR-1"]
    one = scene.call("owner", "GET", f"{path}/EUR-1")
    assert one.json == told
    assert scene.call("owner", "GET", f"{path}/EUR-1", If_None_Match=one.headers["ETag"]).status == 304
    lines = scene.call("owner", "GET", f"{path}/EUR-1/lines").json
    assert lines["next_cursor"] is None
    assert {line["order_id"] for line in lines["items"]} == orders
    assert {line["terms_version"] for line in lines["items"] if line["kind"] == "sale"} == {0}

    exported = scene.call("owner", "GET", f"{path}/EUR-1/lines", Accept="text/csv")
    assert exported.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "statement-EUR-1.csv" in exported.headers["Content-Disposition"]
    rows = table(exported.text)
    assert [(row["entry_id"], row["kind"]) for row in rows] == [
        (line["entry_id"], line["kind"]) for line in lines["items"]
    ]
    cents = [round(float(row["amount"]) * 100) for row in rows]
    assert cents == [line["amount"]["amount"] for line in lines["items"]]
    assert sum(cents) == told["closing_balance"]["amount"]


def test_each_line_leads_to_the_orders_money(scene: Scene) -> None:
    order_id = sold(scene)
    closed(scene)
    lines = scene.call("owner", "GET", f"/v1/stores/{scene.store_id}/statements/EUR-1/lines").json["items"]
    story = scene.call("owner", "GET", f"/v1/stores/{scene.store_id}/orders/{order_id}/money").json
    entries = {entry["id"]: entry for entry in story["entries"]}
    for line in lines:
        assert line["entry_id"] in entries
    assert {line["terms_version"] for line in lines if line["kind"] == "commission"} == {story["terms_version"]}


def test_closing_twice_with_one_key_is_once(scene: Scene) -> None:
    sold(scene)
    key = ids.new_id("key")
    first, again = closed(scene, Idempotency_Key=key), closed(scene, Idempotency_Key=key)
    assert (first.status, again.status, again.headers["Idempotent-Replayed"]) == (201, 201, "true")
    assert first.json == again.json
    other = closed(scene)
    assert (other.status, other.code) == (409, "nothing_to_close")


def test_pages_lead_through_all_lines(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "LINES_IN_A_CHUNK", 2)
    party = Party("store", scene.store_id)
    entries = [settling.moved(party, 100 + number, clock.now()) for number in range(5)]
    settlement.close_now(party, "EUR", settling.key())
    path, cursor, found = f"/v1/stores/{scene.store_id}/statements/EUR-1/lines", "", []
    for _ in range(3):
        page = scene.call("owner", "GET", path + cursor).json
        found += [line["entry_id"] for line in page["items"]]
        cursor = f"?cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    assert found == sorted(found, key=[entry.id for entry in entries].index)
    assert len(found) == 5
    monkeypatch.setattr("chalicelib.payments.routes.statements._CHUNKS_IN_A_CSV", 2)
    first = scene.call("owner", "GET", path, Accept="text/csv")
    following = first.headers["Link"].partition("<")[2].partition(">")[0]
    second = scene.call("owner", "GET", path + following, Accept="text/csv")
    assert "Link" not in second.headers
    assert [row["entry_id"] for row in table(first.text) + table(second.text)] == found


@pytest.mark.parametrize("made_up", [{"chunk": {"N": "x"}}, {"chunk": {"N": "9" * 30}}, {"other": {"S": "1"}}])
def test_cursors_made_by_hand_are_refused(scene: Scene, made_up: dict[str, Any]) -> None:
    sold(scene)
    closed(scene)
    path = f"/v1/stores/{scene.store_id}/statements/EUR-1/lines"
    cursor = cursors.encode(made_up, "lines", "store", scene.store_id, "EUR-1")
    assert scene.call("owner", "GET", f"{path}?cursor={cursor}").status == 422
    everybody = cursors.encode({**made_up, "after": {"S": "é"}}, "settlement")
    assert scene.call("admin", "GET", f"/v1/settlement?cursor={everybody}").status == 422


@pytest.mark.parametrize("name", ["EUR-2", "EUR-0", "EUR", "EUR-1.5", "CHF-1", "EUR-9999999"])
def test_what_is_no_statement_is_not_found(scene: Scene, name: str) -> None:
    sold(scene)
    closed(scene)
    answer = scene.call("owner", "GET", f"/v1/stores/{scene.store_id}/statements/{name}")
    assert (answer.status, answer.code) == (404, "statement_not_found")
    nobody = scene.call("admin", "GET", f"/v1/settlement/shops/{scene.store_id}/statements")
    assert (nobody.status, nobody.code) == (404, "party_not_found")


def test_everybody_is_listed_once(scene: Scene) -> None:
    sold(scene)
    closed(scene)
    found, cursor = [], ""
    while True:
        page = scene.call("admin", "GET", f"/v1/settlement{cursor}").json
        found += [(each["party_id"], each["currency"]) for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"?cursor={page['next_cursor']}"
    assert found.count((scene.store_id, "EUR")) == 1
    assert len(found) == len(set(found))


class TestTheTable:
    def lines(self, **changes: Any) -> list[StatementLine]:
        line = StatementLine(entry_id="ord_1:hand_over:sale", at=clock.now(), kind="sale", amount=-5)
        return [replace(line, **changes)]

    def statement(self, currency: str = "EUR") -> Statement:
        now = clock.now()
        return Statement(
            party=Party("store", "sto_1"),
            currency=currency,
            number=7,
            since=now,
            until=now,
            zone="UTC",
            period="weekly",
            closed_at=now,
            opening=0,
            closing=0,
            owed=0,
            cash=0,
            totals={},
        )

    @pytest.mark.parametrize(
        ("currency", "amount", "written"),
        [("EUR", -5, "-0.05"), ("EUR", 123456, "1234.56"), ("JPY", -1200, "-1200"), ("KWD", 1, "0.001")],
    )
    def test_amounts_are_numbers(self, currency: str, amount: int, written: str) -> None:
        (row,) = table(lines_as_csv(self.statement(currency), self.lines(amount=amount)))
        assert (row["amount"], row["currency"]) == (written, currency)

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r\n=1"])
    def test_no_text_is_a_formula(self, text: str) -> None:
        (row,) = table(lines_as_csv(self.statement(), self.lines(memo=text)))
        assert row["memo"] == f"'{text}"

    @pytest.mark.parametrize("text", ['say "no", please', "two\nlines", "a,b;c", ""])
    def test_texts_come_back_as_they_were(self, text: str) -> None:
        written = lines_as_csv(self.statement(), self.lines(memo=text, terms_version=3, order_id="ord_1"))
        (row,) = table(written)
        assert row["memo"] == text
        assert (row["statement"], row["order_id"], row["terms_version"]) == ("EUR-7", "ord_1", "3")
        assert written.startswith(",".join(CSV_COLUMNS) + "\r\n")


def test_every_kind_of_line_is_in_the_api() -> None:
    assert set(LineKind.__args__) == set(KINDS)


def test_an_orders_money_names_its_statement(scene: Scene) -> None:
    order_id = sold(scene)
    path = f"/v1/stores/{scene.store_id}/orders/{order_id}/money"
    before = scene.call("owner", "GET", path).json
    assert (before["statement"], before["payout"], before["terms_version"]) == (None, None, 0)
    settling.moved(Party("store", scene.store_id), 9_000, clock.now())
    closed(scene)
    after = scene.call("owner", "GET", path).json
    assert (after["statement"], after["payout"]) == ("EUR-1", "planned")

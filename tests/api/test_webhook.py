"""The payment provider's notices: believed only with its signature, in time, and once."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import events, ids
from tests.api.conftest import WEBHOOK_SECRET
from tests.api.webhooks import signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.server import Answer, Served

PATH = "/v1/webhooks/stripe"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[events.Envelope]:
    """What was handed to the bus."""
    published: list[events.Envelope] = []
    monkeypatch.setattr(events, "publish", published.extend)
    return published


def a_notice(**changes: Any) -> dict[str, Any]:
    intent = {
        "id": "pi_1",
        "object": "payment_intent",
        "capture_method": "manual",
        "metadata": {"order_id": ids.new_id("ord")},
    }
    notice = {"id": "evt_1", "type": "payment_intent.amount_capturable_updated", "data": {"object": intent}}
    return {**notice, **changes}


def send(served: Served, content: bytes, signature: str | None = None, **headers: str) -> Answer:
    named = {"Stripe-Signature": signed(content, WEBHOOK_SECRET) if signature is None else signature}
    return served.call("POST", PATH, body=content, headers={**named, **headers})


def test_a_signed_notice_is_handed_on_with_its_own_id(served: Served, told: list[events.Envelope]) -> None:
    notice = a_notice()
    assert send(served, json.dumps(notice).encode()).status == 200
    assert [(each.id, each.type) for each in told] == [("evt_1", "PaymentNotified")]
    assert told[0].data["order_id"] == notice["data"]["object"]["metadata"]["order_id"]


@pytest.mark.parametrize("kind", ["setup_intent.succeeded", "setup_intent.setup_failed"])
def test_a_notice_of_a_saved_card_is_handed_on(served: Served, told: list[events.Envelope], kind: str) -> None:
    setup = {"id": "seti_1", "object": "setup_intent", "metadata": {"order_id": ids.new_id("ord")}}
    assert send(served, json.dumps(a_notice(type=kind, data={"object": setup})).encode()).status == 200
    assert [(each.type, each.data["payment_intent_id"]) for each in told] == [("PaymentNotified", "seti_1")]


def test_the_success_of_a_wallet_is_handed_on(served: Served, told: list[events.Envelope]) -> None:
    """With automatic capture it is no echo of our own capture."""
    intent = {"id": "pi_1", "capture_method": "automatic", "metadata": {"order_id": ids.new_id("ord")}}
    notice = a_notice(type="payment_intent.succeeded", data={"object": intent})
    assert send(served, json.dumps(notice).encode()).status == 200
    assert [each.type for each in told] == ["PaymentNotified"]


def test_a_replayed_notice_is_the_same_event(served: Served, told: list[events.Envelope]) -> None:
    """Within the tolerance a copy verifies; its id is the one that the inbox has seen."""
    content = json.dumps(a_notice()).encode()
    signature = signed(content, WEBHOOK_SECRET)
    assert [send(served, content, signature).status for _ in range(3)] == [200, 200, 200]
    assert {each.id for each in told} == {"evt_1"}


def bad_signatures(content: bytes) -> Iterator[tuple[str, str]]:
    now = int(time.time())
    good = signed(content, WEBHOOK_SECRET)
    digest = good.partition("v1=")[2]
    yield "none", ""
    yield "another secret", signed(content, "whsec_other")
    yield "an empty secret", signed(content, "")
    yield "another body", signed(content + b" ", WEBHOOK_SECRET)
    yield "too old", signed(content, WEBHOOK_SECRET, at=now - 301)
    yield "very old", signed(content, WEBHOOK_SECRET, at=0)
    yield "a newer time over an old signature", f"t={now},v1={signed(content, WEBHOOK_SECRET, at=now - 900)[-64:]}"
    yield "an old scheme", signed(content, WEBHOOK_SECRET, scheme="v0")
    yield "no time", f"v1={digest}"
    yield "no digest", f"t={now}"
    yield "an empty digest", f"t={now},v1="
    yield "time that is no number", f"t=now,v1={digest}"
    yield "time beyond all numbers", f"t={'9' * 400},v1={digest}"
    yield "time with digits of another script", f"t=\u00b2,v1={digest}"
    yield "negative time", f"t=-1,v1={digest}"
    yield "separators only", ",,,=,="
    yield "letters beyond ASCII", f"t={now},v1=\u00e9"
    yield "digest cut", f"t={now},v1={digest[:-1]}"
    yield "very long", f"t={now}," + ",".join(["v1=0"] * 3000)


def test_without_the_signature_nothing_is_believed(served: Served, told: list[events.Envelope]) -> None:
    content = json.dumps(a_notice()).encode()
    answers = {what: send(served, content, signature) for what, signature in bad_signatures(content)}
    wrong = {what: str(answer) for what, answer in answers.items() if answer.status != 400}
    assert wrong == {}
    assert {answer.code for answer in answers.values()} == {"invalid_signature"}
    assert told == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"1",
        b'"evt_1"',
        b"{",
        b"{}",
        b'{"id": 1, "type": "x", "data": {}}',
        b'{"id": "evt_1"}',
        b'{"id": "evt_1", "type": null, "data": {}}',
        b'{"id": "evt_1", "type": "payment_intent.canceled"}',
        b'{"id": "evt_1", "type": "payment_intent.canceled", "data": null}',
        b'{"id": "evt_1", "type": "payment_intent.canceled", "data": []}',
        b'{"id": "evt_1", "type": "payment_intent.canceled", "data": {"object": 7}}',
        b'{"id": "evt_1", "type": "payment_intent.canceled", "data": {"object": {"metadata": {}}}}',
        b'{"id": "evt_1", "type": "payment_intent.canceled", "data": {"object": {"id": "pi_1", "metadata": [1]}}}',
        b"[" * 100_000,
        b'{"id": "evt_1", "type": "payment_intent.canceled", "data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"\x00",
        b'{"id": "\\ud800", "type": "x", "data": {}}',
    ],
)
def test_what_is_no_notice_is_refused_although_it_is_signed(
    served: Served, told: list[events.Envelope], content: bytes
) -> None:
    answer = send(served, content)
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert told == []


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "charge.refunded"},
        {"type": "topup.created", "data": {"object": {"metadata": "text"}}},
        {"type": "customer.created", "data": []},
        {"data": {"object": {"id": "pi_1", "metadata": {}}}},
        {"data": {"object": {"id": "pi_1", "metadata": None}}},
        {"data": {"object": {"id": "pi_1", "metadata": {"order_id": "ord_' OR 1=1"}}}},
        {"data": {"object": {"id": "pi_1", "metadata": {"order_id": "dlv_01k9z0c2m3aaaaaaaaaaaaaaaa"}}}},
    ],
)
def test_a_notice_about_nothing_of_ours_is_taken_and_dropped(
    served: Served, told: list[events.Envelope], changes: dict[str, Any]
) -> None:
    assert send(served, json.dumps(a_notice(**changes)).encode()).status == 200
    assert told == []


def test_the_echo_of_our_own_capture_is_dropped(served: Served, told: list[events.Envelope]) -> None:
    assert send(served, json.dumps(a_notice(type="payment_intent.succeeded")).encode()).status == 200
    assert told == []


def test_a_notice_larger_than_any_is_refused(served: Served, told: list[events.Envelope]) -> None:
    assert send(served, b" " * (512 * 1024 + 1)).status == 413


@pytest.mark.parametrize(
    ("kind", "about", "event"),
    [
        ("charge.dispute.created", {"id": "dp_1"}, ("DisputeNotified", {"dispute_id": "dp_1"})),
        ("charge.dispute.closed", {"id": "dp_1"}, ("DisputeNotified", {"dispute_id": "dp_1"})),
        (
            "refund.failed",
            {"id": "re_1", "payment_intent": "pi_1"},
            ("RefundNotified", {"payment_intent_id": "pi_1", "refund_id": "re_1"}),
        ),
        (
            "charge.refunded",
            {"id": "ch_1", "payment_intent": "pi_1"},
            ("RefundNotified", {"payment_intent_id": "pi_1", "refund_id": ""}),
        ),
        ("payout.paid", {"id": "po_1"}, ("BankPayoutNotified", {"payout_id": "po_1", "account_id": ""})),
        ("payout.failed", {"id": "po_1"}, ("BankPayoutNotified", {"payout_id": "po_1", "account_id": "acct_1"})),
    ],
)
def test_notices_of_money_name_what_is_to_be_asked_and_nothing_else(
    served: Served, told: list[events.Envelope], kind: str, about: dict[str, Any], event: tuple[str, dict[str, Any]]
) -> None:
    named, data = event
    notice: dict[str, Any] = {"id": "evt_9", "type": kind, "data": {"object": {**about, "amount": 1, "status": "won"}}}
    if data.get("account_id"):
        notice["account"] = data["account_id"]
    for _ in range(2):
        assert send(served, json.dumps(notice).encode()).status == 200
    assert [(each.id, each.type, each.data) for each in told] == [("evt_9", named, data)] * 2


@pytest.mark.parametrize("kind", ["charge.dispute.strange", "payout.created", "refund.created", "charge.captured"])
def test_types_that_nobody_reacts_to_are_taken_and_dropped(
    served: Served, told: list[events.Envelope], kind: str
) -> None:
    notice = {"id": "evt_9", "type": kind, "data": {"object": {"id": "x_1", "payment_intent": "pi_1"}}}
    assert send(served, json.dumps(notice).encode()).status == 200
    assert told == []

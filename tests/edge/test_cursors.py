"""A cursor goes back to the list that it came from and to no other."""

from __future__ import annotations

import base64
import json

import pytest

from chalicelib.edge import cursors
from chalicelib.kernel.errors import Invalid

KEY = {"pk": {"S": "CUS#1"}, "sk": {"S": "ORD#9"}}


def test_a_cursor_survives_the_round_trip() -> None:
    cursor = cursors.encode(KEY, "orders", "cus_1")
    assert cursors.decode(cursor, "orders", "cus_1") == KEY


def test_the_last_page_has_no_cursor() -> None:
    assert cursors.encode(None, "orders") is None
    assert cursors.decode(None, "orders") is None


@pytest.mark.parametrize("cursor", ["", "x", "éé", "AAAA", base64.urlsafe_b64encode(b"[1]").decode(), "=" * 9])
def test_garbage_is_refused_as_bad_input(cursor: str) -> None:
    with pytest.raises(Invalid):
        cursors.decode(cursor, "orders")


def test_a_cursor_of_another_filter_is_refused() -> None:
    with pytest.raises(Invalid):
        cursors.decode(cursors.encode(KEY, "orders", "cus_1"), "orders", "cus_2")


def test_a_forged_key_of_another_form_is_refused() -> None:
    binding = json.loads(base64.urlsafe_b64decode((cursors.encode(KEY, "orders") or "") + "=="))[0]
    forged = base64.urlsafe_b64encode(json.dumps([binding, {"pk": {"M": {}}}]).encode()).decode()
    with pytest.raises(Invalid):
        cursors.decode(forged, "orders")

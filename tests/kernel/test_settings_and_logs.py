"""The environment is checked as a whole; logs are JSON and carry their context."""

from __future__ import annotations

import json
import logging

import pytest

from chalicelib.kernel import logs, settings

COMPLETE = {
    "DOORSTEP_BUS_NAME": "bus",
    "DOORSTEP_QUEUE_URLS": '{"ordering": "http://queue"}',
    "DOORSTEP_OIDC_ISSUER": "https://issuer/",
    "DOORSTEP_OIDC_CLIENT_IDS": "a,b",
    "STRIPE_API_KEY": "sk_test_secret",
    "STRIPE_WEBHOOK_SECRET": "whsec_secret",
}


def test_a_complete_environment_is_taken() -> None:
    read = settings.read(COMPLETE)
    assert read.oidc_issuer == "https://issuer"
    assert read.oidc_jwks_url == "https://issuer/.well-known/jwks.json"
    assert read.oidc_client_ids == {"a", "b"}
    assert read.queue_urls == {"ordering": "http://queue"}


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(settings.SettingsError) as told:
        settings.read(
            {
                "DOORSTEP_QUEUE_URLS": "[1]",
                "DOORSTEP_PAY_WINDOW_SECONDS": "soon",
                "DOORSTEP_ERASURE_GRACE_DAYS": "7",
            }
        )
    for name in ("BUS_NAME", "QUEUE_URLS", "OIDC_ISSUER", "OIDC_CLIENT_IDS", "PAY_WINDOW", "ERASURE_GRACE"):
        assert name in str(told.value)


def test_secrets_do_not_show_in_the_representation() -> None:
    assert "secret" not in repr(settings.read(COMPLETE))


def test_a_log_line_is_json_with_its_context() -> None:
    record = logging.LogRecord("chalicelib.x", logging.INFO, "f", 1, "hello %s", ("you",), None)
    record.order_id = "ord_1"
    with logs.context(trace_id="t1", nothing=None):
        line = json.loads(logs.JsonFormatter().format(record))
        assert logs.trace_id() == "t1"
    assert line["message"] == "hello you"
    assert (line["order_id"], line["trace_id"]) == ("ord_1", "t1")
    assert "nothing" not in line
    assert logs.trace_id() is None


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("no user ada.l+x@mail.example.org here", "no user <e-mail> here"),
        ("calls +49 (30) 901820-11 now", "calls <phone> now"),
        ("truth-sweep@2026-03-02T11:00:00.000Z", "truth-sweep@2026-03-02T11:00:00.000Z"),
        ("1 + 1 is 2", "1 + 1 is 2"),
    ],
)
def test_what_an_error_quotes_of_a_person_is_masked(said: str, written: str) -> None:
    record = logging.LogRecord("chalicelib.x", logging.ERROR, "x.py", 1, said, (), None)
    assert json.loads(logs.JsonFormatter().format(record))["message"] == written

"""While a secret rotates, what was signed or issued under the one before still counts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from chalicelib.kernel import secret_values, settings
from chalicelib.kernel.errors import DomainError
from chalicelib.payments import provider
from chalicelib.payments.model import credit as rules
from chalicelib.payments.service import credit

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def rotating(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kept = secret_values._Kept({"secret": ["new", "old"], "key": ["new", "old"]}, time.monotonic() + 60)
    monkeypatch.setattr(secret_values, "_kept", {"a/b": kept})
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "secretsmanager:a/b#secret")
    monkeypatch.setenv("DOORSTEP_GIFT_CARD_SECRET", "secretsmanager:a/b#key")
    settings.reload()
    yield
    monkeypatch.undo()
    settings.reload()


def signed(payload: bytes, secret: str) -> str:
    import stripe

    at = int(time.time())
    signature = stripe.WebhookSignature._compute_signature(f"{at}.{payload.decode()}", secret)
    return f"t={at},v1={signature}"


@pytest.mark.usefixtures("rotating")
def test_a_notice_may_be_signed_with_either_secret_and_no_other() -> None:
    for secret in ("new", "old"):
        provider.verify_signature(b"{}", signed(b"{}", secret))
    for header in (signed(b"{}", "older"), signed(b"[]", "new"), "", "t=1,v1=é"):
        with pytest.raises(DomainError, match="invalid_signature"):
            provider.verify_signature(b"{}", header)


@pytest.mark.usefixtures("rotating")
def test_a_gift_card_is_looked_for_under_every_key() -> None:
    code = rules.new_code(lambda below: below - 1)
    assert credit.find_card_ids(rules.printed(code)) == (rules.card_id(code, "new"), rules.card_id(code, "old"))
    assert credit.find_card_ids("nonsense") == ()

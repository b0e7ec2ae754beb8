"""Secrets by reference: fetched once in a while, rotated without a deployment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.kernel import secret_values, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "secretsmanager:doorstep-dev/stripe#api_key"


class Vault:
    """Secrets Manager, as far as it is asked."""

    def __init__(self) -> None:
        self.secrets: dict[str, Any] = {"doorstep-dev/stripe": {"api_key": "sk_1"}}
        self.asked: list[str] = []
        self.is_down = False

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803  (the API's name)
        self.asked.append(SecretId)
        if self.is_down:
            raise EndpointConnectionError(endpoint_url="https://secretsmanager")
        return {"SecretString": json.dumps(self.secrets[SecretId])}


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    made = Vault()
    monkeypatch.setattr(secret_values, "_client", made)
    secret_values.forget()
    yield made
    secret_values.forget()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(secret_values, "time", made)
    return made


def test_a_value_that_is_no_reference_is_the_secret_itself(vault: Vault) -> None:
    assert secret_values.accepted("sk_test_local", "STRIPE_API_KEY") == ("sk_test_local",)
    assert vault.asked == []


def test_a_secret_is_fetched_once_in_five_minutes_and_rotates_by_itself(vault: Vault, time: Time) -> None:
    assert {secret_values.current(KEY, "K") for _ in range(5)} == {"sk_1"}
    vault.secrets["doorstep-dev/stripe"] = {"api_key": "sk_2"}
    assert secret_values.current(KEY, "K") == "sk_1"
    time.now += secret_values.KEPT_SECONDS + 1
    assert secret_values.current(KEY, "K") == "sk_2"
    assert vault.asked == ["doorstep-dev/stripe"] * 2


def test_during_a_rotation_both_values_count_and_the_first_is_used(vault: Vault) -> None:
    vault.secrets["doorstep-dev/stripe"] = {"api_key": ["new", "old"]}
    assert secret_values.current(KEY, "K") == "new"
    assert secret_values.accepted(KEY, "K") == ("new", "old")


def test_while_secrets_manager_is_down_what_was_known_stands(vault: Vault, time: Time) -> None:
    secret_values.current(KEY, "K")
    vault.is_down = True
    time.now += secret_values.KEPT_SECONDS + 1
    assert secret_values.current(KEY, "K") == "sk_1"
    assert secret_values.current(KEY, "K") == "sk_1"
    assert len(vault.asked) == 2


def test_an_arn_is_a_reference_too(vault: Vault) -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:doorstep-dev/stripe-AbCdEf"
    vault.secrets[arn] = {"api_key": "sk_arn"}
    assert secret_values.current(f"{arn}#api_key", "K") == "sk_arn"


@pytest.mark.parametrize("document", [{}, {"api_key": ""}, {"api_key": []}, {"api_key": 7}, {"api_key": ["a", ""]}, []])
def test_what_is_no_text_is_refused_by_name(vault: Vault, document: Any) -> None:
    vault.secrets["doorstep-dev/stripe"] = document
    with pytest.raises(settings.SettingsError, match="doorstep-dev/stripe"):
        secret_values.current(KEY, "STRIPE_API_KEY")
    with pytest.raises(settings.SettingsError, match="STRIPE_API_KEY is not set"):
        secret_values.current("", "STRIPE_API_KEY")

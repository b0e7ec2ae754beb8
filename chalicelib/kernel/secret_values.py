"""Secrets by reference: fetched from Secrets Manager when first needed, and again after some minutes.

The environment names where a secret lies, `secretsmanager:<name or ARN>#<field>`, and so neither a template nor a
function's configuration holds it, and a rotated one needs no deployment. Anything else is the secret itself, which is
what one machine and tests give. A field is a text, or a list of them: the first is what is used, all are accepted.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

import msgspec

from chalicelib.kernel import settings

logger = logging.getLogger(__name__)

KEPT_SECONDS = 300.0
_RETRY_SECONDS = 30.0  # how soon a fetch that failed is tried again, while the value from before is used
_SCHEME = "secretsmanager:"


class _Kept(msgspec.Struct):
    document: dict[str, Any]
    until: float


_kept: dict[str, _Kept] = {}
_lock = threading.Lock()
_client: Any = None


def is_reference(text: str) -> bool:
    """Whether this says where a secret is, rather than what."""
    return text.startswith((_SCHEME, "arn:"))


def current(reference: str, name: str) -> str:
    """The secret to use; ``name`` is what it is called where it is missing. Raises ``SettingsError``."""
    return accepted(reference, name)[0]


def accepted(reference: str, name: str) -> tuple[str, ...]:
    """Every value that still counts, the one in use first. Raises ``SettingsError`` where there is none."""
    if not is_reference(reference):
        if not reference:
            raise settings.SettingsError(f"{name} is not set")
        return (reference,)
    secret, _, field = reference.removeprefix(_SCHEME).rpartition("#")
    value = _document(secret).get(field)
    values = tuple(value) if isinstance(value, list) else (value,)
    if not values or not all(isinstance(each, str) and each for each in values):
        raise settings.SettingsError(f"{name}: the secret {secret} has no text {field!r}")
    return values


def forget() -> None:
    """Fetch everything again at its next use."""
    _kept.clear()


def _document(secret: str) -> dict[str, Any]:
    """The fields of a secret. Where it can't be fetched again, what was known before still stands."""
    from botocore.exceptions import BotoCoreError, ClientError

    now = time.monotonic()
    with _lock:
        kept = _kept.get(secret)
        if kept is not None and kept.until > now:
            return kept.document
        try:
            told = json.loads(_secrets_manager().get_secret_value(SecretId=secret)["SecretString"])
            if not isinstance(told, dict):
                raise TypeError
        except (BotoCoreError, ClientError, ValueError, TypeError, KeyError) as error:
            if kept is None:
                if isinstance(error, BotoCoreError | ClientError):
                    raise
                raise settings.SettingsError(f"the secret {secret} is not a JSON object") from error
            # The exception may quote the value: only its kind is told.
            logger.warning("a secret was not fetched again", extra={"kind": type(error).__name__})
            kept.until = now + _RETRY_SECONDS
            return kept.document
        _kept[secret] = _Kept(told, now + KEPT_SECONDS)
        return _kept[secret].document


def _secrets_manager() -> Any:
    global _client
    if _client is None:
        from botocore.config import Config
        from botocore.session import get_session

        config = Config(connect_timeout=2, read_timeout=3, retries={"max_attempts": 2}, user_agent=settings.USER_AGENT)
        _client = get_session().create_client("secretsmanager", settings.get().region, config=config)
    return _client

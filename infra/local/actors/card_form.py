"""The payment form in the customer's app: it speaks to Stripe itself, with the order's client secret."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import urllib3

STRIPE = "https://api.stripe.com"
VISA = "pm_card_visa"

_pool = urllib3.PoolManager(maxsize=16, retries=False, timeout=30.0)


class CardDeclined(Exception):
    """The bank said no: `code` is Stripe's decline code, such as `insufficient_funds`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class CardForm:
    """Confirms payments with Stripe's test cards (https://docs.stripe.com/testing)."""

    def __init__(self, url: str = STRIPE, key: str = "") -> None:
        self._url = url
        self._key = key

    def confirm(self, intent_id: str, client_secret: str, card: str = VISA) -> dict[str, Any]:
        """Pay with a card; the intent's state afterwards, which may be `requires_action`. Raises CardDeclined."""
        return self._post(
            f"/v1/payment_intents/{intent_id}/confirm",
            {"client_secret": client_secret, "payment_method": card, "return_url": "https://doorstep.example/paid"},
        )

    def save(self, setup_id: str, client_secret: str, card: str) -> dict[str, Any]:
        """Save a card for later; the setup intent as Stripe has it then."""
        return self._post(
            f"/v1/setup_intents/{setup_id}/confirm", {"client_secret": client_secret, "payment_method": card}
        )

    def authenticate(self, intent_id: str, outcome: str = "succeeded") -> dict[str, Any]:
        """What the customer does in the bank's dialogue: `succeeded` or `failed`. Only the sandbox has it."""
        return self._post(f"/sandbox/payment_intents/{intent_id}/authenticate", {"outcome": outcome})

    def _post(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        response = _pool.urlopen(
            "POST",
            self._url + path,
            body=urlencode(form),
            headers={
                "Authorization": f"Bearer {self._key}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        body: dict[str, Any] = json.loads(response.data)
        if error := body.get("error"):
            if response.status == 402:
                raise CardDeclined(error.get("decline_code") or error["code"], error["message"])
            raise RuntimeError(f"Stripe refused {path}: {error.get('message')}")
        return body

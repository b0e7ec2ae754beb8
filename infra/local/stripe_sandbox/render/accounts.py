"""Connected accounts as Stripe shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.model import Account, Json


def account(known: Account) -> Json:
    due = [] if known.onboarded else ["external_account", "tos_acceptance.date", "tos_acceptance.ip"]
    return {
        "id": known.id,
        "object": "account",
        "business_profile": {"mcc": None, "name": None, "url": None, **known.details.get("business_profile", {})},
        "business_type": known.business_type,
        "capabilities": {name: _state(known, name) for name in known.capabilities},
        "charges_enabled": known.can("card_payments"),
        "controller": known.controller,
        "country": known.country,
        "created": known.created,
        "default_currency": known.default_currency,
        "details_submitted": known.onboarded,
        "email": known.email,
        "external_accounts": {
            "object": "list",
            "data": [bank_account(known)] if known.onboarded else [],
            "has_more": False,
            "total_count": int(known.onboarded),
            "url": f"/v1/accounts/{known.id}/external_accounts",
        },
        "future_requirements": _requirements([], None),
        "metadata": dict(known.metadata),
        "payouts_enabled": known.enabled,
        "requirements": _requirements(due, known.disabled_reason or ("requirements.past_due" if due else None)),
        "settings": {
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_payments": {"decline_on": {"avs_failure": False, "cvc_failure": False}},
            "dashboard": {"display_name": known.details.get("business_profile", {}).get("name"), "timezone": "Etc/UTC"},
            "payments": {"statement_descriptor": None},
            "payouts": {
                "debit_negative_balances": False,
                "schedule": {"delay_days": 7, "interval": "daily", **known.settings.get("schedule", {})},
                "statement_descriptor": None,
            },
        },
        "tos_acceptance": {"date": known.created if known.onboarded else None},
        "type": known.type,
    }


def bank_account(known: Account) -> Json:
    """The account's bank, which it named when it was onboarded."""
    return {
        "id": bank_account_id(known.id),
        "object": "bank_account",
        "account": known.id,
        "account_holder_name": None,
        "account_holder_type": None,
        "bank_name": "STRIPE TEST BANK",
        "country": known.country,
        "currency": known.default_currency,
        "default_for_currency": True,
        "fingerprint": f"sandbox{known.id[-8:]}",
        "last4": "3000",
        "metadata": {},
        "routing_number": "110000000",
        "status": "new",
    }


def bank_account_id(account: str) -> str:
    return f"ba_{account.removeprefix('acct_') or 'platform'}"


def _state(known: Account, capability: str) -> str:
    return "active" if known.can(capability) else "inactive"


def _requirements(due: list[str], disabled_reason: str | None) -> Json:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": due,
        "disabled_reason": disabled_reason,
        "errors": [],
        "eventually_due": due,
        "past_due": due,
        "pending_verification": [],
    }

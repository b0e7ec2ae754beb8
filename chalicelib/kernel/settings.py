"""The configuration of a running process: one typed object, read from the environment and validated once."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

# What AWS is told about who is calling.
USER_AGENT = "doorstep"


class SettingsError(RuntimeError):
    """The environment does not describe a runnable Doorstep; names every variable that is missing or wrong."""


class Settings(msgspec.Struct, frozen=True):
    """What differs between stages.

    Secrets have no representation, so that no log can print them, and may be empty: only the functions that speak to
    the payment provider are given them.
    """

    stage: str
    region: str
    table_prefix: str
    bus_name: str
    queue_urls: Mapping[str, str]
    oidc_issuer: str
    oidc_client_ids: frozenset[str]
    oidc_jwks_url: str
    stripe_api_base: str | None
    cors_origin: str
    pay_window_seconds: int
    payment_return_url: str
    travel_source: str
    travel_detour: float
    travel_routes_per_minute: int
    stripe_api_key: str
    stripe_webhook_secret: str
    gift_card_secret: str
    rate_limits: bool = True
    platform_name: str = "Doorstep"
    platform_address: tuple[str, ...] = ()
    platform_vat_id: str = ""
    user_pool_id: str = ""
    erasure_grace_days: int = 14

    def __repr__(self) -> str:
        """The stage; the rest is in the function's configuration, or secret."""
        return f"Settings(stage={self.stage!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same, where tables and traces are printed in colour."""
        return [("stage", self.stage)]


_settings: Settings | None = None


def get() -> Settings:
    """The settings of this process. Raises ``SettingsError`` at the first use of an environment that lacks some."""
    global _settings
    if _settings is None:
        _settings = read(os.environ)
    return _settings


def reload() -> None:
    """Read the environment again at the next use."""
    global _settings
    _settings = None


def table_name(context: str) -> str:
    """The name of a context's table; known at import, before the rest of the environment is needed."""
    return f"{os.environ.get('DOORSTEP_TABLE_PREFIX', 'doorstep')}-{context}"


def read(env: Mapping[str, str]) -> Settings:
    """Settings from environment variables; every fault is named at once."""
    problems: list[str] = []

    def required(name: str) -> str:
        value = env.get(name, "")
        if not value:
            problems.append(f"{name} is not set")
        return value

    queue_urls: dict[str, str] = {}
    try:
        queue_urls = json.loads(env.get("DOORSTEP_QUEUE_URLS") or "{}")
        if not all(isinstance(url, str) for url in queue_urls.values()):
            raise TypeError
    except (ValueError, TypeError, AttributeError):
        problems.append("DOORSTEP_QUEUE_URLS must be a JSON object of queue name to URL")
    pay_window = env.get("DOORSTEP_PAY_WINDOW_SECONDS", "600")
    if not pay_window.isdigit() or not 30 <= int(pay_window) <= 86_400:
        problems.append("DOORSTEP_PAY_WINDOW_SECONDS must be whole seconds between 30 and 86400")
        pay_window = "600"
    travel_source = env.get("DOORSTEP_TRAVEL_SOURCE", "straight_line")
    if travel_source not in ("straight_line", "route_matrix"):
        problems.append("DOORSTEP_TRAVEL_SOURCE must be straight_line or route_matrix")
    travel_detour = env.get("DOORSTEP_TRAVEL_DETOUR_PERCENT", "130")
    if not travel_detour.isdigit() or not 100 <= int(travel_detour) <= 300:
        problems.append("DOORSTEP_TRAVEL_DETOUR_PERCENT must be a whole number between 100 and 300")
        travel_detour = "130"
    travel_routes = env.get("DOORSTEP_TRAVEL_ROUTES_PER_MINUTE", "600")
    if not travel_routes.isdigit() or not int(travel_routes) <= 100_000:
        problems.append("DOORSTEP_TRAVEL_ROUTES_PER_MINUTE must be a whole number up to 100000")
        travel_routes = "0"
    grace = env.get("DOORSTEP_ERASURE_GRACE_DAYS", "14")
    if not grace.isdigit() or not 8 <= int(grace) <= 25:
        problems.append("DOORSTEP_ERASURE_GRACE_DAYS must be whole days between 8 and 25")
        grace = "14"
    issuer = required("DOORSTEP_OIDC_ISSUER").rstrip("/")
    if env.get("DOORSTEP_RATE_LIMITS", "on") not in ("on", "off"):
        problems.append("DOORSTEP_RATE_LIMITS must be on or off")
    settings = Settings(
        stage=env.get("DOORSTEP_STAGE", "local"),
        region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "eu-central-1",
        table_prefix=env.get("DOORSTEP_TABLE_PREFIX", "doorstep"),
        bus_name=required("DOORSTEP_BUS_NAME"),
        queue_urls=queue_urls,
        oidc_issuer=issuer,
        oidc_client_ids=frozenset(part for part in required("DOORSTEP_OIDC_CLIENT_IDS").split(",") if part),
        oidc_jwks_url=env.get("DOORSTEP_OIDC_JWKS_URL") or f"{issuer}/.well-known/jwks.json",
        stripe_api_base=env.get("DOORSTEP_STRIPE_API_BASE") or None,
        cors_origin=env.get("DOORSTEP_CORS_ORIGIN", "*"),
        pay_window_seconds=int(pay_window),
        payment_return_url=env.get("DOORSTEP_PAYMENT_RETURN_URL") or "doorstep://payment",
        travel_source=travel_source,
        travel_detour=int(travel_detour) / 100,
        travel_routes_per_minute=int(travel_routes),
        stripe_api_key=env.get("STRIPE_API_KEY", ""),
        stripe_webhook_secret=env.get("STRIPE_WEBHOOK_SECRET", ""),
        gift_card_secret=env.get("DOORSTEP_GIFT_CARD_SECRET", ""),
        rate_limits=env.get("DOORSTEP_RATE_LIMITS", "on") != "off",
        platform_name=env.get("DOORSTEP_PLATFORM_NAME") or "Doorstep",
        platform_address=tuple(
            line.strip() for line in env.get("DOORSTEP_PLATFORM_ADDRESS", "").split(";") if line.strip()
        ),
        platform_vat_id=env.get("DOORSTEP_PLATFORM_VAT_ID", ""),
        user_pool_id=env.get("DOORSTEP_USER_POOL_ID", ""),
        erasure_grace_days=int(grace),
    )
    if problems:
        raise SettingsError("; ".join(problems))
    return settings

"""/v1/accounts and /v1/account_links: the stores and riders that the platform pays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox.currencies import check_currency
from infra.local.stripe_sandbox.endpoints import lists
from infra.local.stripe_sandbox.errors import StripeError, no_connected_account
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.model import Account, Change
from infra.local.stripe_sandbox.work import Answer, new_id

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.model import Json
    from infra.local.stripe_sandbox.work import Work

_SETTING: Final = frozenset(
    {"business_profile", "business_type", "capabilities", "email", "metadata", "settings", "tos_acceptance", "expand"}
)
_IGNORED: Final = frozenset({"company", "individual", "external_account"})
"""Who the account's people are and where its bank is: taken and not checked. `onboard` settles all of it."""
_CREATE: Final = _SETTING | _IGNORED | {"type", "controller", "country", "default_currency"}
_UPDATE: Final = _SETTING | _IGNORED | {"default_currency"}
_UNSUPPORTED: Final = frozenset({"account_token", "documents", "groups", "type", "controller", "country"})
_CAPABILITIES: Final = ("card_payments", "transfers", "legacy_payments", "us_bank_account_ach_payments")
_CURRENCIES: Final = {"GB": "gbp", "US": "usd", "CH": "chf", "SE": "sek", "DK": "dkk", "PL": "pln", "JP": "jpy"}
_CONTROLLERS: Final = {
    "standard": ("account", "stripe", "stripe", "full"),
    "express": ("application_express", "application", "stripe", "express"),
    "custom": ("application_custom", "application", "application", "none"),
}
_LINK_LIFETIME: Final = 300


def create(work: Work) -> Answer:
    params = Params(work.call.values, _CREATE, _UNSUPPORTED)
    if "type" in params and "controller" in params:
        raise StripeError("You may only specify one of these parameters: type, controller.", param="type")
    country = (params.text("country", 2) or "DE").upper()
    currency = params.text("default_currency")
    made = Account(
        new_id("acct"),
        work.moment.now,
        "none" if "controller" in params else params.choice("type", tuple(_CONTROLLERS)) or "standard",
        country,
        check_currency(currency) if currency else _CURRENCIES.get(country, "eur"),
        _controller(params),
    )
    made = replace(made, **_changes(params, made))
    return Answer(work.expanded(work.apply(Change((made,))), params.texts("expand")))


def retrieve(work: Work) -> Answer:
    params = Params(work.call.values, {"expand"})
    return Answer(work.expanded(work.shown(find(work, work.call.ids[0])), params.texts("expand")))


def update(work: Work) -> Answer:
    params = Params(work.call.values, _UPDATE, _UNSUPPORTED)
    known = find(work, work.call.ids[0])
    changed = replace(known, **_changes(params, known))
    return Answer(work.expanded(changed_account(work, changed), params.texts("expand")))


def list_(work: Work) -> Answer:
    return lists.answer(work, Params(work.call.values, lists.PAGING), Account, {})


def create_link(work: Work) -> Answer:
    """A link that leads nowhere: `POST /sandbox/accounts/{id}/onboard` is what its form would do."""
    params = Params(
        work.call.values,
        {"account", "type", "refresh_url", "return_url", "collect", "collection_options", "expand"},
    )
    params.require("account", "type")
    account = find(work, params.text("account") or "")
    if params.choice("type", ("account_onboarding", "account_update")) == "account_onboarding":
        params.require("refresh_url", "return_url")
    return Answer(
        {
            "object": "account_link",
            "created": work.moment.now,
            "expires_at": work.moment.now + _LINK_LIFETIME,
            "url": f"{work.call.base_url}/sandbox/accounts/{account.id}/onboard?link={new_id('link')}",
        }
    )


def onboard(work: Work) -> Answer:
    """Everything that Stripe asked the account for is there: what it was meant to do it can do now."""
    Params(work.call.values, {"link"})
    known = find(work, work.call.ids[0])
    return Answer(changed_account(work, replace(known, onboarded=True, disabled_reason=None)))


def restrict(work: Work) -> Answer:
    """`{"reason"}`: Stripe wants more to be known of the account, and stops its transfers and payouts meanwhile."""
    params = Params(work.call.values, {"reason"})
    known = find(work, work.call.ids[0])
    reason = params.text("reason") or "requirements.past_due"
    return Answer(changed_account(work, replace(known, disabled_reason=reason)))


def find(work: Work, id_: str) -> Account:
    """The connected account. Raises what Stripe says to everybody about accounts that are not theirs."""
    found = work.store.find(Account, id_)
    if found is None:
        raise no_connected_account(id_)
    return found


def changed_account(work: Work, account: Account) -> Json:
    return work.apply(Change((account,), (("account.updated", account),)))


def _changes(params: Params, known: Account) -> dict[str, Any]:
    currency = params.text("default_currency")
    changes: dict[str, Any] = {
        "metadata": params.metadata(known.metadata),
        "capabilities": _capabilities(params, known.capabilities),
        "details": {**known.details, **_details(params)},
        "settings": {"schedule": {**known.settings.get("schedule", {}), **_schedule(params)}},
    }
    if "email" in params:
        changes["email"] = params.text("email")
    if "business_type" in params:
        options = ("company", "government_entity", "individual", "non_profit")
        changes["business_type"] = params.choice("business_type", options)
    if currency:
        changes["default_currency"] = check_currency(currency)
    return changes


def _schedule(params: Params) -> Json:
    """When the account is paid out: kept and shown. `POST /sandbox/payouts` is what happens then."""
    found = params.mapping("settings") or {}
    for name in ("payouts", "schedule"):
        found = found.get(name, {})
        if not isinstance(found, dict):
            raise StripeError("Invalid object", param="settings")
    return found


def _details(params: Params) -> Json:
    profile = params.mapping("business_profile")
    return {"business_profile": profile} if profile else {}


def _capabilities(params: Params, current: tuple[str, ...]) -> tuple[str, ...]:
    wanted = dict.fromkeys(current)
    asked = params.within("capabilities", _CAPABILITIES)
    for name in _CAPABILITIES:
        if name not in asked:
            continue
        if asked.within(name, ("requested",)).boolean("requested"):
            wanted[name] = None
        else:
            wanted.pop(name, None)
    return tuple(wanted)


def _controller(params: Params) -> Json:
    type_ = params.choice("type", tuple(_CONTROLLERS)) or "standard"
    payer, losses, collection, dashboard = _CONTROLLERS[type_]
    asked = params.within("controller", ("fees", "losses", "requirement_collection", "stripe_dashboard"))
    return {
        "fees": {"payer": asked.within("fees", ("payer",)).text("payer") or payer},
        "is_controller": True,
        "losses": {"payments": asked.within("losses", ("payments",)).text("payments") or losses},
        "requirement_collection": asked.text("requirement_collection") or collection,
        "stripe_dashboard": {"type": asked.within("stripe_dashboard", ("type",)).text("type") or dashboard},
        "type": "application",
    }

"""The parameters that all of Stripe's lists share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.store import Page

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.forms import Params

PAGING: Final = frozenset({"limit", "starting_after", "ending_before", "created", "expand"})
LARGEST_PAGE: Final = 100


def page(params: Params) -> Page:
    """The page that is asked for: limit 1 to 100, cursors, `created` as a time or as gt/gte/lt/lte."""
    since, until = _created(params)
    return Page(limit(params), params.text("starting_after"), params.text("ending_before"), since, until)


def limit(params: Params) -> int:
    asked = params.integer("limit", least=1)
    if asked is not None and asked > LARGEST_PAGE:
        raise StripeError(
            f"This value must be less than or equal to {LARGEST_PAGE} (it currently is '{asked}').",
            code="parameter_invalid_integer",
            param="limit",
        )
    return asked or 10


def _created(params: Params) -> tuple[int | None, int | None]:
    if "created" not in params:
        return None, None
    if not params.is_mapping("created"):
        exact = params.integer("created")
        return exact, exact
    bounds = params.within("created", ("gt", "gte", "lt", "lte"))
    after, at_least = bounds.integer("gt"), bounds.integer("gte")
    before, at_most = bounds.integer("lt"), bounds.integer("lte")
    lower = [bound for bound in (at_least, None if after is None else after + 1) if bound is not None]
    upper = [bound for bound in (at_most, None if before is None else before - 1) if bound is not None]
    return max(lower, default=None), min(upper, default=None)

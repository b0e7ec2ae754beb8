"""The parameters that all of Stripe's lists share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.local.stripe_sandbox import render
from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.store import Page
from infra.local.stripe_sandbox.work import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.stripe_sandbox.forms import Params
    from infra.local.stripe_sandbox.store import R
    from infra.local.stripe_sandbox.work import Work

PAGING: Final = frozenset({"limit", "starting_after", "ending_before", "created", "expand"})
LARGEST_PAGE: Final = 100


def page(params: Params) -> Page:
    """The page that is asked for: limit 1 to 100, cursors, `created` as a time or as gt/gte/lt/lte."""
    since, until = _created(params)
    return Page(limit(params), params.text("starting_after"), params.text("ending_before"), since, until)


def answer(work: Work, params: Params, cls: type[R], where: Mapping[str, str | None], url: str | None = None) -> Answer:
    """One page of a kind, narrowed by its fields."""
    found, more = work.store.page(cls, page(params), where)
    body = render.listing(url or work.call.path, [work.shown(value) for value in found], has_more=more)
    return Answer(work.expanded(body, params.texts("expand")))


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

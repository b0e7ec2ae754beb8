"""/v1/events. What happened to a connected account is among its events, not among the platform's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from infra.local.stripe_sandbox import errors, render
from infra.local.stripe_sandbox.endpoints import lists
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.work import Answer

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.model import Json
    from infra.local.stripe_sandbox.work import Work


def retrieve(work: Work) -> Answer:
    Params(work.call.values, {"expand"})
    event = find(work, work.call.ids[0])
    if event.get("account", "") != work.call.account:
        raise errors.missing_resource("event", work.call.ids[0], "id")
    return Answer(_shown(work, event))


def list_(work: Work) -> Answer:
    params = Params(work.call.values, lists.PAGING | {"type", "types"}, {"delivery_success"})
    type_ = params.text("type")
    types = (type_,) if type_ else params.texts("types") or ()
    found, more = work.store.list_events(lists.page(params), work.call.account, types)
    return Answer(render.listing("/v1/events", [_shown(work, event) for event in found], has_more=more))


def find(work: Work, id_: str) -> Json:
    """The event as it was told. Raises Stripe's `resource_missing`."""
    document = work.store.find_event(id_)
    if document is None:
        raise errors.missing_resource("event", id_, "id")
    found: Json = json.loads(document)
    return found


def _shown(work: Work, event: Json) -> Json:
    return {**event, "pending_webhooks": work.deliveries.pending(event["id"])}

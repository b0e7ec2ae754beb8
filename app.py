"""Doorstep's composition root: the Chalice app, one blueprint per context, one line per event handler.

Event handlers are declared here and not in blueprints: a handler inside `chalicelib` would be deployed with a handler
string that never imports this file, and so without what is configured below (aws/chalice#1566).
"""

from __future__ import annotations

import gc

# What is imported here stays for good: looking for garbage among it takes a tenth of a cold start.
gc.disable()

from typing import Any

from chalice.app import Chalice, Rate

from chalicelib.catalog.routes import endpoints as catalog
from chalicelib.dispatch import reactions as _dispatch
from chalicelib.dispatch.routes import endpoints as dispatch
from chalicelib.edge import decoding, endpoint, permissions
from chalicelib.edge.audit_routes import endpoints as audit
from chalicelib.edge.openapi import endpoints as documentation
from chalicelib.inventory.routes import endpoints as inventory
from chalicelib.kernel import backfill, batches, events, logs
from chalicelib.ordering import reactions as _ordering
from chalicelib.ordering.routes import endpoints as ordering
from chalicelib.payments import reactions as _payments
from chalicelib.payments.routes import endpoints as payments
from chalicelib.stores import service as stores_service
from chalicelib.stores.routes import endpoints as stores

logs.configure()
app = Chalice(app_name="doorstep")
app.api.binary_types.extend(decoding.BINARY)
for context in (documentation, stores, catalog, inventory, ordering, payments, dispatch, audit):
    app.register_blueprint(context.blueprint)
endpoint.verify(app.routes)
permissions.configure(stores_service.staff_role, stores_service.is_merchant_owner)
_REACTING = (_ordering, _payments, _dispatch, backfill)  # imported for the reactions that they declare
gc.freeze()
gc.enable()


@app.on_dynamodb_record(stream_arn="${EventsStreamArn}", name="relay", batch_size=100)
def relay(event: Any) -> None:
    """The events table's stream: send on what transactions emitted."""
    events.relay(event.to_dict())


@app.schedule(Rate(1, unit=Rate.MINUTES), name="sweep")
def sweep(_event: Any) -> None:
    """Every minute: send on the timers that come due."""
    events.sweep()


@app.on_sqs_message(queue="ordering", batch_size=10, name="ordering_events")
def ordering_events(event: Any) -> dict[str, Any]:
    """The ordering queue."""
    return events.consume("ordering", event.to_dict()["Records"])


@app.on_sqs_message(queue="dispatch", batch_size=10, name="dispatch_events")
def dispatch_events(event: Any) -> dict[str, Any]:
    """The dispatch queue."""
    return events.consume("dispatch", event.to_dict()["Records"])


# Many orders each, and few at once (infra.merge): those of one merchant take their numbers together.
@app.on_sqs_message(
    queue="invoices",
    batch_size=30,
    maximum_batching_window_in_seconds=3,
    name="invoices_events",
)
def invoices_events(event: Any) -> dict[str, Any]:
    """The invoices queue."""
    return batches.consume("invoices", event.to_dict()["Records"])


@app.on_sqs_message(queue="payments", batch_size=10, name="payments_events")
def payments_events(event: Any) -> dict[str, Any]:
    """The payments queue."""
    return events.consume("payments", event.to_dict()["Records"])


@app.on_sqs_message(queue="upkeep", batch_size=1, name="upkeep_events")
def upkeep_events(event: Any) -> dict[str, Any]:
    """The upkeep queue: pages of backfills, the only function that may look through whole tables."""
    return events.consume("upkeep", event.to_dict()["Records"])

"""Sending the requests of the table, changed as a test likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import app
from chalicelib.edge.endpoint import ROUTES
from chalicelib.kernel import ids
from tests.api.visits import TABLE, Visit

if TYPE_CHECKING:
    from tests.api.scene import Scene
    from tests.api.server import Answer

APP = app  # imported for the routes that it registers
BY_NAME = {f"{route.method} {route.path}": route for route in ROUTES}
CALLERS: dict[str, str | None] = {
    "owner of the merchant": "owner",
    "staff": "owner",
    "support": "admin",
    "invited": "customer",
    "anybody": None,
}


def caller_of(name: str) -> str | None:
    """Somebody of the scene who may use the route; None where no token is needed."""
    caller = TABLE[name].caller
    return CALLERS.get(caller, caller)


def send(scene: Scene, caller: str | None, name: str, visit: Visit) -> Answer:
    """Send a visit to the route, as somebody, under a key of its own where it has one."""
    route = BY_NAME[name]
    headers = dict(visit.headers)
    if "Idempotency-Key" in headers and headers["Idempotency-Key"].startswith("key_"):
        headers["Idempotency-Key"] = ids.new_id("key")
    token = scene.tokens[caller] if caller else None
    return scene.served.call(route.method, visit.target(route.path), token=token, body=visit.body, headers=headers)

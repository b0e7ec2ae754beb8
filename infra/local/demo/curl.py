"""Lines to paste after `make run`: something to try for each role, on the demo's data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from infra.local.actors import Cast
from infra.local.demo import places, seeding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.local.stack import LocalStack

# What a shell without jq needs of an answer: the first id in it.
_ID = r"""sed -E 's/^\{"id":"([^"]+)".*/\1/'"""


def lines(stack: LocalStack) -> Sequence[str]:
    """For the shell into which the tokens were exported."""
    store_id = seeding.seed_stores(Cast(stack)).trattoria
    store = f"/v1/stores/{store_id}"
    home = f"lat={places.HOME.lat}&lng={places.HOME.lng}"
    wanted = [{"sku": "PIZ-MARG-32", "quantity": 1}, {"sku": "TIRAMISU", "quantity": 1}]
    basket = {"store_id": store_id, "mode": "pickup", "lines": wanted}
    order = {"quote_id": "'$QUOTE'", "payment_method": "pay_at_store"}
    merchant = {"name": "Corner shop", "owner_id": "somebody"}
    quote = _curl("/v1/quotes", "CUSTOMER", body=basket)
    place = _curl("/v1/orders", "CUSTOMER", '-H "Idempotency-Key: $QUOTE"', body=order)
    accept = _curl(f"{store}/orders/$ORDER/accept", "STAFF", "-H 'If-Match: \"1\"'", body={"prep_minutes": 10})
    register = _curl("/v1/merchants", "ADMIN", '-H "Idempotency-Key: corner-shop"', body=merchant)
    return (
        f"API={stack.api_url} J='Content-Type: application/json'",
        'as() { echo "Authorization: Bearer $1"; }',
        "",
        "# anybody: the stores that deliver to a place, a menu",
        _curl(f"/v1/stores?{home}&mode=delivery"),
        _curl(f"{store}/menu"),
        "# customer: a price for a basket; order it, to be paid at the store; follow the order",
        f"QUOTE=$({quote} | {_ID}); echo $QUOTE",
        f"ORDER=$({place} | {_ID}); echo $ORDER",
        _curl("/v1/orders/$ORDER", "CUSTOMER"),
        "# staff: the board; take that order on (If-Match is the version that was seen)",
        _curl(f"{store}/board", "STAFF"),
        accept,
        "# rider: what is offered and in hand; with the answer's ETag as If-None-Match it is a 304",
        _curl("/v1/rider/feed", "RIDER", "-i"),
        "# admin: register a merchant",
        register,
    )


def _curl(path: str, role: str = "", *options: str, body: object = None) -> str:
    parts = ["curl -s", f'"$API{path}"']
    if role:
        parts.append(f'-H "$(as ${role})"')
    parts += options
    if body is not None:
        parts.append(f"-H \"$J\" -d '{json.dumps(body, separators=(',', ':'))}'")
    return " ".join(parts)

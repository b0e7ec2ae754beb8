"""What is known of a customer: never in a log, handed out on request, and gone when they ask to be forgotten."""

from __future__ import annotations

import base64
import json
import random
import re
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.actors import Refused
from infra.local.actors.customer import address
from infra.local.wire import COGNITO, DYNAMODB, EmulatorError
from tests.flows.town import BASKET, delivery_of, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.flows.town import Town

pytestmark = [pytest.mark.stack, pytest.mark.slow]

# What is kept for days only (docs/personal-data.md), and names nobody but by id.
_PASSING = ("doorstep-local-events",)


def test_a_customer_is_handed_everything_and_then_forgotten_and_no_log_knew_them(fast_town: Town) -> None:
    town, mark = fast_town, f"{random.getrandbits(48):012x}"
    who = f"ada-{mark}"
    customer, rider = town.cast.customer(who), town.rider()
    user = town.cast.user("customer", who)
    known = {
        "street": f"Markstrasse {mark}",
        "details": f"Floor {mark}",
        "instructions": f"Ring at {mark}",
        "contact_name": f"Ada {mark}",
        "contact_phone": f"+49 30 {int(mark, 16) % 10**8:08d}",
    }
    lines = [{**line, "note": f"Without {mark}"} for line in BASKET]
    placed = customer.place(customer.quote(town.store_id, lines, address=address(town.home, **known)))
    customer.pay(placed)
    town.tablet.wait_for(placed["id"])
    town.tablet.accept(placed["id"])
    delivery_id = delivery_of(placed["id"])
    rider.wait_for_offer(placed["id"], pause=0.02)
    rider.accept(delivery_id)
    town.tablet.start(placed["id"])
    town.tablet.ready(placed["id"])
    rider.arrive_at_store(delivery_id)
    rider.pick_up(delivery_id)
    with pytest.raises(Refused) as too_early:
        customer.client.post("/v1/me/erasure", {"confirm": "erase"})
    assert "orders_open" in str(too_early.value)
    rider.arrive_at_door(delivery_id)
    rider.deliver(delivery_id, pin=placed["delivery_pin"])
    customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "captured")

    told = json.dumps(exported(customer.client.get), ensure_ascii=False)
    assert [each for each in (user.email, *known.values(), f"Without {mark}", placed["id"]) if each not in told] == []

    office = town.cast.back_office().client
    path = f"/v1/customers/{user.sub}/erasure"
    asked = office.post(path, {"confirm": "erase", "at_once": True}).body
    assert asked["state"] == "waiting"
    with pytest.raises(Refused) as refused:
        customer.place(customer.quote(town.store_id, lines, address=address(town.home, **known)))
    assert "erasure_requested" in str(refused.value)
    assert eventually(lambda: office.get(path).body["state"] == "erased", seconds=90)
    assert office.get(path).body["orders"] == 1

    traces = (mark, user.sub, known["contact_phone"], user.email)
    kept = [(table, keys) for table, keys, text in items(town) if any(each in text + keys for each in traces)]
    assert [where for where in kept if where[0] not in _PASSING] == []
    with pytest.raises(EmulatorError) as gone:
        town.stack.moto.call(
            COGNITO, "AdminGetUser", UserPoolId=town.stack.env["DOORSTEP_USER_POOL_ID"], Username=user.sub
        )
    assert gone.value.code == "UserNotFoundException"
    sale = town.tablet.client.get(f"/v1/stores/{town.store_id}/orders/{placed['id']}").body
    assert sale["order"]["status"] == "completed"
    assert [line["sku"] for line in sale["lines"]] == [line["sku"] for line in BASKET]

    logs = [log.read_text(errors="replace") for log in town.stack.directory.rglob("*.log")]
    assert any(placed["id"] in log for log in logs), "no log tells of the order: this proves nothing"
    words = (*known.values(), f"Without {mark}", user.email, user.token[-40:])
    assert [word for word in words for log in logs if word in log] == []
    # Four digits end many an id: a PIN told is a value of its own, quoted or after its name.
    pin = re.compile(rf"""["'=]{placed["delivery_pin"]}\b""")
    assert [line for log in logs for line in log.splitlines() if pin.search(line)] == []


def exported(get: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = get("/v1/me/export", limit=2, cursor=cursor).body
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def items(town: Town) -> Iterator[tuple[str, str, str]]:
    """Every item of every table, as text, unpacked."""
    for table in town.stack.dynamodb.call(DYNAMODB, "ListTables")["TableNames"]:
        start: dict[str, Any] = {}
        while True:
            answer = town.stack.dynamodb.call(DYNAMODB, "Scan", TableName=table, ConsistentRead=True, **start)
            for item in answer["Items"]:
                yield table, f"{item['pk']['S']} {item['sk']['S']}", _text(item)
            if "LastEvaluatedKey" not in answer:
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _text(item: dict[str, Any]) -> str:
    parts = []
    for value in item.values():
        packed = base64.b64decode(value["B"]) if "B" in value else b""
        try:
            parts.append(zlib.decompress(packed).decode() if packed else json.dumps(value, ensure_ascii=False))
        except zlib.error:
            parts.append(packed.hex())
    return " ".join(parts)

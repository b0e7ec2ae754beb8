"""What `make run` shows: data that is made once, an order that arrives, lines that can be pasted."""

from __future__ import annotations

import io
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from infra.local import demo
from infra.local.actors import Cast
from infra.local.actors.rider import delivery_of
from infra.local.demo import places, seeding
from infra.local.demo.journey import Journey

if TYPE_CHECKING:
    from infra.local.stack import LocalStack

pytestmark = pytest.mark.stack


def journey(stack: LocalStack) -> tuple[Journey, io.StringIO]:
    told = io.StringIO()
    return Journey(Cast(stack), Console(file=told, width=200)), told


def test_seeding_twice_is_seeding_once(stack: LocalStack) -> None:
    demo.seed(stack)
    first = seeding.seed_stores(Cast(stack))
    demo.seed(stack)

    assert seeding.seed_stores(Cast(stack)) == first
    assert set(first.stores) == {"Trattoria Lina", "Lina Feinkost"}
    owner = Cast(stack).merchant(places.OWNER)
    demo_stores = [each for each in owner.workplaces() if each["store_id"] in first.stores.values()]
    assert [each["role"] for each in demo_stores] == ["owner", "owner"]
    staff = owner.client.get(f"/v1/stores/{first.trattoria}/staff").body["items"]
    assert sorted(each["role"] for each in staff) == ["clerk", "manager", "owner"]


def test_the_demos_order_arrives_and_every_step_is_told(stack: LocalStack) -> None:
    demo.seed(stack)
    played, told = journey(stack)

    order = played.play()

    assert (order["status"], order["payment"]["state"]) == ("completed", "captured")
    for step in ("gets a quote", "confirms the card payment", "accepts", "takes it", "leaves", "PIN", "captures"):
        assert step in told.getvalue()


def test_a_demo_that_was_interrupted_on_the_road_is_finished_by_the_next(stack: LocalStack) -> None:
    demo.seed(stack)
    interrupted, _ = journey(stack)
    seeding.begin_shifts(interrupted.cast)
    left = interrupted._order_and_pay()
    job = interrupted._cook_and_offer(left)
    job.rider.pick_up(job.delivery_id)
    interrupted.customer.wait_for(left["id"], "out_for_delivery")

    played, told = journey(stack)
    played.play()

    assert f"ends order {left['label']}" in told.getvalue()
    played.customer.wait_for(left["id"], "completed")
    assert job.rider.job(delivery_of(left["id"])) is None


def test_a_demo_that_was_interrupted_in_the_kitchen_is_given_up_by_the_next(stack: LocalStack) -> None:
    demo.seed(stack)
    interrupted, _ = journey(stack)
    left = interrupted._order_and_pay()
    interrupted.tablet.wait_for(left["id"])
    interrupted.tablet.accept(left["id"])

    played, _ = journey(stack)
    played.play()

    order = played.customer.wait_for(left["id"], lambda seen: seen["payment"]["state"] == "voided")
    assert order["status"] == "cancelled"


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs bash and curl")
def test_the_lines_to_paste_work(stack: LocalStack) -> None:
    demo.seed(stack)
    roles = ("customer", "staff", "rider", "admin")
    tokens = [f"export {role.upper()}={stack.token_for(role)}" for role in roles]
    script = "\n".join([*tokens, *demo.curl_lines(stack)])

    ran = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
    assert '"request_id"' not in ran.stdout, ran.stdout
    assert '"status":"accepted"' in ran.stdout
    for prefix in ("sto_", "qte_", "ord_", "mer_"):
        assert prefix in ran.stdout

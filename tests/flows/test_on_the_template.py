"""The journey on what CloudFormation makes of the state template, rather than on what the local stack makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from chalicelib.kernel import events
from infra import resources
from infra.local import environment
from infra.local.wire import ACCESS_KEY, REGION
from tests.flows.town import Town, left, steps
from tests.stack import started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.stack import LocalStack

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack whose tables, queues, bus and rules CloudFormation has made."""
    running = started(tmp_path_factory.mktemp("deployed"), cloudformation=True)
    yield running
    running.stop()


def test_a_delivery_reaches_the_door_on_what_cloudformation_made(deployed: LocalStack) -> None:
    town = Town(deployed)
    customer, rider = town.customer(), town.rider()

    placed, delivery_id = town.order_at_the_door(customer, rider)
    rider.deliver(delivery_id, pin=placed["delivery_pin"])

    order = customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "captured")
    assert steps(order)[-1] == "completed"
    assert town.charge(placed["id"])["captures"] == 1
    assert town.stock() == left()
    cloudformation = boto3.client(
        "cloudformation",
        region_name=REGION,
        endpoint_url=environment.url(deployed.ports.moto),
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=ACCESS_KEY,
    )
    summaries = cloudformation.list_stack_resources(StackName=f"{deployed.prefix}-state")["StackResourceSummaries"]
    made = {each["PhysicalResourceId"].rpartition("/")[2] for each in summaries}
    assert {f"{deployed.prefix}-{queue}" for queue in events.QUEUES} <= made
    assert {deployed.table_name(context) for context in resources.CONTEXTS} <= made

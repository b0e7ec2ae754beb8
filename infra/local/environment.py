"""What a process of the local stack finds in its environment: the same variables as a deployed function.

Everything follows from the prefix and the ports, so that processes can start side by side.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.kernel import events
from infra import resources, user_pool
from infra.local.wire import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STRIPE_KEY = "sk_test_local"
STRIPE_WEBHOOK_SECRET = "whsec_local"  # noqa: S105 (the sandbox's, and known to everybody)
GIFT_CARD_SECRET = "gift-cards-local"  # noqa: S105 (the same)
WEBHOOK_PATH = "/v1/webhooks/stripe"

_LISTENING_PORTS = range(18_000, 30_000)


@dataclass(frozen=True)
class Ports:
    """Where each process of a stack listens on 127.0.0.1; `api` has one for each API process."""

    api: tuple[int, ...]
    dynamodb: int
    moto: int
    stripe: int

    @classmethod
    def free(cls, api_processes: int = 1) -> Ports:
        """Ports that nobody listens on at this moment."""
        dynamodb, moto, stripe, *api = free_ports(3 + api_processes)
        return cls(tuple(api), dynamodb, moto, stripe)


def free_ports(count: int) -> list[int]:
    """Distinct ports that nobody listens on at this moment.

    They lie below those that systems give to outgoing connections: a stack that is killed must find its ports
    free when it starts again, and not taken by some client in between.
    """
    found: list[int] = []
    for port in random.sample(_LISTENING_PORTS, len(_LISTENING_PORTS)):
        if len(found) == count:
            break
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
    return found


def url(port: int) -> str:
    """The address of a process of the stack."""
    return f"http://127.0.0.1:{port}"


def known_id(name: str) -> str:
    """The id that the local Cognito gives to a pool (after its region) or an app client of this name."""
    return re.sub("[^a-z0-9]", "", name.lower())


def pool_id(prefix: str) -> str:
    """The id of the local user pool."""
    return f"{REGION}_{known_id(f'{prefix}-users')}"


def queue_url(moto_url: str, name: str) -> str:
    """The URL of a local queue."""
    return f"{moto_url}/{ACCOUNT}/{name}"


def aws(dynamodb: str, moto: str) -> dict[str, str]:
    """Where the AWS SDKs find the emulators. No request can leave this machine by mistake: the keys are made up."""
    return {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
        "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": dynamodb,
        "AWS_ENDPOINT_URL_SQS": moto,
        "AWS_ENDPOINT_URL_EVENTBRIDGE": moto,
        "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": moto,
    }


def doorstep(prefix: str, moto: str) -> dict[str, str]:
    """The names of the resources, as the deployed functions get them from the state template's exports."""
    pool = pool_id(prefix)
    queues = {queue: queue_url(moto, resources.queue_name(prefix, queue)) for queue in events.QUEUES}
    return {
        "DOORSTEP_STAGE": "local",
        "DOORSTEP_USER_POOL_ID": pool,
        "DOORSTEP_TABLE_PREFIX": prefix,
        "DOORSTEP_BUS_NAME": f"{prefix}-bus",
        "DOORSTEP_QUEUE_URLS": json.dumps(queues),
        "DOORSTEP_OIDC_ISSUER": f"https://cognito-idp.{REGION}.amazonaws.com/{pool}",
        "DOORSTEP_OIDC_CLIENT_IDS": ",".join(known_id(client) for client in user_pool.APP_CLIENTS),
        "DOORSTEP_OIDC_JWKS_URL": f"{moto}/{pool}/.well-known/jwks.json",
        "DOORSTEP_GIFT_CARD_SECRET": GIFT_CARD_SECRET,
        # Everybody here has one address, and a day may take minutes.
        "DOORSTEP_RATE_LIMITS": "off",
    }


def stripe_itself(outer: Mapping[str, str]) -> dict[str, str]:
    """The caller's own Stripe keys, when its environment names both; nothing otherwise."""
    names = ("STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET")
    return {name: outer[name] for name in names} if all(outer.get(name) for name in names) else {}


def of_stack(
    prefix: str, ports: Ports, clock_file: Path, *, own_dynamodb: bool, stripe_keys: Mapping[str, str]
) -> dict[str, str]:
    """The environment of every process of a stack.

    Without a DynamoDB of its own moto serves one; without keys for Stripe itself payments go to the sandbox.
    """
    moto = url(ports.moto)
    sandbox = {
        "STRIPE_API_KEY": STRIPE_KEY,
        "STRIPE_WEBHOOK_SECRET": STRIPE_WEBHOOK_SECRET,
        "DOORSTEP_STRIPE_API_BASE": url(ports.stripe),
    }
    return {
        **aws(url(ports.dynamodb) if own_dynamodb else moto, moto),
        **doorstep(prefix, moto),
        **({**stripe_keys, "DOORSTEP_STRIPE_API_BASE": ""} if stripe_keys else sandbox),
        "DOORSTEP_CLOCK_FILE": str(clock_file),
        "PYTHONUNBUFFERED": "1",
    }

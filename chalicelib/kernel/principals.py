"""Who is calling."""

from __future__ import annotations

import msgspec

CUSTOMER = "customer"
STAFF = "staff"
RIDER = "rider"
ADMIN = "admin"

# The user pool's groups and the roles they give. Who is in none of them is a customer.
ROLE_OF_GROUP = {"customers": CUSTOMER, "staff": STAFF, "riders": RIDER, "admins": ADMIN}


class Principal(msgspec.Struct, frozen=True):
    """A verified caller: ``id`` is the token's subject, which is also the customer's or rider's id."""

    id: str
    roles: frozenset[str]


def principal(subject: str, groups: list[str]) -> Principal:
    """The caller that a verified token's subject and groups stand for."""
    roles = frozenset(ROLE_OF_GROUP[group] for group in groups if group in ROLE_OF_GROUP)
    return Principal(subject, roles or frozenset((CUSTOMER,)))

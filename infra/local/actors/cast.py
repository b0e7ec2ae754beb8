"""Everybody who uses a stack: made when asked for by name, signed in, given a phone."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from infra.local.actors.card_form import STRIPE, CardForm
from infra.local.actors.client import Client
from infra.local.actors.customer import Customer
from infra.local.actors.office import BackOffice, Merchant
from infra.local.actors.rider import Rider
from infra.local.actors.tablet import Tablet
from infra.local.actors.watch import Watch

if TYPE_CHECKING:
    from infra.local.stack import LocalStack
    from infra.local.users import User


class Cast:
    """Makes actors of a running stack. They are spread over its API processes."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.watch = Watch.of(stack.env["DOORSTEP_CLOCK_FILE"])
        self._addresses = itertools.cycle(stack.api_urls)
        secret = stack.env["STRIPE_API_KEY"]
        if stack.env["DOORSTEP_STRIPE_API_BASE"]:
            self._card_form = CardForm(stack.stripe_url, secret.replace("sk_", "pk_", 1))
        else:
            # Stripe itself lets test cards be named with the secret key only.
            self._card_form = CardForm(STRIPE, secret)

    def user(self, role: str, name: str | None = None) -> User:
        """A signed-in user with a role: customer, staff, rider or admin."""
        return self.stack.users.of_role(role, name)

    def client(self, role: str, name: str | None = None) -> Client:
        """A phone, tablet or desk on which this user is signed in."""
        self.user(role, name)
        return Client(next(self._addresses), lambda: self.user(role, name).token, self.watch)

    def passer_by(self) -> Client:
        """Somebody who is not signed in."""
        return Client(next(self._addresses), None, self.watch)

    def customer(self, name: str | None = None) -> Customer:
        """A customer."""
        return Customer(self.client("customer", name), self._card_form)

    def tablet(self, store_id: str, name: str | None = None) -> Tablet:
        """A store's tablet with a staff member signed in."""
        return Tablet(self.client("staff", name), store_id)

    def merchant(self, name: str | None = None) -> Merchant:
        """Somebody of the staff at a desk."""
        return Merchant(self.client("staff", name))

    def rider(self, name: str | None = None) -> Rider:
        """A rider."""
        return Rider(self.client("rider", name))

    def back_office(self) -> BackOffice:
        """An admin of the platform."""
        return BackOffice(self.client("admin"))

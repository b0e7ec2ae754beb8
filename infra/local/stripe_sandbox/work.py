"""One request's unit of work: what it found, what it changed, the events it told, kept in one transaction."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox import errors, methods, render
from infra.local.stripe_sandbox.model import (
    PLATFORM,
    Account,
    Change,
    Charge,
    Dispute,
    Json,
    Moment,
    Outcome,
    PaymentIntent,
    Refund,
    Reversal,
    Transfer,
)
from infra.local.stripe_sandbox.render.accounts import bank_account, bank_account_id
from infra.local.stripe_sandbox.render.money import balance_transaction
from infra.local.stripe_sandbox.render.payments import destination_payment
from infra.local.stripe_sandbox.render.saving import payment_method
from infra.local.stripe_sandbox.store import KIND_OF, Page, R

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.stripe_sandbox.balances import Balances
    from infra.local.stripe_sandbox.deliveries import Deliveries
    from infra.local.stripe_sandbox.faults import Faults
    from infra.local.stripe_sandbox.model import BalanceTransaction, Resource
    from infra.local.stripe_sandbox.store import Store
    from infra.local.stripe_sandbox.webhooks import Endpoint

_ALPHABET: Final = (string.ascii_letters + string.digits).encode()
_SHOWN_REVERSALS: Final = 10
_NAMES: Final = {"payment_method": "PaymentMethod", "setup_intent": "setupintent"}
"""What Stripe's messages call what its URLs call otherwise."""
_EXPANDABLE: Final = frozenset(
    [
        "balance_transaction",
        "charge",
        "customer",
        "default_payment_method",
        "destination",
        "destination_payment",
        "dispute",
        "failure_balance_transaction",
        "latest_charge",
        "payment_intent",
        "payment_method",
        "source",
        "source_transaction",
        "source_transfer",
        "transfer",
    ]
)
_LETTER_OF_BYTE: Final = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))


def new_id(prefix: str) -> str:
    """An id in Stripe's style: `pi_3` and 23 letters and digits."""
    return f"{prefix}_3{secrets.token_bytes(23).translate(_LETTER_OF_BYTE).decode()}"


@dataclass(frozen=True, slots=True)
class Call:
    """A request as an operation sees it.

    `publishable`: made without a secret key, so it needs a client secret. `account`: the connected account on whose
    behalf it is made.
    """

    method: str
    path: str
    values: Mapping[str, Any]
    ids: tuple[str, ...]
    request_id: str
    base_url: str
    idempotency_key: str | None = None
    publishable: bool = False
    account: str = PLATFORM


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers. `failure` marks a decline: state was changed, yet the status is not 2xx."""

    body: Json
    status: int = 200
    failure: errors.StripeError | None = None


class Work:
    """Reads and writes of one request; use inside a transaction of the store, or only to read."""

    def __init__(
        self,
        call: Call,
        *,
        store: Store,
        balances: Balances,
        deliveries: Deliveries,
        faults: Faults,
        endpoint: Endpoint | None,
        now: float,
        funds_after: int,
    ) -> None:
        self.call = call
        self.store = store
        self.balances = balances
        self.deliveries = deliveries
        self.faults = faults
        self.endpoint = endpoint
        self.now = now
        self.moment = Moment(int(now), new_id, funds_after)
        self.queued = False
        """Whether webhooks were put in the queue: their senders are woken after the commit."""

    def find(self, cls: type[R], id_: str, param: str | None = None, status: int = 404) -> R:
        """What has this id. Raises Stripe's `resource_missing`: 404 for an id in the path, 400 among parameters."""
        found = self.store.find(cls, id_)
        if found is None:
            kind = KIND_OF[cls]
            raise errors.missing_resource(_NAMES.get(kind, kind), id_, param or kind, status)
        return found

    def payment_intent(self, id_: str, param: str = "intent") -> PaymentIntent:
        return self.find(PaymentIntent, id_, param)

    def charge(self, id_: str, param: str = "charge") -> Charge:
        return self.find(Charge, id_, param)

    def latest_charge(self, intent: PaymentIntent) -> Charge | None:
        return self.charge(intent.latest_charge) if intent.latest_charge else None

    def keep(self, outcome: Outcome) -> None:
        """Store what a transition made and queue the webhooks of the events that it told."""
        values = (outcome.intent, outcome.charge, outcome.refund)
        self.apply(Change(tuple(value for value in values if value is not None), outcome.events, outcome.posted))

    def apply(self, change: Change) -> Json:
        """As `keep`; gives the first value as Stripe shows it."""
        for value in change.values:
            self.store.put(value)
        for line in change.posted:
            self.balances.post(line)
        for type_, told in change.events:
            self._tell(type_, told)
        return self.shown(change.values[0])

    def shown(self, value: Resource) -> Json:
        """The value as Stripe shows it, with the lists that are part of it."""
        document = render.resource(value)
        if isinstance(value, Transfer) and value.reversals:
            document["reversals"]["data"] = [
                render.resource(self.find(Reversal, id_)) for id_ in value.reversals[:_SHOWN_REVERSALS]
            ]
        if isinstance(value, Dispute):
            lines = [self.balances.find(PLATFORM, id_) for id_ in value.balance_transactions]
            document["balance_transactions"] = [self.line(line) for line in lines if line]
        return document

    def line(self, line: BalanceTransaction) -> Json:
        return balance_transaction(line, self.now)

    def queue(self, event: str, due: float) -> None:
        self.deliveries.add(event, due)
        self.queued = True

    def _tell(self, type_: str, value: Resource) -> None:
        call = self.call
        account = value.id if isinstance(value, Account) else getattr(value, "account", PLATFORM)
        event: Json = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": render.API_VERSION,
            "created": self.moment.now,
            "data": {"object": self.shown(value)},
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": call.request_id, "idempotency_key": call.idempotency_key},
            "type": type_,
        }
        if account:
            event["account"] = account
        if self.endpoint is None or not self.endpoint.wants(type_):
            self.store.put_event(event)
            return
        event["pending_webhooks"] = 1
        self.store.put_event(event)
        self.queued = True
        fault = self.faults.take_for_event(call.method, call.path, type_, reorders=not self.deliveries.holding)
        kind = fault.kind if fault else None
        delay = fault.delay_ms / 1000 if fault else 0.0
        self.deliveries.add(
            event["id"], self.now + delay, lost=kind == "webhook_lost", held=kind == "webhook_reordered"
        )
        if kind == "webhook_duplicated":
            self.deliveries.add(event["id"], self.now + delay)

    def expanded(self, document: Json, paths: tuple[str, ...] | None) -> Json:
        """The document with the asked-for ids replaced by their objects."""
        for path in paths or ():
            if not render.expand(document, path, self._find_for_expansion):
                raise errors.StripeError(
                    f"This property cannot be expanded ({path}). You may want to try expanding a different property.",
                    param="expand",
                )
        return document

    def _find_for_expansion(self, field: str, id_: str) -> Json | None:
        if field == "refunds":
            return self.refunds_of(id_)
        if field not in _EXPANDABLE:
            return None
        if id_.startswith("txn_"):
            line = self.balances.find(self.call.account, id_)
            return self.line(line) if line else None
        found = self.store.find_any(id_)
        if found is not None:
            return self.shown(found)
        if id_.startswith("tu_"):
            return self._top_up(id_)
        if field == "payment_method":
            return payment_method(methods.find_method(id_))
        return self.destination_payment(id_) or self._bank_account(id_)

    def destination_payment(self, id_: str, account: str | None = None) -> Json | None:
        """What a connected account (this one, or whichever it was) knows of the transfer that came as this payment."""
        found = self.store.those(Transfer, "destination_payment", id_)
        return next((destination_payment(made) for made in found if account in (None, made.destination)), None)

    def _top_up(self, id_: str) -> Json | None:
        lines = self.balances.of_source(id_)
        if not lines:
            return None
        shown = {"amount": lines[0].amount, "currency": lines[0].currency, "balance_transaction": lines[0].id}
        return {"id": id_, "object": "topup", "status": "succeeded", "metadata": {}, **shown}

    def _bank_account(self, id_: str) -> Json | None:
        account = self.store.find(Account, f"acct_{id_.removeprefix('ba_')}")
        return bank_account(account) if account and bank_account_id(account.id) == id_ else None

    def refunds_of(self, charge: str) -> Json:
        found, more = self.store.page(Refund, Page(), {"charge": charge})
        return render.listing(f"/v1/charges/{charge}/refunds", [self.shown(refund) for refund in found], has_more=more)

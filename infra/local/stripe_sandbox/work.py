"""One request's unit of work: what it found, what it changed, the events it told, kept in one transaction."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from infra.local.stripe_sandbox import errors, methods, render
from infra.local.stripe_sandbox.model import Charge, Json, Moment, Outcome, PaymentIntent, Refund
from infra.local.stripe_sandbox.store import Page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.stripe_sandbox.deliveries import Deliveries
    from infra.local.stripe_sandbox.faults import Faults
    from infra.local.stripe_sandbox.store import Store
    from infra.local.stripe_sandbox.webhooks import Endpoint

_ALPHABET: Final = (string.ascii_letters + string.digits).encode()
_LETTER_OF_BYTE: Final = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))


def new_id(prefix: str) -> str:
    """An id in Stripe's style: `pi_3` and 23 letters and digits."""
    return f"{prefix}_3{secrets.token_bytes(23).translate(_LETTER_OF_BYTE).decode()}"


@dataclass(frozen=True, slots=True)
class Call:
    """A request as an operation sees it. `publishable`: made without a secret key, so it needs a client secret."""

    method: str
    path: str
    values: Mapping[str, Any]
    ids: tuple[str, ...]
    request_id: str
    base_url: str
    idempotency_key: str | None = None
    publishable: bool = False


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
        deliveries: Deliveries,
        faults: Faults,
        endpoint: Endpoint | None,
        now: float,
    ) -> None:
        self.call = call
        self.store = store
        self.deliveries = deliveries
        self.faults = faults
        self.endpoint = endpoint
        self.now = now
        self.moment = Moment(int(now), new_id)
        self.queued = False
        """Whether webhooks were put in the queue: their senders are woken after the commit."""

    def payment_intent(self, id_: str, param: str = "intent") -> PaymentIntent:
        found = self.store.find("payment_intent", id_)
        if found is None:
            raise errors.missing_resource("payment_intent", id_, param)
        return cast("PaymentIntent", found)

    def charge(self, id_: str, param: str = "charge") -> Charge:
        found = self.store.find("charge", id_)
        if found is None:
            raise errors.missing_resource("charge", id_, param)
        return cast("Charge", found)

    def refund(self, id_: str) -> Refund:
        found = self.store.find("refund", id_)
        if found is None:
            raise errors.missing_resource("refund", id_, "refund")
        return cast("Refund", found)

    def latest_charge(self, intent: PaymentIntent) -> Charge | None:
        return self.charge(intent.latest_charge) if intent.latest_charge else None

    def keep(self, outcome: Outcome) -> None:
        """Store what a transition made and queue the webhooks of the events that it told."""
        for value in (outcome.intent, outcome.charge, outcome.refund):
            if value is not None:
                self.store.put(value)
        for type_, value in outcome.events:
            self._tell(type_, render.resource(value))

    def queue(self, event: str, due: float) -> None:
        self.deliveries.add(event, due)
        self.queued = True

    def _tell(self, type_: str, document: Json) -> None:
        call = self.call
        event: Json = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": render.API_VERSION,
            "created": self.moment.now,
            "data": {"object": document},
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": call.request_id, "idempotency_key": call.idempotency_key},
            "type": type_,
        }
        if self.endpoint is None or not self.endpoint.wants(type_):
            self.store.put_event(event)
            return
        event["pending_webhooks"] = 1
        self.store.put_event(event)
        self.queued = True
        fault = self.faults.take_for_event(call.method, call.path, type_)
        kind = fault.kind if fault else None
        delay = fault.delay_ms / 1000 if fault else 0.0
        self.deliveries.add(event["id"], self.now + delay, lost=kind == "webhook_lost")
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
        if field in ("latest_charge", "charge"):
            return render.charge(self.charge(id_))
        if field == "payment_intent":
            return render.payment_intent(self.payment_intent(id_))
        if field == "payment_method":
            return render.payment_method(methods.find_method(id_))
        if field == "refunds":
            return self.refunds_of(id_)
        return None

    def refunds_of(self, charge: str) -> Json:
        found, more = self.store.page("refund", Page(), charge=charge)
        return render.listing(
            f"/v1/charges/{charge}/refunds", [render.resource(refund) for refund in found], has_more=more
        )

"""Between the app and the world: every call to DynamoDB and to Stripe goes through here, and may be the last one.

Stripe is its sandbox, spoken to by the real SDK without a socket between; what the transactions leave in the events
table is what its stream would tell, and what they leave in the ledger is noted.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import msgspec
import stripe
from requests.structures import CaseInsensitiveDict

from chalicelib.kernel import events, tables
from chalicelib.kernel.events import EventsRow
from chalicelib.ordering.tables import STATE, OrderRow
from chalicelib.payments.model.cases import Case
from chalicelib.payments.model.ledger import Entry
from chalicelib.payments.tables.cases import CASE, CaseRow
from chalicelib.payments.tables.ledger import EntryRow
from infra.local.stripe_sandbox.balances import Balances
from infra.local.stripe_sandbox.deliveries import Deliveries
from infra.local.stripe_sandbox.faults import Faults
from infra.local.stripe_sandbox.gateway import Gateway, Request, Response
from infra.local.stripe_sandbox.model import Account, Charge, Refund
from infra.local.stripe_sandbox.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

STRIPE_KEY = "sk_test_of_histories"
_READS = ("GetItem", "BatchGetItem", "Query")
_PUBLISHABLE = "pk_test_of_histories"


class Crashed(BaseException):
    """The process has ended: past every ``except Exception``."""


class Wires:
    """Counts calls and cuts them; collects what was emitted and what was posted."""

    def __init__(self) -> None:
        self.calls = 0
        self.writes = 0
        self.emitted: list[events.Envelope] = []
        self.entries: dict[str, Entry] = {}
        self.entry_keys: set[str] = set()
        self.cases: dict[str, Case] = {}
        self.order_ids: set[str] = set()
        self._fuse: tuple[int, str] | None = None
        self._is_quiet = False

    @contextmanager
    def crash(self, call: int, side: str) -> Iterator[None]:
        """End the process before or after its so many-th call within the block."""
        self.calls, self._fuse = 0, (call, side)
        try:
            yield
        finally:
            self._fuse = None

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Look without being part of the play."""
        before, self._is_quiet = self._is_quiet, True
        try:
            yield
        finally:
            self._is_quiet = before

    def through(self, call: Callable[[], Any]) -> Any:
        """Make a call, or end before or after it."""
        if self._is_quiet or self._fuse is None:
            return call()
        self.calls += 1
        if self._fuse == (self.calls, "before"):
            raise Crashed
        answer = call()
        if self._fuse == (self.calls, "after"):
            raise Crashed
        return answer

    # --- DynamoDB -----------------------------------------------------------------------------------------------------

    @contextmanager
    def between_app_and_tables(self) -> Iterator[None]:
        """Stand before the process's one client of DynamoDB."""
        client = tables.connection().client
        original = client._make_api_call

        def made(name: str, params: dict[str, Any]) -> Any:
            def call() -> Any:
                answer = original(name, params)
                self._note(name, params)
                return answer

            return self.through(call)

        client._make_api_call = made
        try:
            yield
        finally:
            client._make_api_call = original

    def _note(self, name: str, params: Mapping[str, Any]) -> None:
        self.writes += name not in _READS
        if name == "PutItem":
            self._note_put(params)
        elif name == "TransactWriteItems":
            for item in params["TransactItems"]:
                if "Put" in item:
                    self._note_put(item["Put"])

    def _note_put(self, put: Mapping[str, Any]) -> None:
        item = put["Item"]
        if put["TableName"] == EventsRow.Meta.table_name and "outbox" in item:
            self.emitted += [events.Envelope(**each) for each in EventsRow.outbox.deserialize(item["outbox"]["B"])]
        if put["TableName"] == EntryRow.Meta.table_name and item["sk"]["S"].startswith("LE#"):
            entry = msgspec.convert(EntryRow.body.deserialize(item["b"]["B"]), Entry)
            self.entry_keys.add(item["pk"]["S"])
            self.entries[f"{item['pk']['S']} {item['sk']['S']}"] = entry
        if put["TableName"] == OrderRow.Meta.table_name and item["sk"]["S"] == STATE:
            self.order_ids.add("ord_" + item["pk"]["S"].partition("#")[2])
        if put["TableName"] == CaseRow.Meta.table_name and item["sk"]["S"] == CASE:
            case = msgspec.convert(CaseRow.body.deserialize(item["b"]["B"]), Case)
            self.cases[case.id] = case


class StripeLine(stripe.HTTPClient):
    """How the SDK reaches the sandbox: no socket, and an answer may be lost."""

    name = "histories"

    def __init__(self, wires: Wires, bank: Bank) -> None:
        super().__init__()
        self._wires = wires
        self._bank = bank

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        def call() -> tuple[bytes, int, Any]:
            body = post_data.encode() if isinstance(post_data, str) else post_data or b""
            answer = self._bank.ask(method, url, body, headers)
            if answer.silent_for is not None:
                raise stripe.APIConnectionError("nobody answered", should_retry=True)
            return answer.body, answer.status, CaseInsensitiveDict(answer.headers)

        return self._wires.through(call)

    def close(self) -> None:
        """Nothing to close."""


class Bank:
    """A Stripe of one history, in memory: everything that it ever held is this history's."""

    def __init__(self, wires: Wires) -> None:
        self._store = Store(Path(":memory:"))
        self._gateway = Gateway(
            self._store,
            Balances(self._store),
            Deliveries(self._store),
            Faults(self._store),
            secret_key=STRIPE_KEY,
            publishable_key=_PUBLISHABLE,
            endpoint=None,
            funds_after=0,
            wake_webhooks=lambda: None,
        )
        self._told = 0
        self.client = stripe.StripeClient(STRIPE_KEY, http_client=StripeLine(wires, self), max_network_retries=2)

    def close(self) -> None:
        self._store.close()

    def ask(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """A request of the SDK."""
        parts = urlsplit(url)
        named = {name.lower(): value for name, value in headers.items()}
        key = named.get("authorization", "").removeprefix("Bearer ") or None
        return self._gateway.answer(Request(method.upper(), parts.path, parts.query, body, named, key, "http://stripe"))

    def phone(self, path: str, **form: str) -> dict[str, Any] | None:
        """The customer's payment form; None when the answer was lost or Stripe failed, the refusal as Stripe has it."""
        headers = {"authorization": f"Bearer {_PUBLISHABLE}", "content-type": "application/x-www-form-urlencoded"}
        answer = self.ask("POST", path, urlencode(form).encode(), headers)
        if answer.silent_for is not None or answer.status >= 500 or answer.status == 429:
            return None
        return dict(json.loads(answer.body))

    def control(self, method: str, path: str, document: Any = None) -> dict[str, Any]:
        """What the sandbox can be told and asked beside Stripe's API."""
        body = b"" if document is None else json.dumps(document).encode()
        answer = self.ask(method, path, body, {"content-type": "application/json"})
        return dict(json.loads(answer.body))

    def news(self) -> list[dict[str, Any]]:
        """The events since the last time that were asked for, oldest first."""
        rows = self._store.execute("SELECT seq, body FROM events WHERE seq > ? ORDER BY seq", (self._told,))
        if rows:
            self._told = rows[-1][0]
        return [json.loads(body) for _, body in rows]

    def onboard(self) -> int:
        """Every connected account becomes able to be paid; how many there are."""
        accounts = list(self._store.everything(Account))
        for account in accounts:
            self.control("POST", f"/sandbox/accounts/{account.id}/onboard", {})
        return len(accounts)

    def charge_of(self, order_id: str) -> str | None:
        """A captured charge of an order."""
        intents = {intent.id for intent in self._store.with_metadata("order_id", order_id)} if order_id else set()
        charges = self._store.everything(Charge)
        return next((each.id for each in charges if each.payment_intent in intents and each.captured), None)

    def refund_of(self, order_id: str) -> str | None:
        """A refund of an order that moved money."""
        intents = {intent.id for intent in self._store.with_metadata("order_id", order_id)} if order_id else set()
        refunds = self._store.everything(Refund)
        return next((each.id for each in refunds if each.payment_intent in intents and not each.released), None)

    def summary(self) -> dict[str, Any]:
        return self.control("GET", "/sandbox/summary")

    def now(self) -> int:
        return int(time.time())
